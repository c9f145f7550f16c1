/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "base/metadata.h"
#include "child.h"
#include "thread/handle.h"
#include "suite.h"
#include "threads.h"

#define THREADS 4

START_TEST (a_handle_starts_zeroed_and_named_and_lives_from_publish_to_withdraw)
{
  static const char name[] = "a name of more than thirty-one bytes, cut";
  struct sydra_alloc *a = sy_handle_take (name, 12345);

  ck_assert_ptr_nonnull (a);
  ck_assert_uint_ne (a->state, SY_HANDLE_LIVE);
  ck_assert_uint_eq (a->max_bytes, 12345);
  ck_assert_uint_eq (strlen (a->name), SY_NAME_BYTES - 1);
  ck_assert_int_eq (strncmp (a->name, name, SY_NAME_BYTES - 1), 0);
  ck_assert_uint_eq (a->charged, 0);
  ck_assert_ptr_null (a->domain.first);
  sy_handle_enlist (a);
  ck_assert_uint_eq (a->state, SY_HANDLE_LIVE);
  sy_handle_check (a, "test");
  sy_handle_withdraw (a);
  ck_assert_uint_eq (a->state, SY_HANDLE_DEAD);
  sy_handle_give (a);
}
END_TEST

START_TEST (a_name_is_cut_between_characters)
{
  struct sydra_alloc *a = sy_handle_take ("thirty characters and no more \xc3\xa9t\xc3\xa9", 0);

  ck_assert_str_eq (a->name, "thirty characters and no more ");
  sy_handle_give (a);
}
END_TEST

START_TEST (a_stale_pointer_stays_stale_for_long)
{
  struct sydra_alloc *a = sy_handle_take ("", 0), *next;

  sy_handle_give (a);
  for (unsigned at = 1; at < SY_HANDLES_FRESH; at++)
    {
      next = sy_handle_take ("", 0);
      ck_assert_ptr_ne (next, a);
      sy_handle_give (next);
    }
  next = sy_handle_take ("", 0);
  ck_assert_msg (next == a, "the one that has been dead the longest");
  sy_handle_give (next);
}
END_TEST

START_TEST (dead_handles_are_used_again_before_more_memory_is)
{
  struct sydra_alloc *seen[SY_HANDLES_FRESH];
  unsigned count = 0;

  for (unsigned round = 0; round < 5000; round++)
    {
      struct sydra_alloc *a = sy_handle_take ("", 0);
      unsigned at = 0;

      ck_assert_ptr_nonnull (a);
      while (at < count && seen[at] != a)
        at++;
      test_must (at < SY_HANDLES_FRESH, "one more handle in round %u", round);
      if (at == count)
        seen[count++] = a;
      sy_handle_give (a);
    }
  ck_assert_uint_eq (count, SY_HANDLES_FRESH);
}
END_TEST

#define MANY (2 * SY_HANDLES_FRESH)

START_TEST (more_handles_live_at_once_and_each_has_its_own_number)
{
  struct sydra_alloc *a[MANY], *dead;
  unsigned number;

  for (unsigned at = 0; at < MANY; at++)
    {
      a[at] = sy_handle_take ("", 0);
      ck_assert_ptr_nonnull (a[at]);
      for (unsigned other = 0; other < at; other++)
        test_must (a[other] != a[at] && a[other]->number != a[at]->number, "%u is %u again", at,
                   other);
    }
  dead = a[MANY / 2];
  number = dead->number;
  sy_handle_give (dead);
  ck_assert_ptr_eq (sy_handle_take ("", 0), dead);
  ck_assert_uint_eq (dead->number, number);
  for (unsigned at = 0; at < MANY; at++)
    sy_handle_give (a[at]);
}
END_TEST

static int
check_it (void *a)
{
  sy_handle_check (a, "call");
  return 0;
}

START_TEST (what_is_no_live_handle_is_reported)
{
  struct sydra_alloc *a = sy_handle_take ("", 0), *dead = sy_handle_take ("", 0),
                     *unborn = sy_handle_take ("", 0);
  /* Not a handle's, and not a pointer that differs by its alignment. */
  void *other = sy_metadata_take (sizeof *a, __alignof__ (struct sydra_alloc));
  char line[128];
  int local;

  sy_handle_enlist (a);
  sy_handle_enlist (dead);
  sy_handle_withdraw (dead);
  sy_handle_give (dead);
  ck_assert_int_eq (child_run (check_it, a).status, 0);
  child_must_abort (check_it, NULL, "sydra-alloc: call: 0x0: the handle is NULL\n");
  snprintf (line, sizeof line, "sydra-alloc: call: %p: a destroyed handle\n", (void *) dead);
  child_must_abort (check_it, dead, line);
  snprintf (line, sizeof line, "sydra-alloc: call: %p: no handle\n", (void *) &local);
  child_must_abort (check_it, &local, line);
  snprintf (line, sizeof line, "sydra-alloc: call: %p: no handle\n", (void *) ((char *) a + 8));
  child_must_abort (check_it, (char *) a + 8, line);
  snprintf (line, sizeof line, "sydra-alloc: call: %p: no handle\n", (void *) unborn);
  child_must_abort (check_it, unborn, line);
  ck_assert_ptr_nonnull (other);
  snprintf (line, sizeof line, "sydra-alloc: call: %p: no handle\n", other);
  child_must_abort (check_it, other, line);
  child_must_abort (check_it, (void *) 1, "sydra-alloc: call: 0x1: no handle\n");
  sy_handle_withdraw (a);
  sy_handle_give (a);
  sy_handle_give (unborn);
}
END_TEST

