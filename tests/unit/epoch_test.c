/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "epoch/epoch.h"
#include "base/os.h"
#include "suite.h"

static struct sy_epoch epoch;
static struct sy_reader reader;

/* Near the wrap for the second half of the tests' numbers. */
static void
begin (int number)
{
  sy_epoch_prepare ();
  sy_epoch_open (&epoch);
  if (number != 0)
    AO_store (&epoch.now, (AO_t) 0 - (AO_t) number);
  reader = (struct sy_reader) { .thread = { 7, 7 } };
}

START_TEST (an_epoch_is_odd_and_moves_by_two)
{
  begin (_i == 0 ? 0 : 2 * _i - 1);
  for (unsigned at = 0; at < 10; at++)
    {
      AO_t left = sy_epoch_advance (&epoch), now = AO_load (&epoch.now);

      ck_assert_uint_eq (now, left + 2);
      ck_assert_uint_eq (now & 1, 1);
      ck_assert (sy_epoch_before (left, now));
      ck_assert (!sy_epoch_before (now, left));
      ck_assert (!sy_epoch_before (now, now));
    }
}
END_TEST

START_TEST (a_reader_publishes_the_epoch_of_its_outermost_section)
{
  begin (_i == 0 ? 0 : 2 * _i - 1);

  AO_t now = AO_load (&epoch.now), outer = sy_reader_enter (&reader, &epoch);

  ck_assert_uint_eq (outer, now);
  ck_assert_uint_eq (AO_load (&reader.epoch), now);
  (void) sy_epoch_advance (&epoch);
  ck_assert_uint_eq (sy_reader_enter (&reader, &epoch), now);
  ck_assert (!sy_reader_leave (&reader, sy_epoch_number (now) + 1));
  ck_assert (sy_reader_leave (&reader, sy_epoch_number (now)));
  ck_assert_uint_eq (AO_load (&reader.epoch), now);
  ck_assert (sy_reader_leave (&reader, sy_epoch_number (now)));
  ck_assert_uint_eq (AO_load (&reader.epoch), 0);
  ck_assert (!sy_reader_leave (&reader, sy_epoch_number (now)));
  ck_assert_uint_eq (sy_reader_enter (&reader, &epoch), now + 2);
}
END_TEST

START_TEST (the_oldest_epoch_of_all_readers_is_found)
{
  struct sy_reader more[5] = { { .depth = 0 } };
  struct sy_oldest oldest = { .epoch = 0 };

  begin (_i == 0 ? 0 : 2 * _i - 1);

  AO_t left = 0, first = AO_load (&epoch.now);

  for (unsigned at = 0; at < 5; at++)
    sy_reader_scan (&more[at], first, 1, &oldest);
  ck_assert_uint_eq (oldest.epoch, 0);
  for (unsigned at = 0; at < 5; at++)
    {
      more[(at + 3) % 5].thread.id = at + 1;
      (void) sy_reader_enter (&more[(at + 3) % 5], &epoch);
      left = sy_epoch_advance (&epoch);
    }
  for (unsigned at = 0; at < 5; at++)
    sy_reader_scan (&more[at], left, 1000, &oldest);
  ck_assert_uint_eq (oldest.epoch, first);
  ck_assert_int_eq (oldest.thread.id, 1);
  ck_assert_uint_eq (oldest.since_ns, 1000);
}
END_TEST

START_TEST (a_stay_is_measured_from_when_no_new_one_can_have_its_epoch)
{
  struct sy_oldest oldest = { .epoch = 0 };
  AO_t left;

  begin (0);
  left = sy_epoch_advance (&epoch);
  (void) sy_reader_enter (&reader, &epoch);
  sy_reader_scan (&reader, left, 100, &oldest);
  ck_assert_uint_eq (oldest.since_ns, 100);
  left = sy_epoch_advance (&epoch);
  oldest.epoch = 0;
  sy_reader_scan (&reader, left, 200, &oldest);
  ck_assert_uint_eq (oldest.since_ns, 200);
  oldest.epoch = 0;
  sy_reader_scan (&reader, left, 300, &oldest);
  ck_assert_uint_eq (oldest.since_ns, 200);
  ck_assert (sy_reader_leave (&reader, sy_epoch_number (AO_load (&reader.epoch))));
  (void) sy_reader_enter (&reader, &epoch);
  oldest.epoch = 0;
  sy_reader_scan (&reader, left, 400, &oldest);
  ck_assert_uint_eq (oldest.since_ns, 400);
}
END_TEST

START_TEST (the_barrier_is_there_in_both_kinds)
{
  begin (0);
  ck_assert_int_eq (sy_epoch_is_light, sy_os_barrier ());
  ck_assert (sy_epoch_barrier ());
  sy_epoch_is_light = false;
  ck_assert (sy_epoch_barrier ());
  sy_epoch_fence ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("epoch");
  TCase *tests = test_case (suite, "epochs", 20);

  tcase_add_loop_test (tests, an_epoch_is_odd_and_moves_by_two, 0, 8);
  tcase_add_loop_test (tests, a_reader_publishes_the_epoch_of_its_outermost_section, 0, 4);
  tcase_add_loop_test (tests, the_oldest_epoch_of_all_readers_is_found, 0, 6);
  tcase_add_test (tests, a_stay_is_measured_from_when_no_new_one_can_have_its_epoch);
  tcase_add_test (tests, the_barrier_is_there_in_both_kinds);
  return test_run (suite);
}
