/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "pages/runs.h"
#include "suite.h"

#define UNITS 5000u

static struct sy_unit units[UNITS];
static struct sy_runs runs;

static void
begin (void)
{
  memset (units, 0, sizeof units);
  sy_runs_open (&runs, units + UNITS);
}

/* The clock comes to the tick. */
static void
tick (uint32_t to)
{
  while (runs.tick != to)
    sy_runs_next_tick (&runs);
}

/* So many used runs of the length, one behind the other, from unit 0 on. */
static void
row (uint32_t count, uint32_t length)
{
  begin ();
  for (uint32_t at = 0; at < count; at++)
    ck_assert_uint_eq (sy_runs_take_edge (&runs, length), at * length);
  ck_assert (sy_runs_is_valid (&runs));
}

START_TEST (free_neighbours_become_one_run)
{
  uint32_t orders[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 3, 2, 1 }, { 2, 1, 3 } };

  for (unsigned order = 0; order < 4; order++)
    {
      row (6, 10);
      for (unsigned at = 0; at < 3; at++)
        sy_runs_file (&runs, 10 * orders[order][at], SY_RUN_DIRTY);
      ck_assert (sy_runs_is_valid (&runs));
      ck_assert_uint_eq (sy_unit_of (&runs, 10)->state, SY_RUN_DIRTY);
      ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 30);
      ck_assert_uint_eq (sy_unit_of (&runs, 39)->back, 30);
      ck_assert_uint_eq (runs.dirty, 30);
      ck_assert_uint_eq (runs.used, 30);
    }
}
END_TEST

START_TEST (dirty_and_clean_neighbours_stay_apart)
{
  row (6, 10);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);
  sy_runs_file (&runs, 20, SY_RUN_CLEAN);
  ck_assert (sy_runs_is_valid (&runs));
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 10);
  ck_assert_uint_eq (sy_unit_of (&runs, 20)->length, 10);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_DIRTY, 11, SY_RUN_LOOKS), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_DIRTY, 10, SY_RUN_LOOKS), 10);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_CLEAN, 10, SY_RUN_LOOKS), 20);
}
END_TEST

START_TEST (a_clean_run_at_the_edge_lowers_it)
{
  row (6, 10);
  sy_runs_file (&runs, 40, SY_RUN_CLEAN);
  ck_assert_uint_eq (runs.edge, 60);
  sy_runs_file (&runs, 50, SY_RUN_CLEAN);
  ck_assert_uint_eq (runs.edge, 40);
  ck_assert (sy_runs_is_valid (&runs));
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_CLEAN, 1, SY_RUN_LOOKS), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_take_edge (&runs, 15), 40);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (the_shortest_that_fits_is_found_and_the_lowest_of_equals)
{
  /* Used runs of one unit keep free ones of these lengths apart. */
  uint32_t lengths[] = { 300, 20, 12, 12, 400, 70, 71, 64, 33 }, first[9];

  begin ();
  for (unsigned at = 0; at < 9; at++)
    {
      first[at] = sy_runs_take_edge (&runs, lengths[at]);
      (void) sy_runs_take_edge (&runs, 1);
    }
  for (unsigned at = 0; at < 9; at++)
    sy_runs_file (&runs, first[at], SY_RUN_CLEAN);
  for (uint32_t length = 1; length <= 401; length++)
    {
      uint32_t best = SY_UNIT_NONE, best_length = UINT32_MAX,
               found = sy_runs_find (&runs, SY_RUN_CLEAN, length, SY_RUN_LOOKS);

      for (unsigned at = 0; at < 9; at++)
        if (lengths[at] >= length && lengths[at] < best_length)
          best_length = lengths[at], best = first[at];
      ck_assert_msg (found == best, "%u units: %u, not %u", length, found, best);
    }
}
END_TEST

START_TEST (no_run_is_longer_than_the_longest_list)
{
  row (3, 31);
  sy_runs_file (&runs, 0, SY_RUN_CLEAN);
  for (unsigned shift = 12; shift < 32; shift++)
    for (uint32_t more = 0; more < 2; more++)
      ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_DIRTY, (UINT32_C (1) << shift) - more,
                                       UINT32_MAX),
                         SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_CLEAN, UINT32_MAX, UINT32_MAX), SY_UNIT_NONE);
}
END_TEST

/* Runs of 10: used 0, clean 10, dirty 20, clean 30 to 49, used 50, dirty 60, used 70 and 80 up to
   the edge at 90. */
static void
row_of_mixed (void)
{
  row (9, 10);
  sy_runs_file (&runs, 10, SY_RUN_CLEAN);
  sy_runs_file (&runs, 20, SY_RUN_DIRTY);
  sy_runs_file (&runs, 30, SY_RUN_CLEAN);
  sy_runs_file (&runs, 40, SY_RUN_CLEAN);
  sy_runs_file (&runs, 60, SY_RUN_DIRTY);
  ck_assert (sy_runs_is_valid (&runs));
}

