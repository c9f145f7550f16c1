/* SPDX-License-Identifier: MIT */
/* taking.c: which run is taken, what is said of its contents, and when growth is told. */
#include <config.h>

#include <errno.h>

#include "range.h"

START_TEST (runs_are_distinct_writable_and_counted)
{
  struct test_random random = test_random_make (1);
  uint32_t first[200], units = 0;

  begin ();
  for (unsigned at = 0; at < 200; at++)
    {
      uint32_t length = 1 + (uint32_t) test_random_below (&random, 20);

      first[at] = take (length);
      units += length;
      ck_assert_uint_eq (sy_range_unit (first[at])->length, length);
      ck_assert (sy_range_has (run_end (first[at]) - 1));
      for (char *byte = sy_range_address (first[at]); byte < run_end (first[at]); byte += 4096)
        {
          test_must (*byte == 0, "run %u", at);
          *byte = 1; /* a unit that comes twice is not zero any more */
        }
      run_end (first[at])[-1] = 1;
    }
  ck_assert_uint_eq (sy_range_runs.used, units);
  ck_assert (sy_units_are_valid ());
  give_all (first, 200);
  ck_assert_uint_eq (sy_range_runs.used, 0);
  ck_assert (sy_units_are_valid ());
}
END_TEST

START_TEST (what_waits_is_taken_before_what_is_clean_and_that_before_fresh)
{
  begin ();

  uint32_t clean = take (4), wall = take (1), dirty = take (4), last = take (1), fresh;

  fill (clean, 0x5a);
  fill (dirty, 0x5b);
  give (clean);
  ck_assert_uint_eq (sy_dirty_purge (), 4 * SY_UNIT_BYTES);
  ck_assert_uint_eq (sy_dirty_purge (), 0);
  give (dirty);
  ck_assert (sy_units_has_waiting (4));
  ck_assert (!sy_units_has_waiting (5));
  ck_assert_uint_eq (sy_dirty_bytes (), 4 * SY_UNIT_BYTES);
  ck_assert_uint_eq (take_as (4, true, false), dirty);
  ck_assert (units_are (dirty, 4, 0x5b));
  ck_assert (!sy_units_has_waiting (1));
  give (dirty);
  ck_assert_uint_eq (take_as (4, false, true), clean);
  ck_assert (units_are (clean, 4, 0));
  fresh = take_as (4, false, true);
  ck_assert_uint_eq (fresh, last + 1);
  ck_assert (units_are (fresh, 4, 0));
  ck_assert_uint_eq (take_as (4, true, false), dirty);
  give_all ((uint32_t[]) { clean, wall, dirty, last, fresh }, 5);
}
END_TEST

/* Two free runs of 10 units side by side, the first dirty and the other clean, or the other way
   round; and others far off. */
START_TEST (what_waits_is_taken_with_what_is_free_beside_it)
{
  bool dirty_first = _i == 0;

  begin ();

  uint32_t one = take (10), two = take (10), wall = take (1), apart = take (15), last = take (1),
           dirty = dirty_first ? one : two, run = dirty_first ? one : one + 5, growth;

  give (apart);
  give (dirty_first ? two : one);
  (void) sy_dirty_purge ();
  fill (dirty, 0x5b);
  give (dirty);
  growth = sy_range_runs.edge;
  ck_assert_uint_eq (take_as (15, false, true), apart);
  ck_assert_uint_eq (take_as (15, true, false), run);
  ck_assert_uint_eq (sy_range_unit (run)->length, 15);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (units_are (dirty, 10, 0x5b));
  ck_assert (units_are (dirty_first ? two : run, 5, 0));
  ck_assert_uint_eq (sy_range_runs.edge, growth);
  ck_assert (sy_units_are_valid ());
  give_all ((uint32_t[]) { run, wall, apart, last }, 4);
}
END_TEST

