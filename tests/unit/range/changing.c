/* SPDX-License-Identifier: MIT */
/* changing.c: runs that begin at an alignment, and runs that become shorter or longer in place. */
#include <config.h>

#include "range.h"

START_TEST (runs_begin_at_their_alignment_and_lose_nothing)
{
  begin ();
  for (size_t alignment = 16; alignment <= (size_t) 64 << 20; alignment *= 2)
    for (uint32_t length = 1; length <= 9; length += 4)
      {
        uint32_t wall = take (1 + length / 2), first;
        bool zero = false;

        first = sy_units_take_aligned (length, alignment, SY_MEMORY_ANY, &zero);
        ck_assert_uint_ne (first, SY_UNIT_NONE);
        ck_assert_msg (((uintptr_t) sy_range_address (first) & (alignment - 1)) == 0,
                       "unit %u at %zu", first, alignment);
        ck_assert_uint_eq (sy_range_unit (first)->length, length);
        ck_assert_uint_eq (sy_range_runs.used, length + 1 + length / 2);
        ck_assert (sy_units_are_valid ());
        fill (first, 1);
        give_all ((uint32_t[]) { wall, first }, 2);
        (void) sy_dirty_purge ();
        ck_assert_uint_eq (sy_range_runs.edge, 0); /* the ends that were cut off came back */
      }
}
END_TEST

/* The ends of a dirty run are dirty, and the ends of a clean one clean. */
START_TEST (ends_that_are_cut_off_are_as_what_they_were_cut_from)
{
  bool zero;

  begin ();

  uint32_t run = take (15), wall = take (1), aligned;

  fill (run, 0x5a);
  give (run);
  aligned = sy_units_take_aligned (4, 8 * SY_UNIT_BYTES, SY_MEMORY_ANY, &zero);
  ck_assert (!zero);
  ck_assert_uint_ge (aligned, run);
  ck_assert_uint_le (aligned + 4, run + 15);
  ck_assert (units_are (aligned, 4, 0x5a));
  ck_assert_uint_eq (dirty_units (), 11);
  give (aligned);
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_units_take_aligned (4, 8 * SY_UNIT_BYTES, SY_MEMORY_ANY, &zero), aligned);
  ck_assert (zero);
  ck_assert (units_are (aligned, 4, 0));
  ck_assert_uint_eq (dirty_units (), 0);
  give_all ((uint32_t[]) { aligned, wall }, 2);
}
END_TEST

START_TEST (what_is_cut_off_waits_and_the_rest_keeps_its_contents)
{
  begin ();

  uint32_t run = take (16), wall = take (1);

  fill (run, 0x5a);
  sy_units_cut (run, 5);
  ck_assert_uint_eq (sy_range_unit (run)->length, 5);
  ck_assert_uint_eq (sy_range_runs.used, 6);
  ck_assert_uint_eq (dirty_units (), 11);
  ck_assert (sy_units_are_valid ());
  ck_assert (units_are (run, 5, 0x5a));
  ck_assert_uint_eq (take_as (11, true, false), run + 5);
  give_all ((uint32_t[]) { run, run + 5, wall }, 3);
  ck_assert (sy_units_are_valid ());
}
END_TEST

START_TEST (a_run_grows_over_what_is_free_behind_it)
{
  begin ();

  uint32_t run = take (4), behind = take (8), wall = take (1);

  fill (run, 0x5a);
  fill (behind, 0x5b);
  ck_assert_uint_eq (sy_units_extend (run, 1, 0), 0);
  give (behind);
  ck_assert_uint_eq (sy_units_extend (run, 9, 0), 0); /* more than there is: nothing has changed */
  ck_assert_uint_eq (sy_range_unit (run)->length, 4);
  /* What waits is no room that costs nothing. */
  ck_assert_uint_eq (sy_units_extend (run, 3, 10), 3);
  ck_assert_uint_eq (sy_range_unit (run)->length, 7);
  ck_assert_uint_eq (dirty_units (), 5);
  ck_assert (units_are (run, 4, 0x5a));
  ck_assert (sy_units_are_valid ());
  /* What is clean is. */
  (void) sy_dirty_purge ();
  ck_assert_uint_eq (sy_units_extend (run, 1, 2), 3);
  ck_assert_uint_eq (sy_units_extend (run, 1, 10), 2);
  ck_assert_uint_eq (sy_range_unit (run)->length, 12);
  ck_assert (units_are (run, 4, 0x5a));
  ck_assert (units_are (run + 7, 5, 0));
  ck_assert_uint_eq (sy_units_extend (run, 1, 10), 0);
  ck_assert (sy_units_are_valid ());
  give_all ((uint32_t[]) { run, wall }, 2);
}
END_TEST

START_TEST (the_last_run_grows_at_the_edge)
{
  begin ();

  uint32_t run = take (2), length = 2;

  fill (run, 0x5a);
  for (unsigned round = 0; round < 200; round++, length += 1 + round % 3)
    {
      ck_assert_uint_eq (sy_range_unit (run)->length, length);
      ck_assert_uint_eq (sy_units_extend (run, 1, (round + 1) % 3), 1 + (round + 1) % 3);
      ck_assert (sy_range_has (run_end (run) - 1));
      ck_assert_int_eq (run_end (run)[-1], 0);
      run_end (run)[-1] = 1;
    }
  ck_assert (units_are (run, 2, 0x5a));
  ck_assert_uint_eq (sy_range_runs.edge, sy_range_runs.used);
  ck_assert (sy_units_are_valid ());
  give (run);
}
END_TEST

/* What is dirty behind a run, and then the edge. */
START_TEST (a_run_grows_over_what_waits_and_beyond_the_edge)
{
  begin ();

  uint32_t run = take (2), last = take (3);

  fill (last, 0x5b);
  give (last);
  ck_assert_uint_eq (sy_units_extend (run, 10, 0), 10);
  ck_assert_uint_eq (sy_range_runs.edge, run + 12);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (units_are (run + 5, 7, 0));
  ck_assert (sy_units_are_valid ());
  give (run);
}
END_TEST

void
range_add_changing (Suite *suite)
{
  TCase *tests = test_case (suite, "changing", 20);

  tcase_add_test (tests, runs_begin_at_their_alignment_and_lose_nothing);
  tcase_add_test (tests, ends_that_are_cut_off_are_as_what_they_were_cut_from);
  tcase_add_test (tests, what_is_cut_off_waits_and_the_rest_keeps_its_contents);
  tcase_add_test (tests, a_run_grows_over_what_is_free_behind_it);
  tcase_add_test (tests, the_last_run_grows_at_the_edge);
  tcase_add_test (tests, a_run_grows_over_what_waits_and_beyond_the_edge);
}
