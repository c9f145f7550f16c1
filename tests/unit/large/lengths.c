/* SPDX-License-Identifier: MIT */
/* lengths.c: blocks that grow and shrink in place, and what that takes and gives back. */
#include <config.h>

#include "large.h"

START_TEST (a_block_grows_in_place_where_what_follows_is_free)
{
  char *first = sydra_malloc (a, MIB), *second = sydra_malloc (a, MIB),
       *third = sydra_malloc (a, MIB);

  stamp (first, MIB, 9);
  sydra_free (a, second);
  ck_assert_ptr_eq (sydra_realloc (a, first, 2 * MIB), first);
  ck_assert_uint_eq (sydra_usable_size (a, first), 2 * MIB);
  must_be_stamped (first, MIB, MIB, 9);
  /* Nothing behind: any number of steps. */
  for (size_t size = MIB; size < 100 * MIB; size += 300 * KIB)
    {
      ck_assert_ptr_eq (sydra_realloc (a, third, size), third);
      ck_assert_uint_eq (sydra_usable_size (a, third), size);
      third[size - 1] = 1;
    }
  ck_assert_uint_eq (stats_now ().fallback_remaps, 0);
  sydra_free (a, first);
  sydra_free (a, third);
}
END_TEST

START_TEST (room_for_growth_is_not_counted)
{
  char *block = sydra_malloc (a, MIB), *next;

  ck_assert_ptr_eq (sydra_realloc (a, block, 2 * MIB), block);
  ck_assert_uint_eq (sydra_usable_size (a, block), 2 * MIB);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 2 * MIB);
  /* The room is there all the same, and no more than it. */
  next = sydra_malloc (a, MIB);
  ck_assert_ptr_eq (next, block + 2 * MIB + 2 * MIB / SY_GROWTH_SHARE);
  ck_assert (sydra_resize (a, block, 3 * MIB));
  ck_assert_uint_eq (sydra_usable_size (a, block), 3 * MIB);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 4 * MIB);
  ck_assert (!sydra_resize (a, block, 3 * MIB + 1));
  ck_assert_uint_eq (sydra_usable_size (a, block), 3 * MIB);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 4 * MIB);
  sydra_free (a, block);
  sydra_free (a, next);
}
END_TEST

START_TEST (resize_grows_a_block_in_place_where_possible)
{
  char *block = sydra_malloc (a, 300 * KIB), *wall;

  stamp (block, 300 * KIB, 6);
  /* To the end of its last unit, and behind it. */
  ck_assert (sydra_resize (a, block, 320 * KIB));
  ck_assert_uint_eq (sydra_usable_size (a, block), 320 * KIB);
  ck_assert (sydra_resize (a, block, 10 * MIB));
  ck_assert_uint_eq (sydra_usable_size (a, block), 10 * MIB);
  must_be_stamped (block, 300 * KIB, 300 * KIB, 6);
  stamp (block, 10 * MIB, 7);
  wall = sydra_malloc (a, 300 * KIB);
  ck_assert (!sydra_resize (a, block, 100 * MIB));
  ck_assert (sydra_resize (a, block, 140 * KIB));
  ck_assert_uint_eq (sydra_usable_size (a, block), 140 * KIB);
  must_be_stamped (block, 140 * KIB, 10 * MIB, 7);
  sydra_free (a, wall);
  sydra_free (a, block);
  ck_assert_uint_eq (stats_now ().fallback_resizes, 3);
  ck_assert_uint_eq (stats_now ().fallback_remaps, 0);
}
END_TEST

START_TEST (a_block_that_shrinks_gives_its_tail_back)
{
  char *block = sydra_malloc (a, 4 * MIB), *wall = sydra_malloc (a, MIB), *tail;
  void *ballast = take_ballast (64 * MIB);

  stamp (block, 4 * MIB, 3);
  ck_assert_ptr_eq (sydra_realloc (a, block, 4 * MIB - 100 * KIB), block);
  ck_assert_uint_eq (sydra_usable_size (a, block), 4 * MIB - 100 * KIB);
  ck_assert_uint_eq (sy_dirty_bytes (), 0); /* not worth it */
  ck_assert (sydra_resize (a, block, 4 * MIB));
  ck_assert_ptr_eq (sydra_realloc (a, block, MIB), block);
  ck_assert_uint_eq (sydra_usable_size (a, block), MIB);
  ck_assert_uint_eq (sy_dirty_bytes (), 3 * MIB);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 66 * MIB);
  tail = sydra_malloc (a, 3 * MIB);
  ck_assert_ptr_eq (tail, block + MIB);
  must_be_stamped (block, MIB, 4 * MIB, 3);
  sydra_free (a, block);
  sydra_free (a, tail);
  sydra_free (a, wall);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (many_small_steps_down_give_back_as_one_does)
{
  char *block = sydra_malloc (a, 8 * MIB);

  stamp (block, 8 * MIB, 3);
  for (size_t size = 8 * MIB; size > MIB; size -= SY_UNIT_BYTES)
    {
      ck_assert_ptr_eq (sydra_realloc (a, block, size), block);
      test_must (used_bytes () < size + size / 2, "%zu bytes for %zu", used_bytes (), size);
    }
  must_be_stamped (block, MIB, 8 * MIB, 3);
  sydra_free (a, block);
}
END_TEST

START_TEST (blocks_cross_the_edge_of_the_classes)
{
  const size_t small = SY_SMALL_MAX / 2;
  char *block = sydra_malloc (a, small);

  stamp (block, small, 1);
  for (unsigned round = 0; round < 3; round++)
    {
      block = sydra_realloc (a, block, MIB);
      ck_assert (sy_large_is (a->pool.tag, block));
      must_be_stamped (block, small, small, 1);
      block = sydra_realloc (a, block, small);
      ck_assert (sydra_owns (a, block));
      must_be_stamped (block, small, small, 1);
    }
  /* In place a large block stays one, however short it gets. */
  block = sydra_realloc (a, block, MIB);
  ck_assert (sydra_resize (a, block, 0));
  ck_assert_uint_eq (sydra_usable_size (a, block), sy_os_page_bytes ());
  sydra_free (a, block);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

void
large_add_lengths (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "lengths", 60, end_of_all);

  tcase_add_test (tests, a_block_grows_in_place_where_what_follows_is_free);
  tcase_add_test (tests, room_for_growth_is_not_counted);
  tcase_add_test (tests, resize_grows_a_block_in_place_where_possible);
  tcase_add_test (tests, a_block_that_shrinks_gives_its_tail_back);
  tcase_add_test (tests, many_small_steps_down_give_back_as_one_does);
  tcase_add_test (tests, blocks_cross_the_edge_of_the_classes);
}
