/* A native subject: does what a script says on whichever malloc this process has, glibc's by
 * default, another by LD_PRELOAD. Built with -fno-builtin, so that no malloc is elided.
 *
 *   subject SCRIPTFILE [floor]
 *
 * With `floor` the loops run without an allocator: what is left is what they cost by themselves.
 *
 * SCRIPTFILE is in the format HKS1 (bench/workloads/script.ts). If it has workers, each is a thread,
 * and its events are in SCRIPTFILE.workers, in the format HKW1 (bench/subject/workers/splitFile.ts).
 * The threads wait for each other as those of bench/subject/workers/ do, which give the reasons.
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

#define MAGIC 0x31534b48u /* "HKS1" */
#define SLOT_MASK 0x3fffffffu
#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

enum { OP_MALLOC, OP_FREE, OP_REALLOC, OP_WORK };
enum { TOUCH_FIRST, TOUCH_PAIR, TOUCH_ALL, FLOOR }; /* FLOOR: no allocator either */
enum { NOT_TIGHT, OLDEST_FIRST, NEWEST_FIRST, RANDOM };
enum {
  HEAD_WORDS = 9,
  OP_SHIFT = 30,
  EMPTY = -1,
  CLOCK_EVENTS = 4096,  /* between two looks at the clock */
  WINDOW_EVENTS = 8192, /* 64 KiB of words, which stay in the processor's cache */
  SERIES_POINTS = 64,
  TIMER_PAIRS = 10001
};

static uint32_t *words, event_count, slot_count, repeat, touch, hash;
static uint32_t tight, tight_a, tight_b; /* bytes and batch, or slots and seed */
static uint32_t *window;       /* events that are run through next; all of them, if they are few */
static uint32_t worker_count;  /* 0 if all is done by this thread */
static int has_work;           /* whether there is an OP_WORK, which needs the sizes */
static unsigned char **slots;
static int32_t *sizes;         /* of every slot's block; EMPTY if it has none */
static unsigned char *values;  /* what a checking pass wrote into it */
static char line[4096];

