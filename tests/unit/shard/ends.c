/* SPDX-License-Identifier: MIT */
/* ends.c: what is left where a pool is closed, and whose blocks are whose. */
#include <config.h>

#include "shard.h"

/* How many units were ever used, of all classes. */
static uint32_t
units_used (void)
{
  uint32_t used = 0, first;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    used += sy_region_used (class, &first);
  return used;
}

/* A thousand blocks of a class, or what three slabs hold; and a full magazine in a depot. */
static void
fill_with (unsigned class, void **blocks)
{
  unsigned shard = class % 3, count = 3 * sy_size_classes[class].blocks;

  carve (shard, class, count < 1000 ? count : 1000, blocks);
  ck_assert (sy_pool_give_magazine (&pool, shard, class,
                            full_magazine (shard, class, sy_size_classes[class].capacity)));
}

START_TEST (closing_takes_back_live_blocks_and_full_depots)
{
  static void *blocks[SY_CLASSES][1000];
  size_t dirty = sy_region_dirty_bytes (), bytes = 0;

  open_pool (3);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      fill_with (class, blocks[class]);
      bytes += slabs_in (class) * sy_class_slab_bytes (class);
    }

  size_t magazines = sy_magazine_committed_bytes ();
  uint32_t used = units_used ();

  sy_pool_close (&pool);
  ck_assert_uint_ge (sy_region_dirty_bytes (), dirty < bytes ? bytes : dirty);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    ck_assert_ptr_null (sy_slab_at (sy_region_slab_of (blocks[class][0]))->owner);
  for (unsigned round = 0; round < 50; round++)
    {
      open_pool (3);
      for (unsigned class = 1; class < SY_CLASSES; class++)
        fill_with (class, blocks[class]);
      sy_pool_close (&pool);
    }
  ck_assert_uint_eq (units_used (), used);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
}
END_TEST

START_TEST (pools_know_their_own_blocks_only)
{
  struct sy_pool other;
  void *mine[1], *theirs[1];

  open_pool (1);
  memset (&other, 0, sizeof other);
  ck_assert (sy_pool_open (&other, 1));
  carve (0, FIRST, 1, mine);
  ck_assert_uint_eq (sy_pool_carve (&other, 0, FIRST, 1, theirs + 1, &zeroed), 1);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&other, theirs[0]), FIRST);
  ck_assert_uint_eq (sy_pool_class_of (&pool, theirs[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&other, mine[0]), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, &other), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, NULL), 0);
  sy_pool_close (&other);
  ck_assert_uint_eq (sy_pool_class_of (&pool, mine[0]), FIRST);
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_ends (Suite *suite)
{
  TCase *tests = test_case (suite, "ends", 20);

  tcase_add_test (tests, closing_takes_back_live_blocks_and_full_depots);
  tcase_add_test (tests, pools_know_their_own_blocks_only);
}
