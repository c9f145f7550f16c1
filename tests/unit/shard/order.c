/* SPDX-License-Identifier: MIT */
/* order.c: what goes to slabs although its depot has room, so that it comes back in order. */
#include <config.h>

#include "shard.h"

#define CLASS 5u     /* of 64 bytes */
#define ROUNDS 16u
#define STRIDE 64u   /* blocks, a page: from one of a scattered magazine to the next */

/* One of 128 KiB is a slab of its own; together they are what makes the range large. */
#define LARGE (SY_ORDER_RANGE_BYTES >> 17)

static void *block[ROUNDS * STRIDE], *large[LARGE];
static unsigned made;  /* magazines, out of `block` */

static struct sy_magazine *
of_blocks (unsigned stride, unsigned rounds)
{
  struct sy_magazine *magazine = sy_magazine_take ();

  ck_assert_ptr_nonnull (magazine);
  (void) sy_magazine_clear (magazine, rounds);
  for (unsigned at = 0; at < rounds; at++)
    sy_magazine_end (magazine)[-1 - (int) at] = block[made + at * stride];
  made++;
  return magazine;
}

static struct sy_magazine *
scattered (void)
{
  return of_blocks (STRIDE, ROUNDS);
}

static unsigned
full_depth (void)
{
  return (unsigned) (SY_ORDER_BYTES
                     / (sy_size_classes[CLASS].bytes * sy_size_classes[CLASS].capacity));
}

static unsigned
depth (void)
{
  return sy_depot_depth (&bin (0, CLASS)->depot[0].depot);
}

/* The depot holds SY_ORDER_BYTES, and the range is large if it shall be. */
static void
open_with_full_depot (unsigned shard, bool is_large)
{
  open_pool (2);
  made = 0;
  carve (shard, CLASS, ROUNDS * STRIDE, block);
  ck_assert_uint_lt (sy_range_bytes (), SY_ORDER_RANGE_BYTES);
  if (is_large)
    carve (0, LAST, LARGE, large);
  while (depth () < full_depth ())
    ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, full_magazine (0, CLASS, ROUNDS)));
}

START_TEST (scattered_blocks_go_to_slabs_beside_a_filled_depot)
{
  struct sy_magazine *magazine;

  open_with_full_depot (0, true);
  magazine = scattered ();
  ck_assert (!sy_pool_give_magazine (&pool, 0, CLASS, magazine));
  ck_assert_uint_eq (depth (), full_depth ());
  sy_pool_close (&pool);
}
END_TEST

START_TEST (blocks_that_lie_together_go_to_the_depot)
{
  open_with_full_depot (0, true);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, of_blocks (1, ROUNDS)));
  ck_assert_uint_eq (depth (), full_depth () + 1);
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_depot_with_less_takes_scattered_blocks)
{
  open_with_full_depot (0, true);
  (void) sy_pool_take_magazine (&pool, 0, CLASS);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, scattered ()));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (in_a_small_process_depots_take_scattered_blocks)
{
  open_with_full_depot (0, false);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, scattered ()));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (another_shards_scattered_blocks_go_to_the_depot)
{
  open_with_full_depot (1, true);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, scattered ()));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_busy_lock_is_not_waited_for_to_have_order)
{
  open_with_full_depot (0, true);
  sy_timed_lock_take (&bin (0, CLASS)->lock);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, scattered ()));
  sy_timed_lock_release (&bin (0, CLASS)->lock);
  ck_assert_uint_eq (depth (), full_depth () + 1);
  sy_pool_close (&pool);
}
END_TEST

/* Too few to tell how they lie. */
START_TEST (a_short_magazine_goes_to_the_depot)
{
  open_with_full_depot (0, true);
  ck_assert (sy_pool_give_magazine (&pool, 0, CLASS, of_blocks (STRIDE, SY_ORDER_LOOKS)));
  ck_assert (!sy_pool_give_magazine (&pool, 0, CLASS, of_blocks (STRIDE, SY_ORDER_LOOKS + 1)));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (blocks_over_1_kib_go_to_the_depot)
{
  unsigned middle = sy_class_of (2048), stride = 3;

  open_with_full_depot (0, true);
  carve (0, middle, ROUNDS * stride, block);
  made = 0;
  for (unsigned at = 0; at < full_depth (); at++)
    ck_assert (sy_pool_give_magazine (&pool, 0, middle, full_magazine (0, middle, ROUNDS)));
  ck_assert (sy_pool_give_magazine (&pool, 0, middle, of_blocks (stride, ROUNDS)));
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_order (Suite *suite)
{
  TCase *tests = test_case (suite, "order", 20);

  tcase_add_test (tests, scattered_blocks_go_to_slabs_beside_a_filled_depot);
  tcase_add_test (tests, blocks_that_lie_together_go_to_the_depot);
  tcase_add_test (tests, a_depot_with_less_takes_scattered_blocks);
  tcase_add_test (tests, in_a_small_process_depots_take_scattered_blocks);
  tcase_add_test (tests, another_shards_scattered_blocks_go_to_the_depot);
  tcase_add_test (tests, a_busy_lock_is_not_waited_for_to_have_order);
  tcase_add_test (tests, a_short_magazine_goes_to_the_depot);
  tcase_add_test (tests, blocks_over_1_kib_go_to_the_depot);
}
