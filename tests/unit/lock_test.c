/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "child.h"
#include "base/lock.h"
#include "base/tuning.h"
#include "base/os.h"
#include "suite.h"
#include "threads.h"

#define THREADS 4
#define ROUNDS 20000

static struct sy_timed_lock timed;
static unsigned long guarded;

START_TEST (a_lock_that_is_held_is_not_taken_by_trying)
{
  struct sy_lock lock = SY_LOCK_INIT (SY_RANK_RANGE);

  sy_lock_take (&lock);
  ck_assert_int_ne (pthread_mutex_trylock (&lock.mutex), 0);
  sy_lock_release (&lock);
  ck_assert (sy_lock_try (&lock));
  ck_assert_int_ne (pthread_mutex_trylock (&lock.mutex), 0);
  sy_lock_release (&lock);
}
END_TEST

START_TEST (memory_of_zeros_is_an_open_lock)
{
  static const pthread_mutex_t initial = PTHREAD_MUTEX_INITIALIZER;
  struct sy_lock lock;

  memset (&lock, 0, sizeof lock);
  ck_assert_mem_eq (&lock.mutex, &initial, sizeof initial);
  sy_lock_set_rank (&lock, SY_RANK_RANGE);
  ck_assert (sy_lock_try (&lock));
  sy_lock_release (&lock);
  sy_lock_take (&lock);
  sy_lock_release (&lock);
}
END_TEST

static void *
try_it (void *lock)
{
  return sy_timed_lock_try (lock) ? lock : NULL;
}

START_TEST (a_failed_try_counts_nothing)
{
  void *got;

  memset (&timed, 0, sizeof timed);
  sy_lock_set_rank (&timed.lock, SY_RANK_BIN);
  sy_timed_lock_take (&timed);
  got = in_a_thread (try_it, &timed);
  ck_assert_ptr_null (got);
  ck_assert_uint_eq (timed.acquisitions, 1);
  ck_assert_uint_eq (timed.contention, 0);
  sy_timed_lock_release (&timed);
}
END_TEST

START_TEST (an_uncontended_lock_counts_acquisitions_only)
{
  memset (&timed, 0, sizeof timed);
  sy_lock_set_rank (&timed.lock, SY_RANK_BIN);
  for (unsigned round = 0; round < 10; round++)
    {
      sy_timed_lock_take (&timed);
      sy_timed_lock_release (&timed);
      ck_assert (sy_timed_lock_try (&timed));
      sy_timed_lock_release (&timed);
    }
  ck_assert_uint_eq (timed.acquisitions, 20);
  ck_assert_uint_eq (timed.contention, 0);
  ck_assert_uint_eq (timed.wait_ns, 0);
}
END_TEST

/* The first hold and each SY_HOLDS_TIMED-th after it, however the lock was taken. */
START_TEST (one_hold_in_some_is_timed_and_counts_for_all)
{
  memset (&timed, 0, sizeof timed);
  sy_lock_set_rank (&timed.lock, SY_RANK_BIN);
  for (unsigned hold = 0; hold < 2 * SY_HOLDS_TIMED; hold++)
    {
      AO_t held = timed.hold_ns;

      if (hold % 3 == 0)
        ck_assert (sy_timed_lock_try (&timed));
      else
        sy_timed_lock_take (&timed);
      usleep (2000);
      sy_timed_lock_release (&timed);
      if (hold % SY_HOLDS_TIMED == 0)
        ck_assert_uint_ge (timed.hold_ns - held, SY_HOLDS_TIMED * 2000000);
      else
        ck_assert_uint_eq (timed.hold_ns, held);
    }
}
END_TEST

static AO_t asking;

static void *
take_it (void *lock)
{
  AO_store_release (&asking, 1);
  sy_timed_lock_take (lock);
  sy_timed_lock_release (lock);
  return NULL;
}

START_TEST (a_wait_is_counted_once_and_timed)
{
  pthread_t thread;

  memset (&timed, 0, sizeof timed);
  AO_store (&asking, 0);
  sy_lock_set_rank (&timed.lock, SY_RANK_BIN);
  sy_timed_lock_take (&timed);
  thread = thread_start (take_it, &timed);
  while (!AO_load_acquire (&asking))
    sched_yield ();
  /* The other thread is about to find the lock taken: all of this is its wait, but for the
     moment that it takes to ask. */
  usleep (200000);
  sy_timed_lock_release (&timed);
  (void) thread_join (thread);
  ck_assert_uint_eq (timed.acquisitions, 2);
  ck_assert_uint_eq (timed.contention, 1);
  ck_assert_uint_gt (timed.wait_ns, 0);
  ck_assert_uint_lt (timed.wait_ns, UINT64_C (60000000000));
  ck_assert_uint_ge (timed.hold_ns, 200000000);
}
END_TEST

