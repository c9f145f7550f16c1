/* SPDX-License-Identifier: MIT */
/* purging.c: what nobody took for a while goes back to the system, in steps. */
#include <config.h>

#include "base/purge_timer.h"
#include "range.h"

#define TICK_NS ((uint64_t) 1 << 20)

static struct apart apart;

/* A clock that runs ahead of every purge so far. */
static uint64_t
later_ns (void)
{
  static uint64_t now_ns;

  if (now_ns == 0)
    now_ns = sy_os_now_ns ();
  return now_ns += 10 * SY_REAP_NS;
}

/* A whole purge, which is due; where a step is not enough the time moves on. */
static void
purge_whole (uint64_t *now_ns)
{
  uint32_t tick = sy_range_runs.tick;

  for (unsigned steps = 0; sy_range_runs.tick == tick; steps++, *now_ns += TICK_NS)
    {
      ck_assert_uint_lt (steps, 10000);
      sy_dirty_purge_step (*now_ns);
    }
  ck_assert_uint_eq (sy_range_runs.tick, tick + 1);
}

/* The memory of these runs is gone, or there. */
static bool
all_are (const uint32_t *first, unsigned count, uint32_t length, int byte)
{
  for (unsigned at = 0; at < count; at++)
    if (!units_are (first[at], length, byte))
      return false;
  return true;
}

/* What was wanted back, and then waited in vain, may not wait the next time. */
START_TEST (what_waited_in_vain_is_wanted_no_more)
{
  uint64_t now_ns = later_ns ();
  uint32_t length = SY_DIRTY_WANTED / 8;

  begin ();
  take_and_give_64 (length, 8);
  ck_assert_uint_ge (dirty_units (), 62 * length);
  for (unsigned purge = 0; purge < 3; purge++)
    purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 0);
  take_and_give_64 (length, 1);
  ck_assert_uint_le (dirty_units (), 16 * length);
}
END_TEST

/* Runs that are replaced by longer and shorter ones give up memory and take new, again and again. */
START_TEST (what_is_wanted_back_is_no_more_than_was_in_use)
{
  struct test_random random = test_random_make (3);
  uint64_t now_ns = later_ns ();
  uint32_t held[33], peak = 0;

  begin ();
  for (unsigned at = 0; at < 33; at++)
    held[at] = take (80);
  for (unsigned step = 0; step < 5000; step++)
    {
      unsigned at = (unsigned) test_random_below (&random, 33);

      give (held[at]);
      held[at] = take (80 + (uint32_t) test_random_below (&random, 320));
      peak = sy_range_runs.used > peak ? sy_range_runs.used : peak;
    }
  give_all (held, 33);
  for (unsigned purge = 0; purge < 3; purge++)
    purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 0);
  /* So all that was wanted waited in vain, or nearly all. */
  take_and_give_64 (peak / 64, 1);
  ck_assert_uint_le (dirty_units (), peak / 2);
}
END_TEST

/* A quarter of what is in use may wait, but no run of this length. */
START_TEST (a_long_run_goes_back_at_once)
{
  uint32_t length = SY_DIRTY_WANTED, held[6];

  begin ();
  for (unsigned at = 0; at < 6; at++)
    held[at] = take (length - (at == 0));
  fill (held[1], 0x5a);
  give (held[1]);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (units_are (held[1], length, 0));
  give (held[0]);
  ck_assert_uint_eq (dirty_units (), length - 1);
  ck_assert (sy_units_are_valid ());
  give_all (held + 2, 4);
  (void) sy_dirty_purge ();
}
END_TEST

START_TEST (a_purge_gives_back_what_nobody_took_for_a_while)
{
  uint64_t now_ns = later_ns ();
  uint32_t again[3];

  begin ();
  purge_whole (&now_ns);
  take_apart (&apart, 7, 2);
  for (unsigned at = 0; at < 7; at++)
    fill (apart.first[at], 0x5a);
  give_all (apart.first, 7);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_msg (dirty_units () == 14, "they came within the time");
  sy_dirty_purge_step (now_ns + SY_REAP_NS - SY_REAP_NS / 50);
  ck_assert_msg (dirty_units () == 14, "the time is not up");

  for (unsigned at = 0; at < 3; at++)
    again[at] = take_as (2, true, false);
  ck_assert_uint_eq (dirty_units (), 8);
  give_all (again, 3);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_msg (dirty_units () == 12, "three were taken; of the other four as many stay: %u units",
                 dirty_units ());
  ck_assert (all_are (again, 3, 2, 0x5a));
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (all_are (apart.first, 7, 2, 0));
  ck_assert (sy_units_are_valid ());
  give_walls (&apart);
  (void) later_ns ();
}
END_TEST

/* Of what waited, all was taken again within the time: twice as much may wait then, for as long as
   that goes on. */
