/* SPDX-License-Identifier: MIT */
/* growing.c: the range grows in place, by what is used and a step. */
#include <config.h>

#include "range.h"

/* What may be mapped beside so much that is used. */
static size_t
mapped_most (size_t used)
{
  size_t step = used / (SY_STEP_SHARE - 1) + SY_STEP_MIN + SY_UNIT_BYTES;

  return used + (step < SY_STEP_MAX ? step : SY_STEP_MAX) + SY_STEP_MIN;
}

START_TEST (after_thousands_of_runs_the_range_is_one_mapping)
{
  struct test_random random = test_random_make (5);
  static uint32_t first[5000];
  unsigned count = 0;

  begin ();
  for (unsigned step = 0; step < 20000; step++)
    if (count != 5000 && test_random_below (&random, 3) != 0)
      {
        bool zero;

        first[count] = sy_units_take (1 + (uint32_t) test_random_below (&random, 5),
                                      test_random_below (&random, 2) ? SY_MEMORY_ANY
                                                                     : SY_MEMORY_NONE,
                                      &zero);
        test_must (first[count] != SY_UNIT_NONE, "step %u", step);
        *sy_range_address (first[count]) = 1;
        run_end (first[count++])[-1] = 1;
      }
    else if (count != 0)
      {
        unsigned at = (unsigned) test_random_below (&random, count);

        give (first[at]);
        first[at] = first[--count];
      }
  ck_assert_uint_gt (sy_range_runs.edge, 4000);
  ck_assert_uint_eq (lines (), 1);
  ck_assert (sy_units_are_valid ());
  give_all (first, count);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (lines (), 1);
}
END_TEST

START_TEST (no_more_is_mapped_than_what_is_used_and_a_step)
{
  static uint32_t first[700];

  begin ();
  for (unsigned at = 0; at < 700; at++)
    {
      const char *low = NULL, *high = NULL;
      size_t used;

      first[at] = take (1 + at / 50);
      used = (size_t) sy_range_runs.edge << SY_UNIT_SHIFT;
      ck_assert_uint_ge (sy_range_bytes (), used);
      ck_assert_uint_le (sy_range_bytes (), mapped_most (used));
      if (TEST_SANITIZED || at % 20 != 0)
        continue;
      ck_assert_uint_eq (lines_in ((char *) sy_range.base, sy_range_bytes (), &low, &high), 1);
      ck_assert_ptr_eq (high, (char *) sy_range.base + sy_range_bytes ());
    }
  give_all (first, 700);
}
END_TEST

/* Which of the two kinds this program tests. */
START_TEST (behind_the_range_lies_what_it_grows_into)
{
  const char *first, *last;

  begin ();
  give (take (10));

  unsigned behind = lines_in ((char *) sy_range.base + sy_range_bytes (), SY_UNIT_BYTES, &first,
                              &last);

  ck_assert_uint_eq (behind, IN_PLACE ? 0 : 1);
}
END_TEST

void
range_add_growing (Suite *suite)
{
  TCase *tests = test_case (suite, "growing", 20);

  if (!TEST_SANITIZED)
    {
      tcase_add_test (tests, after_thousands_of_runs_the_range_is_one_mapping);
      tcase_add_test (tests, behind_the_range_lies_what_it_grows_into);
    }
  tcase_add_test (tests, no_more_is_mapped_than_what_is_used_and_a_step);
}
