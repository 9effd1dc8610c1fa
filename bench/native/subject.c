/* A native subject: does what a script says on whichever malloc this process has, glibc's by
 * default, another by LD_PRELOAD. Built with -fno-builtin, so that no malloc is elided.
 *
 *   subject SCRIPTFILE [floor]
 *
 * With `floor` the loops run without an allocator: what is left is what they cost by themselves.
 *
 * SCRIPTFILE is in the format HKS1 (bench/workloads/script.ts). If it has workers, each is a
 * thread, and its events are in SCRIPTFILE.workers, in the format HKW1
 * (bench/subject/workers/splitFile.ts). The threads wait for each other as those of
 * bench/subject/workers/ do, which give the reasons.
 * Requests come on standard input and are answered on standard output, a line of JSON each
 * (bench/subject/protocol.ts). A failure is answered by {"error":"..."} and ends the process.
 *
 * What the process keeps for itself is mapped and touched beforehand, and its streams have static
 * buffers: malloc is left to the script, and memory that a pass adds is the allocator's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "script.h"
#include "histogram.h"
#include "workers.h"
#include "loops.h"
#include "threads.h"

static long long micros(struct timeval from, struct timeval to) {
  return (to.tv_sec - from.tv_sec) * 1000000LL + (to.tv_usec - from.tv_usec);
}

static void answer_round(uint64_t times, uint64_t limit_ns) {
  struct rusage before, after;
  uint64_t ns = 0, done = 0, wanted = times * repeat * event_count, probe_before = probe();
  getrusage(RUSAGE_SELF, &before);
  while (done < wanted && ns <= limit_ns) {
    ns += worker_count > 0 ? run_threads(RUN, 0, limit_ns - ns, &done) : run(limit_ns - ns, &done);
    free_live();
  }
  getrusage(RUSAGE_SELF, &after);
  printf("{\"probeNs\":%llu,\"ns\":%llu,\"events\":%llu,\"isCut\":%s,",
         (unsigned long long)slower(probe_before, probe()),
         (unsigned long long)ns, (unsigned long long)done, done < wanted ? "true" : "false");
  printf("\"cpuUserUs\":%lld,\"cpuSystemUs\":%lld,\"collections\":0,\"collectionMs\":0,"
         "\"slabsOpened\":0,\"refills\":0,\"drains\":0}\n",
         micros(before.ru_utime, after.ru_utime), micros(before.ru_stime, after.ru_stime));
}

static void feed(uint32_t event, uint32_t slot) {
  feed_hash(event, (uint32_t)sizes[slot], values[slot]);
}

static void verify(uint32_t event, uint32_t slot, uint32_t size) {
  verify_block(slots[slot], size, values[slot], event, slot);
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
  values[slot] = value_of(event);
  if (size != 0) memset(slots[slot], values[slot], size);
}

/* Returns the text of a file under /proc, or an empty one. */
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

/* Pages of files, such as the C library's code, belong to no allocator. */
static long long file_bytes(void) { return status_bytes("RssFile:"); }

static long long resident_bytes(void) { return status_bytes("VmRSS:") - file_bytes(); }

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
  long long peak_before = reset_peak() - file_bytes(), before = resident_bytes();
  hash = FNV_START;
  if (worker_count > 0) command(RESTART, 0, UINT64_MAX);
  for (uint64_t event = 0; count < SERIES_POINTS && !is_cut; count++) {
    uint64_t to = (uint64_t)(count + 1) * event_count / SERIES_POINTS;
    if (worker_count > 0) {
      command(CHECK, (uint32_t)to, UINT64_MAX);
      is_cut = now_ns() > end;
    }
    for (; worker_count == 0 && event < to && !is_cut; event++) {
      check_event((uint32_t)event);
      if (event % CLOCK_EVENTS == CLOCK_EVENTS - 1) is_cut = now_ns() > end;
    }
    series[count] = resident_bytes() - before;
  }
  long long peak = peak_bytes() - file_bytes() - peak_before;
  if (worker_count > 0 && !is_cut) finish_threads_check();
  if (worker_count > 0) free_live();
  for (uint32_t slot = 0; slot < slot_count; slot++)
    if (sizes[slot] != EMPTY) check_free(event_count, slot);
  for (int i = 0; i < count; i++)
    printf("%s%lld", i == 0 ? "{\"seriesBytes\":[" : ",", series[i] > 0 ? series[i] : 0);
  printf("],\"peakBytes\":%lld,\"heap\":null,", peak > 0 ? peak : 0);
  printf(is_cut ? "\"hash\":null}\n" : "\"hash\":%u}\n", hash);
}

/* Events that are timed if there is time; 100 of them lie above p99.99. */
enum { LATENCY_EVENTS = 1000000 };

static void time_events(uint64_t timer, uint64_t limit_ns) {
  play *const loop = PLAYS[touch];
  uint64_t now = now_ns(), end = now + limit_ns;
  while (all.recorded < LATENCY_EVENTS && now < end) {
    for (uint32_t from = 0, count; from < event_count && now < end; from += count) {
      count = bring(from);
      for (uint32_t event = 0; event < count && now < end; event++) {
        uint64_t start = now_ns();
        loop(NULL, 2 * event, 2 * event + 2);
        now = now_ns();
        record(&all, now - start > timer ? now - start - timer : 0);
      }
    }
    free_live();
  }
}

/* Times the threads' events, without the wait for their turn. The first run only warms up. */
static void time_threads(uint64_t timer, uint64_t limit_ns) {
  uint64_t end = now_ns() + limit_ns, done = 0;
  int is_first = 1;
  for (uint64_t now; all.recorded < LATENCY_EVENTS && (now = now_ns()) < end; is_first = 0) {
    for (uint32_t i = 0; i < worker_count; i++) clear_histogram(&workers[i].histogram);
    run_threads(LATENCY, (uint32_t)timer, end - now, &done);
    free_live();
    for (uint32_t i = 0; i < worker_count && (!is_first || now_ns() >= end); i++)
      add_histogram(&workers[i].histogram);
  }
}

static void answer_latency(uint64_t limit_ns) {
  static const double CURVE[] = {0,  10,   25,   50,    75,    90,     95,
                                 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100};
  measure_timer(); /* the first run faults the histogram's pages in */
  uint64_t timer = measure_timer();
  clear_histogram(&all);
  if (worker_count > 0) time_threads(timer, limit_ns);
  else time_events(timer, limit_ns);
  printf("{\"timerNs\":%llu,\"events\":%llu,\"curve\":[", (unsigned long long)timer,
         (unsigned long long)all.recorded);
  for (unsigned i = 0; i < sizeof CURVE / sizeof *CURVE; i++)
    printf("%s[%g,%llu]", i == 0 ? "" : ",", CURVE[i], (unsigned long long)percentile_ns(CURVE[i]));
  printf("]}\n");
}

static int has(const char *text) { return strstr(line, text) != NULL; }

/* Returns the number after a key, which is given with its quotes and colon. */
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
  int is_floor = argc == 3 && strcmp(argv[2], "floor") == 0;
  if (argc != 2 && !is_floor) return fprintf(stderr, "usage: subject SCRIPTFILE [floor]\n"), 2;
  int has_workers = load(argv[1]);
  if (is_floor && (tight != NOT_TIGHT || has_workers))
    fail("the floor has neither tight loops nor workers");
  if (has_workers) start_threads(argv[1]);
  if (is_floor) touch = FLOOR;
  if (tight != NOT_TIGHT) tight_slots = map_touched((tight == RANDOM ? tight_a : tight_b) * 8, 0);
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
