/* SPDX-License-Identifier: MIT */
/* slabs.c: slabs are distinct; those given back are taken again before fresh ones; growth is
   told. */
#include <config.h>

#include "region.h"

START_TEST (slabs_are_distinct_writable_and_counted)
{
  unsigned count = slabs_for (CLASS, 3 * SY_COMMIT_UNITS + 5);
  size_t bytes = sy_class_slab_bytes (CLASS);
  uint32_t chain, slab;

  open_and_trim ();
  chain = take_chain (CLASS, count);
  ck_assert_uint_ge (used_of (CLASS), count);
  slab = chain;
  for (unsigned at = 0; at < count; at++, slab = sy_slab_at (slab)->next)
    {
      ck_assert (sy_region_is_used (slab));
      ck_assert_uint_eq (slab >> sy_region.zone_shift, CLASS);
      for (size_t offset = 0; offset < bytes; offset += 4096)
        {
          ck_assert_int_eq (sy_region_address (slab)[offset], 0);
          sy_region_address (slab)[offset] = 1; /* a slab that comes twice is not zero any more */
        }
      sy_region_address (slab)[bytes - 1] = 1;
    }
  sy_region_give (chain, count);
  ck_assert_uint_eq (sy_region_dirty_bytes (), count * bytes);
  ck_assert_uint_eq (sy_region_purge (), count * bytes);
}
END_TEST

START_TEST (slabs_given_back_are_taken_before_fresh_ones)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 20), 20);

  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, 20);

  ck_assert_uint_eq (used_of (CLASS), used);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 0);
  sy_region_give (chain, 20);
  (void) sy_region_purge ();
  chain = take_chain (CLASS, 20);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, 20);
}
END_TEST

START_TEST (trimmed_slabs_lose_their_contents_and_serve_again)
{
  size_t bytes = sy_class_slab_bytes (CLASS);

  open_and_trim ();

  uint32_t chain = take_chain (CLASS, 8);

  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    memset (sy_region_address (slab), 0x5a, bytes);
  sy_region_give (chain, 8);
  ck_assert_uint_eq (sy_region_purge (), 8 * bytes);
  ck_assert_uint_eq (sy_region_purge (), 0);
  chain = take_chain (CLASS, 8);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_slab_at (slab)->next)
    for (size_t offset = 0; offset < bytes; offset += 512)
      test_must (sy_region_address (slab)[offset] == 0, "byte %zu of slab %u", offset, slab);
  sy_region_give (chain, 8);
}
END_TEST

/* Growth is counted by what has memory: not when slabs that have it serve again, nor by what goes
   back. */
START_TEST (growth_is_told_each_time_that_memory_grows_by_a_share)
{
  unsigned few = slabs_for (CLASS, SY_GROWTH_UNITS);
  unsigned many = slabs_for (CLASS, (SY_WORD_BITS == 64 ? 64 : 12) * SY_GROWTH_UNITS);
  uint32_t chain;
  AO_t before;

  open_and_trim ();
  sy_region_give (take_chain (CLASS, few), few);
  (void) sy_region_purge ();
  before = AO_load (&sy_region.growths);
  chain = take_chain (CLASS, few);
  ck_assert_uint_eq (AO_load (&sy_region.growths), before + 1);
  sy_region_give (chain, few);
  for (unsigned round = 0; round < 5; round++)
    sy_region_give (take_chain (CLASS, few), few);
  ck_assert_uint_eq (AO_load (&sy_region.growths), before + 1);

  /* A slab of another class goes back for every few that are taken, and growth is told all the
     same: by a share of what there is. */
  uint32_t others = take_chain (OTHER, 4 * SY_GROWTH_UNITS);

  sy_region_give (others, 4 * SY_GROWTH_UNITS);
  before = AO_load (&sy_region.growths);
  chain = take_chain (CLASS, many);
  ck_assert_uint_ge (AO_load (&sy_region.growths) - before, SY_WORD_BITS == 64 ? 16 : 4);
  ck_assert_uint_le (AO_load (&sy_region.growths) - before, 64);
  sy_region_give (chain, many);
}
END_TEST

void
region_add_slabs (Suite *suite)
{
  TCase *tests = test_case (suite, "slabs", 20);

  tcase_add_loop_test (tests, slabs_are_distinct_writable_and_counted, 0, LENGTHS);
  tcase_add_loop_test (tests, slabs_given_back_are_taken_before_fresh_ones, 0, LENGTHS);
  tcase_add_loop_test (tests, trimmed_slabs_lose_their_contents_and_serve_again, 0, LENGTHS);
  tcase_add_loop_test (tests, growth_is_told_each_time_that_memory_grows_by_a_share, 0, LENGTHS);
}
