/* SPDX-License-Identifier: MIT */
/* threads.c: what threads leave to others, and what they count, when they look. */
#include <config.h>

#include "trim.h"
#include "threads.h"

static void *
use_much (void *unused)
{
  for (unsigned times = 0; times < 2; times++)
    {
      static void *block[12000];

      for (unsigned at = 0; at < 12000; at++)
        test_must ((block[at] = sydra_malloc (a, 64)) != NULL, "no block");
      for (unsigned at = 0; at < 12000; at++)
        sydra_free (a, block[at]);
    }
  return unused;
}

/* One after the other, of one shard: each finds what those before it left in its depots. */
START_TEST (threads_that_come_and_go_share_memory)
{
  unsigned class = class_of_blocks (64);
  uint64_t enough = (12000 + 3 * sy_size_classes[class].capacity) / sy_size_classes[class].blocks
                    + 2;

  for (unsigned at = 0; at < 24; at++)
    {
      AO_store (&a->pool.next_home, at % SY_DEPOTS * a->pool.shard_count);
      (void) in_a_thread (use_much, NULL);
      ck_assert_uint_le (stats_now ().classes[class - 1].slabs, enough);
    }
}
END_TEST

/* Two threads by turns; what the second counted must come to the handle, though it is never a
   magazine full. */
static void *handed[7];
static pthread_barrier_t barrier;

static void *
free_handed (void *unused)
{
  unsigned class = CLASS;

  for (unsigned turn = 0; turn < 500; turn++)
    {
      pthread_barrier_wait (&barrier);
      for (unsigned at = 0; at < 7; at++)
        sydra_free (a, handed[at]);
      look (0);
      test_must (held_of (mine (), class) == 0, "it is idle");
      pthread_barrier_wait (&barrier);
    }
  return unused;
}

START_TEST (what_a_look_hands_in_is_counted)
{
  pthread_t thread;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, 2), 0);
  thread = thread_start (free_handed, NULL);
  for (unsigned turn = 0; turn < 500; turn++)
    {
      for (unsigned at = 0; at < 7; at++)
        test_must ((handed[at] = sydra_malloc (a, BYTES)) != NULL, "no block");
      pthread_barrier_wait (&barrier);
      pthread_barrier_wait (&barrier);
    }
  (void) thread_join (thread);
  ck_assert_uint_eq (stats_now ().classes[CLASS - 1].in_use, 0);
  /* Exact to within the blocks of two magazines a thread. */
  ck_assert_uint_le (stats_now ().classes[CLASS - 1].high_water,
                     7 + 4 * sy_size_classes[CLASS].capacity);
}
END_TEST

void
trim_add_threads (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "threads", 60, tear_down);

  tcase_add_test (tests, threads_that_come_and_go_share_memory);
  tcase_add_test (tests, what_a_look_hands_in_is_counted);
}
