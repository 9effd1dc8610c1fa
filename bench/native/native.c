/* The yardstick: the loops of ours.ts in C, on whichever malloc this process has (glibc's by
 * default, another by LD_PRELOAD). Built with -O2 -fno-builtin, so that no malloc is elided.
 *
 *   native replay  FILE ROUNDS          ns an event, and a probe (see quiet.ts), a line a round
 *   native floor   FILE ROUNDS          the same loop without an allocator
 *   native touch   FILE                 growth of peak RSS in bytes when every byte is written
 *   native lifo    SIZE OPS ROUNDS      ns an op: one block allocated, then freed
 *   native tinyhot SIZE OPS ROUNDS      100 blocks allocated, then freed newest first
 *   native batch   SIZE OPS ROUNDS      256 blocks allocated, then freed oldest first
 *   native random  SLOTS OPS ROUNDS     slots toggled at random, 16..1024 B
 *
 * FILE is an uncompressed HKT1 trace. Events are copied to a small window first, and only the loop
 * over the window is timed, here as in ours.ts.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  WINDOW = 8192,
  CHUNK = 128,
  BATCH = 256,
  TINY_HOT_BATCH = 100,
  TINY_HOT_OPS = 1000,
  OPS_PER_CALL = 1024
};
#define NO_EVENT 0xc0000000u

static uint32_t *events, event_count, slot_count;
static uint32_t window[WINDOW];
static char **slots;
static volatile uintptr_t sink;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* What quiet.ts says: the fewer units of this core are left, the longer it takes. */
static double probe(void) {
  uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
  double start = now_ns();
  for (int i = 0; i < 20000; i++) {
    a += 1, b += 2, c += 3, d += 4, e += 5, f += 6;
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  }
  return now_ns() - start;
}

static void print_round(double ns) {
  static double before;
  double after = probe();
  printf("%.4f %.0f\n", ns, after > before ? after : before);
  before = after;
}

static void *map_zeroed(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  memset(p, 0, bytes);
  return p;
}

static void load(const char *file) {
  int fd = open(file, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 16) {
    perror(file);
    exit(1);
  }
  char *image = map_zeroed(st.st_size);
  for (off_t done = 0; done < st.st_size;) {
    ssize_t n = read(fd, image + done, st.st_size - done);
    if (n <= 0) {
      perror(file);
      exit(1);
    }
    done += n;
  }
  close(fd);
  event_count = ((uint32_t *)image)[1];
  slot_count = ((uint32_t *)image)[2];
  events = (uint32_t *)image + 4;
  slots = map_zeroed((size_t)slot_count * sizeof *slots);
}

static void replay(int base) {
  for (int i = 0; i < CHUNK; i += 2) {
    uint32_t word = window[base + i], slot = word & 0x3fffffff, size = window[base + i + 1];
    if (word < 0x40000000) {
      char *p = malloc(size);
      if (size != 0) p[0] = (char)i;
      slots[slot] = p;
    } else if (word < 0x80000000) {
      free(slots[slot]);
      slots[slot] = NULL;
    } else if (word < NO_EVENT) {
      char *p = realloc(slots[slot], size);
      if (size != 0) p[0] = (char)i;
      slots[slot] = p;
    }
  }
}

static void floor_loop(int base) {
  uintptr_t hash = 0;
  for (int i = 0; i < CHUNK; i += 2) {
    uint32_t word = window[base + i], slot = word & 0x3fffffff, size = window[base + i + 1];
    if (word < 0x40000000) {
      slots[slot] = (char *)(uintptr_t)(size + 16);
    } else if (word < 0x80000000) {
      hash += (uintptr_t)slots[slot];
      slots[slot] = NULL;
    } else if (word < NO_EVENT) {
      hash ^= (uintptr_t)slots[slot];
      slots[slot] = (char *)(uintptr_t)(size + 16);
    }
  }
  sink = hash;
}

/* Runs a loop over all events, a window at a time: ns an event. */
static double run_windows(void (*loop)(int)) {
  double total = 0;
  size_t words = (size_t)event_count * 2;
  for (size_t at = 0; at < words; at += WINDOW) {
    size_t count = words - at < WINDOW ? words - at : WINDOW;
    memcpy(window, events + at, count * sizeof *window);
    for (size_t i = count; i < WINDOW; i++) window[i] = NO_EVENT;
    double start = now_ns();
    for (int base = 0; base < WINDOW; base += CHUNK) loop(base);
    total += now_ns() - start;
  }
  return total / event_count;
}

