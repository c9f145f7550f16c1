/* SPDX-License-Identifier: MIT */
/* ends.c: what is left where a pool is closed, and whose blocks are whose. */
#include <config.h>

#include "pages/large.h"
#include "shard.h"

#define OTHER_TAG (2u << SY_TAG_SHIFT)

/* A thousand blocks of a class, or what three slabs hold; and a full magazine in a depot. */
static void
fill_with (unsigned class, void **blocks)
{
  unsigned shard = class % 3, count = 3 * sy_size_classes[class].blocks;

  carve (shard, class, count < 1000 ? count : 1000, blocks);
  ck_assert (sy_pool_give_magazine (&pool, shard, class,
                            full_magazine (shard, class, sy_size_classes[class].capacity)));
}

/* Blocks of every class; returns how many bytes their slabs have. */
static size_t
fill (void)
{
  static void *blocks[1000];
  size_t bytes = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      fill_with (class, blocks);
      ck_assert_uint_eq (slabs_in_map (class), slabs_in (class));
      bytes += slabs_in (class) * sy_class_slab_bytes (class);
    }
  return bytes;
}

static void
must_be_all_free (void)
{
  for (uint32_t unit = 0; unit < units_in_map (); unit++)
    ck_assert_uint_eq (map_entry (unit), 0);
  ck_assert_uint_eq (sy_range_runs.used, 0);
  ck_assert (sy_units_are_valid ());
}

START_TEST (closing_takes_back_live_blocks_and_full_depots)
{
  size_t bytes, magazines, range, waiting;

  open_pool (3);
  bytes = fill ();
  ck_assert_uint_eq ((size_t) sy_range_runs.used << SY_UNIT_SHIFT, bytes);
  magazines = sy_magazine_committed_bytes ();
  range = sy_range_bytes ();
  sy_pool_close (&pool);
  must_be_all_free ();
  /* No more waits than may; the rest has gone back to the system. */
  waiting = sy_dirty_bytes ();
  ck_assert_uint_gt (waiting, 0);
  ck_assert_uint_le (waiting, (size_t) SY_DIRTY_LEAST * SY_UNIT_BYTES);
  for (unsigned round = 0; round < 50; round++)
    {
      open_pool (3);
      (void) fill ();
      sy_pool_close (&pool);
    }
  must_be_all_free ();
  ck_assert_uint_eq (sy_range_bytes (), range);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
}
END_TEST

START_TEST (pools_know_their_own_blocks_only)
{
  struct sy_pool other;
  void *mine[1], *theirs[1], *large;
  bool zero;

  open_pool (1);
  memset (&other, 0, sizeof other);
  ck_assert (sy_pool_open (&other, 1, OTHER_TAG));
  carve (0, FIRST, 1, mine);
  ck_assert_uint_eq (sy_pool_carve (&other, 0, FIRST, 1, theirs + 1, &zeroed), 1);
  large = sy_large_take (OTHER_TAG, 1, 2 * SY_UNIT_BYTES, 0, &zero);
  ck_assert_ptr_nonnull (large);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&other, theirs[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&pool, theirs[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&other, mine[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, &other), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, NULL), 0);
  ck_assert_uint_eq (sy_pool_class_of (&other, large), 0);
  ck_assert_uint_eq (sy_pool_class_of (&other, (char *) large + SY_UNIT_BYTES), 0);
  ck_assert (sy_large_is (OTHER_TAG, large));
  ck_assert (!sy_large_is (TAG, large));
  ck_assert (!sy_large_is (TAG, mine[0]));
  sy_pool_close (&other);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&other, theirs[0]), 0);
  sy_large_close (TAG);
  ck_assert_msg (sy_large_is (OTHER_TAG, large), "it is another owner's");
  sy_large_close (OTHER_TAG);
  ck_assert (!sy_large_is (OTHER_TAG, large));
  sy_pool_close (&pool);
  must_be_all_free ();
}
END_TEST

void
shard_add_ends (Suite *suite)
{
  TCase *tests = test_case (suite, "ends", 20);

  tcase_add_test (tests, closing_takes_back_live_blocks_and_full_depots);
  tcase_add_test (tests, pools_know_their_own_blocks_only);
}
