/* SPDX-License-Identifier: MIT */
/* running.c: statistics of threads that run. */
#include <config.h>

#include "threads.h"
#include "stats.h"

static AO_t stop;

#define WORKERS 3
#define MAILBOXES 64
#define CHURN_MAX (SY_SMALL_MAX + 4000)

static AO_t mailbox[MAILBOXES];

static size_t
any_size (struct test_random *random)
{
  unsigned kind = test_random_below (random, 64);

  return test_random_below (random, kind == 0 ? CHURN_MAX : kind < 16 ? 36768 : 300);
}

/* Most blocks are freed by another thread than the one that made them: sums that are made of one
   and not of the other show. */
static void *
churn (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);

  while (!AO_load_acquire (&stop))
    {
      AO_t *box = &mailbox[test_random_below (&random, MAILBOXES)];
      void *block = sydra_malloc (a, any_size (&random));

      test_must (block != NULL, "no block");
      sydra_free (a, mailbox_swap (box, block));
    }
  return NULL;
}

START_TEST (a_snapshot_of_running_threads_never_goes_back_nor_below_nothing)
{
  pthread_t thread[WORKERS];
  struct sydra_stats last = stats_now ();

  AO_store (&stop, 0);
  memset (mailbox, 0, sizeof mailbox);
  for (uintptr_t at = 0; at < WORKERS; at++)
    thread[at] = thread_start (churn, (void *) (at + 1));
  for (unsigned round = 0; round < (TEST_SANITIZED ? 500 : 20000); round++)
    {
      struct sydra_stats stats = { .size = sizeof stats };

      test_must (sydra_stats_get (a, &stats) == 0, "no statistics");
      test_must (stats.allocations >= last.allocations && stats.frees >= last.frees,
                 "a count fell");
      test_must (stats.in_use <= stats.allocations
                   && stats.in_use_bytes <= stats.allocations * 2 * CHURN_MAX,
                 "%" PRId64 " in use", (int64_t) stats.in_use);
      for (unsigned class = 0; class < stats.class_count; class++)
        {
          const struct sydra_class_stats *now = &stats.classes[class], *then = &last.classes[class];

          test_must (now->allocations >= then->allocations && now->frees >= then->frees,
                     "a class's count fell");
          test_must (now->in_use <= now->allocations, "%" PRId64 " in use", (int64_t) now->in_use);
          test_must (now->free_blocks <= now->slabs * sy_size_classes[class + 1].blocks,
                     "%" PRId64 " free", (int64_t) now->free_blocks);
        }
      last = stats;
    }
  AO_store_release (&stop, 1);
  threads_join (thread, WORKERS);
  for (unsigned at = 0; at < MAILBOXES; at++)
    sydra_free (a, (void *) mailbox[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

void
stats_add_running (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "running", 60, tear_down);

  tcase_add_test (tests, a_snapshot_of_running_threads_never_goes_back_nor_below_nothing);
}