static void free_all(void) {
  for (uint32_t i = 0; i < slot_count; i++) {
    free(slots[i]);
    slots[i] = NULL;
  }
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
  if (f) {
    fputs("5", f);
    fclose(f);
  }
  long before = status_kib("VmRSS:");
  for (uint32_t i = 0; i < event_count; i++) {
    uint32_t op = events[2 * i] >> 30, slot = events[2 * i] & 0x3fffffff, size = events[2 * i + 1];
    if (op == 1) {
      free(slots[slot]);
      slots[slot] = NULL;
      continue;
    }
    char *p = op == 0 ? malloc(size) : realloc(slots[slot], size);
    if (size != 0) memset(p, 1, size);
    slots[slot] = p;
  }
  printf("%ld\n", (status_kib("VmHWM:") - before) * 1024);
}

static uint32_t argument;

static void lifo(int base) {
  (void)base;
  for (int i = 0; i < OPS_PER_CALL; i += 2) {
    char *p = malloc(argument);
    *(volatile char *)p = (char)i;
    free(p);
  }
}

static void batch(int base) {
  (void)base;
  static char *p[BATCH];
  for (int i = 0; i < OPS_PER_CALL; i += 2 * BATCH) {
    for (int k = 0; k < BATCH; k++) {
      p[k] = malloc(argument);
      *(volatile char *)p[k] = (char)k;
    }
    for (int k = 0; k < BATCH; k++) free(p[k]);
  }
}

static void tinyhot(int base) {
  (void)base;
  static char *p[TINY_HOT_BATCH];
  for (int i = 0; i < TINY_HOT_OPS; i += 2 * TINY_HOT_BATCH) {
    for (int k = 0; k < TINY_HOT_BATCH; k++) {
      p[k] = malloc(argument);
      *(volatile char *)p[k] = (char)k;
    }
    for (int k = TINY_HOT_BATCH - 1; k >= 0; k--) free(p[k]);
  }
}

static uint32_t seed = 42;

static void random_mixed(int base) {
  (void)base;
  uint32_t r = seed, mask = argument - 1;
  for (int i = 0; i < OPS_PER_CALL; i++) {
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    uint32_t slot = (r >> 12) & mask;
    if (slots[slot]) {
      free(slots[slot]);
      slots[slot] = NULL;
    } else {
      char *p = malloc(16 + (r & 0xfff) % 1009);
      p[0] = (char)r;
      slots[slot] = p;
    }
  }
  seed = r;
}

static int usage(void) {
  fprintf(stderr, "usage: native MODE ARGUMENTS (see the head of native.c)\n");
  return 2;
}

int main(int argc, char **argv) {
  if (argc < 3) return usage();
  const char *mode = argv[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  int is_replay = !strcmp(mode, "replay"), is_floor = !strcmp(mode, "floor");
  if (is_replay || is_floor || !strcmp(mode, "touch")) {
    load(argv[2]);
    if (!is_replay && !is_floor) return touch(), 0;
    if (argc < 4) return usage();
    for (int round = 0, rounds = atoi(argv[3]); round < rounds; round++) {
      print_round(run_windows(is_floor ? floor_loop : replay));
      if (is_floor) memset(slots, 0, slot_count * sizeof *slots);
      else free_all();
    }
    return 0;
  }
  if (argc < 5) return usage();
  void (*loop)(int) = !strcmp(mode, "lifo")      ? lifo
                       : !strcmp(mode, "batch")   ? batch
                       : !strcmp(mode, "tinyhot") ? tinyhot
                       : !strcmp(mode, "random")  ? random_mixed
                                                  : NULL;
  if (!loop) return usage();
  argument = slot_count = (uint32_t)atoi(argv[2]);
  slots = map_zeroed(argument * sizeof *slots);
  int per_call = loop == tinyhot ? TINY_HOT_OPS : OPS_PER_CALL;
  int calls = (atoi(argv[3]) + per_call - 1) / per_call;
  for (int round = 0, rounds = atoi(argv[4]); round < rounds; round++) {
    double start = now_ns();
    for (int call = 0; call < calls; call++) loop(0);
    print_round((now_ns() - start) / ((double)calls * per_call));
    if (loop == random_mixed) free_all();
  }
  return 0;
}
