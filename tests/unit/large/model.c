/* SPDX-License-Identifier: MIT */
/*
 * model.c: random use, by one thread, by several and by children of forks.
 *
 * Threads and children of forks run the model: where nothing is wrong it leaves check alone
 * (child.h).
 */
#include <config.h>

#include "threads.h"
#include "unit/child.h"
#include "large.h"

/* Mostly small, now and then up to 8 MiB. */
static size_t
random_size (struct test_random *random)
{
  size_t most[] = { 300, 40 * KIB, 300 * KIB, 300 * KIB, 2 * MIB, 8 * MIB };

  return 1
         + test_random_below (
           random, most[test_random_below (random, test_random_below (random, 8) == 0 ? 6 : 4)]);
}

static void
model_malloc (struct live *live, struct test_random *random)
{
  live->size = random_size (random);
  live->mark = test_random_next (random);
  switch (test_random_below (random, 4))
    {
    case 0:
      live->block = sydra_calloc (a, 1, live->size);
      test_must (live->block != NULL, "no memory for %zu", live->size);
      must_be_zero (live->block, live->size);
      break;
    case 1:
      {
        size_t alignment = (size_t) 16 << test_random_below (random, 18);

        live->block = sydra_aligned_alloc (a, alignment, live->size);
        test_must (((uintptr_t) live->block & (alignment - 1)) == 0, "%p is not aligned to %zu",
                   (void *) live->block, alignment);
        break;
      }
    default:
      live->block = sydra_malloc (a, live->size);
    }
  test_must (live->block != NULL, "no memory for %zu", live->size);
  test_must (((uintptr_t) live->block & 15) == 0, "%p", (void *) live->block);
}

static void
model_realloc (struct live *live, struct test_random *random)
{
  size_t size = test_random_below (random, 2) == 0
                  ? random_size (random)
                  : live->size + test_random_below (random, live->size + 1);

  if (size > 8 * MIB)
    size = 8 * MIB;
  live->block = sydra_realloc (a, live->block, size);
  test_must (live->block != NULL, "no memory for %zu", size);
  must_be_stamped (live->block, size < live->size ? size : live->size, live->size, live->mark);
  live->size = size;
}

static void
model_step (struct live *live, struct test_random *random)
{
  if (live->block == NULL)
    model_malloc (live, random);
  else if (test_random_below (random, 3) == 0)
    model_realloc (live, random);
  else
    {
      must_be_stamped (live->block, live->size, live->size, live->mark);
      errno = 77;
      sydra_free (a, live->block);
      test_must (errno == 77, "free changed errno");
      live->block = NULL;
      return;
    }
  test_must (sydra_usable_size (a, live->block) >= live->size, "usable %zu of %zu",
             sydra_usable_size (a, live->block), live->size);
  live->block[sydra_usable_size (a, live->block) - 1] = 1;
  stamp (live->block, live->size, live->mark);
}

static void
model_end (struct live *live, size_t count)
{
  for (size_t at = 0; at < count; at++)
    if (live[at].block != NULL)
      {
        must_be_stamped (live[at].block, live[at].size, live[at].size, live[at].mark);
        sydra_free (a, live[at].block);
      }
}

START_TEST (blocks_keep_their_contents_under_random_use)
{
  static struct live live[64];
  struct test_random random = test_random_make (1);
  uint64_t now_ns = sy_os_now_ns ();
  unsigned steps = getenv ("SYDRA_SOAK") != NULL ? 150000 : test_steps (10000, 30000);

  for (unsigned step = 0; step < steps; step++)
    {
      model_step (&live[test_random_below (&random, 64)], &random);
      if (step % 64 == 0)
        sy_dirty_purge_step (now_ns += test_random_below (&random, 4) * SY_REAP_NS / 2);
      if (step % 5000 == 0)
        (void) sydra_collect (a);
      if (step % 2000 == 0)
        ck_assert (sy_units_are_valid ());
    }
  model_end (live, 64);
  (void) sydra_collect (a);
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.used, 0);
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

/* ---- Threads ---- */

#define THREADS 4
#define SHARED 16

static struct
{
  pthread_mutex_t lock;
  struct live live;
} shared[SHARED] = { [0 ... SHARED - 1] = { PTHREAD_MUTEX_INITIALIZER, { NULL, 0, 0 } } };

static void *
run_thread (void *number)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (100 + (uintptr_t) number);
  unsigned steps = test_steps (3000, 15000);

  for (unsigned step = 0; step < steps; step++)
    {
      size_t at = test_random_below (&random, 8), other = test_random_below (&random, SHARED);

      model_step (&own[at], &random);
      if (test_random_below (&random, 10) < 3)
        {
          struct live given = own[at];

          pthread_mutex_lock (&shared[other].lock);
          own[at] = shared[other].live;
          shared[other].live = given;
          pthread_mutex_unlock (&shared[other].lock);
        }
      if (step % 256 == 0)
        sy_dirty_purge_step (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sydra_collect (a);
    }
  model_end (own, 8);
  return NULL;
}

START_TEST (threads_free_each_others_blocks)
{
  in_threads (THREADS, run_thread, 0);
  for (unsigned at = 0; at < SHARED; at++)
    model_end (&shared[at].live, 1);
  (void) sydra_collect (a);
  ck_assert (sy_units_are_valid ());
  ck_assert_uint_eq (sy_range_runs.used, 0);
}
END_TEST

/* ---- Fork ---- */

static AO_t stop;

static void *
busy (void *number)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (200 + (uintptr_t) number);

  while (!AO_load (&stop))
    model_step (&own[test_random_below (&random, 8)], &random);
  model_end (own, 8);
  return NULL;
}

static int
in_child (void *block)
{
  struct live own[8] = { { NULL, 0, 0 } };
  struct test_random random = test_random_make (300);

  must_be_stamped (block, MIB, MIB, 21);
  block = sydra_realloc (a, block, 3 * MIB);
  must_be_stamped (block, MIB, MIB, 21);
  sydra_free (a, block);
  for (unsigned step = 0; step < 50; step++)
    model_step (&own[test_random_below (&random, 8)], &random);
  model_end (own, 8);
  (void) sydra_collect (a);
  return sy_units_are_valid () ? 0 : 1;
}

/* The library's fork handlers (fork.c) take the range's lock, and no child finds it taken. */
START_TEST (children_of_threaded_processes_allocate_and_free)
{
  pthread_t threads[2];
  char *block = sydra_malloc (a, MIB);

  stamp (block, MIB, 21);
  for (uintptr_t at = 0; at < 2; at++)
    threads[at] = thread_start (busy, (void *) at);
  for (unsigned round = 0; round < 40; round++)
    {
      struct child child = child_run (in_child, block);

      ck_assert_msg (WIFEXITED (child.status) && WEXITSTATUS (child.status) == 0,
                     "round %u: status %x: %s", round, (unsigned) child.status, child.text);
    }
  AO_store (&stop, 1);
  threads_join (threads, 2);
  must_be_stamped (block, MIB, MIB, 21);
  sydra_free (a, block);
}
END_TEST

void
large_add_model (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "model", 60, end_of_all);

  tcase_add_test (tests, blocks_keep_their_contents_under_random_use);
  tcase_add_test (tests, threads_free_each_others_blocks);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, children_of_threaded_processes_allocate_and_free);
}