static void fail(const char *format, ...) {
  static atomic_flag has_failed = ATOMIC_FLAG_INIT;
  char text[256];
  va_list arguments;
  while (atomic_flag_test_and_set(&has_failed)) pause(); /* another thread ends the process */
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

/* As bench/subject/probe.ts: the fewer units of this core are left, the longer it takes. */
static uint64_t probe(void) {
  uint64_t least = UINT64_MAX;
  for (int time = 0; time < 3; time++) {
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, start = now_ns();
    for (int i = 0; i < 20000; i++) {
      a += 1, b += 2, c += 3, d += 4, e += 5, f += 6;
      __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    }
    uint64_t ns = now_ns() - start;
    if (ns < least) least = ns;
  }
  return least;
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

/* The words of a file; their number is in `count`. */
static uint32_t *read_words(const char *file, uint64_t *count) {
  int fd = open(file, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) fail("the script cannot be read: %s", strerror(errno));
  uint32_t *head = map_touched((size_t)st.st_size, 0);
  for (off_t done = 0; done < st.st_size;) {
    ssize_t size = read(fd, (char *)head + done, (size_t)(st.st_size - done));
    if (size <= 0) fail("the script cannot be read: %s", strerror(errno));
    done += size;
  }
  close(fd);
  *count = (uint64_t)st.st_size / 4;
  return head;
}

/* Whether the script has workers. */
static int load(const char *file) {
  uint64_t count;
  uint32_t *head = read_words(file, &count);
  if (count < HEAD_WORDS || head[0] != MAGIC) fail("no script: HKS1 is not at its head");
  event_count = head[1], slot_count = head[2], repeat = head[3], touch = head[4];
  tight = head[6], tight_a = head[7], tight_b = head[8];
  words = head + HEAD_WORDS;
  uint64_t worker_words = head[5] == 0 ? 0 : ((uint64_t)event_count + 3) / 4;
  if (count != HEAD_WORDS + 2 * (uint64_t)event_count + worker_words)
    fail("no script: %u events, but %llu words", event_count, (unsigned long long)count);
  if (touch > TOUCH_ALL || tight > RANDOM || slot_count > event_count)
    fail("no script: touch %u, %u slots", touch, slot_count);
  if (tight == RANDOM ? (tight_a & (tight_a - 1)) != 0 : tight != NOT_TIGHT && tight_b == 0)
    fail("no script: a tight loop of %u and %u", tight_a, tight_b);
  slots = map_touched(slot_count * sizeof *slots, 0);
  sizes = map_touched(slot_count * sizeof *sizes, 0xff);
  values = map_touched(slot_count, 0);
  window = event_count <= WINDOW_EVENTS ? words : map_touched(8 * WINDOW_EVENTS, 0);
  check_script();
  return head[5] != 0;
}

static void read_all(const unsigned char *block, int32_t size, uint32_t slot) {
  int32_t faults = 0;
  for (int32_t i = 1; i < size; i++) faults += block[i] != block[0];
  if (faults != 0) fail("%d bytes of slot %u have changed", faults, slot);
}

/* A bucket per ns up to EXACT; above, 128 per octave: within 0.4 %. */
enum { EXACT_BITS = 12, EXACT = 1 << EXACT_BITS, SUB_BITS = 7, SUBS = 1 << SUB_BITS };
enum { BUCKETS = EXACT + (64 - EXACT_BITS) * SUBS };
struct histogram {
  uint64_t recorded, least, most, counts[BUCKETS];
};
static struct histogram all;

static void clear_histogram(struct histogram *h) {
  memset(h, 0, sizeof *h);
  h->least = UINT64_MAX;
}

static void record(struct histogram *h, uint64_t ns) {
  h->recorded++;
  if (ns < h->least) h->least = ns;
  if (ns > h->most) h->most = ns;
  unsigned octave = 63 - (unsigned)__builtin_clzll(ns | 1), sub = SUBS - 1;
  if (ns < EXACT) h->counts[ns]++;
  else h->counts[EXACT + (octave - EXACT_BITS) * SUBS + ((ns >> (octave - SUB_BITS)) & sub)]++;
}

static void add_histogram(const struct histogram *h) {
  all.recorded += h->recorded;
  if (h->least < all.least) all.least = h->least;
  if (h->most > all.most) all.most = h->most;
  for (unsigned i = 0; i < BUCKETS; i++) all.counts[i] += h->counts[i];
}

static uint64_t bucket_ns(unsigned index) {
  if (index < EXACT) return index;
  unsigned octave = EXACT_BITS + (index - EXACT) / SUBS;
  uint64_t width = 1ull << (octave - SUB_BITS);
  return (SUBS + (index - EXACT) % SUBS) * width + width / 2;
}

static uint64_t percentile_ns(double percentile) {
  double rank = percentile / 100 * (double)all.recorded;
  uint64_t seen = 0;
  unsigned index = 0;
  if (all.recorded == 0 || percentile >= 100) return all.most;
  if (percentile <= 0) return all.least;
  while ((double)(seen += all.counts[index]) < rank) index++;
  uint64_t ns = bucket_ns(index);
  return ns > all.most ? all.most : ns < all.least ? all.least : ns;
}

static uint64_t measure_timer(void) {
  clear_histogram(&all);
  for (int pair = 0; pair < TIMER_PAIRS; pair++) {
    uint64_t start = now_ns();
    record(&all, now_ns() - start);
  }
  return percentile_ns(50);
}

static void feed_hash(uint32_t event, uint32_t size, uint32_t value) {
  hash = (hash ^ event) * FNV_PRIME;
  hash = (hash ^ size) * FNV_PRIME;
  hash = (hash ^ (size == 0 ? 0 : value)) * FNV_PRIME;
}

static void verify_block(const unsigned char *block, uint32_t size, unsigned char value,
                         uint32_t event, uint32_t place) {
  for (uint32_t i = 0; i < size; i++)
    if (block[i] != value)
      fail("event %u: byte %u of slot %u is %u, not %u", event, i, place, block[i], value);
}

/* The workers of a script, each a thread. The main thread commands them; in between all is quiet. */
#define IN_CELL 0x20000000u
#define PLACE_MASK (IN_CELL - 1)
#define LINE _Alignas(64)

enum {
  SPLIT_MAGIC = 0x31574b48, /* "HKW1" */
  MAX_WORKERS = 64,
  CHUNK_WORDS = 128, /* between two times that a worker tells how far it is */
  WAKE_WORDS = 1024, /* between two looks at who is to be woken, and whether to stop */
  SPINS = 2000,
  PATIENCE_NS = 20000000
};
enum command { RUN, LATENCY, RESTART, CHECK, FREE };

struct worker {
  LINE _Atomic uint32_t at; /* in its words, as the others know */
  _Atomic uint32_t sleepers;
  LINE const uint32_t *words;
  const uint32_t *events, *written, *ends; /* ends: where in the words its successors begin */
  uint32_t word_count, own_events, own_slots, end_count;
  unsigned char **slots;
  uint32_t here, index, lives; /* the next word, the next event, the ends that were passed */
  uint32_t commands;
  uint32_t known[MAX_WORKERS]; /* how far the others were when it looked */
  int is_under_way;
  uint64_t end_ns;
  struct histogram histogram;
};
static struct worker *workers;
static unsigned char **cells, *read_back; /* read_back: by event of the script */
static uint32_t cell_count, left_count;
static const uint32_t *left_blocks;
/* Atomic: GCC keeps a plain static variable that no function of a thread writes in a register. */
static _Atomic enum command current;
static _Atomic uint32_t argument;
static LINE _Atomic uint32_t commands_given;
static LINE _Atomic uint32_t ready;
static LINE _Atomic uint32_t go;
static LINE _Atomic uint32_t finished;
static LINE _Atomic uint32_t stop;

static void sleep_on(_Atomic uint32_t *word, uint32_t value) {
  struct timespec patience = {0, PATIENCE_NS};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &patience, NULL, 0);
}

static void wake_all(_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* Waits until a word has a value, and sets `stop` when the time is over. */
static void await_word(_Atomic uint32_t *word, uint32_t value, uint64_t deadline) {
  for (int spin = 0; spin < SPINS; spin++)
    if (atomic_load(word) == value) return;
  for (uint32_t now; (now = atomic_load(word)) != value;) {
    sleep_on(word, now);
    if (now_ns() > deadline) atomic_store(&stop, 1);
  }
}

static void add_word(_Atomic uint32_t *word) {
  atomic_fetch_add(word, 1);
  wake_all(word);
}

static void tell(struct worker *w, uint32_t at) {
  atomic_store_explicit(&w->at, at, memory_order_release);
}

static void wake_others(struct worker *w) {
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load(&w->sleepers) != 0) wake_all(&w->at);
}

/* Whether another worker has come to a place in its words; waits for it, unless all are to stop. */
static int await_other(struct worker *w, uint32_t at, uint32_t other, uint32_t position) {
  struct worker *o = workers + other;
  for (int spin = 0; spin < SPINS; spin++) {
    w->known[other] = atomic_load_explicit(&o->at, memory_order_acquire);
    if (w->known[other] >= position) return 1;
    if (spin > 0) continue;
    tell(w, at);
    wake_others(w);
  }
  atomic_fetch_add(&o->sleepers, 1);
  while ((w->known[other] = atomic_load(&o->at)) < position && !atomic_load(&stop))
    sleep_on(&o->at, w->known[other]);
  atomic_fetch_sub(&o->sleepers, 1);
  return w->known[other] >= position;
}

/* Whether the event at `at` may be done: it follows another worker's on the same cell. */
static int enter(struct worker *w, uint32_t at) {
  const uint32_t *event = w->words + at;
  if ((event[0] & IN_CELL) == 0 || w->known[event[2]] >= event[3]) return 1;
  return await_other(w, at, event[2], event[3]);
}

static uint32_t length_of(uint32_t word) {
  uint32_t op = word >> OP_SHIFT;
  return 2 + ((word & IN_CELL) != 0 ? 2 : 0) + (op == OP_REALLOC || op == OP_WORK ? 2 : 0);
}

static inline __attribute__((always_inline)) unsigned char *take(
    int how, unsigned char *block, uint32_t size, uint32_t event) {
  if (size == 0 || how == FLOOR) return block;
  if (block == NULL) fail("it is exhausted: no %u bytes at event %u", size, event);
  if (how == TOUCH_ALL) memset(block, (int)(event & 0xff), size);
  else block[0] = (unsigned char)event;
  if (how == TOUCH_PAIR && size > 1) block[1] = (unsigned char)event;
  return block;
}

static uintptr_t floor_sum;

static inline __attribute__((always_inline)) unsigned char *get(
    int how, uint32_t op, unsigned char *old, uint32_t size) {
  if (how == FLOOR && op == OP_REALLOC) floor_sum ^= (uintptr_t)old;
  if (how == FLOOR) return (unsigned char *)(uintptr_t)(size + 16);
  return op == OP_MALLOC ? malloc(size) : realloc(old, size);
}

static inline __attribute__((always_inline)) void release(int how, unsigned char *block) {
  if (how == FLOOR) floor_sum += (uintptr_t)block;
  else free(block);
}

/* An event on a cell, or work. Returns the next one's place; its own if all stop. */
static uint32_t play_rare(int how, struct worker *w, uint32_t at) {
  const uint32_t *event = w->words + at;
  uint32_t word = event[0], size = event[1], op = word >> OP_SHIFT, place = word & PLACE_MASK;
  unsigned char **block = (word & IN_CELL) != 0 ? cells + place : w->slots + place;
  if (!enter(w, at)) return at;
  if (op == OP_FREE) {
    if (how == TOUCH_ALL) read_all(*block, (int32_t)size, place);
    free(*block);
    *block = NULL;
  } else if (op != OP_WORK) {
    *block = take(how, get(how, op, *block, size), size, at >> 1);
  } else {
    uint32_t bytes = event[(word & IN_CELL) != 0 ? 4 : 2];
    for (uint32_t time = 0; time < size && bytes > 0; time++)
      memset(*block, (int)((at >> 1) + time) & 0xff, bytes);
  }
  return at + length_of(word);
}

/* Work, where there is one worker: the size is not in the script. */
static uint32_t play_work(uint32_t at) {
  uint32_t slot = window[at] & SLOT_MASK;
  for (uint32_t time = 0; time < window[at + 1] && sizes[slot] > 0; time++)
    memset(slots[slot], (int)((at >> 1) + time) & 0xff, (size_t)sizes[slot]);
  return at + 2;
}

/* The loop that is timed: the only one in C; bench/subject/loops.ts has its twin. It is made once
 * for each `how`, and for a worker or for one thread that does all, so that it does not ask. Bytes
 * that are written could be the static variables, for all the compiler knows: local copies spare it
 * from reading them again. Returns where it came to: not to the end if all are to stop. */
static inline __attribute__((always_inline)) uint32_t play_as(
    int how, int is_split, struct worker *w, uint32_t from, uint32_t to) {
  const uint32_t *script = is_split ? w->words : window;
  const int keeps = !is_split && how != FLOOR && (how == TOUCH_ALL || has_work);
  unsigned char **blocks = is_split ? w->slots : slots;
  int32_t *lengths = sizes;
  uint32_t at = from;
  while (at < to) {
    uint32_t word = script[at], size = script[at + 1], op = word >> OP_SHIFT;
    uint32_t slot = word & (is_split ? PLACE_MASK : SLOT_MASK), next = at + 2;
    if (op == OP_WORK || (is_split && (word & IN_CELL) != 0)) {
      next = is_split ? play_rare(how, w, at) : play_work(at);
      if (next == at) return at;
    } else if (op == OP_FREE) {
      if (how == TOUCH_ALL) read_all(blocks[slot], is_split ? (int32_t)size : lengths[slot], slot);
      release(how, blocks[slot]);
      blocks[slot] = NULL;
      if (keeps) lengths[slot] = EMPTY;
    } else {
      blocks[slot] = take(how, get(how, op, blocks[slot], size), size, at >> 1);
      if (keeps) lengths[slot] = (int32_t)size;
      if (is_split && op == OP_REALLOC) next += 2;
    }
    at = next;
  }
  return at;
}

#define DEFINE_PLAY(name, how, is_split)                                    \
  static uint32_t name(struct worker *w, uint32_t from, uint32_t to) {      \
    return play_as(how, is_split, w, from, to);                             \
  }
DEFINE_PLAY(play_first, TOUCH_FIRST, 0)
DEFINE_PLAY(play_pair, TOUCH_PAIR, 0)
DEFINE_PLAY(play_all, TOUCH_ALL, 0)
DEFINE_PLAY(play_floor, FLOOR, 0)
DEFINE_PLAY(own_first, TOUCH_FIRST, 1)
DEFINE_PLAY(own_pair, TOUCH_PAIR, 1)
DEFINE_PLAY(own_all, TOUCH_ALL, 1)
typedef uint32_t play(struct worker *, uint32_t, uint32_t);
static play *const PLAYS[] = {play_first, play_pair, play_all, play_floor};
static play *const OWN_PLAYS[] = {own_first, own_pair, own_all};

/* The tight loops, which read no events: bench/subject/tight.ts has their twins. */
enum { CALL_EVENTS = 1024 };
static unsigned char **tight_slots;
static uint32_t tight_state;

static void touch_block(unsigned char *block, uint32_t size, uint32_t value) {
  if (size == 0) return;
  if (block == NULL) fail("it is exhausted: no %u bytes", size);
  *(volatile unsigned char *)block = (unsigned char)value;
}

static void call_one_by_one(void) {
  for (uint32_t k = 0; k < CALL_EVENTS / 2; k++) {
    unsigned char *block = malloc(tight_a);
    touch_block(block, tight_a, k);
    free(block);
  }
}

static inline __attribute__((always_inline)) void call_batches(int is_newest_first) {
  unsigned char **blocks = tight_slots;
  const uint32_t batch = tight_b, bytes = tight_a;
  uint32_t left = CALL_EVENTS / 2 / batch;
  do {
    for (uint32_t k = 0; k < batch; k++) {
      blocks[k] = malloc(bytes);
      touch_block(blocks[k], bytes, k);
    }
    for (uint32_t k = 0; k < batch; k++) free(blocks[is_newest_first ? batch - 1 - k : k]);
  } while (left-- > 1);
}
static void call_oldest_first(void) { call_batches(0); }
static void call_newest_first(void) { call_batches(1); }

static void call_random(void) {
  unsigned char **blocks = tight_slots;
  uint32_t r = tight_state, mask = tight_a - 1;
  for (uint32_t i = 0; i < CALL_EVENTS; i++) {
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    uint32_t slot = (r >> 12) & mask, size = 16 + (r & 0x3ff);
    if (blocks[slot] != NULL) {
      free(blocks[slot]);
      blocks[slot] = NULL;
    } else {
      blocks[slot] = malloc(size);
      touch_block(blocks[slot], size, r);
    }
  }
  tight_state = r;
}

/* One run of a tight loop, which may be a few events longer than the script. */
static uint64_t run_tight(uint64_t limit_ns, uint64_t *done) {
  void (*call)(void) = tight == RANDOM         ? call_random
                       : tight_b == 1          ? call_one_by_one
                       : tight == OLDEST_FIRST ? call_oldest_first
                                               : call_newest_first;
  uint32_t batches = tight == RANDOM || tight_b > CALL_EVENTS / 2 ? 1 : CALL_EVENTS / 2 / tight_b;
  uint64_t call_events = tight == RANDOM ? CALL_EVENTS : 2ull * batches * tight_b;
  uint64_t calls = CLOCK_EVENTS / call_events + 1, wanted = (uint64_t)event_count * repeat;
  uint64_t ns = 0, events = 0;
  tight_state = tight_b;
  while (events < wanted && ns <= limit_ns) {
    uint64_t left = (wanted - events + call_events - 1) / call_events;
    uint64_t count = left < calls ? left : calls, start = now_ns();
    for (uint64_t i = 0; i < count; i++) call();
    ns += now_ns() - start;
    events += count * call_events;
  }
  for (uint32_t slot = 0; tight == RANDOM && slot < tight_a; slot++) {
    free(tight_slots[slot]);
    tight_slots[slot] = NULL;
  }
  *done += events;
  return ns;
}

static void free_shared(void);

static void free_live(void) {
  if (worker_count > 0) return free_shared();
  for (uint32_t slot = 0; slot < slot_count; slot++) {
    if (touch != FLOOR) free(slots[slot]);
    slots[slot] = NULL;
    sizes[slot] = EMPTY;
  }
}

/* Brings events into the window, from one on. Returns how many. */
static uint32_t bring(uint32_t from) {
  uint32_t left = event_count - from, count = left < WINDOW_EVENTS ? left : WINDOW_EVENTS;
  if (window != words) memcpy(window, words + 2 * (size_t)from, 8 * (size_t)count);
  return count;
}

/* One run through the script, all repeats: its time; `done` grows by the events. */
static uint64_t run(uint64_t limit_ns, uint64_t *done) {
  if (tight != NOT_TIGHT) return run_tight(limit_ns, done);
  play *const loop = PLAYS[touch];
  uint32_t bodies = event_count < CLOCK_EVENTS ? CLOCK_EVENTS / event_count : 1;
  uint64_t ns = 0;
  for (uint32_t left = repeat, times; left > 0 && ns <= limit_ns; left -= times) {
    times = bodies < left ? bodies : left;
    for (uint32_t from = 0, count; from < event_count && ns <= limit_ns; from += count) {
      count = bring(from);
      for (uint32_t at = 0, to; at < count && ns <= limit_ns; at = to) {
        to = count - at < CLOCK_EVENTS ? count : at + CLOCK_EVENTS;
        uint64_t start = now_ns();
        for (uint32_t body = 0; body < times; body++) loop(NULL, 2 * at, 2 * to);
        ns += now_ns() - start;
        *done += (uint64_t)times * (to - at);
      }
    }
  }
  return ns;
}

/* Runs up to a place, or until all stop. */
static void run_to(struct worker *w, uint32_t to) {
  while (w->here < to) {
    uint32_t end = to - w->here < CHUNK_WORDS ? to : w->here + CHUNK_WORDS, from = w->here;
    w->here = OWN_PLAYS[touch](w, from, end);
    tell(w, w->here);
    if (w->here < end) return;
    if (from / WAKE_WORDS == w->here / WAKE_WORDS && w->here < to) continue;
    wake_others(w);
    if (atomic_load_explicit(&stop, memory_order_relaxed) != 0) return;
  }
}

static void time_to(struct worker *w, uint32_t to) {
  while (w->here < to && atomic_load_explicit(&stop, memory_order_relaxed) == 0) {
    if (!enter(w, w->here)) return;
    uint64_t start = now_ns();
    w->here = OWN_PLAYS[touch](w, w->here, w->here + 1);
    uint64_t ns = now_ns() - start;
    record(&w->histogram, ns > argument ? ns - argument : 0);
    tell(w, w->here);
    wake_others(w);
  }
}

static unsigned char value_of(uint32_t event) { return (unsigned char)(event * 31 + 7); }

/* The checking pass: all bytes are written, and read back when a block is freed. */
static void check_own(struct worker *w) {
  const uint32_t *own = w->words + w->here;
  uint32_t word = own[0], size = own[1], op = word >> OP_SHIFT, place = word & PLACE_MASK;
  uint32_t event = w->events[w->index], old_size = op == OP_FREE ? size : 0;
  unsigned char **block = (word & IN_CELL) != 0 ? cells + place : w->slots + place;
  unsigned char value = value_of(w->written[w->index]);
  if (op >= OP_REALLOC) old_size = own[(word & IN_CELL) != 0 ? 4 : 2];
  if (!enter(w, w->here)) return;
  for (uint32_t time = 0; op == OP_WORK && time < size && old_size > 0; time++)
    memset(*block, value, old_size);
  if (op == OP_FREE || op == OP_REALLOC) {
    if (op == OP_REALLOC) *block = realloc(*block, size);
    verify_block(*block, old_size < size ? old_size : size, value, event, place);
    read_back[event] = old_size == 0 ? 0 : value;
  }
  if (op == OP_FREE) {
    free(*block);
    *block = NULL;
  } else if (op != OP_WORK) {
    if (op == OP_MALLOC) *block = malloc(size);
    if (*block == NULL && size != 0) fail("it is exhausted: no %u bytes at event %u", size, event);
    if (size != 0) memset(*block, value_of(event), size);
  }
  w->here += length_of(word);
  w->index++;
  tell(w, w->here);
  wake_others(w);
}

/* A worker at the start of a command. */
static void begin(struct worker *w) {
  w->is_under_way = 1;
  if (current == CHECK || current == FREE) return;
  w->here = w->index = w->lives = 0;
  memset(w->known, 0, sizeof w->known);
  tell(w, 0);
  if (current == RESTART) return;
  add_word(&ready);
  await_word(&go, 1, UINT64_MAX);
}

/* Goes on with the command: whether it is done. Else this worker is to end here. */
static int go_on(struct worker *w) {
  while (current <= LATENCY && w->here < w->word_count && atomic_load(&stop) == 0) {
    uint32_t end = w->lives < w->end_count ? w->ends[w->lives] : w->word_count;
    if (w->here == end) return 0;
    (current == RUN ? run_to : time_to)(w, end);
  }
  while (current == CHECK && w->index < w->own_events && w->events[w->index] < argument) {
    if (w->lives < w->end_count && w->ends[w->lives] == w->here) return 0;
    check_own(w);
  }
  for (uint32_t slot = 0; current == FREE && slot < w->own_slots; slot++) {
    free(w->slots[slot]);
    w->slots[slot] = NULL;
  }
  return 1;
}

static void start_thread(struct worker *w);

/* The life of a worker's thread. At a worker's end its successor is a new thread. */
static void *serve(void *given) {
  struct worker *w = given;
  for (;;) {
    if (!w->is_under_way) {
      await_word(&commands_given, ++w->commands, UINT64_MAX);
      begin(w);
    }
    if (!go_on(w)) {
      w->lives++;
      start_thread(w);
      return NULL;
    }
    w->end_ns = now_ns();
    w->is_under_way = 0;
    add_word(&finished);
  }
}

static void start_thread(struct worker *w) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, serve, w);
  if (error != 0) fail("no thread for a worker: %s", strerror(error));
  pthread_detach(thread);
}

