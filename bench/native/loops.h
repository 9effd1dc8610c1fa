/* The loops that are timed. */
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

/* Does an event on a cell, or work. Returns the next event's place, or its own if all stop. */
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

/* Does work for a script of one worker, which does not hold the size. */
static uint32_t play_work(uint32_t at) {
  uint32_t slot = window[at] & SLOT_MASK;
  for (uint32_t time = 0; time < window[at + 1] && sizes[slot] > 0; time++)
    memset(slots[slot], (int)((at >> 1) + time) & 0xff, (size_t)sizes[slot]);
  return at + 2;
}

/* The loop that is timed. It is the only one in C; bench/subject/loops.ts has its twin. The
 * compiler makes it once for each `how`, and for a worker or one thread that does all, so that it
 * need not ask. A byte that is written could be part of a static variable, for all the compiler
 * knows, so there are local copies. Returns how far it came: not to the end if all are to stop. */
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

/* Runs a tight loop once. It may do a few events more than the script has. */
static uint64_t run_tight(uint64_t limit_ns, uint64_t *done) {
  void (*call)(void) = tight == RANDOM         ? call_random
                       : tight_b == 1          ? call_one_by_one
                       : tight == OLDEST_FIRST ? call_oldest_first
                                               : call_newest_first;
  uint32_t batches = tight == RANDOM || tight_b > CALL_EVENTS / 2 ? 1 : CALL_EVENTS / 2 / tight_b;
  uint64_t call_events = tight == RANDOM ? CALL_EVENTS : 2ull * batches * tight_b;
  uint64_t calls = call_events < CLOCK_EVENTS ? CLOCK_EVENTS / call_events : 1;
  uint64_t wanted = (uint64_t)event_count * repeat;
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

/* Copies the events from `from` on into the window. Returns how many. */
static uint32_t bring(uint32_t from) {
  uint32_t left = event_count - from, count = left < WINDOW_EVENTS ? left : WINDOW_EVENTS;
  if (window != words) memcpy(window, words + 2 * (size_t)from, 8 * (size_t)count);
  return count;
}

/* Runs through the script, with all repeats. Returns the time, and adds the events to `done`. */
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
