/* SPDX-License-Identifier: MIT */
/* limbo_test.c: a thread's bags, and the limbo that they go into. */
#include <config.h>

#include <string.h>

#include "epoch/bags.h"
#include "suite.h"

#define CLASS 5u  /* 64 bytes */
#define BYTES 64

static struct sy_limbo limbo;
static struct sy_bags bags;
static char memory[100000];

static void
begin (size_t limit)
{
  memset (&limbo, 0, sizeof limbo);
  memset (&bags, 0, sizeof bags);
  sy_epoch_prepare ();
  sy_limbo_open (&limbo, limit);
}

static void *
block (unsigned number)
{
  return memory + 64 * number;
}

/* Into the bags; the last answer. */
static enum sy_deferral
push (unsigned from, unsigned count)
{
  enum sy_deferral result = SY_DEFERRED;

  for (unsigned at = from; at < from + count; at++)
    {
      struct sy_deferred deferred = { block (at), BYTES, CLASS };

      ck_assert (sy_bags_charge (&bags, &limbo, BYTES));
      result = sy_bags_push (&bags, &limbo, &deferred);
    }
  return result;
}

/* The chain is one bag of these blocks; it is given back. */
static void
must_hold (struct sy_magazine *bag, unsigned from, unsigned count)
{
  ck_assert_ptr_nonnull (bag);
  ck_assert_ptr_null (sy_bag_note (bag)->next);
  ck_assert_uint_eq (bag->rounds, count);
  ck_assert_uint_eq (sy_bag_note (bag)->class, CLASS);
  ck_assert_uint_eq (sy_bag_note (bag)->bytes, count * BYTES);
  ck_assert_ptr_null ((sy_magazine_end (bag) - count)[-1]);
  for (unsigned at = 0; at < count; at++)
    ck_assert_ptr_eq ((sy_magazine_end (bag) - count)[at], block (from + at));
  sy_limbo_freed (&limbo, count, count * BYTES);
  sy_magazine_give (bag);
}

START_TEST (a_full_bag_is_sealed_by_itself)
{
  begin (0);
  (void) push (0, SY_BAG_CAPACITY - 1);
  ck_assert_uint_eq (AO_load (&limbo.blocks), 0);
  ck_assert_uint_eq (AO_load (&bags.blocks), SY_BAG_CAPACITY - 1);
  ck_assert_uint_ne (AO_load (&bags.since_us), 0);
  (void) push (SY_BAG_CAPACITY - 1, 1);
  ck_assert_uint_eq (AO_load (&limbo.blocks), SY_BAG_CAPACITY);
  ck_assert_uint_eq (AO_load (&limbo.bytes), SY_BAG_CAPACITY * BYTES);
  ck_assert_uint_eq (AO_load (&bags.blocks) | AO_load (&bags.bytes) | AO_load (&bags.since_us), 0);
  ck_assert_uint_ne (sy_limbo_since_ns (&limbo), 0);
  must_hold (sy_limbo_take (&limbo, AO_load (&limbo.epoch.now), 0, 9), 0, SY_BAG_CAPACITY);
  ck_assert_uint_eq (sy_limbo_since_ns (&limbo), 0);
}
END_TEST

START_TEST (emptied_bags_are_full_magazines_of_what_they_hold)
{
  begin (0);
  for (unsigned count = 1; count < SY_BAG_CAPACITY; count += 17)
    {
      (void) push (3, count);
      (void) sy_bags_seal_all (&bags, &limbo);
      ck_assert_uint_eq (AO_load (&limbo.charged), count * BYTES);
      must_hold (sy_limbo_take (&limbo, AO_load (&limbo.epoch.now), 0, 9), 3, count);
      ck_assert_uint_eq (
        AO_load (&limbo.charged) | AO_load (&limbo.blocks) | AO_load (&limbo.bytes), 0);
    }
}
END_TEST

START_TEST (bags_go_in_the_order_of_their_epochs_and_no_sooner)
{
  AO_t stamp[3];

  begin (0);
  if (_i != 0)
    AO_store (&limbo.epoch.now, (AO_t) 0 - (AO_t) (2 * _i + 1));
  for (unsigned at = 0; at < 3; at++)
    {
      stamp[at] = AO_load (&limbo.epoch.now);
      (void) push (10 * at, 10);
      (void) sy_bags_seal_all (&bags, &limbo);
      ck_assert_uint_eq (AO_load (&limbo.epoch.now), stamp[at] + 2);
    }
  /* Sealed after what is looked for; a reader of the same epoch; one of an older one. */
  ck_assert_ptr_null (sy_limbo_take (&limbo, stamp[0] - 2, 0, 9));
  ck_assert_ptr_null (sy_limbo_take (&limbo, stamp[2], stamp[0], 9));
  ck_assert_ptr_null (sy_limbo_take (&limbo, stamp[2], stamp[0] - 2, 9));
  must_hold (sy_limbo_take (&limbo, stamp[2], stamp[1], 9), 0, 10);
  ck_assert_ptr_null (sy_limbo_take (&limbo, stamp[2], stamp[1], 9));
  must_hold (sy_limbo_take (&limbo, stamp[1], 0, 9), 10, 10);
  must_hold (sy_limbo_take (&limbo, stamp[2], stamp[2] + 2, 9), 20, 10);
  ck_assert_ptr_null (sy_limbo_take (&limbo, stamp[2], 0, 9));
  (void) push (0, 1);
  (void) sy_bags_seal_all (&bags, &limbo);
  must_hold (sy_limbo_take (&limbo, stamp[2] + 2, 0, 9), 0, 1);
}
END_TEST