START_TEST (dirty_runs_are_found_with_what_is_free_beside_them)
{
  begin ();
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 8, SY_RUN_LOOKS), SY_UNIT_NONE);
  row_of_mixed ();
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 3, SY_RUN_LOOKS), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 15, 0), SY_UNIT_NONE);
  /* The run that was freed last is looked at first, and stands alone. */
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 15, 1), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 11, 2), 20);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 30, 2), 20);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 31, 2), 10);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 40, 2), 10);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 41, 2), SY_UNIT_NONE);
  sy_runs_file (&runs, 80, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 40, 1), 80);
  /* No dirty run is a quarter of it. */
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 44, UINT32_MAX), SY_UNIT_NONE);
  for (unsigned shift = 12; shift < 32; shift++)
    ck_assert_uint_eq (sy_runs_find_mixed (&runs, UINT32_C (1) << shift, UINT32_MAX), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, UINT32_MAX, UINT32_MAX), SY_UNIT_NONE);
}
END_TEST

START_TEST (the_end_of_a_free_run_is_taken)
{
  row_of_mixed ();
  ck_assert_uint_eq (sy_runs_take_end (&runs, 30, 5), 45);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->length, 15);
  ck_assert_uint_eq (sy_unit_of (&runs, 45)->length, 5);
  ck_assert (sy_runs_is_valid (&runs));
  ck_assert_uint_eq (sy_runs_take_end (&runs, 60, 10), 60);
  ck_assert_uint_eq (sy_runs_take_end (&runs, 20, 30), 20);
  ck_assert_uint_eq (runs.dirty, 0);
  ck_assert_uint_eq (runs.used, 90 - 10 - 15);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (the_list_of_ages_is_in_the_order_of_ticks)
{
  row (9, 10);
  sy_runs_file (&runs, 30, SY_RUN_DIRTY);
  tick (1);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);
  tick (2);
  sy_runs_file (&runs, 60, SY_RUN_DIRTY);
  ck_assert (sy_runs_is_valid (&runs));
  ck_assert_uint_eq (runs.oldest, 30);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->younger, 10);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->younger, 60);
  ck_assert_uint_eq (runs.youngest, 60);
}
END_TEST

START_TEST (what_is_left_of_a_run_when_a_part_is_detached_is_as_old_as_it_was)
{
  row (9, 10);
  sy_runs_file (&runs, 30, SY_RUN_DIRTY);
  tick (1);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);
  sy_runs_detach_part (&runs, 30, 33, 5);            /* the middle */
  ck_assert_uint_eq (sy_unit_of (&runs, 33)->state, SY_RUN_DETACHED);
  ck_assert_uint_eq (sy_unit_of (&runs, 33)->length, 5);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->length, 3);
  ck_assert_uint_eq (sy_unit_of (&runs, 38)->length, 2);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->stamp, 0);
  ck_assert_uint_eq (sy_unit_of (&runs, 38)->stamp, 0);
  ck_assert_uint_eq (runs.youngest, 10);
  ck_assert_uint_eq (runs.dirty, 15);
  ck_assert (sy_runs_is_valid (&runs));
  sy_runs_detach_part (&runs, 10, 10, 4);            /* the start */
  ck_assert_uint_eq (runs.youngest, 14);
  sy_runs_detach_part (&runs, 38, 38, 2);            /* all */
  ck_assert_uint_eq (runs.oldest, 30);
  ck_assert_uint_eq (runs.dirty, 9);
  ck_assert (sy_runs_is_valid (&runs));
  sy_runs_file (&runs, 33, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->length, 8);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (the_longest_is_found_whether_it_is_apart_or_not)
{
  row (9, 10);
  ck_assert_uint_eq (sy_runs_longest (&runs), SY_UNIT_NONE);
  sy_runs_cut (&runs, 30, 4);
  sy_runs_file (&runs, 30, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_runs_longest (&runs), 30);
  sy_runs_set_apart (&runs, 50, true);
  sy_runs_file (&runs, 50, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_runs_longest (&runs), 50);
  sy_runs_file (&runs, 70, SY_RUN_DIRTY);
  sy_runs_file (&runs, 80, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_runs_longest (&runs), 70);
}
END_TEST

/* Detaches the last units of the oldest run of an earlier tick, or of one of the longest.
   SY_UNIT_NONE: there is none. */
