/* SPDX-License-Identifier: MIT */
/* stats.h: what the parts of the test of statistics share. */
#ifndef SY_TEST_STATS_H
#define SY_TEST_STATS_H

#include <string.h>

#include "unit/classes.h"
#include "unit/one_handle.h"

static inline void
tear_down (void)
{
  (void) sydra_alloc_destroy (a);
}

/* No class is aligned so: blocks of any size are the C library's. */
#define STRICT (2 * (size_t) SY_UNIT_BYTES)

/* How many blocks of every class: more than a magazine holds.  Those of five threads have less than
   600 MiB of addresses. */
#define MADE 126u

/* Sizes of fallback blocks: what the pool does not serve by its size, and by its alignment. */
static inline void *
fall_back (unsigned at)
{
  return at % 7 < 2 ? sydra_malloc (a, SY_SMALL_MAX + 1 + at)
                    : sydra_aligned_alloc (a, STRICT, (size_t) 257 << at % 7);
}

/* MADE blocks of every class, a third of them freed again; then 21 fallback blocks, 7 of them
   freed. */
static inline void *
scripted (void *kept)
{
  void **live = kept;
  unsigned count = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned at = 0; at < MADE; at++)
      {
        size_t bytes = sy_size_classes[class].bytes;
        void *block = bytes % 16 == 0 ? sydra_malloc (a, bytes) : sydra_aligned_alloc (a, 8, bytes);

        test_must (block != NULL, "no block");
        if (at % 3 == 0)
          sydra_free (a, block);
        else
          live[count++] = block;
      }
  for (unsigned at = 0; at < 21; at++)
    {
      void *block = fall_back (at);

      test_must (block != NULL, "no block");
      if (at % 3 == 0)
        sydra_free (a, block);
      else
        live[count++] = block;
    }
  return live;
}

/* How many blocks the script leaves live. */
#define LIVE (MADE / 3 * 2 * (SY_CLASSES - 1) + 14)

void stats_add_counts (Suite *suite);
void stats_add_high_water (Suite *suite);
void stats_add_running (Suite *suite);
void stats_add_struct_size (Suite *suite);
void stats_add_rendering (Suite *suite);

#endif
