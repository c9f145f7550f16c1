/* SPDX-License-Identifier: MIT */
/* waiting.c: how much free memory may wait, and what goes back at the call that makes it more. */
#include <config.h>

#include "range.h"

static struct apart apart;

/* The most that may wait beside so many used units, in runs of the length. */
static uint32_t
limit_of (uint32_t used, uint32_t length)
{
  uint32_t share = used / SY_DIRTY_SHARE, limit = share > SY_DIRTY_LEAST ? share : SY_DIRTY_LEAST;

  return length < SY_PURGE_LONG ? 2 * limit : limit;
}

/* Gives back runs of the length, one after the other.  What waits is never more than may, and not
   much less. */
static void
give_one_by_one (unsigned count, uint32_t length)
{
  bool was_full = false;

  for (unsigned at = 0; at < count; at++)
    {
      uint32_t before = dirty_units (), limit;

      give (apart.first[at]);
      limit = limit_of (sy_range_runs.used, length);
      was_full = was_full || before + length > limit;
      ck_assert_uint_le (dirty_units (), limit);
      if (was_full)
        ck_assert_uint_ge (dirty_units () + length, limit - limit / 4);
      else
        ck_assert_uint_eq (dirty_units (), before + length);
    }
  ck_assert (was_full);
  ck_assert (sy_units_are_valid ());
}

START_TEST (a_mib_may_wait_beside_little)
{
  uint32_t length = 1 + (uint32_t) _i;
  unsigned count = 3 * SY_DIRTY_LEAST;

  begin ();
  take_apart (&apart, count, length);
  give_walls (&apart);
  (void) sy_dirty_purge ();
  give_one_by_one (count, length);
}
END_TEST

START_TEST (a_quarter_of_what_is_in_use_may_wait_and_a_half_in_short_runs)
{
  uint32_t length = 1 + (uint32_t) _i, large;

  begin ();
  large = take (20);
  take_apart (&apart, 150, length);
  give_one_by_one (150, length);
  ck_assert_uint_gt (dirty_units (), SY_DIRTY_LEAST);
  give_walls (&apart);
  give (large);
}
END_TEST

START_TEST (what_waited_longest_goes_back_first)
{
  unsigned count = 3 * SY_DIRTY_LEAST, at = 0;

  begin ();
  take_apart (&apart, count, 1);
  for (; at < count; at++)
    {
      fill (apart.first[at], 0x5a);
      give (apart.first[at]);
    }
  for (at = 0; sy_range_unit (apart.first[at])->state == SY_RUN_CLEAN; at++)
    ck_assert (units_are (apart.first[at], 1, 0));
  ck_assert_uint_eq (count - at, dirty_units ());
  for (; at < count; at++)
    {
      ck_assert_uint_eq (sy_range_unit (apart.first[at])->state, SY_RUN_DIRTY);
      ck_assert (units_are (apart.first[at], 1, 0x5a));
    }
  give_walls (&apart);
}
END_TEST

/* What is freed piece by piece lies together in the end: it goes back in few long runs, and the
   short ones stay. */
START_TEST (long_runs_go_back_before_short_ones)
{
  const unsigned count = 4 * SY_DIRTY_LEAST;
  uint32_t whole;

  begin ();
  take_apart (&apart, SY_DIRTY_LEAST / 2, 1);
  whole = take (count);
  for (unsigned at = 1; at < count; at++)
    sy_units_cut (whole, count - at);
  give (whole);
  ck_assert_uint_le (dirty_units (), limit_of (sy_range_runs.used, count));
  for (unsigned at = 0; at < SY_DIRTY_LEAST / 2; at++)
    give (apart.first[at]);
  for (unsigned at = 0; at < SY_DIRTY_LEAST / 2; at++)
    ck_assert_uint_eq (sy_range_unit (apart.first[at])->state, SY_RUN_DIRTY);
  give_walls (&apart);
}
END_TEST

/* One call gives back no more than it was given, and a purge's share of what others gave, to the
   next whole run. */
