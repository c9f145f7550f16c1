/* SPDX-License-Identifier: MIT */
/* contract_deferred_threads.c: what other threads deferred, and sections in a child of fork. */
#include <config.h>

#include <sys/wait.h>

#include "sections.h"

static void *
defer_some (void *argument)
{
  for (unsigned at = 0; at < 100; at++)
    if (sydra_free_deferred (argument, sydra_malloc (argument, 64)) != 0)
      return NULL;
  return argument;
}

START_TEST (what_an_ended_thread_deferred_comes_back)
{
  void *result;

  result = in_a_thread (defer_some, a);
  ck_assert_ptr_eq (result, a);
  ck_assert_uint_eq (deferred (a), 100);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

struct idler
{
  pthread_barrier_t deferred, end;
};

static void *
defer_and_idle (void *argument)
{
  struct idler *idler = argument;
  void *result = defer_some (a);

  pthread_barrier_wait (&idler->deferred);
  pthread_barrier_wait (&idler->end);
  return result;
}

static void
with_an_idler (void (*body) (void))
{
  struct idler idler;
  pthread_t thread;
  void *result;

  ck_assert_int_eq (pthread_barrier_init (&idler.deferred, NULL, 2), 0);
  ck_assert_int_eq (pthread_barrier_init (&idler.end, NULL, 2), 0);
  thread = thread_start (defer_and_idle, &idler);
  pthread_barrier_wait (&idler.deferred);
  body ();
  pthread_barrier_wait (&idler.end);
  result = thread_join (thread);
  ck_assert_ptr_eq (result, a);
}

static void
collect_once (void)
{
  ck_assert_uint_eq (deferred (a), 100);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}

START_TEST (what_an_idle_thread_deferred_comes_back_at_a_collection)
{
  with_an_idler (collect_once);
}
END_TEST

static void
defer_until_the_idlers_are_gone (void)
{
  unsigned rounds = 0;

  usleep (200000);
  ck_assert_uint_gt (contract_stats (a).deferred_oldest_ns, 200000000);
  /* Its own wait for a moment only, so what is old is the idler's. */
  while (contract_stats (a).deferred_oldest_ns > 100000000)
    {
      for (unsigned at = 0; at < 1000; at++)
        must_defer (a, must_malloc (a, 256));
      ck_assert_uint_lt (++rounds, 1000);
    }
}

START_TEST (what_an_idle_thread_deferred_comes_back_while_others_defer)
{
  with_an_idler (defer_until_the_idlers_are_gone);
}
END_TEST

START_TEST (a_section_ends_with_its_thread)
{
  struct guest guest;

  guest_come (&guest, a);
  guest.ends_inside = true;
  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_go (&guest);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

/* Destructors that run after the thread's cache is gone enter, defer and leave all the same. */
static pthread_key_t late_key;

static void
late (void *value)
{
  static __thread unsigned rounds;

  if (++rounds < 3)
    {
      (void) pthread_setspecific (late_key, value);
      return;
    }

  uint64_t epoch = sydra_epoch_enter (value);

  if (sydra_free_deferred (value, sydra_malloc (value, 64)) != 0
      || sydra_free_deferred (value, sydra_malloc (value, 1000)) != 0)
    abort ();
  sydra_epoch_leave (value, epoch);
}

static void *
end_late (void *argument)
{
  sydra_free (argument, sydra_malloc (argument, 64));
  (void) pthread_setspecific (late_key, argument);
  return NULL;
}

START_TEST (destructors_of_a_thread_enter_and_defer)
{
  ck_assert_int_eq (pthread_key_create (&late_key, late), 0);
  for (unsigned at = 0; at < 20; at++)
    (void) in_a_thread (end_late, a);
  ck_assert_uint_eq (contract_stats (a).deferred_reclaimed + deferred (a), 40);
  (void) sydra_collect (a);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
  ck_assert_int_eq (pthread_key_delete (late_key), 0);
}
END_TEST

static int
child_status (pid_t child)
{
  int status;

  ck_assert_int_gt (child, 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  return status;
}

START_TEST (a_child_of_fork_keeps_its_own_section_and_no_other_threads)
{
  struct guest guest;
  uint64_t epoch;
  pid_t child;

  guest_come (&guest, a);
  must_defer (a, must_malloc (a, 64));
  epoch = sydra_epoch_enter (a);
  child = fork ();
  if (child == 0)
    {
      (void) sydra_collect (a);
      if (deferred (a) != 1)
        _exit (1);
      sydra_epoch_leave (a, epoch);
      (void) sydra_collect (a);
      if (deferred (a) != 0 || sydra_epoch_synchronize (a) != 0)
        _exit (2);
      for (unsigned at = 0; at < 50000; at++)
        if (sydra_free_deferred (a, sydra_malloc (a, 64)) != 0)
          _exit (3);
      (void) sydra_collect (a);
      _exit (contract_stats (a).deferred_bytes == 0 ? 0 : 4);
    }
  ck_assert_int_eq (child_status (child), 0);
  sydra_epoch_leave (a, epoch);
  guest_go (&guest);
}
END_TEST

void
contract_add_deferred_threads (Suite *suite)
{
  TCase *tests = contract_case (suite, "deferred threads", 60);

  tcase_add_test (tests, what_an_ended_thread_deferred_comes_back);
  tcase_add_test (tests, what_an_idle_thread_deferred_comes_back_at_a_collection);
  tcase_add_test (tests, what_an_idle_thread_deferred_comes_back_while_others_defer);
  tcase_add_test (tests, a_section_ends_with_its_thread);
  tcase_add_test (tests, destructors_of_a_thread_enter_and_defer);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, a_child_of_fork_keeps_its_own_section_and_no_other_threads);
}
