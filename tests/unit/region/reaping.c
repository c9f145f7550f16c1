/* SPDX-License-Identifier: MIT */
/* reaping.c: what nobody needed for a while goes back to the system, in steps. */
#include <config.h>

#include "base/lock.h"
#include "region.h"

/* A clock that runs ahead of every reaping so far. */
static uint64_t
later_ns (void)
{
  static uint64_t now_ns;

  if (now_ns == 0)
    now_ns = sy_os_now_ns ();
  return now_ns += 10 * SY_REAP_NS;
}

START_TEST (a_slab_is_touched_until_its_pages_are_gone)
{
  uint32_t slab;

  open_and_trim ();
  slab = sy_region_take (CLASS);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);
  sy_slab_at (slab)->touched = 5;
  sy_region_give (slab, 1);
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_msg (sy_slab_at (slab)->touched == 5, "its pages were there all the time");
  sy_region_give (slab, 1);
  (void) sy_region_purge ();
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);

  /* Reaping gives them back as trimming does. */
  sy_slab_at (slab)->touched = 5;
  sy_region_give (slab, 1);
  sy_region_reap (later_ns ());
  sy_region_reap (later_ns ());
  ck_assert_uint_eq (sy_region_dirty_bytes (), 0);
  ck_assert_uint_eq (sy_region_take (CLASS), slab);
  ck_assert_uint_eq (sy_slab_at (slab)->touched, 0);
  sy_region_give (slab, 1);
}
END_TEST

/* A whole reaping, if one is due; where a step was not enough the time moves on. */
static void
reap_whole (uint64_t *now_ns)
{
  do
    {
      sy_region_reap (*now_ns);
      *now_ns += (uint64_t) 1 << 20;
    }
  while (sy_region_reap_is_due (*now_ns));
}

START_TEST (reaping_gives_back_what_nobody_needed_for_a_while)
{
  size_t bytes = sy_class_slab_bytes (CLASS);

  open_and_trim ();

  uint64_t now_ns = later_ns ();

  reap_whole (&now_ns);
  sy_region_give (take_chain (CLASS, 7), 7);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_msg (sy_region_dirty_bytes () == 7 * bytes, "they came within the time");
  sy_region_reap (now_ns + SY_REAP_NS - SY_REAP_NS / 50);
  ck_assert_msg (sy_region_dirty_bytes () == 7 * bytes, "the time is not up");

  uint32_t chain = take_chain (CLASS, 3);

  sy_region_give (chain, 3);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_msg (sy_region_dirty_bytes () == 3 * bytes, "three were needed, four not");
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 0);
  (void) later_ns ();
}
END_TEST

START_TEST (reaping_is_done_in_bounded_steps)
{
  unsigned classes[] = { CLASS, OTHER }, count[2], units, steps = 1;
  uint32_t chain[2];
  size_t held, left;

  open_and_trim ();
  units = (uint32_t) 1 << sy_region.zone_shift >= 1024 ? 512 : 128; /* short zones: 32 bits */
  for (unsigned at = 0; at < 2; at++)
    {
      count[at] = slabs_for (classes[at], units);
      chain[at] = take_chain (classes[at], count[at]);
      for (uint32_t slab = chain[at]; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
        memset (sy_region_address (slab), 1, sy_class_slab_bytes (classes[at]));
    }
  for (unsigned at = 0; at < 2; at++)
    sy_region_give (chain[at], count[at]);
  held = sy_region_dirty_bytes ();
  ck_assert_uint_ge (held, 2 * units * SY_UNIT_BYTES);

  uint64_t now_ns = later_ns ();

  reap_whole (&now_ns);
  ck_assert_msg (sy_region_dirty_bytes () == held, "they came within the time");
  now_ns += SY_REAP_NS;
  sy_region_reap (now_ns);
  left = sy_region_dirty_bytes ();
  ck_assert_uint_lt (left, held);
  ck_assert_uint_gt (left, 0);
  ck_assert (!sy_region_reap_is_due (now_ns));
  sy_region_reap (now_ns);
  ck_assert_msg (sy_region_dirty_bytes () == left, "not at once");
  for (; sy_region_dirty_bytes () != 0; steps++)
    {
      now_ns += (uint64_t) 1 << 20;
      ck_assert (sy_region_reap_is_due (now_ns));
      sy_region_reap (now_ns);
    }
  ck_assert_uint_gt (steps, 2);
  (void) later_ns ();
}
END_TEST

/* A caller that asked for the time before another thread stepped begins nothing. */
START_TEST (a_clock_that_is_behind_begins_no_reaping)
{
  uint64_t now_ns;

  open_and_trim ();
  now_ns = later_ns ();
  reap_whole (&now_ns);
  sy_region_give (take_chain (CLASS, 7), 7);
  now_ns += SY_REAP_NS;
  reap_whole (&now_ns);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 7 * sy_class_slab_bytes (CLASS));
  ck_assert (!sy_region_reap_is_due (now_ns - 4000000));
  sy_region_reap (now_ns - 4000000);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 7 * sy_class_slab_bytes (CLASS));
  (void) sy_region_purge ();
  (void) later_ns ();
}
END_TEST

START_TEST (a_busy_region_is_not_reaped)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 5), 5);
  sy_region_reap (later_ns ());
  sy_lock_take (sy_region_lock ());
  sy_region_reap (later_ns ()); /* would wait for ever */
  sy_lock_release (sy_region_lock ());
  ck_assert_uint_eq (sy_region_dirty_bytes (), 5 * sy_class_slab_bytes (CLASS));
}
END_TEST

void
region_add_reaping (Suite *suite)
{
  TCase *tests = test_case (suite, "reaping", 20);

  tcase_add_loop_test (tests, a_slab_is_touched_until_its_pages_are_gone, 0, LENGTHS);
  tcase_add_loop_test (tests, reaping_gives_back_what_nobody_needed_for_a_while, 0, LENGTHS);
  tcase_add_loop_test (tests, reaping_is_done_in_bounded_steps, 0, LENGTHS);
  tcase_add_loop_test (tests, a_clock_that_is_behind_begins_no_reaping, 0, LENGTHS);
  tcase_add_loop_test (tests, a_busy_region_is_not_reaped, 0, LENGTHS);
}
