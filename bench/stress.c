/* SPDX-License-Identifier: MIT */
/*
 * stress.c: does all operations in a random mix.  Blocks are also freed by other threads than their
 * own, and an oracle checks each block.
 *
 * A worker owns --live slots, about half of them full.  A step picks one.  If it is empty, it gets
 * a block.  If it is full, the block is verified, and then reallocated, handed to a random worker,
 * or freed.  A worker that is handed a block verifies it again and frees it.  With --api handle,
 * resizes, sized frees and batches take part, and at the end the handle's statistics must show that
 * every block is free.  Most of the time goes to the oracle.
 */
#include <string.h>
#include "handover.h"
#include "oracle.h"
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define CHUNK 256
#define BATCH_MAX 32u
#define ALIGNMENT_BITS_MIN 4u  /* 16 */
#define ALIGNMENT_BITS_MAX 12u /* 4096 */
/* one block in LARGE_EVERY may have so many times the largest of --sizes */
#define LARGE_FACTOR 16u
#define LARGE_EVERY 16u
#define LARGE_FROM_AT_MOST (64u * 1024) /* if --sizes go further, blocks are large enough */

struct stress {
  struct stamped *live; /* start is NULL in an empty slot */
  uint64_t sequence, verified, handed_over;
};

/* For one run.  Workers add to these in tear_down; the main thread reads them afterwards. */
static struct {
  uint64_t verified, handed_over, largest_backlog;
  uint64_t in_use_before;
} totals;

static uint64_t
blocks_in_use (struct run *run)
{
  struct sydra_stats stats = { .size = sizeof stats };

  if (!run->handle)
    return 0;
  if (sydra_stats_get (run->handle, &stats))
    die ("the handle has no statistics");
  return stats.in_use;
}

static void
prepare (struct run *run)
{
  if (run->repetition == 0)
    memset (&totals, 0, sizeof totals);
  totals.in_use_before = blocks_in_use (run);
  run->shared = handover_new (run->threads);
}

static void
set_up (struct worker *w)
{
  struct stress *stress = w->own = array_new (1, sizeof *stress);

  stress->live = array_new (w->run->options->live, sizeof stress->live[0]);
}

static void
verify (struct worker *w, const struct stamped *block, size_t bytes, const char *when)
{
  struct stress *stress = w->own;

  oracle_verify (block, bytes, when);
  stress->verified++;
}

static size_t
random_size (struct worker *w)
{
  const struct options *o = w->run->options;
  uint32_t most = o->size_max;

  if (most <= LARGE_FROM_AT_MOST && random_below (&w->random, LARGE_EVERY) == 0)
    most *= LARGE_FACTOR;
  return random_between (&w->random, o->size_min, most);
}

/*
 * Checks and stamps a fresh block.  Other allocators may align a request of less than two words
 * only to its size.
 */
static void
receive (struct worker *w, struct stamped *block, const char *call)
{
  struct stress *stress = w->own;
  size_t two_words = 2 * sizeof (void *),
         alignment = block->size >= two_words || w->handle ? two_words : 1;

  if (!block->start)
    out_of_memory (block->size);
  oracle_verify_alignment (
    block->start, block->alignment > alignment ? block->alignment : alignment, block->size, call);
  if (w->handle && sydra_usable_size (w->handle, block->start) < block->size)
    die ("block %p is said to have %zu usable bytes, %zu were asked for", (void *) block->start,
         sydra_usable_size (w->handle, block->start), block->size);
  oracle_stamp (block, w->index, stress->sequence++);
}

static void *
aligned (struct worker *w, size_t alignment, size_t size)
{
  void *block;

  if (w->handle)
    return sydra_aligned_alloc (w->handle, alignment, size);
  /* Every malloc that can be preloaded has this call.  Some lack C's aligned_alloc. */
  return posix_memalign (&block, alignment, size) ? NULL : block;
}

static struct stamped
new_block (struct worker *w)
{
  struct sydra_alloc *a = w->handle;
  struct stamped block = { .size = random_size (w) };
  uint32_t choice = random_below (&w->random, 16);

  if (choice < 10)
    {
      block.start = a ? sydra_malloc (a, block.size) : malloc (block.size);
      receive (w, &block, "malloc");
    }
  else if (choice < 13)
    {
      block.start = a ? sydra_calloc (a, 1, block.size) : calloc (1, block.size);
      if (block.start)
        oracle_verify_zero (block.start, block.size);
      receive (w, &block, "calloc");
    }
  else
    {
      block.alignment = (size_t) 1
                        << random_between (&w->random, ALIGNMENT_BITS_MIN, ALIGNMENT_BITS_MAX);
      block.start = aligned (w, block.alignment, block.size);
      receive (w, &block, "aligned_alloc");
    }
  return block;
}

static void
free_verified (struct worker *w, struct stamped *block)
{
  struct sydra_alloc *a = w->handle;
  bool sized = random_below (&w->random, 4) == 0;

  if (!a)
    free (block->start);
  else if (!sized)
    sydra_free (a, block->start);
  else if (block->alignment)
    sydra_free_aligned_sized (a, block->start, block->alignment, block->size);
  else
    sydra_free_sized (a, block->start, block->size);
  block->start = NULL;
}

