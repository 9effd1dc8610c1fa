/* The pipe of bench/studies/shared/ringWorker.ts in C, on whichever malloc this process has: a
 * thread allocates 64 bytes at a time and publishes 256 ptrs by one store, another frees them.
 *
 *   xmalloc     answers as bench/subject/protocol.ts says, a line for each request
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe.h"

enum { BATCH = 256, RING = 65536, BYTES = 64, SPINS = 20000, RUN_OPERATIONS = 16384 };

static _Alignas(128) _Atomic uint32_t head;
static _Alignas(128) _Atomic uint32_t tail;
static _Alignas(128) pthread_barrier_t start;
static pthread_barrier_t end;
static uint64_t operations;
static char *ring[RING];

static uint32_t produce(uint32_t at) {
  for (uint32_t idle = 0; at + BATCH - head > RING;)
    if (++idle > SPINS) sched_yield();
  for (int k = 0; k < BATCH; k++) {
    char *p = malloc(BYTES);
    *(volatile char *)p = (char)k;
    ring[(at + k) & (RING - 1)] = p;
  }
  return tail = at + BATCH;
}

static uint32_t consume(uint32_t at) {
  for (uint32_t idle = 0; tail - at < BATCH;)
    if (++idle > SPINS) sched_yield();
  for (int k = 0; k < BATCH; k++) free(ring[(at + k) & (RING - 1)]);
  return head = at + BATCH;
}

/* A thread repeats its step, as often as each request says. */
static void *repeat(void *step) {
  for (uint32_t at = 0;;) {
    pthread_barrier_wait(&start);
    for (uint64_t done = 0; done < operations; done += BATCH)
      at = ((uint32_t(*)(uint32_t))step)(at);
    pthread_barrier_wait(&end);
  }
  return NULL;
}

static void answer_round(const char *line) {
  const char *times = strstr(line, "\"times\":");
  operations = times == NULL ? 0 : strtoull(times + 8, NULL, 10) * RUN_OPERATIONS;
  uint64_t probe_before = probe(), before = now_ns();
  pthread_barrier_wait(&start);
  pthread_barrier_wait(&end);
  uint64_t ns = now_ns() - before;
  printf("{\"probeNs\":%llu,\"ns\":%llu,\"events\":%llu,\"isCut\":false}\n",
         (unsigned long long)slower(probe_before, probe()), (unsigned long long)ns,
         (unsigned long long)operations);
}

int main(void) {
  static uint32_t (*const steps[])(uint32_t) = {produce, consume};
  pthread_barrier_init(&start, NULL, 3);
  pthread_barrier_init(&end, NULL, 3);
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, repeat, (void *)steps[i]) != 0) return 1;
  }
  char line[1024];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strstr(line, "\"pass\":\"round\"") != NULL) answer_round(line);
    else printf("{\"hash\":null,\"peakBytes\":0,\"seriesBytes\":[],\"heap\":null}\n");
    fflush(stdout);
  }
  return 0;
}
