/* SPDX-License-Identifier: MIT */
/* counts.c: allocations have a counter, frees have none, and both are exact all the same. */
#include <config.h>

#include "thread_cache.h"

static uint64_t
in_use (void)
{
  return stats_of (a).classes[CLASS - 1].in_use;
}

START_TEST (counts_are_exact_after_every_call)
{
  if (sydra_alloc_shards () == 0)
    return;
  for (unsigned at = 0; at < 600; at++)
    {
      ck_assert_uint_eq (in_use (), at);
      blocks[at] = sydra_malloc (a, BYTES);
    }
  for (unsigned at = 0; at < 600; at++)
    {
      struct sydra_stats stats = stats_of (a);

      ck_assert_uint_eq (stats.classes[CLASS - 1].allocations, 600);
      ck_assert_uint_eq (stats.classes[CLASS - 1].frees, at);
      ck_assert_uint_eq (stats.in_use_bytes, (600 - at) * BYTES);
      sydra_free (a, blocks[at]);
    }
  ck_assert_uint_eq (in_use (), 0);
}
END_TEST

START_TEST (counts_agree_with_a_list_over_random_calls)
{
  struct test_random random = test_random_make (1);
  uint64_t allocations[SY_CLASSES] = { 0 }, frees[SY_CLASSES] = { 0 };
  unsigned class_of[MANY], live = 0;

  for (unsigned step = 0; step < 200000; step++)
    {
      if (live == 0
          || (live < MANY && test_random_below (&random, 1000) < (step / 20000 % 2 ? 300 : 700)))
        {
          size_t size = some_size (&random);

          class_of[live] = sy_class_of (size);
          allocations[class_of[live]]++;
          test_must ((blocks[live++] = sydra_malloc (a, size)) != NULL, "no block");
        }
      else
        {
          size_t which = test_random_below (&random, live);

          frees[class_of[which]]++;
          sydra_free (a, blocks[which]);
          blocks[which] = blocks[--live];
          class_of[which] = class_of[live];
        }
      if (step % 1000 == 0)
        {
          struct sydra_stats stats = stats_of (a);

          for (unsigned class = 1; class < SY_CLASSES; class++)
            test_must (stats.classes[class - 1].allocations == allocations[class]
                         && stats.classes[class - 1].frees == frees[class],
                       "step %u, class %u", step, class);
          test_must (stats.in_use == live, "step %u", step);
        }
      if (step % 50000 == 49999)
        sy_cache_flush (mine ());
    }
  give (live);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
}
END_TEST

void
thread_cache_add_counts (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "counts", 20, tear_down);

  tcase_add_test (tests, counts_are_exact_after_every_call);
  tcase_add_test (tests, counts_agree_with_a_list_over_random_calls);
}