static uint32_t
detach (uint32_t first, uint32_t most, uint32_t tick_now)
{
  uint32_t length, gone;

  if (first == SY_UNIT_NONE || (int32_t) (tick_now - sy_unit_of (&runs, first)->stamp) <= 0)
    return SY_UNIT_NONE;
  length = sy_unit_of (&runs, first)->length;
  gone = length < most ? length : most;
  sy_runs_detach_part (&runs, first, first + length - gone, gone);
  return first + length - gone;
}

START_TEST (joined_runs_are_as_old_as_the_longer)
{
  row (5, 10);
  sy_runs_cut (&runs, 20, 7);                       /* 20..26, 27..29 */
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);           /* tick 0, 10 units */
  tick (5);
  sy_runs_file (&runs, 20, SY_RUN_DIRTY);           /* 7 more: still of tick 0 */
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->stamp, 0);
  sy_runs_take (&runs, 10, 15);                     /* 2 left, of tick 0 */
  ck_assert_uint_eq (sy_unit_of (&runs, 25)->stamp, 0);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);           /* 15 join them: of tick 5 */
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->stamp, 5);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 17);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (a_run_grows_over_what_is_free_behind_it)
{
  bool at_edge;

  row (6, 10);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);
  sy_runs_file (&runs, 20, SY_RUN_CLEAN);
  ck_assert_uint_eq (sy_runs_room_behind (&runs, 0, 100, false, &at_edge), 20);
  ck_assert (!at_edge);
  sy_runs_extend (&runs, 0, 13);
  ck_assert (sy_runs_is_valid (&runs));
  ck_assert_uint_eq (sy_unit_of (&runs, 0)->length, 23);
  ck_assert_uint_eq (sy_unit_of (&runs, 23)->length, 7);
  sy_runs_file (&runs, 40, SY_RUN_DIRTY);
  sy_runs_file (&runs, 50, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_runs_room_behind (&runs, 30, 100, false, &at_edge), 20);
  ck_assert (at_edge);
  sy_runs_extend (&runs, 30, 50);
  ck_assert_uint_eq (runs.edge, 90);
  ck_assert_uint_eq (sy_unit_of (&runs, 30)->length, 60);
  ck_assert_uint_eq (sy_unit_of (&runs, 89)->back, 60);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (what_is_apart_joins_only_its_like)
{
  bool at_edge;

  row (7, 10);
  sy_runs_set_apart (&runs, 10, true);
  sy_runs_set_apart (&runs, 30, true);
  sy_runs_cut (&runs, 10, 4);
  sy_runs_file (&runs, 0, SY_RUN_DIRTY);
  sy_runs_file (&runs, 14, SY_RUN_DIRTY);
  sy_runs_file (&runs, 10, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_unit_of (&runs, 0)->length, 10);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->state, SY_RUN_APART);
  ck_assert_uint_gt (sy_unit_of (&runs, 10)->mapping, SY_MAPPING_MIXED);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 10);
  sy_runs_file (&runs, 30, SY_RUN_DIRTY);
  sy_runs_set_apart (&runs, 20, true);
  sy_runs_file (&runs, 20, SY_RUN_DIRTY);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 30);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->mapping, SY_MAPPING_MIXED);
  ck_assert_uint_eq (runs.dirty, 40);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_DIRTY, 11, UINT32_MAX), SY_UNIT_NONE);
  ck_assert_uint_eq (sy_runs_find (&runs, SY_RUN_APART, 11, UINT32_MAX), 10);
  ck_assert_uint_eq (sy_runs_find_mixed (&runs, 40, 1), 0);
  ck_assert (sy_runs_is_valid (&runs));
  /* A run grows over it only where that may be. */
  sy_runs_take (&runs, 0, 10);
  ck_assert_uint_eq (sy_runs_room_behind (&runs, 0, 100, false, &at_edge), 0);
  ck_assert_uint_eq (sy_runs_room_behind (&runs, 0, 100, true, &at_edge), 30);
  sy_runs_extend (&runs, 0, 5);
  ck_assert_uint_eq (sy_unit_of (&runs, 0)->mapping, SY_MAPPING_MIXED);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (what_was_mapped_anew_is_as_any_other)
{
  row (6, 10);
  for (uint32_t at = 10; at < 40; at += 10)
    sy_runs_set_apart (&runs, at, true);
  sy_runs_file (&runs, 20, SY_RUN_CLEAN);
  sy_runs_cut (&runs, 10, 5);
  sy_runs_file (&runs, 15, SY_RUN_CLEAN);
  ck_assert_uint_eq (sy_unit_of (&runs, 15)->length, 15);
  sy_runs_file (&runs, 10, SY_RUN_CLEAN);
  sy_runs_file (&runs, 30, SY_RUN_DIRTY);
  sy_runs_detach_part (&runs, 30, 30, 10);
  ck_assert_uint_ne (sy_unit_of (&runs, 30)->mapping, 0);
  sy_runs_file (&runs, 30, SY_RUN_CLEAN);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->length, 30);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->mapping, 0);
  ck_assert (sy_runs_is_valid (&runs));
}
END_TEST

