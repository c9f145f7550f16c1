/* SPDX-License-Identifier: MIT */
/* threads.c: threads that end, handles that end before them, blocks that other threads free. */
#include <config.h>

#include "base/os.h"
#include "threads.h"
#include "thread_cache.h"

/* ---- Deaths ---- */

/* Sizes of all classes, most of them small. */
static size_t
size_at (unsigned at)
{
  return 1 + (at % 16 == 0 ? at * 7919 % SY_SMALL_MAX : at % 256);
}

static void *
take_and_give (void *argument)
{
  unsigned count = *(unsigned *) argument;
  void *own[1000];

  for (unsigned at = 0; at < count; at++)
    memset (own[at] = sydra_malloc (a, size_at (at)), 0x5a, size_at (at));
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, own[at]);
  return sy_cache_last;
}

START_TEST (a_thread_that_ends_hands_in_blocks_and_counts)
{
  unsigned count = 777;

  in_a_thread (take_and_give, &count);
  ck_assert_ptr_null (a->domain.first);
  ck_assert_uint_eq (stats_of (a).allocations, 777);
  ck_assert_uint_eq (stats_of (a).frees, 777);
  sy_reap_drain (&a->pool);
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    ck_assert_uint_eq (stats_of (a).classes[class].slabs, 0);
}
END_TEST

/* What a thread does that frees a bag, and what the test sees of it. */
struct reclaimer {
  AO_t has_deferred, go, is_done;  /* each written once, with release */
  void *block;
  struct sy_cache *cache;
};

static void *
reclaim (void *argument)
{
  struct reclaimer *reclaimer = argument;

  reclaimer->block = sydra_malloc (a, 64);
  reclaimer->cache = sy_cache_last;
  ck_assert_int_eq (sydra_free_deferred (a, reclaimer->block), 0);
  AO_store_release (&reclaimer->has_deferred, 1);
  while (AO_load_acquire (&reclaimer->go) == 0)
    sy_os_pause (100);
  (void) sydra_collect (a);
  AO_store_release (&reclaimer->is_done, 1);
  return NULL;
}

/* A fork then costs it no more than the bag: its magazines are whole. */
START_TEST (a_thread_that_frees_a_bag_is_not_in_a_miss)
{
  struct reclaimer reclaimer = { 0, 0, 0, NULL, NULL };
  struct sy_timed_lock *lock;
  pthread_t thread;

  /* Debug builds free the blocks of a bag one by one. */
  if (SY_DEBUG)
    return;
  thread = thread_start (reclaim, &reclaimer);
  while (AO_load_acquire (&reclaimer.has_deferred) == 0)
    sy_os_pause (100);
  lock = &sy_pool_bin (&a->pool, sy_slab_of (reclaimer.block)->shard, sy_class_of (64))->lock;
  sy_timed_lock_take (lock);
  AO_store_release (&reclaimer.go, 1);
  for (unsigned at = 0; at < 100; at++)
    {
      sy_os_pause (100);
      ck_assert_uint_eq (AO_load (&reclaimer.is_done), 0);
      ck_assert_uint_eq (AO_load (&reclaimer.cache->books.changes) % 2, 0);
    }
  sy_timed_lock_release (lock);
  (void) thread_join (thread);
}
END_TEST

START_TEST (threads_one_after_another_use_the_same_memory)
{
  unsigned count = 100;
  struct sydra_stats before;
  size_t magazines;
  void *cache = NULL;

  for (unsigned round = 0; round < 50; round++)
    cache = in_a_thread (take_and_give, &count);
  before = stats_of (a);
  magazines = sy_magazine_committed_bytes ();
  for (unsigned round = 0; round < (TEST_SANITIZED ? 200 : 2000); round++)
    test_must (in_a_thread (take_and_give, &count) == cache, "another cache");
  /* A slab a class more, at the worst. */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    before.committed_bytes += sy_class_slab_bytes (class);
  ck_assert_uint_le (stats_of (a).committed_bytes, before.committed_bytes);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
}
END_TEST

static pthread_key_t late_key;
static unsigned late_passes;
static AO_t late_frees;

/* ThreadSanitizer's own state of a thread ends in the last of the four. */
#define PASSES (SY_THREAD_SANITIZER ? 3u : 4u)

/* Frees in every pass of the destructors. */
static void
free_late (void *value)
{
  void *block = sydra_malloc (a, 48);

  ck_assert_ptr_nonnull (block);
  sydra_free (a, block);
  sydra_free (a, value);
  AO_fetch_and_add (&late_frees, 1);
  if (++late_passes < PASSES)
    ck_assert_int_eq (pthread_setspecific (late_key, sydra_malloc (a, 64)), 0);
}

static void *
leave_for_the_end (void *argument)
{
  late_passes = 0;
  sydra_free (a, sydra_malloc (a, 16));
  ck_assert_int_eq (pthread_setspecific (late_key, sydra_malloc (a, 64)), 0);
  return argument;
}

/* 0: their key is made before the library's, and comes first in each pass; 1: after. */
START_TEST (destructors_may_free_after_the_threads_end)
{
  struct sy_cache *own = _i == 1 ? mine () : NULL;

  AO_store (&late_frees, 0);
  ck_assert_int_eq (pthread_key_create (&late_key, free_late), 0);
  for (unsigned round = 0; round < 20; round++)
    in_a_thread (leave_for_the_end, NULL);
  pthread_key_delete (late_key);
  ck_assert_uint_eq (AO_load (&late_frees), 20 * PASSES);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
  ck_assert_uint_eq (stats_of (a).allocations, stats_of (a).frees);
  ck_assert_uint_eq (stats_of (a).allocations, 20 * (1 + 2 * PASSES));
  ck_assert_ptr_eq (a->domain.first, sy_cache_participant (own));
  ck_assert (own == NULL || own->participant.next == NULL);
  ck_assert (sy_pool_is_valid (&a->pool));
}
END_TEST

