/* SPDX-License-Identifier: MIT */
/* contract_stats.c: the numbers that every mode keeps. */
#include <config.h>

#include "contract.h"
#include "threads.h"

START_TEST (a_new_handle_has_counted_nothing)
{
  struct sydra_stats stats = contract_stats (a);

  ck_assert_ptr_eq (stats.mode, sydra_alloc_mode ());
  ck_assert_uint_eq (stats.shards, sydra_alloc_shards ());
  ck_assert_uint_eq (stats.allocations + stats.frees + stats.in_use + stats.in_use_bytes
                     + stats.high_water_bytes, 0);
  ck_assert_uint_eq (stats.deferred_blocks + stats.deferred_bytes + stats.deferred_high_water_bytes,
                     0);
  ck_assert ((stats.class_count > 0) == sydra_alloc_is_small_pool ());
  ck_assert_uint_le (stats.class_count, SYDRA_STATS_CLASSES_MAX);
}
END_TEST

START_TEST (each_call_is_counted_as_what_it_is)
{
  struct sydra_allocator value = sydra_alloc_interface (a);
  void *block[12], *moved;
  uint64_t allocations, bytes = 0;

  block[0] = sydra_malloc (a, 10);
  block[1] = sydra_malloc (a, 5000);
  block[2] = sydra_calloc (a, 3, 7);
  block[3] = sydra_calloc (a, 30, 700);
  block[4] = sydra_aligned_alloc (a, 64, 64);
  block[5] = sydra_aligned_alloc (a, 4096, 1);
  block[6] = sydra_realloc (a, NULL, 100);
  block[7] = value.alloc (value.ctx, 1, 1);
  ck_assert_uint_eq (sydra_malloc_batch (a, 33, 4, block + 8), 4);
  for (unsigned at = 0; at < 12; at++)
    bytes += sydra_usable_size (a, block[at]);
  ck_assert_uint_eq (contract_stats (a).allocations, 12);
  ck_assert_uint_eq (contract_stats (a).frees, 0);
  ck_assert_uint_eq (contract_stats (a).in_use, 12);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, bytes);
  ck_assert_uint_ge (contract_stats (a).high_water_bytes, bytes);

  /* What is refused, and what is nothing, is not counted. */
  ck_assert_ptr_null (sydra_malloc (a, SIZE_MAX));
  ck_assert_ptr_null (sydra_aligned_alloc (a, 3, 3));
  ck_assert_ptr_null (sydra_realloc (a, block[1], SIZE_MAX));
  sydra_free (a, NULL);
  (void) sydra_resize (a, block[0], 1);
  (void) sydra_resize (a, block[1], 4900);
  ck_assert_uint_eq (contract_stats (a).allocations, 12);
  ck_assert_uint_eq (contract_stats (a).frees, 0);

  /* A block that realloc moves counts as both. */
  allocations = 12;
  for (size_t size = 20; size < 3000000; size *= 3)
    {
      moved = sydra_realloc (a, block[0], size);
      ck_assert_ptr_nonnull (moved);
      allocations += moved != block[0];
      block[0] = moved;
      ck_assert_uint_eq (contract_stats (a).allocations, allocations);
      ck_assert_uint_eq (contract_stats (a).frees, allocations - 12);
    }
  bytes = 0;
  for (unsigned at = 0; at < 12; at++)
    bytes += sydra_usable_size (a, block[at]);
  ck_assert_uint_eq (contract_stats (a).in_use, 12);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, bytes);

  sydra_free (a, block[0]);
  sydra_free_sized (a, block[1], 4900);
  sydra_free_aligned_sized (a, block[4], 64, 64);
  value.free (value.ctx, block[7], 1, 1);
  ck_assert_uint_eq (contract_stats (a).in_use, 8);
  sydra_free_batch (a, 4, block + 8);
  sydra_free (a, block[2]);
  sydra_free (a, block[3]);
  sydra_free (a, block[5]);
  sydra_free (a, block[6]);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
  ck_assert_uint_eq (contract_stats (a).frees, allocations);
}
END_TEST

/* What a magazine of a class holds at most: 64 KiB, but 16 blocks at least, or as many as 512 KiB
   hold if those are fewer. */
static uint64_t
magazine_bytes (uint64_t block_bytes)
{
  return block_bytes <= 4096 ? 65536 : block_bytes <= 32768 ? 16 * block_bytes : 524288;
}

/* How far a high-water mark may be off: two magazines a class, and 256 KiB of others. */
static uint64_t
high_water_slack (void)
{
  struct sydra_stats stats = contract_stats (a);
  uint64_t slack = 1 << 18;

  for (unsigned class = 0; class < stats.class_count; class++)
    slack += 2 * magazine_bytes (stats.classes[class].size);
  return slack;
}