START_TEST (numbers_of_mappings_come_again)
{
  row (3, 10);
  runs.mapping = SY_MAPPING_MAX - 1;
  sy_runs_set_apart (&runs, 0, true);
  ck_assert_uint_eq (sy_unit_of (&runs, 0)->mapping, SY_MAPPING_MAX);
  sy_runs_set_apart (&runs, 10, true);
  ck_assert_uint_eq (sy_unit_of (&runs, 10)->mapping, SY_MAPPING_MIXED + 1);
  ck_assert_uint_eq (sy_unit_of (&runs, 20)->mapping, 0);
}
END_TEST

START_TEST (the_book_holds_under_random_use)
{
  struct test_random random = test_random_make (1);
  uint32_t used[200], count = 0;
  bool at_edge;

  begin ();
  for (unsigned step = 0; step < 20000; step++)
    {
      uint32_t length = 1 + (uint32_t) test_random_below (&random, 40), first = SY_UNIT_NONE;

      if (test_random_below (&random, 50) == 0)
        sy_runs_next_tick (&runs);
      if (count < 200 && test_random_below (&random, 2) == 0)
        {
          first = sy_runs_find (&runs, SY_RUN_APART + (unsigned) test_random_below (&random, 3),
                                length, SY_RUN_LOOKS);
          if (first != SY_UNIT_NONE)
            sy_runs_take (&runs, first, length);
          else if (runs.edge + length < UNITS)
            first = sy_runs_take_edge (&runs, length);
          if (first != SY_UNIT_NONE && test_random_below (&random, 3) == 0)
            sy_runs_set_apart (&runs, first, true);
          if (first != SY_UNIT_NONE && test_random_below (&random, 3) == 0)
            sy_runs_extend (&runs, first,
                            sy_runs_room_behind (&runs, first, length, true, &at_edge));
          if (first != SY_UNIT_NONE)
            used[count++] = first;
        }
      else if (count != 0)
        {
          uint32_t at = (uint32_t) test_random_below (&random, count);

          sy_runs_file (&runs, used[at],
                        test_random_below (&random, 3) ? SY_RUN_DIRTY : SY_RUN_CLEAN);
          used[at] = used[--count];
        }
      if (test_random_below (&random, 20) == 0
          && (first = detach (runs.oldest, 30, runs.tick)) != SY_UNIT_NONE)
        sy_runs_file (&runs, first, SY_RUN_CLEAN);
      if (test_random_below (&random, 40) == 0
          && (first = detach (sy_runs_longest (&runs), 30, runs.tick + 1)) != SY_UNIT_NONE)
        sy_runs_file (&runs, first, SY_RUN_CLEAN);
      if (step % 16 == 0)
        ck_assert_msg (sy_runs_is_valid (&runs), "step %u", step);
    }
  while (count != 0)
    sy_runs_file (&runs, used[--count], SY_RUN_CLEAN);
  for (uint32_t first;
       (first = detach (runs.oldest, UINT32_MAX, runs.tick + 1)) != SY_UNIT_NONE;)
    sy_runs_file (&runs, first, SY_RUN_CLEAN);
  ck_assert_uint_eq (runs.edge, 0);
  ck_assert_uint_eq (runs.used, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("runs");
  TCase *tests = test_case (suite, "runs", 20);

  tcase_add_test (tests, free_neighbours_become_one_run);
  tcase_add_test (tests, dirty_and_clean_neighbours_stay_apart);
  tcase_add_test (tests, a_clean_run_at_the_edge_lowers_it);
  tcase_add_test (tests, the_shortest_that_fits_is_found_and_the_lowest_of_equals);
  tcase_add_test (tests, no_run_is_longer_than_the_longest_list);
  tcase_add_test (tests, dirty_runs_are_found_with_what_is_free_beside_them);
  tcase_add_test (tests, the_end_of_a_free_run_is_taken);
  tcase_add_test (tests, the_list_of_ages_is_in_the_order_of_ticks);
  tcase_add_test (tests, what_is_left_of_a_run_when_a_part_is_detached_is_as_old_as_it_was);
  tcase_add_test (tests, the_longest_is_found_whether_it_is_apart_or_not);
  tcase_add_test (tests, joined_runs_are_as_old_as_the_longer);
  tcase_add_test (tests, a_run_grows_over_what_is_free_behind_it);
  tcase_add_test (tests, what_is_apart_joins_only_its_like);
  tcase_add_test (tests, what_was_mapped_anew_is_as_any_other);
  tcase_add_test (tests, numbers_of_mappings_come_again);
  tcase_add_test (tests, the_book_holds_under_random_use);
  return test_run (suite);
}
