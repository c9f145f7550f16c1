/* SPDX-License-Identifier: MIT */
/* counts.c: what each member counts. */
#include <config.h>

#include "threads.h"
#include "stats.h"

START_TEST (a_new_handle_has_counted_nothing)
{
  struct sydra_stats stats = stats_now ();

  ck_assert_str_eq (stats.mode, "small_pool");
  ck_assert_uint_eq (stats.shards, sydra_alloc_shards ());
  ck_assert_uint_eq (stats.class_count, SY_CLASSES - 1);
  ck_assert_uint_eq (stats.allocations | stats.frees | stats.in_use | stats.in_use_bytes
                       | stats.high_water_bytes,
                     0);
  ck_assert_uint_eq (stats.shard_hits | stats.shard_misses | stats.cross_shard_frees, 0);
  ck_assert_uint_eq (stats.fallback_allocs | stats.fallback_frees | stats.fallback_resizes
                       | stats.fallback_remaps | stats.fallback_heap_allocs,
                     0);
  ck_assert_uint_eq (stats.deferred_blocks | stats.deferred_bytes | stats.deferred_reclaimed
                       | stats.deferred_stalls | stats.epoch_advances,
                     0);
  ck_assert_uint_eq (stats.reserved_bytes, sy_range_bytes ());
  for (unsigned class = 0; class < stats.class_count; class++)
    {
      struct sydra_class_stats zero = { .size = sy_size_classes[class + 1].bytes };

      ck_assert_mem_eq (&stats.classes[class], &zero, sizeof zero);
    }
}
END_TEST

static uint64_t
usable_of (void **live, unsigned count)
{
  uint64_t bytes = 0;

  for (unsigned at = 0; at < count; at++)
    bytes += sydra_usable_size (a, live[at]);
  return bytes;
}

