/* SPDX-License-Identifier: MIT */
/* high_water.c: the most that was in use at once. */
#include <config.h>

#include "threads.h"
#include "stats.h"

/* The numbers of the class of blocks of exactly so many bytes. */
static struct sydra_class_stats
stats_of_blocks (size_t bytes)
{
  return stats_now ().classes[class_of_blocks (bytes) - 1];
}

#define THREADS 5

static pthread_barrier_t barrier;

START_TEST (high_water_stays_when_blocks_go)
{
  static void *blocks[10000];
  unsigned rounds = sy_size_classes[class_of_blocks (64)].capacity;

  for (unsigned round = 0; round < 3; round++)
    {
      for (unsigned at = 0; at < 10000; at++)
        blocks[at] = sydra_malloc (a, 64);
      for (unsigned at = 0; at < 10000; at++)
        sydra_free (a, blocks[at]);
      ck_assert_uint_ge (stats_of_blocks (64).high_water, 10000);
      ck_assert_uint_le (stats_of_blocks (64).high_water, 10000 + rounds);
      ck_assert_uint_ge (stats_now ().high_water_bytes, 10000 * 64);
      ck_assert_uint_le (stats_now ().high_water_bytes, (10000 + rounds) * 64);
    }
}
END_TEST

START_TEST (a_block_that_grows_in_place_is_never_there_twice)
{
  size_t bytes = 1000000;
  char *block = sydra_malloc (a, bytes);
  uint64_t most = sydra_usable_size (a, block), moves;

  for (unsigned step = 0; step < 20; step++)
    {
      moves = stats_now ().fallback_remaps;

      uint64_t before = sydra_usable_size (a, block);

      block = sydra_realloc (a, block, bytes += 10);
      ck_assert_ptr_nonnull (block);
      most = most > sydra_usable_size (a, block) ? most : sydra_usable_size (a, block);
      if (stats_now ().fallback_remaps != moves)
        most = most > before + sydra_usable_size (a, block) ? most
                                                            : before + sydra_usable_size (a, block);
    }
  ck_assert_uint_ge (stats_now ().high_water_bytes, sydra_usable_size (a, block));
  ck_assert_uint_le (stats_now ().high_water_bytes, most);
  sydra_free (a, block);
}
END_TEST

static void *
peak_and_end (void *argument)
{
  void *blocks[1000];

  for (unsigned at = 0; at < 1000; at++)
    test_must ((blocks[at] = sydra_malloc (a, 96)) != NULL, "no block");
  sydra_free_batch (a, 1000, blocks);
  return argument;
}

START_TEST (high_water_outlives_its_thread)
{
  (void) in_a_thread (peak_and_end, NULL);
  ck_assert_uint_ge (stats_of_blocks (96).high_water, 1000);
  ck_assert_uint_le (stats_of_blocks (96).high_water,
                     1000 + sy_size_classes[class_of_blocks (96)].capacity);
  ck_assert_uint_ge (stats_now ().high_water_bytes, 1000 * 96);
}
END_TEST

#define PEAK 40000u

static void *
peak_together (void *argument)
{
  void **blocks = argument;

  for (unsigned at = 0; at < PEAK; at++)
    test_must ((blocks[at] = sydra_malloc (a, 32)) != NULL, "no block");
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < PEAK; at++)
    sydra_free (a, blocks[at]);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

START_TEST (high_water_adds_up_what_threads_had_at_once)
{
  static void *blocks[THREADS][PEAK];
  unsigned class = class_of_blocks (32);
  /* At the most. */
  size_t unpublished = SY_PUBLISH_CLASS_BYTES / 32 + 2 * sy_size_classes[class].capacity;
  pthread_t thread[THREADS];
  struct sydra_stats stats;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    thread[at] = thread_start (peak_together, blocks[at]);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  stats = stats_now ();
  pthread_barrier_wait (&barrier);
  threads_join (thread, THREADS);
  pthread_barrier_destroy (&barrier);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_ge (stats.classes[class - 1].high_water, THREADS * (PEAK - unpublished));
  ck_assert_uint_le (stats.classes[class - 1].high_water, THREADS * (PEAK + unpublished));
}
END_TEST

void
stats_add_high_water (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "high_water", 60, tear_down);

  tcase_add_test (tests, high_water_stays_when_blocks_go);
  tcase_add_test (tests, a_block_that_grows_in_place_is_never_there_twice);
  tcase_add_test (tests, high_water_outlives_its_thread);
  tcase_add_test (tests, high_water_adds_up_what_threads_had_at_once);
}