START_TEST (a_charge_is_made_whole_or_not_at_all)
{
  struct sydra_alloc *a = sy_handle_take ("", 1000);

  ck_assert (!sy_handle_charge (a, 1001));
  ck_assert (!sy_handle_charge (a, SIZE_MAX));
  ck_assert_uint_eq (a->charged, 0);
  ck_assert (sy_handle_charge (a, 600));
  ck_assert (!sy_handle_charge (a, 401));
  ck_assert (!sy_handle_charge (a, SIZE_MAX - 100));
  ck_assert (sy_handle_charge (a, 400));
  ck_assert (sy_handle_charge (a, 0));
  ck_assert (!sy_handle_charge (a, 1));
  ck_assert_uint_eq (a->charged, 1000);
  sy_handle_discharge (a, 1000);
  ck_assert_uint_eq (a->charged, 0);
  sy_handle_give (a);
}
END_TEST

START_TEST (without_a_limit_nothing_is_charged)
{
  struct sydra_alloc *a = sy_handle_take ("", 0);

  ck_assert (sy_handle_charge (a, SIZE_MAX));
  sy_handle_discharge (a, 17);
  sy_handle_recharge (a, 17, 18);
  ck_assert_uint_eq (a->charged, 0);
  sy_handle_give (a);
}
END_TEST

static AO_t held_by_all;

static void *
charge_and_discharge (void *argument)
{
  struct sydra_alloc *a = argument;
  struct test_random random = test_random_make ((uint64_t) pthread_self ());

  for (unsigned step = 0; step < 100000; step++)
    {
      size_t bytes = test_random_below (&random, 400);

      if (!sy_handle_charge (a, bytes))
        continue;
      /* What is really held is at most what is charged. */
      test_must (AO_fetch_and_add (&held_by_all, bytes) + bytes <= 1000, "over the limit");
      AO_fetch_and_add (&held_by_all, (AO_t) 0 - bytes);
      sy_handle_discharge (a, bytes);
    }
  return NULL;
}

START_TEST (threads_together_stay_within_the_limit)
{
  struct sydra_alloc *a = sy_handle_take ("", 1000);
  pthread_t thread[THREADS];

  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (charge_and_discharge, a);
  threads_join (thread, THREADS);
  ck_assert_uint_eq (a->charged, 0);
  sy_handle_give (a);
}
END_TEST

static unsigned visits;

static void
count_visit (struct sydra_alloc *a)
{
  (void) a;
  visits++;
}

START_TEST (each_live_handle_is_visited_once)
{
  struct sydra_alloc *a[10];
  unsigned before;

  sy_lock_take (sy_registry_lock ());
  visits = 0;
  sy_handle_each (count_visit);
  before = visits;
  sy_lock_release (sy_registry_lock ());
  for (unsigned at = 0; at < 10; at++)
    {
      a[at] = sy_handle_take ("", 0);
      if (at < 7)
        sy_handle_enlist (a[at]);
    }
  sy_lock_take (sy_registry_lock ());
  visits = 0;
  sy_handle_each (count_visit);
  sy_lock_release (sy_registry_lock ());
  ck_assert_uint_eq (visits, before + 7);
  for (unsigned at = 0; at < 10; at++)
    {
      sy_handle_withdraw (a[at]);
      sy_handle_give (a[at]);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("handle");
  TCase *tests = test_case (suite, "handles", 20);

  tcase_add_test (tests, a_handle_starts_zeroed_and_named_and_lives_from_publish_to_withdraw);
  tcase_add_test (tests, a_name_is_cut_between_characters);
  tcase_add_test (tests, a_stale_pointer_stays_stale_for_long);
  tcase_add_test (tests, dead_handles_are_used_again_before_more_memory_is);
  tcase_add_test (tests, more_handles_live_at_once_and_each_has_its_own_number);
  tcase_add_test (tests, what_is_no_live_handle_is_reported);
  tcase_add_test (tests, a_charge_is_made_whole_or_not_at_all);
  tcase_add_test (tests, without_a_limit_nothing_is_charged);
  tcase_add_test (tests, threads_together_stay_within_the_limit);
  tcase_add_test (tests, each_live_handle_is_visited_once);
  return test_run (suite);
}