/* A pool serves large blocks itself, and without a pool nothing is a fallback. */
START_TEST (the_c_library_serves_only_what_the_pool_has_no_room_for)
{
  bool pool = sydra_alloc_is_small_pool ();
  void *block[4];
  struct sydra_stats stats;

  block[0] = sydra_malloc (a, POOL_MAX);
  block[1] = sydra_malloc (a, POOL_MAX + 1);
  block[2] = sydra_calloc (a, 3, 1000000);
  block[3] = sydra_aligned_alloc (a, 1 << 20, 100);
  stats = contract_stats (a);
  ck_assert_uint_eq (stats.fallback_allocs, pool ? 3 : 0);
  ck_assert_uint_eq (stats.fallback_heap_allocs, 0);
  block[1] = sydra_realloc (a, block[1], 5000000);
  block[2] = sydra_realloc (a, block[2], POOL_MAX + 70000);
  ck_assert_uint_eq (contract_stats (a).fallback_heap_allocs, 0);
  /* Shorter than a class's, a block is no fallback any more. */
  block[1] = sydra_realloc (a, block[1], 100);
  sydra_free_batch (a, 4, block);
  stats = contract_stats (a);
  ck_assert_uint_eq (stats.fallback_allocs, stats.fallback_frees);
  ck_assert_uint_eq (stats.fallback_heap_allocs, 0);
}
END_TEST

/* Counts that a million random steps must end at. */
START_TEST (counts_are_exact_after_any_sequence)
{
  enum { LIVE = 300, LARGE = 1000 };
  static void *block[LIVE], *large[LARGE];
  struct test_random random = test_random_make (40);
  uint64_t slack = high_water_slack ();
  uint64_t allocations = 0, frees = 0, bytes = 0, most = 0, in_use = 0;
  struct sydra_stats stats;

  for (unsigned step = 0; step < 50000; step++)
    {
      size_t at = test_random_below (&random, LIVE);
      size_t size = test_random_below (&random, step % 8 == 0 ? POOL_MAX + 20000 : 400);
      void *old = block[at];
      size_t old_bytes = sydra_usable_size (a, old), kind = test_random_below (&random, 4);

      block[at] = kind == 0 ? NULL
                  : kind == 1 && old != NULL ? sydra_realloc (a, old, size)
                  : sydra_malloc (a, size);
      if (kind != 1 && old != NULL)
        sydra_free (a, old);
      allocations += block[at] != NULL && (kind != 1 || old != block[at]);
      frees += old != NULL && (kind != 1 || old != block[at]);
      bytes = bytes + sydra_usable_size (a, block[at]) - old_bytes;
      most = bytes > most ? bytes : most;
      if (step % 10 != 0)
        continue;
      stats = contract_stats (a);
      test_must (stats.allocations == allocations, "%" PRIu64 " allocations, not %" PRIu64,
                 stats.allocations, allocations);
      test_must (stats.frees == frees, "%" PRIu64 " frees, not %" PRIu64, stats.frees, frees);
      test_must (stats.in_use == allocations - frees, "%" PRIu64 " in use", stats.in_use);
      test_must (stats.in_use_bytes == bytes, "%" PRIu64 " bytes in use, not %" PRIu64,
                 stats.in_use_bytes, bytes);
    }
  for (unsigned at = 0; at < LARGE; at++)
    {
      test_must ((large[at] = sydra_malloc (a, at % 2 == 0 ? POOL_MAX : POOL_MAX + 1)) != NULL,
                 "no block");
      bytes += sydra_usable_size (a, large[at]);
    }
  most = bytes > most ? bytes : most;
  ck_assert_uint_gt (most, 3 * slack);
  /* A thousand large blocks at once are far more than that. */
  ck_assert_uint_ge (contract_stats (a).high_water_bytes + slack, most);
  ck_assert_uint_le (contract_stats (a).high_water_bytes, most + slack);
  for (unsigned at = 0; at < LIVE; at++)
    in_use += block[at] != NULL;
  sydra_free_batch (a, LARGE, large);
  ck_assert_uint_eq (contract_stats (a).in_use, in_use);
  sydra_free_batch (a, LIVE, block);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
}
END_TEST

START_TEST (the_high_water_mark_stays_when_blocks_go)
{
  enum { COUNT = 3000 };
  static void *block[COUNT];
  uint64_t bytes = 0;

  for (unsigned at = 0; at < COUNT; at++)
    {
      block[at] = sydra_malloc (a, 1000);
      bytes += sydra_usable_size (a, block[at]);
    }
  sydra_free_batch (a, COUNT, block);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
  ck_assert_uint_ge (contract_stats (a).high_water_bytes, bytes - (1 << 18));
  ck_assert_uint_le (contract_stats (a).high_water_bytes, bytes + (1 << 18));
}
END_TEST