/* Has all workers do something, and waits for the last of them. Returns when they began. */
static uint64_t command(enum command given, uint32_t with, uint64_t limit_ns) {
  uint64_t start = now_ns(), deadline = UINT64_MAX;
  atomic_store(&current, given);
  atomic_store(&argument, with);
  atomic_store(&ready, 0);
  atomic_store(&go, 0);
  atomic_store(&finished, 0);
  atomic_store(&stop, 0);
  add_word(&commands_given);
  if (given <= LATENCY) {
    await_word(&ready, worker_count, UINT64_MAX);
    start = now_ns();
    if (limit_ns < UINT64_MAX - start) deadline = start + limit_ns;
    add_word(&go);
  }
  await_word(&finished, worker_count, deadline);
  return start;
}

static uint64_t events_done(const struct worker *w) {
  uint64_t count = 0;
  if (w->here >= w->word_count) return w->own_events;
  for (uint32_t at = 0; at < w->here; count++) at += length_of(w->words[at]);
  return count;
}

/* One run through the script: from the common start to the end of the last worker. */
static uint64_t run_threads(enum command given, uint32_t with, uint64_t limit_ns, uint64_t *done) {
  uint64_t start = command(given, with, limit_ns), last = start;
  for (uint32_t i = 0; i < worker_count; i++) {
    if (workers[i].end_ns > last) last = workers[i].end_ns;
    *done += events_done(workers + i);
  }
  return last - start;
}

