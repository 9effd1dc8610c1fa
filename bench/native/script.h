/* The script of the process, and what all parts of it use. */
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
static uint32_t *window;       /* the events that are run through next; all, if they are few */
static uint32_t worker_count;  /* 0 if this thread does all */
static int has_work;           /* whether there is any OP_WORK, which needs the sizes */
static unsigned char **slots;
static int32_t *sizes;         /* by slot, its block's size, or EMPTY */
static unsigned char *values;  /* by slot, what a checking pass wrote into its block */
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

static void *map_touched(size_t bytes, int value) {
  void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("no memory for the script: %s", strerror(errno));
  memset(p, value, bytes + 1);
  return p;
}

/* Refuses a script that frees a block twice, loses one, or reaches past the slots. */
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

/* Returns the words of a file, and their number in `count`. */
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

/* Loads the script. Returns whether it has workers. */
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

/* Returns the byte that an event fills its block with in a checking pass. */
static unsigned char value_of(uint32_t event) { return (unsigned char)(event * 31 + 7); }

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
