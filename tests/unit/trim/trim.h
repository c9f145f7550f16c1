/* SPDX-License-Identifier: MIT */
/* trim.h: what the parts of the test of what a thread gives back as it goes share. */
#ifndef SY_TEST_TRIM_H
#define SY_TEST_TRIM_H

#include "thread/magazines.h"
#include "thread/trim.h"
#include "unit/classes.h"
#include "unit/one_class.h"

#define FEW 13u  /* classes, that memory does not grow by their use */

static inline void
tear_down (void)
{
  /* Dirty slabs would let the next test's memory grow unseen. */
  (void) sydra_collect (a);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}

/* So many blocks of the class at once, and freed, without a check's own calls: a thread's too. */
static inline void
use (unsigned class, unsigned count)
{
  void *block[256];

  for (unsigned at = 0; at < count; at++)
    {
      block[at] = sydra_aligned_alloc (a, 8, sy_size_classes[class].bytes);
      test_must (block[at] != NULL, "no block");
    }
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, block[at]);
}

/* The thread's look for what it holds for nothing, due now. */
static inline void
look (unsigned busy)
{
  mine ()->last_trim_ns = 0;
  sy_cache_trim (a, mine (), busy);
}

/* What the thread's magazines hold of the class. */
static inline unsigned
held_of (const struct sy_cache *cache, unsigned class)
{
  unsigned held = 0;

  for (void **top = sy_cache_top (cache, class); !sy_magazine_is_empty (top); top--)
    held++;
  for (void **top = cache->previous[class]; top != NULL && !sy_magazine_is_empty (top); top--)
    held++;
  return held;
}

/* The budget in use is what the capacities of the classes say. */
static inline size_t
budget_of (const struct sy_cache *cache)
{
  size_t budget = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    budget += 2 * (size_t) cache->capacity[class] * sy_size_classes[class].bytes;
  test_must (budget == cache->budget_used, "%zu bytes, said to be %zu", budget, cache->budget_used);
  return budget;
}

void trim_add_looks (Suite *suite);
void trim_add_budget (Suite *suite);
void trim_add_threads (Suite *suite);

#endif