START_TEST (twice_as_much_may_wait_as_is_taken_again)
{
  enum { RUNS = 70, FEWER = 40, LENGTH = 5 };
  uint64_t now_ns = later_ns ();
  uint32_t large;

  begin ();
  purge_whole (&now_ns);
  large = take (700);
  take_apart (&apart, RUNS, LENGTH);
  give_all (apart.first, FEWER);
  ck_assert_uint_eq (dirty_units (), FEWER * LENGTH);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  for (unsigned at = 0; at < FEWER; at++)
    apart.first[at] = take_as (LENGTH, true, false);
  give_all (apart.first, FEWER);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), FEWER * LENGTH);
  ck_assert_uint_lt (sy_range_runs.used / SY_DIRTY_SHARE, RUNS * LENGTH);
  for (unsigned at = FEWER; at < RUNS; at++)
    give (apart.first[at]);
  ck_assert_uint_eq (dirty_units (), RUNS * LENGTH);
  for (unsigned purge = 0; purge < 3; purge++)
    purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 0);

  /* Nothing was taken, so all is as before. */
  for (unsigned at = 0; at < RUNS; at++)
    apart.first[at] = take (LENGTH);
  for (unsigned at = 0; at < RUNS; at++)
    give (apart.first[at]);
  ck_assert_uint_le (dirty_units (), sy_range_runs.used / SY_DIRTY_SHARE + LENGTH);
  give_walls (&apart);
  give (large);
  ck_assert (sy_units_are_valid ());
  (void) later_ns ();
}
END_TEST

/* What goes back, and what comes and goes beside the rest, is not taken again. */
START_TEST (only_what_is_taken_again_counts)
{
  uint64_t now_ns = later_ns ();
  uint32_t large, wall, waits;

  begin ();
  purge_whole (&now_ns);
  large = take (400);
  waits = take (90);
  wall = take (1);
  give (waits);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 90);
  for (unsigned round = 0; round < 100; round++)
    give (take_as (3, true, false));
  ck_assert_uint_eq (dirty_units (), 90);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_le (dirty_units (), 3);
  (void) sy_dirty_purge ();

  /* All of it waits until it is asked back. */
  waits = take (90);
  give (waits);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 90);
  (void) sy_dirty_purge ();
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  take_apart (&apart, 40, 5);
  for (unsigned at = 0; at < 40; at++)
    give (apart.first[at]);
  ck_assert_uint_le (dirty_units (), sy_range_runs.used / SY_DIRTY_SHARE);
  give_walls (&apart);
  give (large);
  give (wall);
  ck_assert (sy_units_are_valid ());
  (void) later_ns ();
}
END_TEST

/* Of a run that waits in parts, what was given back last does not go with what waited longest. */
START_TEST (a_long_run_is_not_young_by_a_short_one_that_comes_and_goes_beside_it)
{
  uint64_t now_ns = later_ns ();

  begin ();
  purge_whole (&now_ns);

  uint32_t long_run = take (12), beside = take (1), wall = take (1);

  give (long_run);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  give (beside);
  ck_assert_uint_eq (dirty_units (), 13);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_uint_eq (dirty_units (), 0);
  give (wall);
  (void) later_ns ();
}
END_TEST

/* Many runs, of a unit each, that may wait beside what is in use, but is never touched. */
static uint32_t
make_much_dirty (unsigned count)
{
  uint32_t large = take (4 * count);

  take_apart (&apart, count, 1);
  for (unsigned at = 0; at < count; at++)
    fill (apart.first[at], 1);
  give_all (apart.first, count);
  ck_assert_uint_eq (dirty_units (), count);
  return large;
}

START_TEST (a_purge_is_done_in_bounded_steps)
{
  uint64_t now_ns = later_ns ();
  uint32_t left, large, steps = 1;

  begin ();
  purge_whole (&now_ns);
  large = make_much_dirty (RUNS_MAX);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  ck_assert_msg (dirty_units () == RUNS_MAX, "they came within the time");
  now_ns += SY_REAP_NS;
  sy_dirty_purge_step (now_ns);
  left = dirty_units ();
  ck_assert_uint_le (left, RUNS_MAX - SY_PURGE_UNITS);
  ck_assert_msg (left > 0, "all at once");
  sy_dirty_purge_step (now_ns);
  ck_assert_msg (dirty_units () == left, "two steps in a tick");
  for (; dirty_units () != 0; steps++)
    {
      left = dirty_units ();
      sy_dirty_purge_step (now_ns += TICK_NS);
      ck_assert_uint_lt (dirty_units (), left);
    }
  ck_assert_uint_gt (steps, 2);
  ck_assert (all_are (apart.first, RUNS_MAX, 1, 0));
  ck_assert (sy_units_are_valid ());
  give_walls (&apart);
  give (large);
  (void) later_ns ();
}
END_TEST

