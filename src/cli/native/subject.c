/* A native subject of `hakmem bench`: does what a script says on whichever malloc this process has,
 * glibc's by default, another by LD_PRELOAD. Built with -fno-builtin: no malloc is elided.
 *
 *   subject SCRIPTFILE
 *
 * SCRIPTFILE is in the format HKS1 (src/cli/script.ts). Requests are read from standard input and
 * answered on standard output, a line of JSON each (src/cli/run/protocol.ts). A failure is answered
 * by {"error":"..."} and ends the process.
 *
 * What it keeps for itself is mapped and touched beforehand, and its streams have static buffers:
 * malloc is left to the script, and memory that a pass adds is the allocator's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x31534b48u /* "HKS1" */
#define SLOT_MASK 0x3fffffffu
#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

enum { OP_MALLOC, OP_FREE, OP_REALLOC, OP_WORK };
enum { TOUCH_FIRST, TOUCH_PAIR, TOUCH_ALL };
enum {
  HEAD_WORDS = 6,
  OP_SHIFT = 30,
  EMPTY = -1,
  CLOCK_EVENTS = 4096,  /* between two looks at the clock */
  WINDOW_EVENTS = 8192, /* 64 KiB of words, which stay in the processor's cache */
  SERIES_POINTS = 64,
  TIMER_PAIRS = 10001
};

static uint32_t *words, event_count, slot_count, repeat, touch, hash;
static uint32_t *window;       /* events that are run through next; all of them, if they are few */
static int has_work;           /* whether there is an OP_WORK, which needs the sizes */
static unsigned char **slots;
static int32_t *sizes;         /* of every slot's block; EMPTY if it has none */
static unsigned char *values;  /* what a checking pass wrote into it */
static char line[4096];

