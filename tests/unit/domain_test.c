/* SPDX-License-Identifier: MIT */
/* domain_test.c: an epoch domain's participants.  Mostly one thread plays all of them. */
#include <config.h>

#include <string.h>

#include "base/os.h"
#include "epoch/domain.h"
#include "suite.h"
#include "threads.h"

#define CLASS 5u  /* 64 bytes */
#define BYTES 64
enum { THREADS = 4 };

static struct sy_domain domain;
static struct sy_participant thread[THREADS];
static char memory[100000];
static unsigned freed;

static void
count_bag (void *ctx, struct sy_magazine *bag)
{
  ck_assert_ptr_eq (ctx, &domain);
  freed += bag->rounds;
  sy_magazine_give (bag);
}

static void
begin (size_t limit, unsigned threads)
{
  memset (&domain, 0, sizeof domain);
  memset (thread, 0, sizeof thread);
  freed = 0;
  sy_epoch_prepare ();
  sy_domain_open (&domain, limit, count_bag, &domain);
  for (unsigned at = 0; at < threads; at++)
    {
      sy_domain_join (&domain, &thread[at]);
      thread[at].reader.thread.id = 100 + (long) at;
    }
}

static enum sy_deferral
defer (struct sy_participant *own, unsigned block)
{
  struct sy_deferred deferred = { memory + (size_t) block * BYTES, BYTES, CLASS };

  return sy_domain_defer (&domain, own, &deferred);
}

static AO_t
enter (struct sy_participant *own)
{
  return sy_reader_enter (&own->reader, &domain.limbo.epoch);
}

static void
leave (struct sy_participant *own, AO_t epoch)
{
  ck_assert (sy_reader_leave (&own->reader, sy_epoch_number (epoch)));
}

START_TEST (a_block_goes_when_the_readers_from_before_have_left)
{
  struct sy_scan scan;
  AO_t before, after;

  begin (0, 3);
  before = enter (&thread[1]);
  ck_assert_int_eq (defer (&thread[0], 1), SY_DEFERRED);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (scan.oldest.epoch, before);
  ck_assert_int_eq (scan.oldest.thread.id, 101);
  ck_assert_uint_eq (freed, 0);
  after = enter (&thread[2]);
  leave (&thread[1], before);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (scan.oldest.epoch, after);
  ck_assert_uint_eq (freed, 1);
  leave (&thread[2], after);
  ck_assert_uint_eq (AO_load (&domain.limbo.charged), 0);
}
END_TEST

START_TEST (a_reader_without_a_record_holds_blocks_back_too)
{
  struct sy_scan scan;
  AO_t first, second;

  begin (0, 1);
  first = sy_domain_enter (&domain);
  (void) sy_epoch_advance (&domain.limbo.epoch);
  second = sy_domain_enter (&domain);
  ck_assert_uint_eq (first, second);
  ck_assert_int_eq (defer (&thread[0], 1), SY_DEFERRED);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (freed, 0);
  ck_assert_int_eq (scan.oldest.thread.id, 0);
  ck_assert (sy_domain_leave (&domain, sy_epoch_number (first)));
  ck_assert (!sy_domain_leave (&domain, sy_epoch_number (first) + 1));
  ck_assert (sy_domain_has_anonymous_readers (&domain));
  ck_assert (sy_domain_leave (&domain, sy_epoch_number (first)));
  ck_assert (!sy_domain_has_anonymous_readers (&domain));
  ck_assert (!sy_domain_leave (&domain, sy_epoch_number (first)));
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (freed, 1);
}
END_TEST

START_TEST (a_thread_without_a_record_defers_into_limbo)
{
  begin (0, 0);
  ck_assert_int_eq (defer (NULL, 1), SY_DEFERRED);
  ck_assert_uint_eq (AO_load (&domain.limbo.blocks), 1);
  ck_assert_uint_eq (AO_load (&domain.limbo.charged), BYTES);
  ck_assert (sy_domain_reclaim_for_want (&domain, NULL));
  ck_assert_uint_eq (freed, 1);
  ck_assert (!sy_domain_reclaim_for_want (&domain, NULL));
}
END_TEST