/* Begins a step so long after the one before.  Returns how long it may last. */
static uint64_t
step_of (struct sy_purge_timer *timer, uint64_t *now_ns, uint64_t passed_ns)
{
  uint64_t before_ns = sy_os_now_ns (), until_ns, after_ns;

  ck_assert (sy_purge_timer_is_due (timer, *now_ns += passed_ns));
  until_ns = sy_purge_timer_step (timer, *now_ns);
  ck_assert (!sy_purge_timer_is_due (timer, *now_ns));
  ck_assert_uint_ge (until_ns, before_ns + SY_REAP_STEP_NS_MIN);
  after_ns = sy_os_now_ns ();
  /* Less than that by what has passed since, and no more. */
  return until_ns > after_ns ? until_ns - after_ns : 0;
}

START_TEST (a_step_lasts_a_share_of_the_time_since_the_last_one)
{
  struct sy_purge_timer timer = { 0, 0 };
  uint64_t now_ns = 1000 * SY_REAP_NS;

  /* The first step of a purge is short; so is one that comes soon. */
  ck_assert_uint_le (step_of (&timer, &now_ns, SY_REAP_NS), SY_REAP_STEP_NS_MIN);
  ck_assert_uint_le (step_of (&timer, &now_ns, TICK_NS), TICK_NS / SY_REAP_STEP_SHARE);
  ck_assert_uint_le (step_of (&timer, &now_ns, 100 * TICK_NS), SY_REAP_STEP_NS_MAX);
  sy_purge_timer_end (&timer);
  ck_assert (!sy_purge_timer_is_due (&timer, now_ns + SY_REAP_NS - 2 * TICK_NS));
}
END_TEST

/* A caller that asked for the time before another thread stepped begins nothing. */
START_TEST (a_clock_that_is_behind_begins_no_purge)
{
  uint64_t now_ns = later_ns ();
  uint32_t wall, run, tick;

  begin ();
  purge_whole (&now_ns);
  run = take (7);
  wall = take (1);
  give (run);
  purge_whole (&(uint64_t) { now_ns += SY_REAP_NS });
  tick = sy_range_runs.tick;
  sy_dirty_purge_step (now_ns - 4 * TICK_NS);
  sy_dirty_purge_step (now_ns - SY_REAP_NS);
  ck_assert_uint_eq (sy_range_runs.tick, tick);
  ck_assert_uint_eq (dirty_units (), 7);
  give (wall);
  (void) later_ns ();
}
END_TEST

START_TEST (a_busy_lock_is_not_waited_for)
{
  uint32_t tick;

  begin ();
  give (take (5));
  sy_dirty_purge_step (later_ns ());
  tick = sy_range_runs.tick;
  sy_lock_take (&sy_range_lock);
  sy_dirty_purge_step (later_ns ()); /* would wait for ever */
  sy_lock_release (&sy_range_lock);
  ck_assert_uint_eq (sy_range_runs.tick, tick);
  ck_assert_uint_eq (dirty_units (), 5);
  sy_dirty_purge_step (later_ns ());
  ck_assert_uint_eq (dirty_units (), 0);
}
END_TEST

START_TEST (a_purge_that_is_asked_for_gives_back_all)
{
  uint32_t large;

  begin ();
  large = make_much_dirty (100);
  ck_assert_uint_eq (sy_dirty_purge (), 100 * SY_UNIT_BYTES);
  ck_assert_uint_eq (sy_dirty_purge (), 0);
  ck_assert_uint_eq (dirty_units (), 0);
  ck_assert (all_are (apart.first, 100, 1, 0));
  ck_assert (sy_units_are_valid ());
  give_walls (&apart);
  give (large);
}
END_TEST

void
range_add_purging (Suite *suite)
{
  TCase *tests = test_case (suite, "purging", 20);

  tcase_add_test (tests, what_waited_in_vain_is_wanted_no_more);
  tcase_add_test (tests, what_is_wanted_back_is_no_more_than_was_in_use);
  tcase_add_test (tests, a_long_run_goes_back_at_once);
  tcase_add_test (tests, a_purge_gives_back_what_nobody_took_for_a_while);
  tcase_add_test (tests, twice_as_much_may_wait_as_is_taken_again);
  tcase_add_test (tests, only_what_is_taken_again_counts);
  tcase_add_test (tests, a_long_run_is_not_young_by_a_short_one_that_comes_and_goes_beside_it);
  tcase_add_test (tests, a_purge_is_done_in_bounded_steps);
  tcase_add_test (tests, a_step_lasts_a_share_of_the_time_since_the_last_one);
  tcase_add_test (tests, a_clock_that_is_behind_begins_no_purge);
  tcase_add_test (tests, a_busy_lock_is_not_waited_for);
  tcase_add_test (tests, a_purge_that_is_asked_for_gives_back_all);
}
