/* The yardstick: the same loops as bench/native/loops.ts, on whichever malloc this process has
 * (glibc's by default, another by LD_PRELOAD).
 *
 *   native replay  FILE ROUNDS          nanoseconds per event, a line a round
 *   native floor   FILE ROUNDS          the replay loop without an allocator
 *   native touch   FILE                 growth of peak RSS in bytes when every byte is written
 *   native lifo    SIZE OPS ROUNDS      malloc one, free it
 *   native batch   SIZE OPS ROUNDS      256 blocks allocated, then freed in the same order
 *   native tinyhot SIZE OPS ROUNDS      100 blocks allocated, then freed newest first
 *   native random  SLOTS OPS ROUNDS     slot toggle, 16..1024 B
 *
 * FILE is an uncompressed HKT1 trace. Build with -O2 -fno-builtin, so that no malloc is elided.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define TINY_HOT_BATCH 100

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static void *map_zeroed(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) { perror("mmap"); exit(1); }
  memset(p, 0, bytes);
  return p;
}

static uint32_t *events;
static uint32_t event_count, slot_count;
static char **slots;

static void load(const char *file) {
  int fd = open(file, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 16) { perror(file); exit(1); }
  char *image = map_zeroed(st.st_size);
  for (off_t done = 0; done < st.st_size;) {
    ssize_t n = read(fd, image + done, st.st_size - done);
    if (n <= 0) { perror(file); exit(1); }
    done += n;
  }
  close(fd);
  uint32_t *words = (uint32_t *)image;
  event_count = words[1];
  slot_count = words[2];
  events = words + 4;
  slots = map_zeroed((size_t)slot_count * sizeof *slots);
}

static void replay(void) {
  const uint32_t *e = events;
  for (uint32_t i = 0; i < event_count; i++, e += 2) {
    uint32_t op = e[0] >> 30, slot = e[0] & 0x3fffffff, size = e[1];
    if (op == 0) {
      char *p = malloc(size);
      if (size != 0) p[0] = (char)i;
      slots[slot] = p;
    } else if (op == 1) {
      free(slots[slot]);
      slots[slot] = NULL;
    } else {
      char *p = realloc(slots[slot], size);
      if (size != 0) p[0] = (char)i;
      slots[slot] = p;
    }
  }
}

static void free_all(void) {
  for (uint32_t i = 0; i < slot_count; i++) { free(slots[i]); slots[i] = NULL; }
}

static volatile uint32_t sink;
static void floor_loop(void) {
  const uint32_t *e = events;
  uintptr_t hash = 0;
  for (uint32_t i = 0; i < event_count; i++, e += 2) {
    uint32_t op = e[0] >> 30, slot = e[0] & 0x3fffffff, size = e[1];
    if (op == 0) slots[slot] = (char *)(uintptr_t)(size + 16);
    else if (op == 1) { hash += (uintptr_t)slots[slot]; slots[slot] = NULL; }
    else { hash ^= (uintptr_t)slots[slot]; slots[slot] = (char *)(uintptr_t)(size + 16); }
  }
  sink = (uint32_t)hash;
}

static long status_kib(const char *key) {
  char line[256];
  long value = -1;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, key, strlen(key)) == 0) sscanf(line + strlen(key), " %ld", &value);
  if (f) fclose(f);
  return value;
}

static void touch(void) {
  status_kib("VmRSS:"); /* stdio's own buffers come before the baseline */
  FILE *f = fopen("/proc/self/clear_refs", "w");
  if (f) { fputs("5", f); fclose(f); }
  long before = status_kib("VmRSS:");
  const uint32_t *e = events;
  for (uint32_t i = 0; i < event_count; i++, e += 2) {
    uint32_t op = e[0] >> 30, slot = e[0] & 0x3fffffff, size = e[1];
    if (op == 1) { free(slots[slot]); slots[slot] = NULL; continue; }
    char *p = op == 0 ? malloc(size) : realloc(slots[slot], size);
    if (size != 0) memset(p, 1, size);
    slots[slot] = p;
  }
  printf("%ld\n", (status_kib("VmHWM:") - before) * 1024);
}

static void lifo(uint32_t size, uint32_t ops) {
  for (uint32_t i = 0; i < ops; i += 2) {
    char *p = malloc(size);
    *(volatile char *)p = (char)i;
    free(p);
  }
}

static void batch(uint32_t size, uint32_t ops) {
  static char *p[BATCH];
  for (uint32_t i = 0; i < ops; i += 2 * BATCH) {
    for (int k = 0; k < BATCH; k++) { p[k] = malloc(size); *(volatile char *)p[k] = (char)k; }
    for (int k = 0; k < BATCH; k++) free(p[k]);
  }
}

static void tinyhot(uint32_t size, uint32_t ops) {
  static char *p[TINY_HOT_BATCH];
  for (uint32_t i = 0; i < ops; i += 2 * TINY_HOT_BATCH) {
    for (int k = 0; k < TINY_HOT_BATCH; k++) { p[k] = malloc(size); *(volatile char *)p[k] = (char)k; }
    for (int k = TINY_HOT_BATCH - 1; k >= 0; k--) free(p[k]);
  }
}

static void random_mixed(uint32_t count, uint32_t ops) {
  uint32_t r = 42, mask = count - 1;
  for (uint32_t i = 0; i < ops; i++) {
    r ^= r << 13; r ^= r >> 17; r ^= r << 5;
    uint32_t slot = (r >> 12) & mask;
    if (slots[slot]) { free(slots[slot]); slots[slot] = NULL; }
    else { char *p = malloc(16 + (r & 0xfff) % 1009); p[0] = (char)r; slots[slot] = p; }
  }
}

int main(int argc, char **argv) {
  if (argc < 3) { fprintf(stderr, "usage: native MODE ARGUMENTS (see the head of native.c)\n"); return 2; }
  const char *mode = argv[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!strcmp(mode, "touch")) { load(argv[2]); touch(); return 0; }
  if (!strcmp(mode, "replay") || !strcmp(mode, "floor")) {
    load(argv[2]);
    int floor_only = mode[0] == 'f';
    for (int round = 0, rounds = atoi(argv[3]); round < rounds; round++) {
      double start = now_ns();
      if (floor_only) floor_loop(); else replay();
      printf("%.4f\n", (now_ns() - start) / event_count);
      if (floor_only) memset(slots, 0, slot_count * sizeof *slots); else free_all();
    }
    return 0;
  }
  uint32_t argument = (uint32_t)atoi(argv[2]), ops = (uint32_t)atoi(argv[3]);
  for (int round = 0, rounds = atoi(argv[4]); round < rounds; round++) {
    slot_count = argument;
    if (!strcmp(mode, "random") && !slots) slots = map_zeroed(argument * sizeof *slots);
    double start = now_ns();
    if (!strcmp(mode, "lifo")) lifo(argument, ops);
    else if (!strcmp(mode, "batch")) batch(argument, ops);
    else if (!strcmp(mode, "tinyhot")) tinyhot(argument, ops);
    else if (!strcmp(mode, "random")) random_mixed(argument, ops);
    else { fprintf(stderr, "native: unknown mode %s\n", mode); return 2; }
    printf("%.4f\n", (now_ns() - start) / ops);
    if (!strcmp(mode, "random")) free_all();
  }
  return 0;
}
