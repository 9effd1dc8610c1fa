/* The workers of a script, each a thread. Between two commands of the main thread none runs. */
#define IN_CELL 0x20000000u
#define PLACE_MASK (IN_CELL - 1)
#define LINE _Alignas(64)

enum {
  SPLIT_MAGIC = 0x31574b48, /* "HKW1" */
  MAX_WORKERS = 64,
  CHUNK_WORDS = 128, /* after so many a worker tells how far it is */
  WAKE_WORDS = 1024, /* after so many it wakes others, and looks whether to stop */
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

/* Waits until a word has a value. Sets `stop` when the time is over. */
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

/* Waits until another worker has come to a place in its words. Returns whether it has: not if all
 * are to stop. */
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

/* Waits for the event of another worker, if any, that the event at `at` must follow. Returns
 * whether it has been done. */
static int enter(struct worker *w, uint32_t at) {
  const uint32_t *event = w->words + at;
  if ((event[0] & IN_CELL) == 0 || w->known[event[2]] >= event[3]) return 1;
  return await_other(w, at, event[2], event[3]);
}

static uint32_t length_of(uint32_t word) {
  uint32_t op = word >> OP_SHIFT;
  return 2 + ((word & IN_CELL) != 0 ? 2 : 0) + (op == OP_REALLOC || op == OP_WORK ? 2 : 0);
}