START_TEST (a_participant_that_quits_leaves_its_bags_to_the_domain)
{
  struct sy_scan scan;

  begin (0, THREADS);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (defer (&thread[at], at), SY_DEFERRED);
  /* From the middle, the first and the last of the list. */
  sy_domain_quit (&domain, &thread[1]);
  sy_domain_quit (&domain, &thread[3]);
  sy_domain_quit (&domain, &thread[0]);
  ck_assert_uint_eq (AO_load (&domain.limbo.blocks), 3);
  sy_domain_scan (&domain, AO_load (&domain.limbo.epoch.now) - 2, &scan);
  ck_assert_uint_eq (scan.participants, 1);
  ck_assert_uint_eq (scan.bag_blocks, 1);
  ck_assert_uint_eq (scan.bag_bytes, BYTES);
  sy_domain_close (&domain);
  ck_assert_uint_eq (freed, THREADS);
}
END_TEST

START_TEST (bags_that_did_not_change_between_two_scans_are_taken_from_their_thread)
{
  begin (0, 3);
  (void) defer (&thread[1], 1);
  (void) defer (&thread[2], 2);
  sy_domain_reclaim (&domain, &thread[0]);
  ck_assert_uint_eq (freed, 0);
  (void) defer (&thread[2], 3);
  sy_domain_reclaim (&domain, &thread[0]);
  ck_assert_uint_eq (AO_load (&thread[1].bags.blocks), 0);
  ck_assert_uint_eq (AO_load (&thread[2].bags.blocks), 2);
  sy_domain_reclaim (&domain, &thread[0]);
  ck_assert_uint_eq (freed, 1);
}
END_TEST

START_TEST (bags_that_a_thread_is_at_work_on_are_not_taken)
{
  struct sy_scan scan;

  begin (0, 2);
  (void) defer (&thread[1], 1);
  AO_store (&thread[1].bags.working, 1);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (freed, 0);
  ck_assert_uint_eq (AO_load (&thread[1].bags.wanted), 0);
  sy_bags_end (&thread[1].bags);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (freed, 1);
}
END_TEST

static AO_t has_deferred;

static void *
defer_one (void *argument)
{
  (void) argument;
  ck_assert_int_eq (defer (&thread[1], 1), SY_DEFERRED);
  AO_store_release (&has_deferred, 1);
  return NULL;
}

START_TEST (a_thread_whose_bags_are_wanted_waits_for_the_taker)
{
  pthread_t owner;

  begin (0, 2);
  AO_store (&has_deferred, 0);
  sy_lock_take (&domain.lock);
  AO_store (&thread[1].bags.wanted, 1);
  owner = thread_start (defer_one, NULL);
  for (unsigned at = 0; at < 50; at++)
    {
      sy_os_pause (100);
      ck_assert_uint_eq (AO_load (&thread[1].bags.blocks) | AO_load (&has_deferred), 0);
    }
  AO_store_release (&thread[1].bags.wanted, 0);
  sy_lock_release (&domain.lock);
  (void) thread_join (owner);
  ck_assert_uint_eq (AO_load (&thread[1].bags.blocks), 1);
}
END_TEST

enum { ROUNDS = 2000 };

/* A thread joins, reads, defers and quits. */
static void *
come_and_go (void *argument)
{
  struct sy_participant *own = argument;

  for (unsigned round = 0; round < ROUNDS; round++)
    {
      AO_t epoch;

      memset (own, 0, sizeof *own);
      sy_domain_join (&domain, own);
      epoch = enter (own);
      ck_assert_int_ne (defer (own, round % 1000), SY_DEFER_OVER_LIMIT);
      leave (own, epoch);
      sy_domain_quit (&domain, own);
    }
  return NULL;
}