START_TEST (what_waits_is_taken_with_the_end_of_a_long_clean_run)
{
  begin ();

  uint32_t clean = take (60), dirty = take (10), wall = take (1), run;

  give (clean);
  (void) sy_dirty_purge ();
  fill (dirty, 0x5b);
  give (dirty);
  run = take_as (40, true, false);
  ck_assert_uint_eq (run, dirty - 30);
  ck_assert_uint_eq (sy_range_unit (run)->length, 40);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (units_are (run, 30, 0));
  ck_assert (units_are (dirty, 10, 0x5b));
  ck_assert_uint_eq (take_as (30, true, true), clean);
  ck_assert (sy_units_are_valid ());
  give_all ((uint32_t[]) { clean, run, wall }, 3);
}
END_TEST

/* Most of what is taken for it goes back at once: as dirty only if it has memory. */
START_TEST (an_aligned_run_is_not_taken_with_what_waits_beside)
{
  bool zero = false;

  begin ();

  uint32_t used = take (1300), dirty = take (300), run;

  give (dirty);
  ck_assert_uint_eq (dirty_units (), 300);
  run = sy_units_take_aligned (16, (size_t) 1024 << SY_UNIT_SHIFT, SY_MEMORY_ANY, &zero);
  ck_assert_uint_ne (run, SY_UNIT_NONE);
  ck_assert (zero);
  ck_assert_uint_eq (dirty_units (), 300);
  ck_assert (sy_units_are_valid ());
  give_all ((uint32_t[]) { run, used }, 2);
}
END_TEST

START_TEST (what_waits_at_the_edge_is_taken_with_what_is_behind_it)
{
  begin ();

  uint32_t wall = take (1), dirty = take (10), edge = sy_range_runs.edge, run;

  fill (dirty, 0x5b);
  give (dirty);
  run = take_as (15, true, false);
  ck_assert_uint_eq (run, dirty);
  ck_assert_uint_eq (sy_range_unit (run)->length, 15);
  ck_assert_uint_eq (sy_range_runs.edge, edge + 5);
  ck_assert (units_are (run, 10, 0x5b));
  ck_assert (units_are (run + 10, 5, 0));
  ck_assert (sy_units_are_valid ());
  give_all ((uint32_t[]) { run, wall }, 2);
}
END_TEST

/* A dirty run of 4 units beside a clean one. */
START_TEST (a_quarter_of_what_is_taken_must_have_memory)
{
  begin ();

  uint32_t dirty = take (4), clean = take (30), wall = take (1), run;

  give (clean);
  (void) sy_dirty_purge ();
  fill (dirty, 0x5b);
  give (dirty);
  run = _i == 0 ? take_as (20, true, true) : take_as (16, true, false);
  ck_assert_uint_eq (run, _i == 0 ? clean : dirty);
  give_all ((uint32_t[]) { run, wall }, 2);
}
END_TEST

START_TEST (what_is_said_to_be_zero_is_zero)
{
  struct test_random random = test_random_make (2);
  unsigned zeros = 0, others = 0, count = 0;
  uint32_t held[16];

  begin ();
  for (unsigned step = 0; step < (TEST_SANITIZED ? 300 : 3000); step++)
    {
      if (count == 16 || (count != 0 && test_random_below (&random, 2)))
        {
          unsigned at = (unsigned) test_random_below (&random, count);

          give (held[at]);
          held[at] = held[--count];
        }
      else
        {
          uint32_t length = 1 + (uint32_t) test_random_below (&random, 9), first;
          size_t alignment = SY_UNIT_BYTES << test_random_below (&random, 3);
          bool may_be_dirty = test_random_below (&random, 2), zero;

          first = may_be_dirty && test_random_below (&random, 2)
                    ? sy_units_take_aligned (length, alignment, SY_MEMORY_ANY, &zero)
                    : sy_units_take (length, may_be_dirty ? SY_MEMORY_ANY : SY_MEMORY_NONE, &zero);
          test_must (first != SY_UNIT_NONE, "none");
          test_must (zero || may_be_dirty, "a run that was not to be dirty");
          test_must (!zero || units_are (first, length, 0), "step %u: not zero", step);
          zeros += zero;
          others += !zero;
          fill (first, 0xa5);
          held[count++] = first;
        }
      if (test_random_below (&random, 20) == 0)
        (void) sy_dirty_purge ();
    }
  give_all (held, count);
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_gt (zeros, 50);
  ck_assert_uint_gt (others, 30);
}
END_TEST