/* Each thread frees what the one before it made. */
enum { PASSED = 5000 };
static void *passed[PASSED];

static void *
free_and_make (void *argument)
{
  (void) argument;
  for (unsigned at = 0; at < PASSED; at++)
    {
      sydra_free (a, passed[at]);
      passed[at] = sydra_malloc (a, at % 20 == 0 ? at * 53 % (POOL_MAX + 20000) : at % 600);
      test_must (passed[at] != NULL, "no block");
    }
  return NULL;
}

START_TEST (blocks_freed_by_other_threads_are_counted_once)
{
  enum { THREADS = 7 };
  uint64_t bytes = 0;

  memset (passed, 0, sizeof passed);
  for (unsigned at = 0; at < THREADS; at++)
    {
      (void) in_a_thread (free_and_make, NULL);
      ck_assert_uint_eq (contract_stats (a).allocations, (at + 1) * PASSED);
      ck_assert_uint_eq (contract_stats (a).frees, at * PASSED);
    }
  for (unsigned at = 0; at < PASSED; at++)
    bytes += sydra_usable_size (a, passed[at]);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, bytes);
  sydra_free_batch (a, PASSED, passed);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

static size_t
size_at (unsigned at)
{
  return at % 50 == 0 ? at * 53 % (POOL_MAX + 20000) : at % 300;
}

START_TEST (collect_changes_no_count_and_touches_no_block)
{
  enum { COUNT = 20000 };
  static void *block[COUNT];
  struct sydra_stats before, after;

  for (unsigned at = 0; at < COUNT; at++)
    {
      block[at] = sydra_malloc (a, size_at (at));
      contract_stamp (block[at], size_at (at), at);
    }
  for (unsigned at = 0; at < COUNT; at++)
    if (at % 16 != 0)
      sydra_free (a, block[at]);
  before = contract_stats (a);
  (void) sydra_collect (a);
  (void) sydra_collect (a);
  after = contract_stats (a);
  ck_assert_uint_eq (after.allocations, before.allocations);
  ck_assert_uint_eq (after.frees, before.frees);
  ck_assert_uint_eq (after.in_use_bytes, before.in_use_bytes);
  for (unsigned at = 0; at < COUNT; at += 16)
    {
      test_must (contract_stamped (block[at], size_at (at), at), "overwritten");
      sydra_free (a, block[at]);
    }
  (void) sydra_collect (a);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

START_TEST (only_the_size_that_the_caller_has_is_filled_in)
{
  union {
    struct sydra_stats stats;
    unsigned char bytes[sizeof (struct sydra_stats) + 64];
  } given;
  const size_t least
    = offsetof (struct sydra_stats, in_use_bytes) + sizeof given.stats.in_use_bytes;
  void *block = sydra_malloc (a, 10);

  for (size_t size = 0; size < sizeof given; size += size < least + 100 ? 1 : 137)
    {
      memset (&given, 0xee, sizeof given);
      given.stats.size = size;
      if (size < least)
        {
          ck_assert_int_eq (sydra_stats_get (a, &given.stats), EINVAL);
          ck_assert_uint_eq (given.stats.size, size);
          test_must (given.bytes[sizeof size] == 0xee, "written to");
          continue;
        }
      ck_assert_int_eq (sydra_stats_get (a, &given.stats), 0);
      ck_assert_uint_eq (given.stats.in_use, 1);
      ck_assert_uint_eq (given.stats.size, size < sizeof given.stats ? size : sizeof given.stats);
      for (size_t at = given.stats.size; at < sizeof given; at++)
        test_must (given.bytes[at] == 0xee, "byte %zu of %zu written to", at, size);
    }
  sydra_free (a, block);
}
END_TEST

void
contract_add_stats (Suite *suite)
{
  TCase *tests = contract_case (suite, "statistics", 30);

  tcase_add_test (tests, a_new_handle_has_counted_nothing);
  tcase_add_test (tests, each_call_is_counted_as_what_it_is);
  tcase_add_test (tests, the_c_library_serves_only_what_the_pool_has_no_room_for);
  tcase_add_test (tests, counts_are_exact_after_any_sequence);
  tcase_add_test (tests, the_high_water_mark_stays_when_blocks_go);
  tcase_add_test (tests, blocks_freed_by_other_threads_are_counted_once);
  tcase_add_test (tests, collect_changes_no_count_and_touches_no_block);
  tcase_add_test (tests, only_the_size_that_the_caller_has_is_filled_in);
}
