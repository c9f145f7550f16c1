/* SPDX-License-Identifier: MIT */
/* locks.c: what a carve does where another thread has the lock. */
#include <config.h>

#include "threads.h"
#include "shard.h"

static AO_t carved;
static void *got[8];

static void *
carve_at_home (void *argument)
{
  AO_store_release (
    &carved, sy_pool_carve (&pool, (unsigned) (uintptr_t) argument, FIRST, 8, got + 8, &zeroed));
  return NULL;
}

START_TEST (a_busy_lock_is_not_waited_for_while_another_bin_has_blocks)
{
  void *seed[2];

  open_pool (2);
  carve (0, FIRST, 1, seed);
  AO_store (&bin (0, FIRST)->free_blocks, 0);
  carve (1, FIRST, 1, seed + 1);
  AO_store (&bin (0, FIRST)->free_blocks, sy_size_classes[FIRST].blocks - 1);
  ck_assert_uint_eq (slabs_in (FIRST), 2);

  AO_store (&carved, 0);
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  (void) in_a_thread (carve_at_home, (void *) 0); /* would wait for ever */
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  ck_assert_uint_eq (AO_load_acquire (&carved), 8);
  ck_assert_uint_eq (sy_slab_of (got[0])->shard, 1);
  ck_assert_uint_eq (AO_load (&bin (0, FIRST)->lock.contention), 0);
  ck_assert_uint_eq (slabs_in (FIRST), 2);
  sy_pool_put (&pool, 1, FIRST, got, 8);
  sy_pool_put (&pool, 1, FIRST, seed, 2);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_busy_lock_is_waited_for_when_nobody_else_has_blocks)
{
  pthread_t thread;
  void *seed[1];

  open_pool (2);
  carve (0, FIRST, 1, seed);
  AO_store (&carved, 0);
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  thread = thread_start (carve_at_home, (void *) 0);
  usleep (100000);
  ck_assert_uint_eq (AO_load_acquire (&carved), 0);
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  (void) thread_join (thread);
  ck_assert_uint_eq (AO_load_acquire (&carved), 8);
  ck_assert_uint_eq (AO_load (&bin (0, FIRST)->lock.contention), 1);
  sy_pool_put (&pool, 0, FIRST, got, 8);
  sy_pool_put (&pool, 0, FIRST, seed, 1);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (what_a_shards_own_threads_work_with_is_left_to_them)
{
  enum { BLOCKS = 4 };
  void *blocks[1 + 2 * BLOCKS];

  ck_assert_uint_eq (sy_size_classes[LAST].blocks, BLOCKS);
  open_pool (2);
  carve (0, LAST, 1, blocks);
  /* Not from the three blocks of shard 0, of which there was no look yet. */
  carve (1, LAST, BLOCKS, blocks + 1);
  for (unsigned at = 1; at <= BLOCKS; at++)
    ck_assert_uint_eq (sy_slab_of (blocks[at])->shard, 1);

  /* As a look leaves it, if one was used since. */
  AO_store (&bin (0, LAST)->free_low, 2);
  carve (1, LAST, 3, blocks + 1 + BLOCKS);
  ck_assert_uint_eq (AO_load (&bin (0, LAST)->free_blocks), 1);
  ck_assert_uint_eq (AO_load (&bin (0, LAST)->free_low), 0);
  ck_assert_uint_eq (slabs_in (LAST), 3);

  /* What the shard's own threads take, it cannot spare; what one leaves that ends, it can.  The
     first of the three is the new slab's. */
  void **two = blocks + 1 + BLOCKS + 1;

  sy_pool_put (&pool, 0, LAST, two, 2);
  AO_store (&bin (0, LAST)->free_low, 3);
  carve (0, LAST, 2, two);
  ck_assert_uint_eq (AO_load (&bin (0, LAST)->free_low), 1);
  sy_pool_put (&pool, 0, LAST, two, 2);
  ck_assert_uint_eq (AO_load (&bin (0, LAST)->free_low), 1);
  sy_pool_thread_ended (&pool, 0, LAST);
  ck_assert_uint_eq (AO_load (&bin (0, LAST)->free_low), 3);
  sy_pool_put (&pool, 0, LAST, blocks, 1 + BLOCKS + 1);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

static void *
carve_one (void *block)
{
  return (void *) (uintptr_t) sy_pool_carve (&pool, 0, FIRST, 1, (void **) block + 1, &zeroed);
}

START_TEST (a_slab_that_was_not_needed_after_all_leaves_again)
{
  pthread_t thread[4];
  void *blocks[4];

  open_pool (1);
  /* All four find nothing, start a slab each and wait for the lock; the first one's is enough
     for all. */
  sy_timed_lock_take (&bin (0, FIRST)->lock);
  for (unsigned at = 0; at < 4; at++)
    thread[at] = thread_start (carve_one, &blocks[at]);
  while (slabs_in_map (FIRST) != 4)
    usleep (1000);
  sy_timed_lock_release (&bin (0, FIRST)->lock);
  for (unsigned at = 0; at < 4; at++)
    ck_assert_ptr_eq (thread_join (thread[at]), (void *) 1);
  ck_assert_uint_eq (slabs_in (FIRST), 1);
  ck_assert_uint_eq (slabs_in_map (FIRST), 1);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, FIRST, blocks, 4);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_locks (Suite *suite)
{
  TCase *tests = test_case (suite, "locks", 20);

  tcase_add_test (tests, a_busy_lock_is_not_waited_for_while_another_bin_has_blocks);
  tcase_add_test (tests, a_busy_lock_is_waited_for_when_nobody_else_has_blocks);
  tcase_add_test (tests, what_a_shards_own_threads_work_with_is_left_to_them);
  tcase_add_test (tests, a_slab_that_was_not_needed_after_all_leaves_again);
}
