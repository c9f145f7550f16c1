/* SPDX-License-Identifier: MIT */
/* range.c: where the range lies, and where classes and slabs lie in it. */
#include <config.h>

#include "region.h"

START_TEST (a_range_that_is_not_open_owns_nothing)
{
  int local;

  if (sy_region.bytes != 0)
    return; /* an earlier test of this process opened it */
  ck_assert (!sy_region_has (NULL));
  ck_assert (!sy_region_has (&local));
  ck_assert (!sy_region_has ((void *) UINTPTR_MAX));
  for (unsigned class = 0; class < SY_CLASSES; class++)
    ck_assert_uint_eq (used_of (class), 0);
  ck_assert_uint_eq (sy_region_dirty_bytes (), 0);
  ck_assert_uint_eq (sy_region_purge (), 0);
}
END_TEST

START_TEST (the_range_is_opened_once)
{
  ck_assert (sy_region_open ());

  char *base = sy_region.base;
  size_t bytes = sy_region.bytes;

  ck_assert (sy_region_open ());
  ck_assert_ptr_eq (sy_region.base, base);
  ck_assert_uint_eq (sy_region.bytes, bytes);
  ck_assert_uint_eq ((uintptr_t) base % SY_UNIT_BYTES, 0);
  ck_assert_uint_eq (bytes % SY_UNIT_BYTES, 0);
  ck_assert_uint_ge (bytes, ((size_t) SY_CLASSES << SY_ZONE_SHIFT_MIN) - SY_UNIT_BYTES);
}
END_TEST

START_TEST (the_range_ends_where_it_ends)
{
  int local;

  ck_assert (sy_region_open ());
  ck_assert (sy_region_has (sy_region.base));
  ck_assert (sy_region_has (sy_region.base + sy_region.bytes - 1));
  ck_assert (!sy_region_has (sy_region.base - 1));
  ck_assert (!sy_region_has (sy_region.base + sy_region.bytes));
  ck_assert (!sy_region_has (NULL));
  ck_assert (!sy_region_has ((void *) UINTPTR_MAX));
  ck_assert (!sy_region_has (&local));
  ck_assert_uint_eq (sy_region_unit_of (sy_region.base + sy_region.bytes - 1),
                     sy_region_unit_count () - 1);
}
END_TEST

/* A TLB's sets are chosen by the low bits of a page's number: 16 units, of 16 pages each, have all
   there are.  In a pool's map 16 pages do. */
START_TEST (first_slabs_of_the_classes_are_spread_over_all_sets)
{
  unsigned slabs[16] = { 0 }, maps[16] = { 0 }, classes = 0;
  uint32_t first;

  ck_assert (sy_region_open ());
  if (sy_region.zone_shift < 8)
    return; /* the system has given no more than short zones */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (sy_size_classes[class].units == 1)
      {
        (void) sy_region_used (class, &first);
        ck_assert_uint_eq (first >> sy_region.zone_shift, class);
        slabs[first % 16]++;
        maps[first / 4096 % 16]++;
        classes++;
      }
  for (unsigned place = 0; place < 16; place++)
    {
      ck_assert_uint_le (slabs[place], classes / 16 + 2);
      if (sy_region.zone_shift >= 20)
        ck_assert_uint_le (maps[place], classes / 16 + 2);
    }
}
END_TEST

START_TEST (every_byte_of_a_slab_is_in_it_and_the_next_one_is_not)
{
  ck_assert (sy_region_open ());
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      uint32_t slab = sy_region_take (class), units = sy_size_classes[class].units;
      char *start = sy_region_address (slab);

      ck_assert_uint_ne (slab, SY_SLAB_NONE);
      ck_assert_uint_eq (slab % units, 0);
      for (size_t offset = 0; offset < sy_class_slab_bytes (class); offset += SY_UNIT_BYTES / 2)
        {
          ck_assert_uint_eq (sy_region_slab_of (start + offset), slab);
          ck_assert_uint_eq (sy_region_unit_of (start + offset), slab + offset / SY_UNIT_BYTES);
          ck_assert_uint_eq (sy_region_unit_of (start + offset) >> sy_region.zone_shift, class);
        }
      ck_assert_uint_eq (sy_region_slab_of (start + sy_class_slab_bytes (class) - 1), slab);
      ck_assert_uint_eq (sy_region_slab_of (start + sy_class_slab_bytes (class)), slab + units);
      sy_region_give (slab, 1);
    }
}
END_TEST

void
region_add_range (Suite *suite)
{
  TCase *tests = test_case (suite, "range", 20);

  tcase_add_test (tests, a_range_that_is_not_open_owns_nothing);
  tcase_add_test (tests, the_range_is_opened_once);
  tcase_add_test (tests, the_range_ends_where_it_ends);
  tcase_add_test (tests, first_slabs_of_the_classes_are_spread_over_all_sets);
  tcase_add_test (tests, every_byte_of_a_slab_is_in_it_and_the_next_one_is_not);
}
