/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/magazine.h"
#include "pool/size_class.h"
#include "suite.h"

START_TEST (class_0_is_no_class)
{
  ck_assert_uint_eq (sy_size_classes[0].bytes, 0);
  ck_assert_uint_eq (sy_size_classes[0].blocks, 0);
  for (size_t size = 0; size <= SY_SMALL_MAX; size++)
    ck_assert_uint_ne (sy_class_of (size), 0);
}
END_TEST

/* How many blocks a slab has at least: enough to share what it costs. */
static unsigned
least_blocks (size_t bytes)
{
  return bytes <= 14336 ? 8 : 4;
}

START_TEST (classes_rise_and_fill_their_slabs)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      const struct sy_size_class *row = &sy_size_classes[class];

      ck_assert_uint_gt (row->bytes, sy_size_classes[class - 1].bytes);
      ck_assert_uint_le (row->bytes * (size_t) row->blocks, sy_class_slab_bytes (class));
      ck_assert_uint_gt (row->bytes * ((size_t) row->blocks + 1), sy_class_slab_bytes (class));
      /* At most 3 % of a slab is no block. */
      ck_assert_uint_le (100 * (sy_class_slab_bytes (class) - row->bytes * (size_t) row->blocks),
                         3 * sy_class_slab_bytes (class));
      ck_assert_uint_ge (row->blocks, least_blocks (row->bytes));
      ck_assert_uint_ge (row->units, 1);
      ck_assert_uint_le (row->units, SY_SLAB_UNITS_MAX);
    }
  ck_assert_uint_eq (sy_size_classes[SY_CLASSES - 1].bytes, SY_SMALL_MAX);
}
END_TEST

START_TEST (the_core_nine_are_there_and_no_class_wastes_more_than_a_fifth)
{
  static const uint32_t core[] = { 16, 24, 32, 48, 64, 96, 128, 192, 256 };

  for (unsigned at = 0; at < sizeof core / sizeof core[0]; at++)
    {
      unsigned class = 1;

      while (class < SY_CLASSES && sy_size_classes[class].bytes != core[at])
        class++;
      ck_assert_uint_lt (class, SY_CLASSES);
    }
  for (size_t size = 65; size <= SY_SMALL_MAX; size++)
    {
      size_t bytes = sy_size_classes[sy_class_of (size)].bytes;

      test_must (size <= bytes && 5 * (bytes - size) < bytes, "%zu bytes in a block of %zu", size,
                 bytes);
    }
}
END_TEST

static size_t
smaller (size_t one, size_t other)
{
  return one < other ? one : other;
}

/* How many blocks of this size a full-grown magazine holds at least. */
static size_t
least_capacity (size_t bytes)
{
  return smaller (SY_CAPACITY_LEAST, SY_CAPACITY_LEAST_BYTES / bytes);
}

/* How many a thread's first magazine holds. */
static size_t
first_capacity (size_t bytes)
{
  return bytes > SY_CAPACITY_FIRST_BYTES
           ? 1
           : smaller (SY_CAPACITY_FIRST, SY_CAPACITY_FIRST_BYTES / bytes);
}

START_TEST (magazines_of_every_class_fit)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      const struct sy_size_class *row = &sy_size_classes[class];

      /* One slot below the lowest round holds the NULL. */
      ck_assert_uint_lt (row->capacity, SY_MAGAZINE_SLOTS);
      ck_assert_uint_ge (row->capacity, least_capacity (row->bytes));
      ck_assert_uint_ge (row->capacity, first_capacity (row->bytes));
      ck_assert (row->capacity == least_capacity (row->bytes)
                 || (size_t) row->capacity * row->bytes <= SY_MAGAZINE_BLOCKS_BYTES);
      ck_assert_uint_ge (row->depot_depth, 1);
      ck_assert_uint_le ((size_t) row->depot_depth * row->capacity * row->bytes,
                         SY_DEPOT_BYTES (row->bytes));
    }
}
END_TEST

/* sydra-alloc(7) says: up to 1.9 MiB.  Of each class a thread has two magazines. */
START_TEST (first_magazines_of_all_classes_hold_what_the_manual_says)
{
  size_t bytes = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    bytes += 2 * first_capacity (sy_size_classes[class].bytes) * sy_size_classes[class].bytes;
  ck_assert_uint_gt (bytes, (size_t) 18 * 1024 * 1024 / 10);
  ck_assert_uint_le (bytes, (size_t) 19 * 1024 * 1024 / 10);
}
END_TEST

