/* SPDX-License-Identifier: MIT */
/* contract_epochs.c: sections: what a reader holds back, for whom, and who waits for it. */
#include <config.h>

#include "sections.h"

/* ---- What is held back ---- */

START_TEST (without_readers_a_collection_frees_all)
{
  static const size_t size[] = { 0,   1,   16,   24,       64,           100,
                                 256, 257, 5000, POOL_MAX, POOL_MAX + 1, 300000 };

  for (unsigned at = 0; at < sizeof size / sizeof *size; at++)
    must_defer (a, must_malloc (a, size[at]));
  /* A large block may be freed at once. */
  ck_assert_uint_le (deferred (a), sizeof size / sizeof *size);
  ck_assert_uint_eq (contract_stats (a).in_use, deferred (a));
  (void) sydra_collect (a);

  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (
    stats.deferred_blocks | stats.deferred_bytes | stats.in_use | stats.in_use_bytes, 0);
  ck_assert_uint_eq (stats.deferred_reclaimed, sizeof size / sizeof *size);
}
END_TEST

START_TEST (to_defer_null_is_nothing_and_errno_stays)
{
  void *block = must_malloc (a, 40);

  errno = 77;
  must_defer (a, NULL);
  must_defer (a, block);
  (void) sydra_epoch_advance (a);
  ck_assert_int_eq (errno, 77);
  ck_assert_uint_eq (deferred (a), 1);
}
END_TEST

START_TEST (aligned_blocks_are_deferred_like_any)
{
  for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
    must_defer (a, sydra_aligned_alloc (a, alignment, 200));
  (void) sydra_collect (a);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

START_TEST (a_reader_holds_back_what_was_deferred_while_it_is_inside)
{
  struct guest guest;

  guest_come (&guest, a);
  for (unsigned at = 0; at < 1000; at++)
    must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  (void) sydra_epoch_advance (a);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1000);

  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (stats.epoch_min, guest.epoch);
  ck_assert_uint_gt (stats.epoch_current, guest.epoch);
  ck_assert_uint_gt (stats.deferred_oldest_ns, 0);
  guest_go (&guest);
  (void) sydra_collect (a);
  stats = contract_stats (a);
  ck_assert_uint_eq (stats.deferred_blocks | stats.deferred_oldest_ns, 0);
  ck_assert_uint_eq (stats.epoch_min, stats.epoch_current);
  ck_assert_uint_ge (stats.deferred_high_water_bytes, 1000 * 64);
}
END_TEST

START_TEST (a_reader_holds_back_its_own_deferred_blocks_too)
{
  uint64_t epoch = sydra_epoch_enter (a);

  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  sydra_epoch_leave (a, epoch);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (a_reader_that_came_later_holds_back_nothing_older)
{
  struct guest first, second;

  guest_come (&first, a);
  must_defer (a, must_malloc (a, 64));
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_come (&second, a);
  ck_assert_uint_gt (second.epoch, first.epoch);
  must_defer (a, must_malloc (a, 64));
  guest_go (&first);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  guest_go (&second);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (sections_nest_and_the_outermost_counts)
{
  uint64_t outer = sydra_epoch_enter (a), middle, inner;

  must_defer (a, must_malloc (a, 64));
  (void) sydra_epoch_advance (a);
  middle = sydra_epoch_enter (a);
  (void) sydra_epoch_advance (a);
  inner = sydra_epoch_enter (a);
  sydra_epoch_leave (a, inner);
  sydra_epoch_leave (a, middle);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 1);
  ck_assert_uint_eq (contract_stats (a).epoch_min, outer);
  sydra_epoch_leave (a, outer);
  (void) sydra_collect (a);
  ck_assert_uint_eq (deferred (a), 0);
}
END_TEST

START_TEST (handles_have_epochs_of_their_own)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  uint64_t epoch = sydra_epoch_enter (other);

  must_defer (a, must_malloc (a, 64));
  must_defer (other, must_malloc (other, 64));
  (void) sydra_collect (a);
  (void) sydra_collect (other);
  ck_assert_uint_eq (deferred (a), 0);
  ck_assert_uint_eq (deferred (other), 1);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  ck_assert_int_eq (sydra_epoch_synchronize (other), EDEADLK);
  sydra_epoch_leave (other, epoch);
  (void) sydra_collect (other);
  ck_assert_uint_eq (deferred (other), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (other), 0);
}
END_TEST