START_TEST (a_call_gives_back_a_bounded_part)
{
  const unsigned many = 200, length = SY_PURGE_LONG;
  uint32_t stays, goes, before, calls = 0;

  begin ();
  stays = take (400);
  goes = take (3000);
  take_apart (&apart, many + 30, length);
  for (unsigned at = 0; at < many; at++)
    give (apart.first[at]);
  before = dirty_units ();
  ck_assert_uint_eq (before, many * length);
  give (goes);
  ck_assert_uint_le (dirty_units (), before - SY_PURGE_UNITS);
  ck_assert_uint_gt (dirty_units () + length, before - SY_PURGE_UNITS);
  for (unsigned at = many; dirty_units () > limit_of (sy_range_runs.used, length); at++, calls++)
    {
      test_must (at < many + 30, "still %u", dirty_units ());
      before = dirty_units ();
      give (apart.first[at]);
      ck_assert_uint_gt (dirty_units () + length, before - SY_PURGE_UNITS);
      ck_assert_uint_lt (dirty_units (), before);
    }
  ck_assert_uint_gt (calls, 3);
  give_all (apart.first + many + calls, 30 - calls);
  give_walls (&apart);
  give (stays);
}
END_TEST

START_TEST (a_chain_goes_back_at_once_as_far_as_it_may_not_wait)
{
  begin ();
  take_apart (&apart, 500, 1 + (uint32_t) _i);
  give_all (apart.first, 500);

  uint32_t limit = limit_of (500, 1 + (uint32_t) _i);

  ck_assert_uint_le (dirty_units (), limit);
  ck_assert_uint_ge (dirty_units () + SY_PURGE_LONG, limit - limit / 4);
  ck_assert (sy_units_are_valid ());
  give_walls (&apart);
}
END_TEST

START_TEST (what_is_cut_off_counts_too)
{
  begin ();

  uint32_t run = take (600);

  fill (run, 1);
  sy_units_cut (run, 100);
  ck_assert_uint_le (dirty_units (), limit_of (100, 500));
  ck_assert_uint_gt (dirty_units (), 0);
  ck_assert (units_are (run, 100, 1));
  ck_assert (sy_units_are_valid ());
  give (run);
}
END_TEST

/* A little, or much more than SY_DIRTY_WANTED. */
START_TEST (what_is_wanted_back_waits)
{
  uint32_t length = _i == 0 ? 1 : SY_DIRTY_WANTED / 8;
  struct runs_64 some;

  begin ();
  take_and_give_64 (length, 1);
  ck_assert_uint_le (dirty_units (), 16 * length);
  take_and_give_64 (length, 8);
  ck_assert_uint_le (dirty_units (), 64 * length);
  ck_assert_uint_ge (dirty_units (), 62 * length);
  take_64 (&some, length);
  ck_assert_uint_lt (dirty_units (), 4 * length);
  give_64 (&some);
}
END_TEST

/* However much was wanted back: what waits and what is in use is no more than was in use once. */
START_TEST (what_is_wanted_back_waits_only_as_far_as_it_was_in_use)
{
  uint32_t length = SY_DIRTY_WANTED / 8;
  struct runs_64 some, more;

  begin ();
  take_and_give_64 (length, 8);
  take_64 (&some, length);
  ck_assert_uint_lt (dirty_units (), 4 * length);
  give_64 (&some);
  take_64 (&some, length / 2);
  for (unsigned at = 0; at < 64; at++)
    more.first[at] = take_as (length / 2, false, true);
  ck_assert_uint_ge (dirty_units (), 28 * length);
  give_64 (&some);
  ck_assert_uint_le (sy_range_runs.used + dirty_units (), 64 * length);
  ck_assert_uint_ge (dirty_units (), 16 * length);
  give_64 (&more);
  ck_assert (sy_units_are_valid ());
}
END_TEST

void
range_add_waiting (Suite *suite)
{
  TCase *tests = test_case (suite, "waiting", 20);

  tcase_add_loop_test (tests, a_mib_may_wait_beside_little, 0, 5);
  tcase_add_loop_test (tests, a_quarter_of_what_is_in_use_may_wait_and_a_half_in_short_runs, 0, 5);
  tcase_add_test (tests, what_waited_longest_goes_back_first);
  tcase_add_test (tests, long_runs_go_back_before_short_ones);
  tcase_add_test (tests, a_call_gives_back_a_bounded_part);
  tcase_add_loop_test (tests, a_chain_goes_back_at_once_as_far_as_it_may_not_wait, 0, 5);
  tcase_add_test (tests, what_is_cut_off_counts_too);
  tcase_add_loop_test (tests, what_is_wanted_back_waits, 0, 2);
  tcase_add_test (tests, what_is_wanted_back_waits_only_as_far_as_it_was_in_use);
}
