/* SPDX-License-Identifier: MIT */
/* slabs.c: blocks that are carved from slabs, and slabs that come and go. */
#include <config.h>

#include "shard.h"

START_TEST (no_shards_are_one_without_magazines)
{
  open_pool (0);
  ck_assert (pool.direct);
  ck_assert_uint_eq (pool.shard_count, 1);
  sy_pool_close (&pool);
  open_pool (1);
  ck_assert (!pool.direct);
  ck_assert_uint_eq (pool.shard_count, 1);
  sy_pool_close (&pool);
  open_pool (SY_SHARDS_MAX);
  ck_assert_uint_eq (pool.shard_count, SY_SHARDS_MAX);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (carved_blocks_rise_are_the_pools_and_are_whole)
{
  static void *blocks[SY_UNIT_BYTES / 16];
  unsigned class = (unsigned) _i, count = sy_size_classes[class].blocks;
  size_t bytes = sy_size_classes[class].bytes;
  char *start;

  open_pool (2);
  /* A slab to its end. */
  carve (0, class, count, blocks);
  start = sy_slab_start (sy_slab_of (blocks[count - 1]));
  for (unsigned at = 0; at < count; at++)
    {
      test_must (blocks[count - 1 - at] == start + at * bytes, "block %u of %u", at, count);
      test_must (sy_pool_class_of (&pool, start + at * bytes) == class, "block %u", at);
      test_must (sy_pool_class_of (&pool, start + at * bytes + bytes - 1) == class,
                 "the end of block %u", at);
      memset (start + at * bytes, (int) at | 1, bytes);
    }
  for (unsigned at = 0; at < count; at++)
    test_must (start[at * bytes] == (char) (at | 1)
                 && start[at * bytes + bytes - 1] == (char) (at | 1),
               "block %u is not whole", at);
  ck_assert_uint_le (count * bytes, sy_class_slab_bytes (class));
  ck_assert_uint_eq (slabs_in (class), 1);
  ck_assert_uint_eq (AO_load (&bin (0, class)->free_blocks), 0);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, class, blocks, count);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (the_map_and_the_book_know_every_unit_of_a_slab_while_it_is_the_pools)
{
  unsigned class = (unsigned) _i, units = sy_size_classes[class].units;
  void *blocks[1];
  struct sy_slab *slab;
  uint32_t first;

  open_pool (2);
  carve (1, class, 1, blocks);
  slab = sy_slab_of (blocks[0]);
  first = slab->unit;
  ck_assert_uint_eq (first, sy_range_unit_of (blocks[0]));
  ck_assert_ptr_eq (slab->owner, &pool);
  ck_assert_uint_eq (slab->shard, 1);
  ck_assert_uint_eq (slab->class, class);
  ck_assert_uint_eq (sy_range_unit (first)->length, units);
  for (uint32_t unit = 0; unit < units; unit++)
    {
      ck_assert_uint_eq (map_entry (first + unit), TAG ^ class);
      ck_assert_uint_eq (sy_pool_class_of (&pool, sy_range_address (first + unit)), class);
      ck_assert_ptr_eq (sy_slab_of (sy_range_address (first + unit + 1) - 1), slab);
    }
  ck_assert_uint_eq (map_entry (first + units), 0);
  ck_assert_uint_eq (sy_pool_class_of (&pool, sy_range_address (first + units)), SY_CLASS_HEAP);
  sy_pool_put (&pool, 0, class, blocks, 1);
  for (uint32_t unit = 0; unit < units; unit++)
    ck_assert_uint_eq (map_entry (first + unit), 0);
  sy_pool_close (&pool);
}
END_TEST

START_TEST (an_empty_slab_leaves_and_its_units_serve_any_class)
{
  unsigned count = sy_size_classes[LAST].blocks + 1;
  void *blocks[300];
  uint32_t unit;

  open_pool (1);
  (void) sy_dirty_purge ();
  carve (0, FIRST, 10, blocks);
  unit = sy_range_unit_of (blocks[0]);
  sy_pool_put (&pool, 0, FIRST, blocks, 10);
  ck_assert_uint_eq (slabs_in (FIRST), 0);
  ck_assert_uint_eq (map_entry (unit), 0);
  ck_assert_msg (sy_dirty_bytes () == SY_UNIT_BYTES, "its memory waits for the next slab");

  carve (0, FIRST + 1, 10, blocks);
  ck_assert_uint_eq (sy_range_unit_of (blocks[0]), unit);
  ck_assert_uint_eq (map_entry (unit), TAG ^ (FIRST + 1));
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
  sy_pool_put (&pool, 0, FIRST + 1, blocks, 10);

  /* More than a slab of the largest class. */
  ck_assert_uint_le (count, 300);
  carve (0, LAST, count, blocks);
  ck_assert_uint_eq (slabs_in (LAST), 2);
  ck_assert_uint_eq (slabs_in_map (LAST), 2);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, LAST, blocks, count);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (carving_takes_from_the_fullest_slab_first)
{
  unsigned class = (unsigned) _i, per_slab = sy_size_classes[class].blocks;
  static void *blocks[3 * SY_UNIT_BYTES / 16];
  void *more[1];

  open_pool (1);
  carve (0, class, 3 * per_slab, blocks);

  struct sy_slab *slab[3];
  unsigned found = 0;

  for (unsigned at = 0; at < 3 * per_slab && found < 3; at++)
    if (found == 0 || sy_slab_of (blocks[at]) != slab[found - 1])
      slab[found++] = sy_slab_of (blocks[at]);
  ck_assert_uint_eq (found, 3);
  /* The second keeps nearly all, the others hardly any. */
  for (unsigned at = 0, freed[3] = { 0, 0, 0 }; at < 3 * per_slab; at++)
    for (unsigned which = 0; which < 3; which++)
      if (blocks[at] != NULL && sy_slab_of (blocks[at]) == slab[which]
          && freed[which] < (which == 1 ? 1 : per_slab - 2))
        {
          void *block = blocks[at];

          freed[which]++;
          sy_pool_put (&pool, 0, class, &block, 1);
          blocks[at] = NULL;
          break;
        }
  carve (0, class, 1, more);
  ck_assert_ptr_eq (sy_slab_of (more[0]), slab[1]);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_close (&pool);
}
END_TEST

START_TEST (blocks_go_back_to_their_own_shards)
{
  void *blocks[30];

  open_pool (3);
  for (unsigned shard = 0; shard < 3; shard++)
    {
      if (shard > 0)
        AO_store (&bin (shard - 1, FIRST)->free_blocks, 0); /* as if it had none: a hint only */
      carve (shard, FIRST, 10, blocks + 10 * shard);
      ck_assert_uint_eq (sy_slab_of (blocks[10 * shard])->shard, shard);
    }
  for (unsigned shard = 0; shard < 2; shard++)
    AO_store (&bin (shard, FIRST)->free_blocks, sy_size_classes[FIRST].blocks - 10);
  ck_assert (sy_pool_is_valid (&pool));
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 0);
  sy_pool_put (&pool, 1, FIRST, blocks, 30);
  ck_assert_uint_eq (AO_load (&pool.cross_frees), 20);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_slabs (Suite *suite)
{
  TCase *tests = test_case (suite, "slabs", 20);

  tcase_add_test (tests, no_shards_are_one_without_magazines);
  tcase_add_loop_test (tests, carved_blocks_rise_are_the_pools_and_are_whole, 1, SY_CLASSES);
  tcase_add_loop_test (tests, the_map_and_the_book_know_every_unit_of_a_slab_while_it_is_the_pools,
                       1, SY_CLASSES);
  tcase_add_test (tests, an_empty_slab_leaves_and_its_units_serve_any_class);
  tcase_add_loop_test (tests, carving_takes_from_the_fullest_slab_first, 1, SY_CLASSES);
  tcase_add_test (tests, blocks_go_back_to_their_own_shards);
}
