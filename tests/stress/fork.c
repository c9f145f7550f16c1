/* SPDX-License-Identifier: MIT */
/*
 * fork.c: forks in the middle of everything.  Eight threads allocate, free, make and end handles; each child frees what its parent had,
 * allocates, starts threads and forks again, three deep.  A child that hangs is ended by its alarm, and that is a failure.
 */
#include <config.h>

#include <pthread.h>
#include <sys/wait.h>

#include "sydra/alloc.h"
#include "suite.h"

#define THREADS 8
#define FORKS (TEST_SANITIZED ? 30 : 200)
#define KEPT 500
#define DEPTH 3

static struct sydra_alloc *a;
static bool stop;  /* relaxed: a late answer costs one more round */

static void
one_round (struct test_random *random, void **held, unsigned count)
{
  void **block = &held[test_random_below (random, count)];
  size_t what = test_random_below (random, 2000);

  sydra_free (a, *block);
  *block = sydra_malloc (a, test_random_below (random, 16) == 0 ? 5000 : test_random_below (random, 257));
  if (what == 0)
    (void) sydra_collect (a);
  else if (what == 1)
    {
      struct sydra_alloc *other = sydra_alloc_create (NULL);

      if (other == NULL || sydra_malloc (other, 100) == NULL || sydra_alloc_destroy (other) != 1)
        abort ();
    }
}

static void *
disturb (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  void *held[300] = { NULL };

  while (!__atomic_load_n (&stop, __ATOMIC_RELAXED))
    one_round (&random, held, 300);
  for (unsigned at = 0; at < 300; at++)
    sydra_free (a, held[at]);
  return NULL;
}

static void *
use (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  void *held[300] = { NULL };

  for (unsigned round = 0; round < 3000; round++)
    one_round (&random, held, 300);
  for (unsigned at = 0; at < 300; at++)
    sydra_free (a, held[at]);
  return NULL;
}

static int
wait_for (pid_t child)
{
  int status;

  return child > 0 && waitpid (child, &status, 0) == child ? status : -1;
}

/* Frees the parent's blocks, lets threads run and forks again while they do; true in the grandchild, which has new ones in their place. */
static bool
live_and_fork (void **blocks, bool forks)
{
  pthread_t thread[2];
  int status = 0;

  alarm (TEST_SANITIZED ? 120 : 30);
  sydra_free_batch (a, KEPT, blocks);
  for (uintptr_t at = 0; at < 2; at++)
    if (pthread_create (&thread[at], NULL, use, (void *) (100 + at)) != 0)
      _exit (2);
  if (forks)
    {
      for (unsigned at = 0; at < KEPT; at++)
        blocks[at] = sydra_malloc (a, at);

      pid_t child = fork ();

      if (child == 0)
        return true;
      status = wait_for (child);
    }
  use (NULL);
  for (unsigned at = 0; at < 2; at++)
    pthread_join (thread[at], NULL);
  (void) sydra_collect (a);
  _exit (status == 0 ? 0 : 3);
}

static void
be_a_child (void **blocks, unsigned generations)
{
  while (live_and_fork (blocks, generations > 1))
    generations--;
}

START_TEST (the_child_of_a_threaded_process_allocates)
{
  pthread_t thread[THREADS];
  void *kept[KEPT];

  a = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (a);
  for (unsigned at = 0; at < KEPT; at++)
    ck_assert_ptr_nonnull (kept[at] = sydra_malloc (a, at));
  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, disturb, (void *) (at + 1)), 0);
  for (unsigned at = 0; at < FORKS; at++)
    {
      pid_t child = fork ();

      if (child == 0)
        be_a_child (kept, at % 10 == 0 ? DEPTH : 1);
      ck_assert_int_eq (wait_for (child), 0);
    }
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_join (thread[at], NULL), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (a), KEPT);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fork");
  TCase *tests = test_case (suite, "fork", 120);

  if (TEST_THREAD_SANITIZER)
    return test_skip_all ("ThreadSanitizer does not follow a threaded process through a fork");
  tcase_add_test (tests, the_child_of_a_threaded_process_allocates);
  return test_run (suite);
}
