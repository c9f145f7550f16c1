/* SPDX-License-Identifier: MIT */
/*
 * churn.c: replaces the blocks of a live set again and again, and watches whether memory grows.
 *
 * Seven in eight of the --live blocks are replaced at random.  The others live long: in every
 * LONG_LIVED_EVERYth step the oldest of them is replaced.  The number of blocks is constant, and
 * all sizes come from one distribution.  So if the heap keeps growing, the allocator is the cause.
 */
#include "samples.h"
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define CHUNK 4096
#define LONG_LIVED_EVERY 64u
#define PAGE_BYTES 4096u

struct block {
  unsigned char *start;
  uint32_t size;
};

/*
 * blocks[0 .. short_lived - 1] are short-lived.  The rest is a ring of the long-lived ones; its
 * oldest block is at short_lived + oldest.
 */
struct churn {
  struct block *blocks;
  uint32_t short_lived, long_lived, oldest;
};

/*
 * The largest values of all repetitions of a run.  Workers add their bytes in tear_down; the main
 * thread reads them afterwards.
 */
static struct {
  uint64_t live_bytes; /* of one repetition */
  size_t deviation_kib, first_tenth_kib;
} totals;

/* Allocates a block and writes to each of its pages, as a program would. */
static inline __attribute__ ((__always_inline__)) struct block
touched_block (enum memory_api api, struct sydra_alloc *a, uint32_t size)
{
  unsigned char *start = block_new (api, a, size);

  for (uint32_t at = PAGE_BYTES; at < size; at += PAGE_BYTES)
    start[at] = 1;
  start[size - 1] = 1;
  return (struct block) { start, size };
}

static void
prepare (struct run *run)
{
  samples_forget ();
  totals.live_bytes = 0;
  if (run->repetition == 0)
    totals.deviation_kib = totals.first_tenth_kib = 0;
}

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct churn *churn = w->own = array_new (1, sizeof *churn);

  churn->long_lived = o->live / 8;
  churn->short_lived = o->live - churn->long_lived;
  churn->blocks = array_new (o->live, sizeof churn->blocks[0]);
  for (uint32_t i = 0; i < o->live; i++)
    {
      uint32_t size = random_between (&w->random, o->size_min, o->size_max);

      churn->blocks[i] = w->handle ? touched_block (API_HANDLE, w->handle, size)
                                   : touched_block (API_MALLOC, NULL, size);
    }
}

KERNEL
churn_kernel (struct worker *w, enum memory_api api)
{
  const struct options *o = w->run->options;
  struct churn *churn = w->own;
  struct random random = w->random;

  do
    {
      for (unsigned i = 0; i < CHUNK; i++)
        {
          struct block *block = &churn->blocks[random_below (&random, churn->short_lived)];

          if (i % LONG_LIVED_EVERY == 0 && churn->long_lived)
            {
              block = &churn->blocks[churn->short_lived + churn->oldest];
              churn->oldest = churn->oldest + 1 < churn->long_lived ? churn->oldest + 1 : 0;
            }
          block_free (api, w->handle, block->start);
          *block = touched_block (api, w->handle,
                                  random_between (&random, o->size_min, o->size_max));
        }
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
  w->random = random;
}
KERNEL_FOR_BOTH (churn, churn_kernel)

static void
tear_down (struct worker *w)
{
  struct churn *churn = w->own;
  uint64_t bytes = 0;

  for (uint32_t i = 0; i < w->run->options->live; i++)
    {
      bytes += churn->blocks[i].size;
      worker_free_block (w, churn->blocks[i].start);
    }
  /* relaxed: the main thread joins this one */
  __atomic_add_fetch (&totals.live_bytes, bytes, __ATOMIC_RELAXED);
  array_delete (churn->blocks);
  array_delete (churn);
}

static void
finish (struct run *run, struct result *result)
{
  size_t deviation_kib = samples_deviation_kib (), base_kib = samples_first_tenth_kib ();

  if (run->repetition == 0
      || (double) deviation_kib * (double) totals.first_tenth_kib
           > (double) totals.deviation_kib * (double) base_kib)
    {
      totals.deviation_kib = deviation_kib;
      totals.first_tenth_kib = base_kib;
    }
  samples_report (result);
  result_figure (result, "live_kib", "KiB asked for at the end", (double) totals.live_bytes / 1024);
  if (!totals.first_tenth_kib)
    return;
  result_figure (result, "rss_first_tenth_kib", "KiB resident after the first tenth",
                 (double) totals.first_tenth_kib);
  result_figure (result, "rss_deviation_kib", "KiB, the most after that, of any repetition",
                 (double) totals.deviation_kib);
  result_figure (result, "rss_deviation_percent", "% of what was resident after the first tenth",
                 100 * (double) totals.deviation_kib / (double) totals.first_tenth_kib);
}

const struct scenario scenario_churn = {
  .name = "churn",
  .what = "a live set that turns over, with long-lived blocks in it; resident memory over time",
  .prepare = prepare,
  .set_up = set_up,
  .work = BOTH (churn),
  .tear_down = tear_down,
  .finish = finish,
  .sample = samples_take,
  .cold = true,
};