START_TEST (no_more_bags_are_taken_than_asked_for)
{
  begin (0);
  for (unsigned at = 0; at < 5; at++)
    {
      (void) push (at, 1);
      (void) sy_bags_seal_all (&bags, &limbo);
    }
  must_hold (sy_limbo_take (&limbo, AO_load (&limbo.epoch.now), 0, 1), 0, 1);

  struct sy_magazine *chain = sy_limbo_take (&limbo, AO_load (&limbo.epoch.now), 0, 4);

  for (unsigned at = 1; at < 5; at++)
    {
      struct sy_magazine *next = sy_bag_note (chain)->next;

      sy_bag_note (chain)->next = NULL;
      must_hold (chain, at, 1);
      chain = next;
    }
  ck_assert_ptr_null (chain);
  ck_assert_uint_eq (AO_load (&limbo.reclaimed), 5);
}
END_TEST

START_TEST (room_is_charged_in_shares_and_never_over_the_limit)
{
  begin (10 * BYTES);
  (void) push (0, 10);
  ck_assert (!sy_bags_charge (&bags, &limbo, 1));
  ck_assert_uint_eq (AO_load (&limbo.charged), 10 * BYTES);
  (void) sy_bags_seal_all (&bags, &limbo);
  ck_assert (!sy_bags_charge (&bags, &limbo, 1));
  must_hold (sy_limbo_take (&limbo, AO_load (&limbo.epoch.now), 0, 9), 0, 10);
  ck_assert (!sy_bags_charge (&bags, &limbo, 10 * BYTES + 1));
  ck_assert (sy_bags_charge (&bags, &limbo, 10 * BYTES));

  begin ((size_t) 1 << 20);
  (void) push (0, 1);
  ck_assert_uint_eq (AO_load (&limbo.charged), ((size_t) 1 << 20) / SY_LIMBO_SHARE);
  (void) sy_bags_seal_all (&bags, &limbo);
  ck_assert_uint_eq (AO_load (&limbo.charged), BYTES);
}
END_TEST

START_TEST (a_scan_is_due_when_enough_was_sealed)
{
  unsigned bag = 0;

  begin (0);
  while (push (0, SY_BAG_CAPACITY) != SY_DEFERRED_SCAN_IS_DUE)
    ck_assert_uint_lt (++bag, 1000);
  ck_assert_uint_eq (bag, SY_LIMBO_SCAN_BYTES / (SY_BAG_CAPACITY * BYTES));
  for (bag = 0, (void) push (0, 1); !sy_bags_seal_all (&bags, &limbo); (void) push (0, 1))
    ck_assert_uint_lt (++bag, 1000);
  ck_assert_uint_eq (bag, SY_LIMBO_SCAN_BAGS - 1);
}
END_TEST

START_TEST (bags_out_of_order_or_miscounted_are_found)
{
  struct sy_magazine *second;

  begin (0);
  for (unsigned at = 0; at < 2; at++)
    {
      (void) push (10 * at, 10);
      (void) sy_bags_seal_all (&bags, &limbo);
    }
  ck_assert (sy_limbo_is_valid (&limbo));
  second = sy_bag_note (limbo.first)->next;
  sy_bag_note (second)->epoch -= 2;
  ck_assert (!sy_limbo_is_valid (&limbo));
  sy_bag_note (second)->epoch += 2;
  limbo.bags++;
  ck_assert (!sy_limbo_is_valid (&limbo));
  limbo.bags--;
  AO_store (&limbo.bytes, AO_load (&limbo.bytes) - BYTES);
  ck_assert (!sy_limbo_is_valid (&limbo));
}
END_TEST

START_TEST (wanted_bags_are_not_worked_on)
{
  begin (0);
  ck_assert (sy_bags_begin (&bags));
  ck_assert_uint_eq (AO_load (&bags.working), 1);
  sy_bags_end (&bags);
  ck_assert_uint_eq (AO_load (&bags.working), 0);
  AO_store (&bags.wanted, 1);
  ck_assert (!sy_bags_begin (&bags));
}
END_TEST

START_TEST (a_child_of_fork_counts_anew)
{
  begin (0);
  (void) push (0, 20);
  (void) sy_bags_seal_all (&bags, &limbo);
  (void) push (20, 5);
  AO_store (&limbo.charged, 12345678);
  sy_limbo_after_fork (&limbo, AO_load (&bags.bytes) + bags.credit);
  ck_assert_uint_eq (AO_load (&limbo.charged), 25 * BYTES + bags.credit);
  ck_assert_uint_eq (AO_load (&limbo.blocks), 20);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("limbo");
  TCase *tests = test_case (suite, "bags", 20);

  tcase_add_test (tests, a_full_bag_is_sealed_by_itself);
  tcase_add_test (tests, emptied_bags_are_full_magazines_of_what_they_hold);
  tcase_add_loop_test (tests, bags_go_in_the_order_of_their_epochs_and_no_sooner, 0, 6);
  tcase_add_test (tests, no_more_bags_are_taken_than_asked_for);
  tcase_add_test (tests, room_is_charged_in_shares_and_never_over_the_limit);
  tcase_add_test (tests, a_scan_is_due_when_enough_was_sealed);
  tcase_add_test (tests, bags_out_of_order_or_miscounted_are_found);
  tcase_add_test (tests, wanted_bags_are_not_worked_on);
  tcase_add_test (tests, a_child_of_fork_counts_anew);
  return test_run (suite);
}
