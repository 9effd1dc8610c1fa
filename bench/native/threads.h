/* What a worker's thread does, and how the main thread commands all of them. */
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

/* Does an event of the checking pass: writes all bytes, and reads them back before a free. */
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

/* Prepares a worker for a command. */
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

/* Goes on with the command. Returns whether it is done; if not, this worker must end here. */
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

/* Obeys commands until the worker ends. Its successor is a new thread. */
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

/* Gives all workers a command, and waits until the last has done it. Returns when they began. */
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

/* Runs through the script. Returns the time from the common start to the last worker's end. */
static uint64_t run_threads(enum command given, uint32_t with, uint64_t limit_ns, uint64_t *done) {
  uint64_t start = command(given, with, limit_ns), last = start;
  for (uint32_t i = 0; i < worker_count; i++) {
    if (workers[i].end_ns > last) last = workers[i].end_ns;
    *done += events_done(workers + i);
  }
  return last - start;
}

/* Frees the blocks that are left: each worker those in its slots, this thread those in cells. */
static void free_shared(void) {
  for (uint32_t cell = 0; cell < cell_count; cell++) {
    free(cells[cell]);
    cells[cell] = NULL;
  }
  command(FREE, 0, UINT64_MAX);
}

/* Reads back the blocks that are left, and hashes all blocks in the script's order. */
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

/* Reads what each worker does, and starts the workers. */
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