static void
must_be_scripted (unsigned times, uint64_t live_bytes)
{
  /* 257 << 2..6: 1028, 2056, 4112, 8224, 16448; two of seven are large. */
  static const unsigned sizes[SYDRA_STATS_FALLBACK_BOUNDS] = { 0, 0, 0, 0, 0, 3, 3, 3, 12 };
  struct sydra_stats stats = stats_now ();
  uint64_t slab_bytes = 0;

  for (unsigned class = 0; class < stats.class_count; class++)
    {
      const struct sydra_class_stats *of = &stats.classes[class];

      ck_assert_uint_eq (of->allocations, times * MADE);
      ck_assert_uint_eq (of->frees, times * MADE / 3);
      ck_assert_uint_eq (of->in_use, times * MADE / 3 * 2);
      ck_assert_uint_eq (of->slabs * sy_size_classes[class + 1].blocks,
                         of->in_use + of->free_blocks);
      ck_assert_uint_ge (of->high_water, of->in_use);
      ck_assert_uint_le (of->high_water, of->in_use + times * sy_size_classes[class + 1].capacity);
      ck_assert ((of->refills == 0) == (sydra_alloc_shards () == 0)); /* no shards, no magazines */
      ck_assert_uint_le (of->refills, of->allocations);
      ck_assert_uint_gt (of->lock_acquisitions, 0);
      ck_assert_uint_le (of->lock_contention, of->lock_acquisitions);
    }
  for (unsigned bucket = 0; bucket < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    ck_assert_uint_eq (stats.fallback_sizes[bucket], times * sizes[bucket]);
  ck_assert_uint_eq (stats.shard_hits, times * MADE * (SY_CLASSES - 1));
  ck_assert_uint_eq (stats.shard_misses, 0);
  ck_assert_uint_eq (stats.fallback_allocs, times * 21);
  ck_assert_uint_eq (stats.fallback_frees, times * 7);
  ck_assert_msg (stats.fallback_heap_allocs == 0, "the range has room");
  ck_assert_uint_eq (stats.allocations, stats.shard_hits + stats.fallback_allocs);
  ck_assert_uint_eq (stats.frees, times * (MADE / 3 * (SY_CLASSES - 1) + 7));
  ck_assert_uint_eq (stats.in_use, times * LIVE);
  ck_assert_uint_eq (stats.in_use_bytes, live_bytes);
  ck_assert_uint_ge (stats.high_water_bytes, live_bytes);
  for (unsigned class = 0; class < stats.class_count; class++)
    slab_bytes += stats.classes[class].slabs * sy_class_slab_bytes (class + 1);
  ck_assert_uint_eq (stats.committed_bytes, slab_bytes + sy_dirty_bytes ());
  ck_assert_uint_le (stats.committed_bytes, stats.reserved_bytes);
  ck_assert_uint_eq (stats.reserved_bytes, sy_range_bytes ());
}

START_TEST (every_member_is_exact_after_a_known_sequence)
{
  static void *live[LIVE];

  (void) scripted (live);
  must_be_scripted (1, usable_of (live, LIVE));
  for (unsigned at = 0; at < LIVE; at++)
    sydra_free (a, live[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
  ck_assert_uint_eq (stats_now ().frees, stats_now ().allocations);
}
END_TEST

#define THREADS 5

static pthread_barrier_t barrier;

static void *
scripted_and_wait (void *live)
{
  (void) scripted (live);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

START_TEST (every_member_is_exact_while_several_threads_live_and_after_they_ended)
{
  static void *live[THREADS][LIVE];
  pthread_t thread[THREADS];
  uint64_t bytes = 0;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (scripted_and_wait, live[at]);
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < THREADS; at++)
    bytes += usable_of (live[at], LIVE);
  must_be_scripted (THREADS, bytes);
  pthread_barrier_wait (&barrier);
  threads_join (thread, THREADS);
  pthread_barrier_destroy (&barrier);
  must_be_scripted (THREADS, bytes);
  for (unsigned at = 0; at < THREADS; at++)
    sydra_free_batch (a, LIVE, live[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

START_TEST (sizes_fall_into_their_buckets_at_the_bounds)
{
  for (unsigned bucket = 0; bucket + 1 < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    {
      size_t bound = (size_t) 64 << bucket;

      for (int off = 0; off < 2; off++)
        {
          struct sydra_stats before = stats_now ();
          void *block = sydra_aligned_alloc (a, STRICT, bound + (size_t) off);

          ck_assert_ptr_nonnull (block);
          ck_assert_uint_eq (stats_now ().fallback_sizes[bucket + (unsigned) off],
                             before.fallback_sizes[bucket + (unsigned) off] + 1);
          sydra_free (a, block);
        }
    }
  for (size_t size = SY_SMALL_MAX + 1; size < 10 * SY_SMALL_MAX; size += SY_SMALL_MAX)
    {
      uint64_t before = stats_now ().fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS - 1];

      sydra_free (a, sydra_malloc (a, size));
      ck_assert_uint_eq (stats_now ().fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS - 1], before + 1);
    }
}
END_TEST

START_TEST (what_a_class_serves_is_no_fallback)
{
  struct sydra_stats stats;

  for (size_t size = 0; size <= SY_SMALL_MAX; size += 1 + size / 40)
    sydra_free (a, sydra_malloc (a, size));
  sydra_free (a, sydra_malloc (a, SY_SMALL_MAX));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_allocs + stats.fallback_frees, 0);
  ck_assert_uint_eq (stats.shard_hits, stats.allocations);
  sydra_free (a, sydra_malloc (a, SY_SMALL_MAX + 1));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_allocs, 1);
  ck_assert_uint_eq (stats.fallback_frees, 1);
}
END_TEST

START_TEST (resizes_and_remaps_of_fallback_blocks_are_told_apart)
{
  char *block = sydra_malloc (a, SY_SMALL_MAX + 10000), *moved;
  char *behind = sydra_malloc (a, SY_SMALL_MAX + 1);
  /* The first size that three units have no room for. */
  size_t longer = 3 * SY_UNIT_BYTES + 1;
  struct sydra_stats stats;

  ck_assert_msg (behind == block + 3 * SY_UNIT_BYTES, "nothing else is in the range");

  ck_assert (sydra_resize (a, block, SY_SMALL_MAX + 9000));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_resizes, 1);
  ck_assert (!sydra_resize (a, block, longer));
  ck_assert_uint_eq (stats_now ().fallback_resizes, 1);
  sydra_free (a, behind);
  ck_assert (sydra_resize (a, block, longer));
  ck_assert_uint_eq (stats_now ().fallback_resizes, 2);
  ck_assert_uint_eq (stats_now ().in_use_bytes, sydra_usable_size (a, block));
  moved = sydra_realloc (a, block, 3000000);
  ck_assert_ptr_nonnull (moved);
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_resizes + stats.fallback_remaps, 3);
  ck_assert_uint_eq (stats.allocations, 2 + stats.fallback_remaps);
  ck_assert_uint_eq (stats.frees, 1 + stats.fallback_remaps);
  ck_assert_uint_eq (stats.in_use, 1);
  ck_assert_uint_eq (stats.in_use_bytes, sydra_usable_size (a, moved));
  sydra_free (a, moved);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

START_TEST (blocks_that_come_home_through_another_shard_are_counted)
{
  struct sydra_stats stats;
  bool zeroed = true;
  void *block[1];

  if (sydra_alloc_shards () < 2)
    return;
  ck_assert_uint_eq (sy_pool_carve (&a->pool, 1, 1, 1, block + 1, &zeroed), 1);
  sy_pool_put (&a->pool, 0, 1, block, 1);
  stats = stats_now ();
  ck_assert_uint_eq (stats.cross_shard_frees, 1);
}
END_TEST

void
stats_add_counts (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "counts", 60, tear_down);

  tcase_add_test (tests, a_new_handle_has_counted_nothing);
  tcase_add_test (tests, every_member_is_exact_after_a_known_sequence);
  tcase_add_test (tests, every_member_is_exact_while_several_threads_live_and_after_they_ended);
  tcase_add_test (tests, sizes_fall_into_their_buckets_at_the_bounds);
  tcase_add_test (tests, what_a_class_serves_is_no_fallback);
  tcase_add_test (tests, resizes_and_remaps_of_fallback_blocks_are_told_apart);
  tcase_add_test (tests, blocks_that_come_home_through_another_shard_are_counted);
}
