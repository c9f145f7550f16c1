/* SPDX-License-Identifier: MIT */
/*
 * drift.c: the sizes drift up and down again while the live bytes stay constant; a few blocks
 * survive.
 *
 * The range of sizes is cut into WINDOWS.  Each phase takes its sizes from one window and replaces
 * the blocks of the phase before in random order.  The windows go up and then down again; that is a
 * cycle of PHASES, and work is done in whole cycles.  One block in SURVIVORS_OF outlives its phase
 * by KEPT_PHASES others.  The live bytes stay at --live times the mean size.  So resident memory
 * beyond them is memory that the allocator did not give back.
 */
#include <string.h>
#include "rss.h"
#include "samples.h"
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define WINDOWS 8u
#define PHASES (2 * WINDOWS)
#define SURVIVORS_OF 256u
#define KEPT_PHASES 8u

struct block {
  void *start;
  uint32_t size;
};

struct pile {
  struct block *blocks;
  uint32_t used;
};

/* Belongs to one worker.  Invariant: live_bytes is the sum of the sizes in all piles. */
struct drift {
  struct pile old, young, kept[KEPT_PHASES];
  uint32_t capacity; /* of old and of young, in blocks */
  uint32_t phase;
  uint64_t live_bytes, wanted_bytes;
};

/*
 * For one repetition.  The last worker that ends its loop reads resident memory, while all blocks
 * still exist.
 */
static struct {
  unsigned ended;
  uint64_t live_bytes;
  size_t grown_kib;
} totals;

static void
prepare (struct run *run)
{
  (void) run;
  samples_forget ();
  memset (&totals, 0, sizeof totals);
}

/* An array that is resident, so that its size can be subtracted. */
static struct block *
resident_array (uint32_t count)
{
  struct block *array = array_new (count, sizeof *array);

  memset (array, 0, count * sizeof *array);
  return array;
}

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct drift *drift = w->own = array_new (1, sizeof *drift);
  uint64_t mean = ((uint64_t) o->size_min + o->size_max) / 2,
           least_mean = o->size_min + (o->size_max - o->size_min) / (2 * WINDOWS);

  drift->wanted_bytes = mean * o->live;
  /* An eighth more than the expected number of blocks in the smallest window. */
  drift->capacity = (uint32_t) (drift->wanted_bytes / least_mean * 9 / 8 + 2 * SURVIVORS_OF);
  drift->old.blocks = resident_array (drift->capacity);
  drift->young.blocks = resident_array (drift->capacity);
  for (unsigned i = 0; i < KEPT_PHASES; i++)
    drift->kept[i].blocks = resident_array (drift->capacity / SURVIVORS_OF + 1);
}

static inline struct block
take_random (struct pile *pile, struct random *random)
{
  struct block *block = &pile->blocks[random_below (random, pile->used)], taken = *block;

  *block = pile->blocks[--pile->used];
  return taken;
}

/*
 * Makes the blocks of the last phase the old ones.  A few of them are kept, in place of those that
 * were kept longest.
 */
KERNEL
begin_phase (struct worker *w, enum memory_api api)
{
  struct drift *drift = w->own;
  struct pile old = drift->young, *kept = &drift->kept[drift->phase % KEPT_PHASES];
  uint32_t survivors = old.used / SURVIVORS_OF;

  while (kept->used)
    {
      struct block block = kept->blocks[--kept->used];

      drift->live_bytes -= block.size;
      block_free (api, w->handle, block.start);
    }
  while (kept->used < survivors)
    kept->blocks[kept->used++] = take_random (&old, &w->random);
  drift->young = drift->old;
  drift->old = old;
}

/* Allocates blocks with the phase's sizes until there are enough live bytes. */
KERNEL
fill_up (struct worker *w, enum memory_api api, uint32_t least, uint32_t most)
{
  struct drift *drift = w->own;

  while (drift->live_bytes < drift->wanted_bytes && drift->young.used < drift->capacity)
    {
      uint32_t size = random_between (&w->random, least, most);

      drift->young.blocks[drift->young.used++] = (struct block){ block_new (api, w->handle, size),
                                                                 size };
      drift->live_bytes += size;
      w->operations++;
    }
}

KERNEL
one_phase (struct worker *w, enum memory_api api)
{
  const struct options *o = w->run->options;
  struct drift *drift = w->own;
  uint64_t span = o->size_max - o->size_min;
  uint32_t window = drift->phase < WINDOWS ? drift->phase : PHASES - 1 - drift->phase;
  uint32_t least = o->size_min + (uint32_t) (span * window / WINDOWS),
           most = o->size_min + (uint32_t) (span * (window + 1) / WINDOWS);

  begin_phase (w, api);
  fill_up (w, api, least, most);
  while (drift->old.used)
    {
      struct block block = take_random (&drift->old, &w->random);

      drift->live_bytes -= block.size;
      block_free (api, w->handle, block.start);
      fill_up (w, api, least, most);
    }
  drift->phase = (drift->phase + 1) % PHASES;
}

KERNEL
drift_kernel (struct worker *w, enum memory_api api)
{
  const struct drift *drift = w->own;

  do
    for (unsigned i = 0; i < PHASES; i++)
      one_phase (w, api);
  while (worker_goes_on (w));
  /* relaxed: the main thread joins */
  __atomic_add_fetch (&totals.live_bytes, drift->live_bytes, __ATOMIC_RELAXED);
  /* acq_rel: the frees of the other workers come before what the last worker reads. */
  if (__atomic_add_fetch (&totals.ended, 1, __ATOMIC_ACQ_REL) == w->run->threads)
    totals.grown_kib = rss_grown (rss_now ());
}
KERNEL_FOR_BOTH (drift, drift_kernel)

static void
delete_pile (struct worker *w, struct pile *pile)
{
  while (pile->used)
    worker_free_block (w, pile->blocks[--pile->used].start);
  array_delete (pile->blocks);
}

static void
tear_down (struct worker *w)
{
  struct drift *drift = w->own;

  delete_pile (w, &drift->old);
  delete_pile (w, &drift->young);
  for (unsigned i = 0; i < KEPT_PHASES; i++)
    delete_pile (w, &drift->kept[i]);
  array_delete (drift);
}

static void
finish (struct run *run, struct result *result)
{
  double live_kib = (double) totals.live_bytes / 1024,
         tables_kib = (double) array_bytes_peak () / 1024;
  double end_kib = (double) totals.grown_kib - tables_kib,
         peak_kib = (double) rss_grown (rss_peak ()) - tables_kib;

  (void) run;
  samples_report (result);
  result_figure (result, "live_kib", "KiB asked for, throughout", live_kib);
  result_figure (result, "heap_end_kib", "KiB resident at the end without files and tables",
                 end_kib);
  result_figure (result, "heap_end_over_live", "times what was asked for", end_kib / live_kib);
  if (!result->peak_is_own)
    return;
  /* The system counts pages in batches, so that the peak may lag a little. */
  if (peak_kib < end_kib)
    peak_kib = end_kib;
  result_figure (result, "heap_peak_kib", "KiB resident at the most without files and tables",
                 peak_kib);
  result_figure (result, "heap_peak_over_live", "times what was asked for", peak_kib / live_kib);
}

const struct scenario scenario_drift = {
  .name = "drift",
  .what = "sizes that drift up and down under constant live bytes, a few blocks surviving; what "
          "stays resident",
  .prepare = prepare,
  .set_up = set_up,
  .work = BOTH (drift),
  .tear_down = tear_down,
  .finish = finish,
  .sample = samples_take,
  .cold = true,
};
