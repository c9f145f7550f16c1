/* SPDX-License-Identifier: MIT */
/*
 * mixed.c: reads and replaces --live blocks, as a database does.  Each call is timed on its own.
 *
 * Half of the steps read a random live block.  The others replace one: free, malloc, fill.  One
 * step in BURST_EVERY is a burst of tiny writes instead: 8 to 64 blocks from the lower quarter of
 * the sizes, which are freed after BURSTS_KEPT further bursts.  An operation is a read, or an
 * allocation with its free.  The random numbers are drawn between the calls, by the same generator
 * for each api.
 */
#include <string.h>
#include "options.h"
#include "scenario.h"
#include "scenarios.h"
#include "timing.h"

#define CHUNK 512
#define BURST_EVERY 128
#define BURST_MIN 8u
#define BURST_MAX 64u
#define BURSTS_KEPT 8u

enum measured { MALLOC, FREE, MALLOC_OR_FREE, MALLOC_AND_FREE, READ, WRITE, MEASURED };

static const char *const names[MEASURED] = { "malloc",      "free", "malloc-or-free",
                                             "malloc+free", "read", "write" };

struct block {
  unsigned char *start;
  uint32_t size;
};

struct burst {
  struct block blocks[BURST_MAX];
  uint32_t count;
};

/* Belongs to one worker.  MALLOC_OR_FREE is merged from the other histograms at the end. */
struct mixed {
  struct block *live;
  struct burst bursts[BURSTS_KEPT];
  uint32_t next_burst;
  bool warm; /* the untimed chunk is over */
  struct histogram measured[MEASURED];
};

/*
 * For all workers and repetitions of a run.  Merged under the lock; read when the threads have
 * ended.
 */
static pthread_mutex_t totals_lock = PTHREAD_MUTEX_INITIALIZER;
static struct histogram totals[MEASURED];

static void
prepare (struct run *run)
{
  if (run->repetition == 0)
    memset (totals, 0, sizeof totals);
}

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct mixed *mixed = w->own = array_new (1, sizeof *mixed);

  mixed->live = array_new (o->live, sizeof mixed->live[0]);
  for (uint32_t i = 0; i < o->live; i++)
    {
      uint32_t size = random_between (&w->random, o->size_min, o->size_max);

      mixed->live[i] = (struct block) { worker_new_block (w, size), size };
      memset (mixed->live[i].start, (int) size, size);
    }
}

/* Allocates and fills one block.  Returns the ticks of the allocation. */
static inline __attribute__ ((__always_inline__)) uint64_t
timed_new (struct mixed *mixed, enum memory_api api, struct sydra_alloc *a, uint32_t size,
           struct block *block)
{
  uint64_t start = timer_start ();
  unsigned char *got = api == API_HANDLE ? sydra_malloc (a, size) : malloc (size);
  uint64_t ticks = timer_stop () - start;

  if (__builtin_expect (!got, 0))
    out_of_memory (size);
  histogram_add (&mixed->measured[MALLOC], ticks);
  start = timer_start ();
  memset (got, (int) size, size);
  __asm__ volatile ("" : "+r" (got) : : "memory");
  histogram_add (&mixed->measured[WRITE], timer_stop () - start);
  *block = (struct block) { got, size };
  return ticks;
}

static inline __attribute__ ((__always_inline__)) uint64_t
timed_free (struct mixed *mixed, enum memory_api api, struct sydra_alloc *a, void *block)
{
  uint64_t start = timer_start (), ticks;

  block_free (api, a, block);
  ticks = timer_stop () - start;
  histogram_add (&mixed->measured[FREE], ticks);
  return ticks;
}

static void
timed_read (struct mixed *mixed, const struct block *block)
{
  uint64_t start = timer_start (), sum = 0, word;
  uint32_t at = 0;

  for (; block->size - at >= sizeof word; at += (uint32_t) sizeof word)
    {
      memcpy (&word, block->start + at, sizeof word);
      sum += word;
    }
  for (; at < block->size; at++)
    sum += block->start[at];
  __asm__ volatile ("" : "+r" (sum));
  histogram_add (&mixed->measured[READ], timer_stop () - start);
}

/* Frees the oldest burst and allocates a new one.  Returns how many blocks that has. */
static inline __attribute__ ((__always_inline__)) uint32_t
one_burst (struct worker *w, enum memory_api api)
{
  const struct options *o = w->run->options;
  struct mixed *mixed = w->own;
  struct burst *burst = &mixed->bursts[mixed->next_burst++ % BURSTS_KEPT];

  for (uint32_t i = 0; i < burst->count; i++)
    timed_free (mixed, api, w->handle, burst->blocks[i].start);
  burst->count = random_between (&w->random, BURST_MIN, BURST_MAX);
  for (uint32_t i = 0; i < burst->count; i++)
    {
      uint32_t size = random_between (&w->random, o->size_min,
                                      o->size_min + (o->size_max - o->size_min) / 4);

      timed_new (mixed, api, w->handle, size, &burst->blocks[i]);
    }
  return burst->count;
}

KERNEL
mixed_kernel (struct worker *w, enum memory_api api)
{
  const struct options *o = w->run->options;
  struct mixed *mixed = w->own;

  do
    for (unsigned i = 0; i < CHUNK; i++)
      {
        struct block *block = &mixed->live[random_below (&w->random, o->live)];
        uint32_t choice = random_below (&w->random, 2 * BURST_EVERY);
        uint32_t size = random_between (&w->random, o->size_min, o->size_max);

        if (choice < 2)
          {
            w->operations += one_burst (w, api);
            continue;
          }
        if (choice % 2)
          timed_read (mixed, block);
        else
          {
            uint64_t ticks = timed_free (mixed, api, w->handle, block->start);

            ticks += timed_new (mixed, api, w->handle, size, block);
            histogram_add (&mixed->measured[MALLOC_AND_FREE], ticks);
          }
        w->operations++;
      }
  while (worker_goes_on (w));
  if (!mixed->warm)
    memset (mixed->measured, 0, sizeof mixed->measured);
  mixed->warm = true;
}
KERNEL_FOR_BOTH (mixed, mixed_kernel)

static void
tear_down (struct worker *w)
{
  struct mixed *mixed = w->own;

  histogram_merge (&mixed->measured[MALLOC_OR_FREE], &mixed->measured[MALLOC]);
  histogram_merge (&mixed->measured[MALLOC_OR_FREE], &mixed->measured[FREE]);
  pthread_mutex_lock (&totals_lock);
  for (unsigned i = 0; i < MEASURED; i++)
    histogram_merge (&totals[i], &mixed->measured[i]);
  pthread_mutex_unlock (&totals_lock);
  for (uint32_t i = 0; i < w->run->options->live; i++)
    worker_free_block (w, mixed->live[i].start);
  for (unsigned i = 0; i < BURSTS_KEPT; i++)
    for (uint32_t j = 0; j < mixed->bursts[i].count; j++)
      worker_free_block (w, mixed->bursts[i].blocks[j].start);
  array_delete (mixed->live);
  array_delete (mixed);
}

static void
finish (struct run *run, struct result *result)
{
  (void) run;
  for (unsigned i = 0; i < MEASURED; i++)
    result->latencies[i] = (struct latency) { names[i], &totals[i] };
  result->latencies_used = MEASURED;
}

const struct scenario scenario_mixed = {
  .name = "mixed",
  .what = "half reads, half replacements over --live blocks, and bursts of tiny writes; every "
          "call is timed",
  .prepare = prepare,
  .set_up = set_up,
  .work = BOTH (mixed),
  .tear_down = tear_down,
  .finish = finish,
};