/* In the longest slab that there may be, whatever the class's own is. */
START_TEST (every_offset_of_a_slab_finds_its_block)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (size_t offset = 0; offset < SY_SLAB_UNITS_MAX * SY_UNIT_BYTES; offset++)
      test_must (sy_class_block (&sy_size_classes[class], offset)
                   == offset / sy_size_classes[class].bytes,
                 "offset %zu of class %u", offset, class);
}
END_TEST

/* What sy_class_of_aligned should find, by looking at every class.  A slab begins at a unit: its
   blocks can be aligned to one, and to no more. */
static unsigned
smallest (size_t size, size_t alignment)
{
  unsigned found = 0;

  for (unsigned class = SY_CLASSES - 1; class > 0 && alignment <= SY_UNIT_BYTES; class--)
    if (sy_size_classes[class].bytes >= size && sy_size_classes[class].bytes % alignment == 0)
      found = class;
  return found;
}

START_TEST (a_plain_size_gets_the_smallest_class_that_max_align_t_allows)
{
  for (size_t size = 0; size <= SY_SMALL_MAX; size++)
    ck_assert_uint_eq (sy_class_of (size), smallest (size, SY_GRANULE));
}
END_TEST

START_TEST (an_aligned_size_gets_the_smallest_class_that_is_aligned_so)
{
  for (size_t alignment = 1; alignment <= 4 * SY_UNIT_BYTES; alignment *= 2)
    for (size_t size = 0; size <= SY_SMALL_MAX + 100; size += size < 1100 ? 1 : 31)
      {
        unsigned class = sy_class_of_aligned (size, alignment);

        ck_assert_uint_eq (class, smallest (size, alignment));
        for (size_t block = 0; class != 0 && block < sy_size_classes[class].blocks; block += 3)
          test_must (block * sy_size_classes[class].bytes % alignment == 0, "block %zu of class %u",
                     block, class);
      }
}
END_TEST

START_TEST (what_no_class_serves_is_class_0)
{
  ck_assert_uint_eq (sy_class_of_aligned (SY_SMALL_MAX + 1, 1), 0);
  ck_assert_uint_eq (sy_class_of_aligned (1, 2 * SY_UNIT_BYTES), 0);
  ck_assert_uint_eq (sy_class_of_aligned (SY_SMALL_MAX, 2 * SY_UNIT_BYTES), 0);
  ck_assert_uint_eq (sy_class_of_aligned (1, 2 * SY_SMALL_MAX), 0);
  ck_assert_uint_eq (sy_class_of_aligned (SIZE_MAX, 1), 0);
  ck_assert_uint_eq (sy_class_of_aligned (1, SIZE_MAX / 2 + 1), 0);
}
END_TEST

START_TEST (a_block_stays_for_sizes_of_its_class_and_those_over_half_of_it)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t bytes = sy_size_classes[class].bytes;

      ck_assert_uint_eq (sy_extents[class].bytes, bytes);
      for (size_t size = 1; size <= 2 * bytes + 1; size++)
        test_must (sy_extent_keeps (class, size)
                     == (size <= bytes && (size > bytes / 2 || sy_class_of (size) == class)),
                   "%zu bytes in a block of %zu", size, bytes);
      ck_assert (!sy_extent_keeps (class, SIZE_MAX));
    }
}
END_TEST

START_TEST (what_is_no_class_has_no_bytes_and_keeps_nothing)
{
  for (unsigned kind = 0; kind < SY_KINDS; kind += kind == 0 ? SY_CLASSES : 1)
    {
      ck_assert_uint_eq (sy_extents[kind].bytes, 0);
      for (size_t size = 0; size <= SY_SMALL_MAX; size += size < 100 ? 1 : 97)
        ck_assert (!sy_extent_keeps (kind, size));
      ck_assert (!sy_extent_keeps (kind, SIZE_MAX));
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("size_class");
  TCase *tests = test_case (suite, "table", 10);

  tcase_add_test (tests, class_0_is_no_class);
  tcase_add_test (tests, classes_rise_and_fill_their_slabs);
  tcase_add_test (tests, the_core_nine_are_there_and_no_class_wastes_more_than_a_fifth);
  tcase_add_test (tests, magazines_of_every_class_fit);
  tcase_add_test (tests, first_magazines_of_all_classes_hold_what_the_manual_says);
  tcase_add_test (tests, every_offset_of_a_slab_finds_its_block);
  tcase_add_test (tests, a_plain_size_gets_the_smallest_class_that_max_align_t_allows);
  tcase_add_test (tests, an_aligned_size_gets_the_smallest_class_that_is_aligned_so);
  tcase_add_test (tests, what_no_class_serves_is_class_0);
  tcase_add_test (tests, a_block_stays_for_sizes_of_its_class_and_those_over_half_of_it);
  tcase_add_test (tests, what_is_no_class_has_no_bytes_and_keeps_nothing);
  return test_run (suite);
}