START_TEST (all_that_was_used_is_used_again_before_the_range_grows)
{
  struct test_random random = test_random_make (3);
  uint32_t first[300], edge;

  begin ();
  for (unsigned at = 0; at < 300; at++)
    first[at] = take (1 + (uint32_t) test_random_below (&random, 8));
  edge = sy_range_runs.edge;
  /* A wall keeps the edge where it is. */
  first[0] = (give_all (first, 299), first[299]);
  for (unsigned round = 0; round < 3; round++)
    {
      uint32_t count = edge - sy_range_unit (first[0])->length, one[4000];

      ck_assert_uint_lt (count, 4000);
      for (uint32_t at = 0; at < count; at++)
        one[at] = take (1);
      ck_assert_uint_eq (sy_range_runs.edge, edge);
      give_all (one, count);
      if (round == 1)
        (void) sy_dirty_purge ();
    }
  give (first[0]);
}
END_TEST

START_TEST (runs_longer_than_the_range_are_refused)
{
  bool zero;

  begin ();

  uint32_t run = take (3);

  errno = 77;
  for (uint32_t length = UINT32_MAX / 8; length <= UINT32_MAX / 4; length += length / 2)
    {
      ck_assert_uint_eq (sy_units_take (length, SY_MEMORY_ANY, &zero), SY_UNIT_NONE);
      ck_assert_uint_eq (sy_units_take (length, SY_MEMORY_NONE, &zero), SY_UNIT_NONE);
      ck_assert_uint_eq (sy_units_take_aligned (length, SY_UNIT_BYTES << 3, SY_MEMORY_ANY, &zero),
                         SY_UNIT_NONE);
      ck_assert_uint_eq (sy_units_extend (run, length, 0), 0);
    }
  ck_assert_int_eq (errno, 77);
  ck_assert_uint_eq (sy_range_runs.used, 3);
  ck_assert_uint_eq (sy_range_runs.edge, run + 3);
  ck_assert (sy_units_are_valid ());
  give (run);
}
END_TEST

/* Growth is counted by what has memory: not when runs that have it serve again, nor by what goes
   back. */
START_TEST (growth_is_told_each_time_that_memory_grows_by_a_share)
{
  static uint32_t first[64 * SY_GROWTH_UNITS];
  AO_t before;

  begin ();
  give (take (SY_GROWTH_UNITS));
  (void) sy_dirty_purge ();
  before = AO_load (&sy_range.growths);
  first[0] = take (SY_GROWTH_UNITS);
  ck_assert_uint_eq (AO_load (&sy_range.growths), before + 1);
  give (first[0]);
  for (unsigned round = 0; round < 5; round++)
    give (take (SY_GROWTH_UNITS));
  ck_assert_uint_eq (AO_load (&sy_range.growths), before + 1);

  for (unsigned at = 0; at < 64 * SY_GROWTH_UNITS; at++)
    first[at] = take (1);
  ck_assert_uint_ge (AO_load (&sy_range.growths) - before, 16);
  ck_assert_uint_le (AO_load (&sy_range.growths) - before, 64);
  give_all (first, 64 * SY_GROWTH_UNITS);
}
END_TEST

void
range_add_taking (Suite *suite)
{
  TCase *tests = test_case (suite, "taking", 20);

  tcase_add_test (tests, runs_are_distinct_writable_and_counted);
  tcase_add_test (tests, what_waits_is_taken_before_what_is_clean_and_that_before_fresh);
  tcase_add_loop_test (tests, what_waits_is_taken_with_what_is_free_beside_it, 0, 2);
  tcase_add_test (tests, what_waits_is_taken_with_the_end_of_a_long_clean_run);
  tcase_add_test (tests, an_aligned_run_is_not_taken_with_what_waits_beside);
  tcase_add_test (tests, what_waits_at_the_edge_is_taken_with_what_is_behind_it);
  tcase_add_loop_test (tests, a_quarter_of_what_is_taken_must_have_memory, 0, 2);
  tcase_add_test (tests, what_is_said_to_be_zero_is_zero);
  tcase_add_test (tests, all_that_was_used_is_used_again_before_the_range_grows);
  tcase_add_test (tests, runs_longer_than_the_range_are_refused);
  tcase_add_test (tests, growth_is_told_each_time_that_memory_grows_by_a_share);
}