START_TEST (threads_join_and_quit_beside_scans)
{
  pthread_t other[THREADS - 1];
  struct sy_scan scan;

  begin (0, 1);
  for (unsigned at = 1; at < THREADS; at++)
    other[at - 1] = thread_start (come_and_go, &thread[at]);
  for (unsigned round = 0; round < ROUNDS; round++)
    {
      ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
      ck_assert_uint_le (scan.participants, THREADS);
    }
  threads_join (other, THREADS - 1);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (scan.participants, 1);
  ck_assert_uint_eq (freed, (THREADS - 1) * ROUNDS);
  ck_assert_uint_eq (AO_load (&domain.limbo.charged), 0);
}
END_TEST

START_TEST (over_the_limit_a_block_does_not_wait)
{
  begin (3 * BYTES, 1);
  for (unsigned at = 0; at < 3; at++)
    ck_assert_int_eq (defer (&thread[0], at), SY_DEFERRED);
  ck_assert_int_eq (defer (&thread[0], 3), SY_DEFER_OVER_LIMIT);
  ck_assert_int_eq (defer (NULL, 3), SY_DEFER_OVER_LIMIT);
  ck_assert (sy_domain_reclaim_for_want (&domain, &thread[0]));
  ck_assert_uint_eq (freed, 3);
  ck_assert_int_eq (defer (&thread[0], 3), SY_DEFERRED);
}
END_TEST

static unsigned visited;

static void
visit (const void *block)
{
  visited |= 1u << ((const char *) block - memory) / BYTES;
}

START_TEST (each_block_that_waits_is_visited)
{
  visited = 0;
  begin (0, 2);
  (void) defer (NULL, 0);
  (void) defer (&thread[0], 1);
  (void) defer (&thread[1], 2);
  (void) defer (&thread[1], 3);
  sy_domain_each (&domain, visit);
  ck_assert_uint_eq (visited, 15);
}
END_TEST

START_TEST (a_forks_child_has_one_participant_and_no_anonymous_reader)
{
  struct sy_scan scan;

  begin (0, 2);
  (void) sy_domain_enter (&domain);
  (void) enter (&thread[1]);
  (void) defer (&thread[0], 1);
  (void) defer (&thread[1], 2);
  sy_domain_quit (&domain, &thread[1]);
  sy_domain_after_fork (&domain);
  ck_assert (!sy_domain_has_anonymous_readers (&domain));
  ck_assert_uint_eq (AO_load (&domain.limbo.charged), 2 * BYTES + thread[0].bags.credit);
  ck_assert (sy_domain_reclaim_all (&domain, &thread[0], &scan));
  ck_assert_uint_eq (scan.participants, 1);
  ck_assert_uint_eq (scan.oldest.epoch, 0);
  ck_assert_uint_eq (freed, 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("domain");
  TCase *tests = test_case (suite, "participants", 20);

  tcase_add_test (tests, a_block_goes_when_the_readers_from_before_have_left);
  tcase_add_test (tests, a_reader_without_a_record_holds_blocks_back_too);
  tcase_add_test (tests, a_thread_without_a_record_defers_into_limbo);
  tcase_add_test (tests, a_participant_that_quits_leaves_its_bags_to_the_domain);
  tcase_add_test (tests, bags_that_did_not_change_between_two_scans_are_taken_from_their_thread);
  tcase_add_test (tests, bags_that_a_thread_is_at_work_on_are_not_taken);
  tcase_add_test (tests, a_thread_whose_bags_are_wanted_waits_for_the_taker);
  tcase_add_test (tests, threads_join_and_quit_beside_scans);
  tcase_add_test (tests, over_the_limit_a_block_does_not_wait);
  tcase_add_test (tests, each_block_that_waits_is_visited);
  tcase_add_test (tests, a_forks_child_has_one_participant_and_no_anonymous_reader);
  return test_run (suite);
}