static void
change_size (struct worker *w, struct stamped *block)
{
  struct sydra_alloc *a = w->handle;
  size_t size = random_size (w), kept = size < block->size ? size : block->size;
  struct stamped changed = { .size = size };

  if (a && random_below (&w->random, 2) && sydra_resize (a, block->start, size))
    {
      changed.start = block->start;
      changed.alignment = block->alignment;
    }
  else
    changed.start = a ? sydra_realloc (a, block->start, size) : realloc (block->start, size);
  if (!changed.start)
    out_of_memory (size);
  changed.stamp = block->stamp;
  verify (w, &changed, kept, "after a change of size");
  receive (w, &changed, "realloc");
  *block = changed;
}

/* Gives the block to a random worker.  If that worker's queue is full, frees the block here. */
static void
hand_over (struct worker *w, struct stamped *block)
{
  struct stress *stress = w->own;

  if (handover_put (w->run->shared, random_below (&w->random, w->run->threads), block))
    {
      stress->handed_over++;
      block->start = NULL;
    }
  else
    free_verified (w, block);
}

/*
 * Allocates blocks of one size by one call, and hands each of them over.  So blocks of a batch are
 * freed one by one as well as by batches.
 */
static void
new_batch (struct worker *w)
{
  void *starts[BATCH_MAX];
  size_t size = random_size (w), count = random_between (&w->random, 1, BATCH_MAX);

  count = sydra_malloc_batch (w->handle, size, count, starts);
  for (size_t i = 0; i < count; i++)
    {
      struct stamped block = { .start = starts[i], .size = size };

      receive (w, &block, "malloc_batch");
      hand_over (w, &block);
    }
}

/*
 * Frees blocks that others have handed over.  Half of the time one call frees them all, and its
 * array begins with a NULL.
 */
static unsigned
drain (struct worker *w)
{
  struct stamped blocks[BATCH_MAX];
  void *starts[BATCH_MAX + 1] = { NULL };
  unsigned count = handover_take (w->run->shared, w->index, blocks, BATCH_MAX);
  bool together = w->handle && random_below (&w->random, 2);

  for (unsigned i = 0; i < count; i++)
    {
      verify (w, &blocks[i], blocks[i].size, "by another thread");
      starts[i + 1] = blocks[i].start;
      if (!together)
        free_verified (w, &blocks[i]);
    }
  if (together)
    sydra_free_batch (w->handle, count + 1, starts);
  return count;
}

static void
step (struct worker *w)
{
  struct stress *stress = w->own;
  struct stamped *block = &stress->live[random_below (&w->random, w->run->options->live)];
  uint32_t choice = random_below (&w->random, 100);

  if (w->handle && choice == 0)
    new_batch (w);
  else if (!block->start)
    *block = new_block (w);
  else
    {
      verify (w, block, block->size, "by its owner");
      if (choice < 20)
        change_size (w, block);
      else if (choice < 50)
        hand_over (w, block);
      else
        free_verified (w, block);
    }
}

static void
work (struct worker *w)
{
  do
    {
      for (unsigned i = 0; i < CHUNK; i++)
        step (w);
      while (drain (w) == BATCH_MAX)
        ;
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
}

/* The workers have met, so nobody puts any more. */
static void
tear_down (struct worker *w)
{
  struct stress *stress = w->own;

  while (drain (w))
    ;
  for (uint32_t i = 0; i < w->run->options->live; i++)
    if (stress->live[i].start)
      {
        verify (w, &stress->live[i], stress->live[i].size, "at the end");
        free_verified (w, &stress->live[i]);
      }
  /* relaxed: the main thread joins */
  __atomic_add_fetch (&totals.verified, stress->verified, __ATOMIC_RELAXED);
  __atomic_add_fetch (&totals.handed_over, stress->handed_over, __ATOMIC_RELAXED);
  array_delete (stress->live);
  array_delete (stress);
}

static void
finish (struct run *run, struct result *result)
{
  uint64_t backlog = handover_largest_backlog (run->shared), in_use = blocks_in_use (run);

  handover_delete (run->shared);
  run->shared = NULL;
  if (in_use != totals.in_use_before)
    die ("the statistics show %llu blocks in use after all were freed, %llu before",
         (unsigned long long) in_use, (unsigned long long) totals.in_use_before);
  if (backlog > totals.largest_backlog)
    totals.largest_backlog = backlog;
  result_figure (result, "verified_blocks", "times a block was found as it should be",
                 (double) totals.verified);
  result_figure (result, "handed_over_blocks", "freed by the thread they were handed to",
                 (double) totals.handed_over);
  result_figure (result, "largest_backlog", "blocks that waited at once to be freed",
                 (double) totals.largest_backlog);
}

const struct scenario scenario_stress = {
  .name = "stress",
  .what = "all operations mixed, blocks freed by other threads, every byte of every block checked",
  .prepare = prepare,
  .set_up = set_up,
  .work = { work, work },
  .tear_down = tear_down,
  .finish = finish,
  .cold = true,
};
