/* SPDX-License-Identifier: MIT */
/* contract_limits.c: max_bytes: what is past it is refused, what was there before stays, and
   what is freed makes room. */
#include <config.h>

#include "contract.h"
#include "threads.h"

#define LIMIT ((size_t) 1 << 20)
#define BLOCKS_MAX (LIMIT / 16 + 1)

static struct sydra_alloc *
limited (size_t max_bytes)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *handle;

  options.max_bytes = max_bytes;
  handle = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (handle);
  return handle;
}

/* Allocates until it is refused. */
static unsigned
fill (struct sydra_alloc *handle, size_t size, void **block)
{
  unsigned count = 0;

  errno = 0;
  while ((block[count] = sydra_malloc (handle, size)) != NULL)
    test_must (++count < BLOCKS_MAX, "no limit");
  test_must (errno == ENOMEM, "errno is %d", errno);
  return count;
}

static void
free_all (struct sydra_alloc *handle, void **block, unsigned count)
{
  while (count-- > 0)
    sydra_free (handle, block[count]);
}

START_TEST (the_limit_is_reached_and_not_passed)
{
  static const size_t size[] = { 16,  100,      256, 257,          1000, 10000, 16,    24,
                                 300, POOL_MAX, 48,  POOL_MAX + 1, 5000, 20000, 50000, 16 };
  static void *block[BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);

  /* Again and again on one handle: each size after all blocks of another one were freed. */
  for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
    {
      unsigned count = fill (handle, size[at], block);
      struct sydra_stats stats = contract_stats (handle);

      ck_assert_uint_eq (stats.in_use, count);
      ck_assert_uint_le (stats.in_use_bytes, LIMIT);
      ck_assert_uint_gt (stats.in_use_bytes + sydra_usable_size (handle, block[0]), LIMIT);
      free_all (handle, block, count);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (a_freed_block_makes_room_for_another)
{
  static void *block[BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);

  for (size_t size = 64; size <= 2 * POOL_MAX; size *= 4)
    {
      unsigned count = fill (handle, size, block);

      for (unsigned round = 0; round < 1000; round++)
        {
          sydra_free (handle, block[round * 7 % count]);
          block[round * 7 % count] = sydra_malloc (handle, size);
          test_must (block[round * 7 % count] != NULL, "no room in round %u of size %zu", round,
                     size);
        }
      free_all (handle, block, count);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (every_call_that_allocates_asks_for_the_limit)
{
  static void *block[BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);
  struct sydra_allocator value = sydra_alloc_interface (handle);
  unsigned count = fill (handle, 16, block);
  void *more[100];

  for (unsigned at = 0; at < 5; at++)
    {
      size_t size = (size_t[]) { 17, 300, POOL_MAX, POOL_MAX + 1, LIMIT * 2 }[at];

      errno = 0;
      ck_assert_ptr_null (sydra_calloc (handle, 1, size));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sydra_aligned_alloc (handle, 64, size));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sydra_realloc (handle, NULL, size));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (value.alloc (value.ctx, size, 8));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_uint_eq (sydra_malloc_batch (handle, size, 100, more), 0);
      ck_assert_int_eq (errno, ENOMEM);
    }
  free_all (handle, block, count);
  errno = 0;
  ck_assert_ptr_null (sydra_malloc (handle, LIMIT + 1));
  ck_assert_int_eq (errno, ENOMEM);
  block[0] = sydra_malloc (handle, LIMIT / 2);
  ck_assert_ptr_nonnull (block[0]);
  sydra_free (handle, block[0]);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

/* Asks for more than the handle may have, by each call that takes a block without a class. */
static void
ask_for_too_much (struct sydra_alloc *handle, size_t size)
{
  void *one = sydra_malloc (handle, POOL_MAX + 1), *block;

  ck_assert_ptr_nonnull (one);
  ck_assert_ptr_null (sydra_malloc (handle, size));
  ck_assert_ptr_null (sydra_calloc (handle, 1, size));
  ck_assert_ptr_null (sydra_aligned_alloc (handle, size, LIMIT));
  ck_assert_ptr_null (sydra_realloc (handle, one, size));
  ck_assert_uint_eq (sydra_malloc_batch (handle, size, 1, &block), 0);
  sydra_free (handle, one);
}

START_TEST (a_refused_request_costs_no_memory)
{
  struct sydra_alloc *handle = limited (LIMIT);
  size_t before;

  /* What the first block costs is no part of the question. */
  sydra_free (handle, sydra_malloc (handle, POOL_MAX + 1));
  before = contract_stats (handle).reserved_bytes;
  ask_for_too_much (handle, 256 * LIMIT);
  ck_assert_uint_eq (contract_stats (handle).reserved_bytes, before);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (what_the_system_refuses_is_not_charged)
{
  struct sydra_alloc *handle = limited ((size_t) PTRDIFF_MAX);
  void *block;

  for (unsigned round = 0; round < 3; round++)
    ck_assert_ptr_null (sydra_malloc (handle, (size_t) PTRDIFF_MAX - LIMIT));
  block = sydra_malloc (handle, 2 * LIMIT);
  ck_assert_ptr_nonnull (block);
  sydra_free (handle, block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (growth_past_the_limit_leaves_the_old_block)
{
  static void *block[BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);
  struct sydra_allocator value = sydra_alloc_interface (handle);

  for (unsigned at = 0; at < 5; at++)
    {
      size_t size = (size_t[]) { 16, 200, 3000, 20000, POOL_MAX + 1000 }[at];
      unsigned count = fill (handle, size, block);
      struct sydra_stats before = contract_stats (handle), after;

      for (unsigned which = 0; which < count; which += 1 + count / 20)
        {
          contract_stamp (block[which], size, which);
          errno = 0;
          ck_assert_ptr_null (sydra_realloc (handle, block[which], size * 20));
          ck_assert_int_eq (errno, ENOMEM);
          errno = 0;
          ck_assert_ptr_null (value.remap (value.ctx, block[which], size, 1, size * 20));
          ck_assert_int_eq (errno, ENOMEM);
          errno = 0;
          ck_assert_ptr_null (value.remap (value.ctx, block[which], size, 64, size * 20));
          ck_assert_int_eq (errno, ENOMEM);
          ck_assert (contract_stamped (block[which], size, which));
        }
      after = contract_stats (handle);
      ck_assert_uint_eq (after.in_use, before.in_use);
      ck_assert_uint_eq (after.in_use_bytes, before.in_use_bytes);
      free_all (handle, block, count);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (shrinking_at_the_limit_always_succeeds)
{
  static void *block[2 * BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);

  for (unsigned at = 0; at < 5; at++)
    {
      size_t size = (size_t[]) { 256, 4000, 257, POOL_MAX, POOL_MAX + 1000 }[at];
      unsigned count = fill (handle, size, block), more;

      for (unsigned which = 0; which < count; which++)
        {
          contract_stamp (block[which], size, which);
          block[which] = sydra_realloc (handle, block[which], 16);
          test_must (block[which] != NULL, "a block of %zu does not shrink", size);
          test_must (contract_stamped (block[which], 16, which), "contents lost");
        }
      ck_assert_uint_le (contract_stats (handle).in_use_bytes, LIMIT);
      /* Whatever room that made is there to be had. */
      more = fill (handle, 16, block + count);
      ck_assert_uint_le (contract_stats (handle).in_use_bytes, LIMIT);
      /* Without a pool a block of 16 bytes has up to 40 that are usable: glibc does not split a
         block for less than a whole block more. */
      ck_assert_uint_gt (contract_stats (handle).in_use_bytes
                           + (sydra_alloc_is_small_pool () ? 32 : 40),
                         LIMIT);
      free_all (handle, block, count + more);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (a_batch_stops_at_the_limit)
{
  static void *block[BLOCKS_MAX];
  struct sydra_alloc *handle = limited (LIMIT);

  for (unsigned at = 0; at < 5; at++)
    {
      size_t size = (size_t[]) { 16, 200, 3000, 20000, POOL_MAX + 1000 }[at], made;

      errno = 0;
      made = sydra_malloc_batch (handle, size, BLOCKS_MAX, block);
      ck_assert_int_eq (errno, ENOMEM);
      ck_assert_uint_gt (made, LIMIT / size / 3);
      ck_assert_uint_le (made * size, LIMIT);
      ck_assert_uint_eq (contract_stats (handle).in_use, made);
      sydra_free_batch (handle, made, block);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

/* Threads that fill a handle together, and what they hold in all: counted after each malloc and
   before each free, so never too high. */
static struct sydra_alloc *shared;
static size_t held_bytes;

static void
drop (void *block)
{
  if (block != NULL)
    __atomic_sub_fetch (&held_bytes, sydra_usable_size (shared, block), __ATOMIC_RELAXED);
  sydra_free (shared, block);
}

static void *
fill_and_free (void *argument)
{
  struct test_random random = test_random_make (20 + (uintptr_t) argument);
  void *block[500] = { NULL };
  unsigned refused = 0, steps = TEST_SANITIZED ? 20000 : 200000;

  for (unsigned step = 0; step < steps; step++)
    {
      size_t at = test_random_below (&random, 500), now = 0;

      drop (block[at]);
      block[at] = sydra_malloc (
        shared, test_random_below (&random, step % 32 == 0 ? POOL_MAX + 10000 : 600));
      if (block[at] == NULL)
        refused++;
      else
        now = __atomic_add_fetch (&held_bytes, sydra_usable_size (shared, block[at]),
                                  __ATOMIC_RELAXED);
      test_must (now <= LIMIT / 4, "%zu bytes live, %zu allowed", now, LIMIT / 4);
    }
  for (unsigned at = 0; at < 500; at++)
    drop (block[at]);
  return (void *) (uintptr_t) refused;
}

START_TEST (threads_together_stay_within_the_limit)
{
  enum { THREADS = 4 };
  pthread_t thread[THREADS];
  uintptr_t refused = 0;

  shared = limited (LIMIT / 4);
  for (uintptr_t at = 0; at < THREADS; at++)
    thread[at] = thread_start (fill_and_free, (void *) at);
  for (unsigned at = 0; at < THREADS; at++)
    {
      void *count;

      count = thread_join (thread[at]);
      refused += (uintptr_t) count;
    }
  ck_assert_uint_gt (refused, 0);
  ck_assert_uint_eq (contract_stats (shared).in_use, 0);
  ck_assert_uint_eq (contract_stats (shared).in_use_bytes, 0);

  /* All of it is to be had again by one thread. */
  static void *block[BLOCKS_MAX];
  unsigned count = fill (shared, 128, block);

  ck_assert_uint_gt (contract_stats (shared).in_use_bytes + sydra_usable_size (shared, block[0]),
                     LIMIT / 4);
  free_all (shared, block, count);
  ck_assert_uint_eq (sydra_alloc_destroy (shared), 0);
}
END_TEST

void
contract_add_limits (Suite *suite)
{
  TCase *tests = contract_case (suite, "limits", 30);

  tcase_add_test (tests, the_limit_is_reached_and_not_passed);
  tcase_add_test (tests, a_freed_block_makes_room_for_another);
  tcase_add_test (tests, every_call_that_allocates_asks_for_the_limit);
  tcase_add_test (tests, a_refused_request_costs_no_memory);
  tcase_add_test (tests, what_the_system_refuses_is_not_charged);
  tcase_add_test (tests, growth_past_the_limit_leaves_the_old_block);
  tcase_add_test (tests, shrinking_at_the_limit_always_succeeds);
  tcase_add_test (tests, a_batch_stops_at_the_limit);
  tcase_add_test (tests, threads_together_stay_within_the_limit);
}
