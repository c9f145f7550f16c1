/* SPDX-License-Identifier: MIT */
/* empties_test.c: empty magazines: whose they are, and how many there are. */
#include <config.h>

#include "pool/magazine.h"
#include "suite.h"
#include "threads.h"

#define THREADS 6
#define EXCHANGES (TEST_SANITIZED ? 10000u : 100000u)  /* a thread */
#define HELD 32u  /* magazines that a thread holds at most */

START_TEST (magazines_given_back_are_taken_again)
{
  struct sy_magazine *taken[300];

  for (unsigned round = 0; round < 20; round++)
    {
      size_t bytes = sy_magazine_committed_bytes ();

      for (unsigned at = 0; at < 300; at++)
        ck_assert_ptr_nonnull (taken[at] = sy_magazine_take ());
      if (round > 0)
        ck_assert_uint_eq (sy_magazine_committed_bytes (), bytes);
      for (unsigned at = 0; at < 300; at++)
        sy_magazine_give (taken[at]);
    }
}
END_TEST

static pthread_barrier_t turn;

/* Gives five more than others leave to it, lets the other thread take all that it can, and takes
   the rest again. */
static void *
give_and_take_again (void *argument)
{
  static struct sy_magazine *own[SY_EMPTIES_KEPT + 5];
  size_t bytes;

  (void) argument;
  sy_magazine_thread_joins ();
  for (unsigned at = 0; at < SY_EMPTIES_KEPT + 5; at++)
    test_must ((own[at] = sy_magazine_take ()) != NULL, "out of magazines");
  for (unsigned at = 0; at < SY_EMPTIES_KEPT + 5; at++)
    sy_magazine_give (own[at]);
  pthread_barrier_wait (&turn);
  pthread_barrier_wait (&turn);
  bytes = sy_magazine_committed_bytes ();
  for (unsigned at = 0; at < SY_EMPTIES_KEPT; at++)
    test_must ((own[at] = sy_magazine_take ()) != NULL, "out of magazines");
  test_must (sy_magazine_committed_bytes () == bytes, "the other thread took this thread's own");
  for (unsigned at = 0; at < SY_EMPTIES_KEPT; at++)
    sy_magazine_give (own[at]);
  sy_magazine_thread_quits ();
  return NULL;
}

START_TEST (a_thread_gets_back_its_own_and_others_take_what_lies_deeper)
{
  enum { MOST = 4096 };
  static struct sy_magazine *taken[MOST];
  unsigned count = 0;
  size_t bytes;
  pthread_t thread;

  ck_assert_int_eq (pthread_barrier_init (&turn, NULL, 2), 0);
  sy_magazine_thread_joins ();
  thread = thread_start (give_and_take_again, NULL);
  pthread_barrier_wait (&turn);
  bytes = sy_magazine_committed_bytes ();
  while (sy_magazine_committed_bytes () == bytes)
    {
      ck_assert_uint_lt (count, MOST);
      ck_assert_ptr_nonnull (taken[count++] = sy_magazine_take ());
    }
  /* The thread's five, and the new one. */
  ck_assert_uint_ge (count, 6);
  pthread_barrier_wait (&turn);
  (void) thread_join (thread);
  while (count != 0)
    sy_magazine_give (taken[--count]);
  sy_magazine_thread_quits ();
  pthread_barrier_destroy (&turn);
}
END_TEST

/* 20 magazines, and one once more. */
static void *
take_and_give_some (void *argument)
{
  struct sy_magazine *taken[20];

  (void) argument;
  sy_magazine_thread_joins ();
  for (unsigned at = 0; at < 20; at++)
    test_must ((taken[at] = sy_magazine_take ()) != NULL, "out of magazines");
  for (unsigned at = 0; at < 20; at++)
    sy_magazine_give (taken[at]);
  sy_magazine_give (sy_magazine_take ());
  sy_magazine_thread_quits ();
  return NULL;
}

/* Of a thread that goes on nothing could be spared here: there was no look since it took one. */
START_TEST (what_an_ended_thread_left_is_anybodys)
{
  struct sy_magazine *taken[4096];
  unsigned count = 0;
  size_t bytes;

  sy_magazine_thread_joins ();
  (void) in_a_thread (take_and_give_some, NULL);
  bytes = sy_magazine_committed_bytes ();
  while (sy_magazine_committed_bytes () == bytes)
    ck_assert_ptr_nonnull (taken[count++] = sy_magazine_take ());
  ck_assert_uint_ge (count, 20);
  while (count != 0)
    sy_magazine_give (taken[--count]);
  sy_magazine_thread_quits ();
}
END_TEST

START_TEST (the_next_thread_gets_what_the_last_one_left)
{
  size_t bytes;

  (void) in_a_thread (take_and_give_some, NULL);
  bytes = sy_magazine_committed_bytes ();
  for (unsigned round = 0; round < 200; round++)
    (void) in_a_thread (take_and_give_some, NULL);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), bytes);
}
END_TEST

static AO_t taken_in_all;
static pthread_mutex_t births = PTHREAD_MUTEX_INITIALIZER;

/* Do the threads have stacks of their own, or all the first one? */
static bool threads_join_in;

static void *
take_and_give (void *argument)
{
  struct test_random random = test_random_make (100 + (uint64_t) (uintptr_t) argument);
  struct sy_magazine *held[HELD];
  unsigned count = 0;

  test_must (pthread_mutex_lock (&births) == 0, "no lock");
  if (threads_join_in)
    sy_magazine_thread_joins ();
  test_must (pthread_mutex_unlock (&births) == 0, "no lock");
  for (unsigned step = 0; step < EXCHANGES; step++)
    if (count == 0 || (count < HELD && test_random_below (&random, 2)))
      {
        test_must ((held[count] = sy_magazine_take ()) != NULL, "out of magazines");
        held[count]->slot[7] = argument;
        count++;
        AO_fetch_and_add (&taken_in_all, 1);
      }
    else
      {
        test_must (held[--count]->slot[7] == argument, "an empty in two hands");
        sy_magazine_give (held[count]);
      }
  while (count > 0)
    sy_magazine_give (held[--count]);
  test_must (pthread_mutex_lock (&births) == 0, "no lock");
  sy_magazine_thread_quits ();
  test_must (pthread_mutex_unlock (&births) == 0, "no lock");
  return NULL;
}

START_TEST (threads_that_take_and_give_empties_share_a_bounded_number)
{
  size_t before = sy_magazine_committed_bytes (), most = THREADS * HELD * SY_MAGAZINE_BYTES;

  threads_join_in = _i == 1;
  if (threads_join_in)
    most += THREADS * SY_EMPTIES_KEPT * SY_MAGAZINE_BYTES;
  AO_store (&taken_in_all, 0);
  in_threads (THREADS, take_and_give, 1);
  ck_assert_uint_gt (AO_load (&taken_in_all), EXCHANGES);
  ck_assert_uint_le (sy_magazine_committed_bytes (), before + most + SY_STEP_MIN);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("empties");
  TCase *tests = test_case (suite, "empties", 60);

  tcase_add_test (tests, magazines_given_back_are_taken_again);
  tcase_add_test (tests, a_thread_gets_back_its_own_and_others_take_what_lies_deeper);
  tcase_add_test (tests, what_an_ended_thread_left_is_anybodys);
  tcase_add_test (tests, the_next_thread_gets_what_the_last_one_left);
  tcase_add_loop_test (tests, threads_that_take_and_give_empties_share_a_bounded_number, 0, 2);
  return test_run (suite);
}
