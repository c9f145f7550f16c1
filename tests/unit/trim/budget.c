/* SPDX-License-Identifier: MIT */
/* budget.c: a thread's budget goes to the classes that use it, and shrinks as threads come. */
#include <config.h>

#include "trim.h"
#include "threads.h"

#define THREADS 16u

START_TEST (budget_goes_to_the_class_that_uses_it)
{
  struct sy_cache *cache = mine ();
  AO_t caches = AO_load (&a->domain.participants);
  uint64_t began_ns = cache->last_trim_ns;
  unsigned most = sy_size_classes[FEW].capacity;

  /* As if there were many: more is asked for than there is budget for, and is idle afterwards. */
  AO_store (&a->domain.participants, 1000);
  for (unsigned class = 1; class < FEW; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 250);
  ck_assert_uint_le (budget_of (cache), SY_BUDGET_LEAST);
  ck_assert (budget_of (cache) + 2 * (size_t) most * sy_size_classes[FEW].bytes > SY_BUDGET_LEAST
             || cache->last_trim_ns != began_ns);
  for (unsigned times = 0; times < 1000 && cache->capacity[FEW] < most; times++)
    use (FEW, 250);
  ck_assert_uint_eq (cache->capacity[FEW], most);
  ck_assert_uint_le (budget_of (cache), SY_BUDGET_LEAST);
  AO_store (&a->domain.participants, caches);
}
END_TEST

START_TEST (a_thread_comes_down_to_its_share_when_others_come)
{
  struct sy_cache *cache = mine ();
  AO_t caches = AO_load (&a->domain.participants);

  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 64);
  ck_assert_uint_gt (budget_of (cache), SY_BUDGET_LEAST);
  /* All are used: none is idle. */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned times = 0; times < 4; times++)
      use (class, 64);
  use (CLASS, 64);
  AO_store (&a->domain.participants, 1000);
  look (CLASS);
  ck_assert_uint_le (budget_of (cache), SY_BUDGET_LEAST);
  ck_assert_uint_ne (cache->capacity[CLASS], 0);
  AO_store (&a->domain.participants, caches);
}
END_TEST

/* The largest class, full-grown: alone more than the least share. */
static unsigned
grow_largest (struct sy_cache *cache)
{
  unsigned largest = SY_CLASSES - 1;

  for (unsigned times = 0; times < 8; times++)
    use (largest, 64);
  ck_assert_uint_eq (cache->capacity[largest], sy_size_classes[largest].capacity);
  ck_assert_uint_gt (budget_of (cache), SY_BUDGET_LEAST);
  return largest;
}

START_TEST (a_class_that_is_missed_comes_down_when_others_come)
{
  struct sy_cache *cache = mine ();
  unsigned largest = grow_largest (cache);
  AO_t caches = AO_load (&a->domain.participants);

  AO_store (&a->domain.participants, 1000);
  look (largest);
  ck_assert_uint_eq (cache->capacity[largest], 1);
  ck_assert_uint_le (budget_of (cache), SY_BUDGET_LEAST);
  AO_store (&a->domain.participants, caches);
}
END_TEST

START_TEST (a_thread_keeps_its_budget_while_no_more_come)
{
  struct sy_cache *cache = mine ();
  unsigned largest = grow_largest (cache);
  AO_t caches = AO_load (&a->domain.participants);

  use (CLASS, 64);
  AO_store (&a->domain.participants, 1000);
  cache->last_participants = 1000;
  /* It is in use, however long this took, and memory has not grown. */
  cache->last_calls[largest] = 0;
  cache->missed |= UINT64_C (1) << largest;
  cache->last_growths = AO_load (&sy_range.growths);
  look (CLASS);
  ck_assert_uint_eq (cache->capacity[largest], sy_size_classes[largest].capacity);
  AO_store (&a->domain.participants, caches);
}
END_TEST

/* The magazines count against the limit, so they may have a part of it only. */
START_TEST (of_a_limit_the_magazines_have_an_eighth)
{
  enum { MIB = 1 << 20 };
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  ck_assert_uint_eq (a->budget, SY_BUDGET_ALL);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
  options.max_bytes = 8 * MIB;
  a = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (a);
  for (unsigned round = 0; round < 4; round++)
    for (unsigned class = 1; class < class_of_blocks (8 << 10); class++)
      use (class, 100);
  ck_assert_uint_le (budget_of (mine ()), MIB);
  ck_assert_uint_gt (budget_of (mine ()), MIB / 2);
}
END_TEST

/* What all classes have at their beginning, whatever the share: 8 blocks, 8 KiB or one block
   twice. */
static size_t
budget_first (void)
{
  size_t budget = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t bytes = sy_size_classes[class].bytes, first = SY_CAPACITY_FIRST_BYTES / bytes;

      budget += 2 * bytes
                * (first == 0                  ? 1
                   : first < SY_CAPACITY_FIRST ? first
                                               : SY_CAPACITY_FIRST);
    }
  return budget;
}

static pthread_barrier_t barrier;

/* Uses every class, when all threads have their caches; adds to *held how many bytes it holds
   then. */
static void *
use_all (void *held)
{
  struct sy_cache *cache = mine ();
  size_t bytes = 0;

  pthread_barrier_wait (&barrier);
  for (unsigned times = 0; times < 4; times++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      use (class, 256);
  test_must (budget_of (cache) <= SY_BUDGET_ALL / THREADS + budget_first (),
             "%zu bytes of budget", cache->budget_used);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    bytes += held_of (cache, class) * (size_t) sy_size_classes[class].bytes;
  sy_shared_add (held, bytes);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

/* Threads that idle keep what they hold: all of them together not much. */
START_TEST (many_threads_share_the_budget)
{
  pthread_t thread[THREADS];
  AO_t held = 0;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (use_all, &held);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  ck_assert_uint_eq (AO_load (&a->domain.participants), THREADS);
  ck_assert_uint_le (AO_load (&held), SY_BUDGET_ALL + THREADS * budget_first ());
  pthread_barrier_wait (&barrier);
  threads_join (thread, THREADS);
  ck_assert_uint_eq (AO_load (&a->domain.participants), 0);
}
END_TEST

void
trim_add_budget (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "budget", 60, tear_down);

  tcase_add_test (tests, budget_goes_to_the_class_that_uses_it);
  tcase_add_test (tests, a_thread_comes_down_to_its_share_when_others_come);
  tcase_add_test (tests, a_class_that_is_missed_comes_down_when_others_come);
  tcase_add_test (tests, a_thread_keeps_its_budget_while_no_more_come);
  tcase_add_test (tests, of_a_limit_the_magazines_have_an_eighth);
  tcase_add_test (tests, many_threads_share_the_budget);
}
