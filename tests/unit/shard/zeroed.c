/* SPDX-License-Identifier: MIT */
/* zeroed.c: blocks that are known to be zero. */
#include <config.h>

#include "shard.h"

/* Carves count blocks at once; whether all are said to be zero. */
static bool
carve_zeroed (unsigned class, unsigned count, void **blocks)
{
  bool said = true;

  ck_assert_uint_eq (sy_pool_carve (&pool, 0, class, count, blocks + count, &said), count);
  return said;
}

START_TEST (blocks_are_zero_until_they_were_handed_out_since_the_memory_came)
{
  unsigned class = (unsigned) _i, count = blocks_of (class, 30) / 2;
  size_t bytes = sy_size_classes[class].bytes;
  void *blocks[30], *more[30];

  open_pool (1);
  (void) sy_dirty_purge ();
  ck_assert (carve_zeroed (class, count, blocks));
  for (unsigned at = 0; at < count; at++)
    for (size_t byte = 0; byte < bytes; byte++)
      test_must (((char *) blocks[at])[byte] == 0, "byte %zu of block %u", byte, at);
  ck_assert_msg (carve_zeroed (class, 1, more), "the next one was never handed out");
  for (unsigned at = 0; at < count; at++)
    memset (blocks[at], 0x5a, bytes);
  void *last = blocks[0];

  sy_pool_put (&pool, 0, class, &last, 1);
  ck_assert_msg (!carve_zeroed (class, 1, blocks), "one that was put back");
  sy_pool_put (&pool, 0, class, blocks, count);
  sy_pool_put (&pool, 0, class, more, 1);
  must_be_empty ();

  /* The slab is dirty, and remembers; once its pages are gone its blocks are zero again. */
  ck_assert (!carve_zeroed (class, count, blocks));
  sy_pool_put (&pool, 0, class, blocks, count);
  ck_assert_uint_gt (sy_dirty_purge (), 0);
  ck_assert (carve_zeroed (class, count, blocks));
  for (unsigned at = 0; at < count; at++)
    for (size_t byte = 0; byte < bytes; byte++)
      test_must (((char *) blocks[at])[byte] == 0, "byte %zu of block %u", byte, at);
  sy_pool_put (&pool, 0, class, blocks, count);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_closed_pools_slabs_are_not_zero_for_the_next)
{
  unsigned class = (unsigned) _i;
  void *blocks[4];

  open_pool (1);
  (void) sy_dirty_purge ();
  ck_assert (carve_zeroed (class, 4, blocks));
  sy_pool_close (&pool);
  open_pool (1);
  ck_assert (!carve_zeroed (class, 4, blocks));
  sy_pool_put (&pool, 0, class, blocks, 4);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_zeroed (Suite *suite)
{
  TCase *tests = test_case (suite, "zeroed", 20);

  tcase_add_loop_test (tests, blocks_are_zero_until_they_were_handed_out_since_the_memory_came, 1,
                       SY_CLASSES);
  tcase_add_loop_test (tests, a_closed_pools_slabs_are_not_zero_for_the_next, 1, SY_CLASSES);
}