static void *
add_guarded (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);

  for (unsigned round = 0; round < ROUNDS; round++)
    {
      if (test_random_below (&random, 2) == 0)
        sy_timed_lock_take (&timed);
      else
        while (!sy_timed_lock_try (&timed))
          sched_yield ();
      guarded++;
      sy_timed_lock_release (&timed);
    }
  return NULL;
}

START_TEST (many_threads_are_let_in_one_at_a_time_and_all_counted)
{
  memset (&timed, 0, sizeof timed);
  sy_lock_set_rank (&timed.lock, SY_RANK_BIN);
  guarded = 0;
  in_threads (THREADS, add_guarded, 0);
  ck_assert_uint_eq (guarded, THREADS * ROUNDS);
  ck_assert_uint_eq (timed.acquisitions, THREADS * ROUNDS);
  ck_assert_uint_le (timed.contention, THREADS * ROUNDS);
}
END_TEST

static int
take_in_order (void *order)
{
  struct sy_lock lock[2] = { SY_LOCK_INIT (0), SY_LOCK_INIT (0) };
  const enum sy_rank *rank = order;

  sy_lock_set_rank (&lock[0], rank[0]);
  sy_lock_set_rank (&lock[1], rank[1]);
  sy_lock_take (&lock[0]);
  sy_lock_take (&lock[1]);
  sy_lock_release (&lock[1]);
  sy_lock_release (&lock[0]);
  return 0;
}

static int
try_in_order (void *order)
{
  struct sy_lock lock[2] = { SY_LOCK_INIT (0), SY_LOCK_INIT (0) };
  const enum sy_rank *rank = order;

  sy_lock_set_rank (&lock[0], rank[0]);
  sy_lock_set_rank (&lock[1], rank[1]);
  sy_lock_take (&lock[0]);
  return !sy_lock_try (&lock[1]);
}

static bool
aborted_for_order (struct child child)
{
  return WIFSIGNALED (child.status) && WTERMSIG (child.status) == SIGABRT
         && strncmp (child.text, "sydra-alloc: lock: 0x", 21) == 0
         && strstr (child.text, ": taken out of rank order\n") != NULL;
}

START_TEST (debug_builds_find_locks_out_of_rank_order)
{
  for (unsigned first = SY_RANK_REGISTRY; first <= SY_RANK_RANGE; first++)
    for (unsigned second = SY_RANK_REGISTRY; second <= SY_RANK_RANGE; second++)
      {
        enum sy_rank order[2] = { first, second };
        /* Two bins, stripes, limbos or domains at once are for a fork. */
        bool many = first >= SY_RANK_DOMAIN && first <= SY_RANK_BIN;
        bool allowed = first < second || (first == second && many);
        struct child taken = child_run (take_in_order, order),
                     tried = child_run (try_in_order, order);

        if (SY_DEBUG && !allowed)
          ck_assert_msg (aborted_for_order (taken) && aborted_for_order (tried),
                         "%u then %u: not found", first, second);
        else
          ck_assert_msg (taken.status == 0 && tried.status == 0, "%u then %u: %s%s", first, second,
                         taken.text, tried.text);
      }
}
END_TEST

START_TEST (a_released_rank_may_be_taken_again)
{
  enum sy_rank order[2] = { SY_RANK_REGISTRY, SY_RANK_RANGE };

  for (unsigned round = 0; round < 3; round++)
    ck_assert_int_eq (take_in_order (order), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("lock");
  TCase *tests = test_case (suite, "locks", 30);

  tcase_add_test (tests, a_lock_that_is_held_is_not_taken_by_trying);
  tcase_add_test (tests, memory_of_zeros_is_an_open_lock);
  tcase_add_test (tests, a_failed_try_counts_nothing);
  tcase_add_test (tests, an_uncontended_lock_counts_acquisitions_only);
  tcase_add_test (tests, one_hold_in_some_is_timed_and_counts_for_all);
  tcase_add_test (tests, a_wait_is_counted_once_and_timed);
  tcase_add_test (tests, many_threads_are_let_in_one_at_a_time_and_all_counted);
  tcase_add_test (tests, debug_builds_find_locks_out_of_rank_order);
  tcase_add_test (tests, a_released_rank_may_be_taken_again);
  return test_run (suite);
}