/* Each worker frees what its slots hold; this thread, what the cells do. */
static void free_shared(void) {
  for (uint32_t cell = 0; cell < cell_count; cell++) {
    free(cells[cell]);
    cells[cell] = NULL;
  }
  command(FREE, 0, UINT64_MAX);
}

/* Reads the blocks that are left back, and hashes all in the script's order. */
static void finish_threads_check(void) {
  for (uint32_t event = 0; event < event_count; event++) {
    uint32_t op = words[2 * event] >> OP_SHIFT, slot = words[2 * event] & SLOT_MASK;
    int32_t old = sizes[slot];
    if (op == OP_WORK) continue;
    if (op == OP_FREE || (op == OP_REALLOC && old != EMPTY))
      feed_hash(event, (uint32_t)old, read_back[event]);
    sizes[slot] = op == OP_FREE ? EMPTY : (int32_t)words[2 * event + 1];
  }
  memset(sizes, 0xff, slot_count * sizeof *sizes);
  for (const uint32_t *left = left_blocks; left < left_blocks + 4 * left_count; left += 4) {
    uint32_t place = left[1] & PLACE_MASK, size = left[2];
    unsigned char value = value_of(left[3]);
    unsigned char **blocks = (left[1] & IN_CELL) != 0 ? cells : workers[left[0]].slots;
    verify_block(blocks[place], size, value, event_count, place);
    feed_hash(event_count, size, value);
  }
}

