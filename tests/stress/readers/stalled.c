/* SPDX-License-Identifier: MIT */
/* stalled.c: what a reader that stays inside holds back is bounded. */
#include <config.h>

#include <errno.h>

#include "readers.h"
#include "threads.h"

#define SOAK_STALLED 10000000u

static void *
stay_inside (void *argument)
{
  uint64_t epoch = sydra_epoch_enter (a);

  pthread_barrier_wait (argument);
  while (!has_stopped ())
    usleep (1000);
  sydra_epoch_leave (a, epoch);
  return NULL;
}

START_TEST (a_stalled_reader_holds_back_no_more_than_the_limit)
{
  pthread_barrier_t inside;
  pthread_t thread;
  double until = now () + (soak ? 60 : 1), left;
  uint64_t refused = 0, count = 0;

  begin (SY_EPOCH_FIRST);
  ck_assert_int_eq (pthread_barrier_init (&inside, NULL, 2), 0);
  thread = thread_start (stay_inside, &inside);
  pthread_barrier_wait (&inside);
  for (; now () < until || (soak && count < SOAK_STALLED); count++)
    {
      struct block *block = make_block (0, 1);
      int error = sydra_free_deferred (a, block);

      test_must (error == 0 || error == EAGAIN, "error %d", error);
      if (error == 0)
        retired++;
      else
        {
          refused++;
          sydra_free (a, block);
        }
    }
  ck_assert_uint_eq (stats_now ().deferred_stalls, refused);
  ck_assert_uint_gt (refused, 100);
  ck_assert_uint_eq (retired, DEFERRED_MAX / sydra_usable_size (a, slots[0]));
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  (void) thread_join (thread);
  left = now ();
  finish ();
  ck_assert_msg (now () - left < 1, "it took %.3f s to get all back", now () - left);
  printf ("# %" PRIu64 " calls, %" PRIu64 " refused\n", count, refused);
}
END_TEST

void
readers_add_stalled (Suite *suite)
{
  TCase *tests = test_case (suite, "stalled", soak ? 1500 : 60);

  tcase_add_test (tests, a_stalled_reader_holds_back_no_more_than_the_limit);
}