static void fail(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printf("{\"error\":\"%s\"}\n", text);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *map_touched(size_t bytes, int value) {
  void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("no memory for the script: %s", strerror(errno));
  memset(p, value, bytes + 1);
  return p;
}

/* Refuses what would free a block twice, lose one, or reach past the slots. */
static void check_script(void) {
  uint32_t live = 0;
  for (uint32_t event = 0; event < event_count; event++) {
    uint32_t op = words[2 * event] >> OP_SHIFT, slot = words[2 * event] & SLOT_MASK;
    if (slot >= slot_count) fail("no script: event %u: slot %u, of %u", event, slot, slot_count);
    if ((int32_t)words[2 * event + 1] < 0) fail("no script: event %u: a negative size", event);
    int is_full = sizes[slot] != EMPTY;
    if (op == OP_MALLOC && is_full) fail("no script: event %u: slot %u is full", event, slot);
    if (op == OP_FREE && !is_full) fail("no script: event %u: slot %u is empty", event, slot);
    if (op == OP_WORK) has_work = 1;
    if (op == OP_WORK) continue;
    sizes[slot] = op == OP_FREE ? EMPTY : 0;
    live += (uint32_t)(op != OP_FREE) - (uint32_t)is_full;
  }
  if (repeat > 1 && live != 0) fail("no script: it is repeated, but leaves %u blocks", live);
  memset(sizes, 0xff, slot_count * sizeof *sizes);
}

static void load(const char *file) {
  int fd = open(file, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) fail("the script cannot be read: %s", strerror(errno));
  uint32_t *head = map_touched((size_t)st.st_size, 0);
  for (off_t done = 0; done < st.st_size;) {
    ssize_t count = read(fd, (char *)head + done, (size_t)(st.st_size - done));
    if (count <= 0) fail("the script cannot be read: %s", strerror(errno));
    done += count;
  }
  close(fd);
  if (st.st_size < 4 * HEAD_WORDS || head[0] != MAGIC) fail("no script: HKS1 is not at its head");
  event_count = head[1], slot_count = head[2], repeat = head[3], touch = head[4];
  words = head + HEAD_WORDS;
  uint64_t worker_words = head[5] == 0 ? 0 : ((uint64_t)event_count + 3) / 4;
  if ((uint64_t)st.st_size != 4 * (HEAD_WORDS + 2 * (uint64_t)event_count + worker_words))
    fail("no script: %u events, but %lld bytes", event_count, (long long)st.st_size);
  if (touch > TOUCH_ALL || slot_count > event_count)
    fail("no script: touch %u, %u slots", touch, slot_count);
  slots = map_touched(slot_count * sizeof *slots, 0);
  sizes = map_touched(slot_count * sizeof *sizes, 0xff);
  values = map_touched(slot_count, 0);
  window = event_count <= WINDOW_EVENTS ? words : map_touched(8 * WINDOW_EVENTS, 0);
  check_script();
}

static void read_all(const unsigned char *block, int32_t size, uint32_t slot) {
  int32_t faults = 0;
  for (int32_t i = 1; i < size; i++) faults += block[i] != block[0];
  if (faults != 0) fail("%d bytes of slot %u have changed", faults, slot);
}

/* Made once for each `how`, so that the loop does not ask. Bytes that are written could be these
 * variables, for all the compiler knows: local copies spare it from reading them again. */
static inline __attribute__((always_inline)) void play_as(int how, uint32_t from, uint32_t to) {
  const uint32_t *script = window;
  const int keeps = how == TOUCH_ALL || has_work;
  unsigned char **blocks = slots;
  int32_t *lengths = sizes;
  for (uint32_t event = from; event < to; event++) {
    uint32_t word = script[2 * event], size = script[2 * event + 1];
    uint32_t op = word >> OP_SHIFT, slot = word & SLOT_MASK;
    if (op == OP_FREE) {
      if (how == TOUCH_ALL) read_all(blocks[slot], lengths[slot], slot);
      free(blocks[slot]);
      blocks[slot] = NULL;
      if (keeps) lengths[slot] = EMPTY;
      continue;
    }
    if (op == OP_WORK) {
      for (uint32_t time = 0; time < size && lengths[slot] > 0; time++)
        memset(blocks[slot], (int)(event + time) & 0xff, (size_t)lengths[slot]);
      continue;
    }
    unsigned char *block = op == OP_MALLOC ? malloc(size) : realloc(blocks[slot], size);
    if (size != 0) {
      if (block == NULL) fail("it is exhausted: no %u bytes at event %u", size, event);
      if (how == TOUCH_ALL) memset(block, (int)(event & 0xff), size);
      else block[0] = (unsigned char)event;
      if (how == TOUCH_PAIR && size > 1) block[1] = (unsigned char)event;
    }
    blocks[slot] = block;
    if (keeps) lengths[slot] = (int32_t)size;
  }
}

static void play_first(uint32_t from, uint32_t to) { play_as(TOUCH_FIRST, from, to); }
static void play_pair(uint32_t from, uint32_t to) { play_as(TOUCH_PAIR, from, to); }
static void play_all(uint32_t from, uint32_t to) { play_as(TOUCH_ALL, from, to); }
static void (*const PLAYS[])(uint32_t, uint32_t) = {play_first, play_pair, play_all};

static void free_live(void) {
  for (uint32_t slot = 0; slot < slot_count; slot++) {
    free(slots[slot]);
    slots[slot] = NULL;
    sizes[slot] = EMPTY;
  }
}

/* Brings the events from `from` on into the window: so many of them. */
static uint32_t bring(uint32_t from) {
  uint32_t left = event_count - from, count = left < WINDOW_EVENTS ? left : WINDOW_EVENTS;
  if (window != words) memcpy(window, words + 2 * (size_t)from, 8 * (size_t)count);
  return count;
}

/* One run through the script, all repeats: its time; `done` grows by the events. */
static uint64_t run(uint64_t limit_ns, uint64_t *done) {
  void (*play)(uint32_t, uint32_t) = PLAYS[touch];
  uint32_t bodies = event_count < CLOCK_EVENTS ? CLOCK_EVENTS / event_count : 1;
  uint64_t ns = 0;
  for (uint32_t left = repeat, times; left > 0 && ns <= limit_ns; left -= times) {
    times = bodies < left ? bodies : left;
    for (uint32_t from = 0, count; from < event_count && ns <= limit_ns; from += count) {
      count = bring(from);
      for (uint32_t at = 0, to; at < count && ns <= limit_ns; at = to) {
        to = count - at < CLOCK_EVENTS ? count : at + CLOCK_EVENTS;
        uint64_t start = now_ns();
        for (uint32_t body = 0; body < times; body++) play(at, to);
        ns += now_ns() - start;
        *done += (uint64_t)times * (to - at);
      }
    }
  }
  return ns;
}

static long long micros(struct timeval from, struct timeval to) {
  return (to.tv_sec - from.tv_sec) * 1000000LL + (to.tv_usec - from.tv_usec);
}

static void answer_round(uint64_t times, uint64_t limit_ns) {
  struct rusage before, after;
  uint64_t ns = 0, done = 0, wanted = times * repeat * event_count;
  getrusage(RUSAGE_SELF, &before);
  while (done < wanted && ns <= limit_ns) {
    ns += run(limit_ns - ns, &done);
    free_live();
  }
  getrusage(RUSAGE_SELF, &after);
  printf("{\"ns\":%llu,\"events\":%llu,\"isCut\":%s,\"cpuUserUs\":%lld,\"cpuSystemUs\":%lld,"
         "\"collections\":0,\"collectionMs\":0,\"slabsOpened\":0,\"refills\":0,\"drains\":0}\n",
         (unsigned long long)ns, (unsigned long long)done, done < wanted ? "true" : "false",
         micros(before.ru_utime, after.ru_utime), micros(before.ru_stime, after.ru_stime));
}

static void feed(uint32_t event, uint32_t slot) {
  uint32_t size = (uint32_t)sizes[slot];
  hash = (hash ^ event) * FNV_PRIME;
  hash = (hash ^ size) * FNV_PRIME;
  hash = (hash ^ (size == 0 ? 0 : values[slot])) * FNV_PRIME;
}

static void verify(uint32_t event, uint32_t slot, uint32_t size) {
  const unsigned char *block = slots[slot];
  for (uint32_t i = 0; i < size; i++)
    if (block[i] != values[slot])
      fail("event %u: byte %u of slot %u is %u, not %u", event, i, slot, block[i], values[slot]);
}

static void check_free(uint32_t event, uint32_t slot) {
  verify(event, slot, (uint32_t)sizes[slot]);
  feed(event, slot);
  free(slots[slot]);
  slots[slot] = NULL;
  sizes[slot] = EMPTY;
}

static void check_event(uint32_t event) {
  uint32_t word = words[2 * event], size = words[2 * event + 1];
  uint32_t op = word >> OP_SHIFT, slot = word & SLOT_MASK;
  int32_t old = sizes[slot];
  if (op == OP_FREE) return check_free(event, slot);
  for (uint32_t time = 0; op == OP_WORK && time < size && old > 0; time++)
    memset(slots[slot], values[slot], (size_t)old);
  if (op == OP_WORK) return;
  slots[slot] = old == EMPTY ? malloc(size) : realloc(slots[slot], size);
  if (slots[slot] == NULL && size != 0)
    fail("it is exhausted: no %u bytes at event %u", size, event);
  if (old != EMPTY) {
    verify(event, slot, (uint32_t)old < size ? (uint32_t)old : size);
    feed(event, slot);
  }
  sizes[slot] = (int32_t)size;
  values[slot] = (unsigned char)(event * 31 + 7);
  if (size != 0) memset(slots[slot], values[slot], size);
}

/* The text of a file under /proc; empty where there is none. */
static const char *read_proc(const char *file) {
  static char proc_text[8192];
  int fd = open(file, O_RDONLY);
  ssize_t count = fd < 0 ? 0 : read(fd, proc_text, sizeof proc_text - 1);
  if (fd >= 0) close(fd);
  proc_text[count < 0 ? 0 : count] = 0;
  return proc_text;
}

static long long status_bytes(const char *key) {
  const char *at = strstr(read_proc("/proc/self/status"), key);
  return at == NULL ? -1 : strtoll(at + strlen(key), NULL, 10) * 1024;
}

static long long resident_bytes(void) {
  const char *pages = strchr(read_proc("/proc/self/statm"), ' ');
  return pages == NULL ? 0 : strtoll(pages, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static long long peak_bytes(void) {
  struct rusage usage;
  long long peak = status_bytes("VmHWM:");
  getrusage(RUSAGE_SELF, &usage);
  return peak >= 0 ? peak : usage.ru_maxrss * 1024LL;
}

static long long reset_peak(void) {
  int fd = open("/proc/self/clear_refs", O_WRONLY);
  if (fd >= 0 && write(fd, "5", 1) < 0) perror("clear_refs");
  if (fd >= 0) close(fd);
  long long resident = status_bytes("VmRSS:");
  return resident >= 0 ? resident : peak_bytes();
}

static void answer_check(uint64_t limit_ns) {
  static long long series[SERIES_POINTS];
  uint64_t end = now_ns() + limit_ns;
  int is_cut = 0, count = 0;
  memset(series, 0, sizeof series);
  resident_bytes();
  long long peak_before = reset_peak(), before = resident_bytes();
  hash = FNV_START;
  for (uint64_t event = 0; count < SERIES_POINTS && !is_cut; count++) {
    uint64_t to = (uint64_t)(count + 1) * event_count / SERIES_POINTS;
    for (; event < to && !is_cut; event++) {
      check_event((uint32_t)event);
      if (event % CLOCK_EVENTS == CLOCK_EVENTS - 1) is_cut = now_ns() > end;
    }
    series[count] = resident_bytes() - before;
  }
  long long peak = peak_bytes() - peak_before;
  for (uint32_t slot = 0; slot < slot_count; slot++)
    if (sizes[slot] != EMPTY) check_free(event_count, slot);
  for (int i = 0; i < count; i++)
    printf("%s%lld", i == 0 ? "{\"seriesBytes\":[" : ",", series[i] > 0 ? series[i] : 0);
  printf("],\"peakBytes\":%lld,\"heap\":null,", peak > 0 ? peak : 0);
  printf(is_cut ? "\"hash\":null}\n" : "\"hash\":%u}\n", hash);
}

/* A bucket a ns up to EXACT; above, 128 an octave: within 0.4 %. */
enum { EXACT_BITS = 12, EXACT = 1 << EXACT_BITS, SUB_BITS = 7, SUBS = 1 << SUB_BITS };
static uint64_t counts[EXACT + (64 - EXACT_BITS) * SUBS], recorded, least, most;

static void clear_histogram(void) {
  memset(counts, 0, sizeof counts);
  recorded = most = 0, least = UINT64_MAX;
}

static void record(uint64_t ns) {
  recorded++;
  if (ns < least) least = ns;
  if (ns > most) most = ns;
  unsigned octave = 63 - (unsigned)__builtin_clzll(ns | 1), sub = SUBS - 1;
  if (ns < EXACT) counts[ns]++;
  else counts[EXACT + (octave - EXACT_BITS) * SUBS + ((ns >> (octave - SUB_BITS)) & sub)]++;
}

static uint64_t bucket_ns(unsigned index) {
  if (index < EXACT) return index;
  unsigned octave = EXACT_BITS + (index - EXACT) / SUBS;
  uint64_t width = 1ull << (octave - SUB_BITS);
  return (SUBS + (index - EXACT) % SUBS) * width + width / 2;
}

static uint64_t percentile_ns(double percentile) {
  double rank = percentile / 100 * (double)recorded;
  uint64_t seen = 0;
  unsigned index = 0;
  if (recorded == 0 || percentile >= 100) return most;
  if (percentile <= 0) return least;
  while ((double)(seen += counts[index]) < rank) index++;
  uint64_t ns = bucket_ns(index);
  return ns > most ? most : ns < least ? least : ns;
}

static uint64_t measure_timer(void) {
  clear_histogram();
  for (int pair = 0; pair < TIMER_PAIRS; pair++) {
    uint64_t start = now_ns();
    record(now_ns() - start);
  }
  return percentile_ns(50);
}

/* So many events, if there is time: of them, 100 lie above p99.99. */
enum { LATENCY_EVENTS = 1000000 };

static void answer_latency(uint64_t limit_ns) {
  static const double CURVE[] = {0,  10,   25,   50,    75,    90,     95,
                                 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100};
  void (*play)(uint32_t, uint32_t) = PLAYS[touch];
  measure_timer(); /* the first run faults the histogram's pages in */
  uint64_t timer = measure_timer();
  clear_histogram();
  uint64_t now = now_ns(), end = now + limit_ns;
  while (recorded < LATENCY_EVENTS && now < end) {
    for (uint32_t from = 0, count; from < event_count && now < end; from += count) {
      count = bring(from);
      for (uint32_t event = 0; event < count && now < end; event++) {
        uint64_t start = now_ns();
        play(event, event + 1);
        now = now_ns();
        record(now - start > timer ? now - start - timer : 0);
      }
    }
    free_live();
  }
  printf("{\"timerNs\":%llu,\"events\":%llu,\"curve\":[", (unsigned long long)timer,
         (unsigned long long)recorded);
  for (unsigned i = 0; i < sizeof CURVE / sizeof *CURVE; i++)
    printf("%s[%g,%llu]", i == 0 ? "" : ",", CURVE[i], (unsigned long long)percentile_ns(CURVE[i]));
  printf("]}\n");
}

static int has(const char *text) { return strstr(line, text) != NULL; }

/* The number after a key, which is given with its quotes and colon. */
static uint64_t number(const char *key, double unit) {
  const char *at = strstr(line, key);
  if (at == NULL) fail("a request without a number that it needs");
  double value = strtod(at + strlen(key), NULL) * unit;
  return value < 1e18 ? (uint64_t)value : (uint64_t)1e18;
}

int main(int argc, char **argv) {
  static char input[65536], output[65536];
  setvbuf(stdin, input, _IOFBF, sizeof input);
  setvbuf(stdout, output, _IOFBF, sizeof output);
  if (argc != 2) return fprintf(stderr, "usage: subject SCRIPTFILE\n"), 2;
  load(argv[1]);
  while (fgets(line, sizeof line, stdin) != NULL) {
    uint64_t limit_ns = number("\"limitMs\":", 1e6);
    if (has("\"pass\":\"check\"")) answer_check(limit_ns);
    else if (has("\"pass\":\"round\"")) answer_round(number("\"times\":", 1), limit_ns);
    else if (has("\"pass\":\"latency\"")) answer_latency(limit_ns);
    else fail("no such pass in a native subject");
    fflush(stdout);
  }
  return 0;
}