/* Reads what each worker does, and starts them. */
static void start_threads(const char *script_file) {
  char file[4096];
  uint64_t count;
  snprintf(file, sizeof file, "%s.workers", script_file);
  const uint32_t *head = read_words(file, &count), *next = head + 4;
  if (count < 4 || head[0] != SPLIT_MAGIC || head[1] < 2 || head[1] > MAX_WORKERS)
    fail("no split script: HKW1 is not at its head");
  worker_count = head[1], cell_count = head[2], left_count = head[3];
  uint64_t wanted = 4 + 4 * (uint64_t)worker_count + 4 * (uint64_t)left_count;
  for (uint32_t i = 0; i < worker_count && count >= 4 + 4 * (uint64_t)worker_count; i++)
    wanted += (uint64_t)next[4 * i] + 2 * (uint64_t)next[4 * i + 1] + next[4 * i + 3];
  if (count != wanted) fail("no split script: %llu words", (unsigned long long)count);
  cells = map_touched(cell_count * sizeof *cells, 0);
  read_back = map_touched(event_count, 0);
  workers = map_touched(worker_count * sizeof *workers, 0);
  const uint32_t *body = next + 4 * worker_count;
  for (uint32_t i = 0; i < worker_count; i++, next += 4) {
    struct worker *w = workers + i;
    w->word_count = next[0], w->own_events = next[1], w->own_slots = next[2];
    w->end_count = next[3];
    w->words = body, w->events = w->words + next[0], w->written = w->events + next[1];
    w->ends = w->written + next[1], body = w->ends + next[3];
    w->slots = map_touched(w->own_slots * sizeof *w->slots, 0);
    start_thread(w);
  }
  left_blocks = body;
}

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
  uint64_t probe_after = probe();
  printf("{\"probeNs\":%llu,\"ns\":%llu,\"events\":%llu,\"isCut\":%s,\"cpuUserUs\":%lld,\"cpuSystemUs\":%lld,"
         "\"collections\":0,\"collectionMs\":0,\"slabsOpened\":0,\"refills\":0,\"drains\":0}\n",
         (unsigned long long)(probe_after > probe_before ? probe_after : probe_before),
         (unsigned long long)ns, (unsigned long long)done, done < wanted ? "true" : "false",
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
  long long peak = peak_bytes() - peak_before;
  if (worker_count > 0 && !is_cut) finish_threads_check();
  if (worker_count > 0) free_live();
  for (uint32_t slot = 0; slot < slot_count; slot++)
    if (sizes[slot] != EMPTY) check_free(event_count, slot);
  for (int i = 0; i < count; i++)
    printf("%s%lld", i == 0 ? "{\"seriesBytes\":[" : ",", series[i] > 0 ? series[i] : 0);
  printf("],\"peakBytes\":%lld,\"heap\":null,", peak > 0 ? peak : 0);
  printf(is_cut ? "\"hash\":null}\n" : "\"hash\":%u}\n", hash);
}

/* So many events, if there is time: of them, 100 lie above p99.99. */
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

/* The threads' events, but for the wait for their turn. The first run warms up, and is not counted. */
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
  int is_floor = argc == 3 && strcmp(argv[2], "floor") == 0;
  if (argc != 2 && !is_floor) return fprintf(stderr, "usage: subject SCRIPTFILE [floor]\n"), 2;
  if (load(argv[1])) start_threads(argv[1]);
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
