/* The pipe of worker.ts in C, on whichever malloc this process has: a thread allocates 64 bytes
 * at a time and publishes 256 ptrs by one store, the other frees them.
 *
 *   xmalloc pipe|pair ROUNDS     millions of blocks a second, a line a round
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 256, RING = 65536, BYTES = 64, SPINS = 20000, ROUND_MS = 60, WARM_UP_MS = 400 };

static _Alignas(128) _Atomic uint32_t head;
static _Alignas(128) _Atomic uint32_t tail;
static _Alignas(128) _Atomic uint32_t progress;
static _Alignas(128) atomic_int stop;
static char *ring[RING];

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void sleep_ms(int ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&t, NULL);
}

static void *produce(void *unused) {
  uint32_t at = 0, idle = 0;
  while (!stop) {
    if (at + BATCH - head > RING) {
      if (++idle > SPINS) sched_yield();
      continue;
    }
    idle = 0;
    for (int k = 0; k < BATCH; k++) {
      char *p = malloc(BYTES);
      *(volatile char *)p = (char)k;
      ring[(at + k) & (RING - 1)] = p;
    }
    at += BATCH;
    tail = at;
  }
  return unused;
}

static void *consume(void *unused) {
  uint32_t at = 0, idle = 0;
  while (!stop) {
    if (tail - at < BATCH) {
      if (++idle > SPINS) sched_yield();
      continue;
    }
    idle = 0;
    for (int k = 0; k < BATCH; k++) free(ring[(at + k) & (RING - 1)]);
    at += BATCH;
    head = at;
    progress = at;
  }
  return unused;
}

static void *pair(void *unused) {
  static char *blocks[BATCH];
  uint32_t count = 0;
  while (!stop) {
    for (int k = 0; k < BATCH; k++) {
      blocks[k] = malloc(BYTES);
      *(volatile char *)blocks[k] = (char)k;
    }
    for (int k = 0; k < BATCH; k++) free(blocks[k]);
    progress = count += BATCH;
  }
  return unused;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: xmalloc pipe|pair ROUNDS\n");
    return 2;
  }
  int is_pipe = strcmp(argv[1], "pipe") == 0;
  pthread_t threads[2];
  if (pthread_create(&threads[0], NULL, is_pipe ? produce : pair, NULL) != 0) return 1;
  if (is_pipe && pthread_create(&threads[1], NULL, consume, NULL) != 0) return 1;
  sleep_ms(WARM_UP_MS);
  uint32_t before = progress;
  double last = now_ms();
  for (int round = 0, rounds = atoi(argv[2]); round < rounds; round++) {
    sleep_ms(ROUND_MS);
    uint32_t after = progress;
    double now = now_ms();
    printf("%.4f\n", (after - before) / (now - last) / 1000);
    before = after;
    last = now;
  }
  stop = 1;
  for (int i = 0; i <= is_pipe; i++) pthread_join(threads[i], NULL);
  return 0;
}