/* ---- A handle that ends before its threads ---- */

static pthread_barrier_t barrier;

static void *
outlive_the_handle (void *argument)
{
  struct sydra_alloc **next = argument;
  void *kept[40];

  for (unsigned at = 0; at < 40; at++)
    test_must ((kept[at] = sydra_malloc (a, 96)) != NULL, "no block");
  for (unsigned at = 0; at < 40; at += 2)
    sydra_free (a, kept[at]);
  pthread_barrier_wait (&barrier);
  /* The handle ends here, and another comes. */
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < 40; at++)
    test_must ((kept[at] = sydra_malloc (*next, 96)) != NULL, "no block");
  for (unsigned at = 0; at < 40; at++)
    sydra_free (*next, kept[at]);
  return NULL;
}

START_TEST (a_handle_may_end_before_its_threads)
{
  pthread_t thread[4];
  struct sydra_alloc *next = NULL;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, 5), 0);
  for (unsigned at = 0; at < 4; at++)
    thread[at] = thread_start (outlive_the_handle, &next);
  pthread_barrier_wait (&barrier);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 4 * 20);
  a = NULL;
  next = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (next);
  pthread_barrier_wait (&barrier);
  threads_join (thread, 4);
  pthread_barrier_destroy (&barrier);
  ck_assert_uint_eq (stats_of (next).allocations, 160);
  ck_assert_uint_eq (stats_of (next).in_use, 0);
  ck_assert_ptr_null (next->domain.first);
  ck_assert_uint_eq (sydra_alloc_destroy (next), 0);
}
END_TEST

START_TEST (handles_one_after_another_use_the_same_memory)
{
  struct sydra_stats after_some = { .size = 0 };
  size_t magazines = 0;

  for (unsigned round = 0; round < 1000; round++)
    {
      struct sydra_alloc *next = sydra_alloc_create (NULL);

      ck_assert_ptr_nonnull (next);
      for (unsigned at = 0; at < 20; at++)
        ck_assert_ptr_nonnull (blocks[at] = sydra_malloc (next, 200));
      sydra_free (next, blocks[3]);
      ck_assert_uint_eq (sydra_alloc_destroy (next), 19);
      if (round == 100)
        {
          after_some = stats_of (a);
          magazines = sy_magazine_committed_bytes ();
        }
    }
  ck_assert_uint_le (stats_of (a).committed_bytes, after_some.committed_bytes);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
}
END_TEST

/* ---- Many threads at once ---- */

#define THREADS 4
#define MAILBOXES 512

static AO_t mailbox[MAILBOXES];

/* Half of what a thread frees was another's. */
static void *
exchange (void *argument)
{
  struct test_random random = test_random_make (20 + (uint64_t) (uintptr_t) argument);

  for (unsigned step = 0; step < (TEST_SANITIZED ? 30000 : 150000); step++)
    {
      size_t size = sizeof (uintptr_t) * (2 + some_size (&random) / sizeof (uintptr_t));
      uintptr_t *block = sydra_malloc (a, size);

      test_must (block != NULL, "no block");
      block[0] = (uintptr_t) block;
      block[1] = size;

      block = mailbox_swap (&mailbox[test_random_below (&random, MAILBOXES)], block);
      if (block == NULL)
        continue;
      test_must (block[0] == (uintptr_t) block && block[1] >= 2 * sizeof (uintptr_t)
                   && block[1] <= SY_SMALL_MAX + 16,
                 "a block in two hands");
      block[0] = 0;
      sydra_free (a, block);
    }
  return NULL;
}

START_TEST (blocks_freed_by_other_threads_are_counted_and_come_back)
{
  unsigned left = 0;
  struct sydra_stats stats;

  memset (mailbox, 0, sizeof mailbox);
  in_threads (THREADS, exchange, 0);
  for (unsigned at = 0; at < MAILBOXES; at++)
    left += mailbox[at] != 0;
  ck_assert_uint_eq (stats_of (a).in_use, left);
  for (unsigned at = 0; at < MAILBOXES; at++)
    sydra_free (a, (void *) mailbox[at]);
  stats = stats_of (a);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.allocations, THREADS * (TEST_SANITIZED ? 30000 : 150000));
  sy_cache_flush (mine ());
  sy_reap_drain (&a->pool);
  ck_assert (sy_pool_is_valid (&a->pool));
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    ck_assert_uint_eq (stats_of (a).classes[class].slabs, 0);
}
END_TEST

void
thread_cache_add_threads (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "threads", 60, tear_down);

  tcase_add_test (tests, a_thread_that_ends_hands_in_blocks_and_counts);
  tcase_add_test (tests, a_thread_that_frees_a_bag_is_not_in_a_miss);
  tcase_add_test (tests, threads_one_after_another_use_the_same_memory);
  tcase_add_loop_test (tests, destructors_may_free_after_the_threads_end, 0, 2);
  tcase_add_test (tests, a_handle_may_end_before_its_threads);
  tcase_add_test (tests, handles_one_after_another_use_the_same_memory);
  tcase_add_test (tests, blocks_freed_by_other_threads_are_counted_and_come_back);
}