START_TEST (a_deferred_block_is_not_written_to)
{
  static void *block[600];
  struct guest guest;

  guest_come (&guest, a);
  for (unsigned at = 0; at < 600; at++)
    {
      block[at] = must_malloc (a, 1 + at);
      contract_stamp (block[at], 1 + at, at);
      must_defer (a, block[at]);
    }
  (void) sydra_collect (a);
  for (unsigned at = 0; at < 600; at++)
    ck_assert (contract_stamped (block[at], 1 + at, at));
  guest_go (&guest);
}
END_TEST

START_TEST (epochs_move_on_one_by_one)
{
  uint64_t epoch = sydra_epoch_advance (a);
  struct sydra_stats stats = contract_stats (a);

  ck_assert_uint_eq (stats.epoch_current, epoch);
  ck_assert_uint_eq (stats.epoch_min, epoch);
  ck_assert_uint_eq (sydra_epoch_advance (a), epoch + 1);
  ck_assert_uint_eq (contract_stats (a).epoch_advances, stats.epoch_advances + 1);
  ck_assert_uint_eq (sydra_epoch_enter (a), epoch + 1);
  sydra_epoch_leave (a, epoch + 1);
  ck_assert (strcmp (stats.epoch_barrier, "membarrier") == 0
             || strcmp (stats.epoch_barrier, "fence") == 0);
}
END_TEST

/* ---- Waiting ---- */

static void *
leave_after_a_while (void *argument)
{
  struct guest *guest = argument;

  usleep (30000);
  __atomic_store_n (&guest->go, true, __ATOMIC_RELEASE);
  return NULL;
}

START_TEST (synchronize_waits_for_those_inside)
{
  struct guest guest;
  pthread_t helper;

  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  guest_come (&guest, a);
  helper = thread_start (leave_after_a_while, &guest);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
  ck_assert_msg (__atomic_load_n (&guest.go, __ATOMIC_ACQUIRE),
                 "it came back while the reader was inside");
  ck_assert_uint_eq (contract_stats (a).epoch_min, contract_stats (a).epoch_current);
  (void) thread_join (helper);
  guest_go (&guest);
}
END_TEST

START_TEST (synchronize_inside_a_section_is_refused)
{
  uint64_t outer = sydra_epoch_enter (a), inner = sydra_epoch_enter (a);

  ck_assert_int_eq (sydra_epoch_synchronize (a), EDEADLK);
  sydra_epoch_leave (a, inner);
  ck_assert_int_eq (sydra_epoch_synchronize (a), EDEADLK);
  sydra_epoch_leave (a, outer);
  ck_assert_int_eq (sydra_epoch_synchronize (a), 0);
}
END_TEST

void
contract_add_epochs (Suite *suite)
{
  TCase *tests = contract_case (suite, "epochs", 60);

  tcase_add_test (tests, without_readers_a_collection_frees_all);
  tcase_add_test (tests, to_defer_null_is_nothing_and_errno_stays);
  tcase_add_test (tests, aligned_blocks_are_deferred_like_any);
  tcase_add_test (tests, a_reader_holds_back_what_was_deferred_while_it_is_inside);
  tcase_add_test (tests, a_reader_holds_back_its_own_deferred_blocks_too);
  tcase_add_test (tests, a_reader_that_came_later_holds_back_nothing_older);
  tcase_add_test (tests, sections_nest_and_the_outermost_counts);
  tcase_add_test (tests, handles_have_epochs_of_their_own);
  tcase_add_test (tests, a_deferred_block_is_not_written_to);
  tcase_add_test (tests, epochs_move_on_one_by_one);
  tcase_add_test (tests, synchronize_waits_for_those_inside);
  tcase_add_test (tests, synchronize_inside_a_section_is_refused);
}
