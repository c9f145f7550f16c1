/* SPDX-License-Identifier: MIT */
/* sizes.c: what one block is: its size, its alignment, its neighbours and its first contents. */
#include <config.h>

#include "large.h"

START_TEST (sizes_beyond_all_memory_fail_with_enomem)
{
  size_t sizes[] = { SIZE_MAX,
                     SIZE_MAX - 15,
                     (size_t) PTRDIFF_MAX + 1,
                     (size_t) PTRDIFF_MAX,
                     (size_t) PTRDIFF_MAX - SY_UNIT_BYTES,
                     SIZE_MAX / 4 };
  /* Of 32 bits of addresses the C library may find a gigabyte, or more. */
  unsigned count = SY_WORD_BITS == 64 ? 6 : 3;
  char *block = sydra_malloc (a, 100 * KIB);

  stamp (block, 100 * KIB, 5);
  for (unsigned at = 0; at < count; at++)
    {
      errno = 0;
      ck_assert_ptr_null (sydra_malloc (a, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sydra_calloc (a, 1, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sydra_aligned_alloc (a, 4096, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sydra_realloc (a, block, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      ck_assert (!sydra_resize (a, block, sizes[at]));
    }
  errno = 0;
  ck_assert_ptr_null (sydra_aligned_alloc (a, SIZE_MAX / 2 + 1, 1));
  ck_assert_int_eq (errno, ENOMEM);
  ck_assert_uint_eq (stats_now ().in_use, 1);
  must_be_stamped (block, 100 * KIB, 100 * KIB, 5);
  sydra_free (a, block);
}
END_TEST

/* Units of the size and units of the alignment are each less than the most that the book can look
   for, and both together are not. */
START_TEST (an_aligned_block_of_all_addresses_fails_with_enomem)
{
  char *free_run = sydra_malloc (a, MIB), *wall = sydra_malloc (a, MIB);

  sydra_free (a, free_run);
  for (unsigned units = 29; units <= 31; units++)
    for (size_t alignment = 2 * MIB; alignment <= 64 * MIB; alignment *= 2)
      {
        size_t size = ((size_t) 1 << units << SY_UNIT_SHIFT) - alignment / 2;

        errno = 0;
        ck_assert_ptr_null (sydra_aligned_alloc (a, alignment, size));
        ck_assert_int_eq (errno, ENOMEM);
        ck_assert_ptr_null (sydra_realloc (a, wall, size - size / 3));
      }
  sydra_free (a, wall);
}
END_TEST

static size_t
whole_pages (size_t size)
{
  size_t page = sy_os_page_bytes ();

  return (size + page - 1) / page * page;
}

START_TEST (whole_pages_are_usable_and_a_good_size)
{
  for (size_t size = SY_SMALL_MAX + 1; size < 3 * MIB; size += size < 70000 ? 13 : 40001)
    {
      char *block = sydra_malloc (a, size);

      test_must (sydra_usable_size (a, block) == whole_pages (size), "%zu usable of %zu",
                 sydra_usable_size (a, block), size);
      test_must (sydra_good_size (a, size) == whole_pages (size), "good size %zu of %zu",
                 sydra_good_size (a, size), size);
      memset (block, 1, whole_pages (size));
      sydra_free (a, block);
    }
}
END_TEST

START_TEST (blocks_of_whole_pages_follow_each_other)
{
  char *block[8];

  for (unsigned at = 0; at < 8; at++)
    block[at] = sydra_malloc (a, at % 2 == 0 ? 5 * SY_UNIT_BYTES : 3 * SY_UNIT_BYTES);
  for (unsigned at = 1; at < 8; at++)
    ck_assert_ptr_eq (block[at], block[at - 1] + sydra_usable_size (a, block[at - 1]));
  for (unsigned at = 0; at < 8; at++)
    sydra_free (a, block[at]);
}
END_TEST

START_TEST (alignments_hold_up_to_64_mib)
{
  for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2)
    for (size_t size = 1; size <= 128 * KIB; size = 3 * size + 1)
      {
        char *block = sydra_aligned_alloc (a, alignment, size);

        ck_assert_ptr_nonnull (block);
        test_must (((uintptr_t) block & (alignment - 1)) == 0, "%p: %zu of %zu", (void *) block,
                   alignment, size);
        memset (block, 1, size);
        if (alignment > SY_UNIT_BYTES)
          test_must (sydra_usable_size (a, block) == whole_pages (size), "%zu usable of %zu",
                     sydra_usable_size (a, block), size);
        sydra_free (a, block);
      }
  /* The range had room for all of them, and the ends that were cut off came back. */
  ck_assert_uint_eq (stats_now ().fallback_heap_allocs, 0);
  ck_assert_uint_ne (stats_now ().fallback_allocs, 0);
  (void) sydra_collect (a);
  ck_assert_uint_eq (sy_range_runs.edge, 0);
}
END_TEST

START_TEST (freed_neighbours_serve_a_block_of_their_sum)
{
  char *first = sydra_malloc (a, MIB), *second = sydra_malloc (a, MIB),
       *third = sydra_malloc (a, MIB), *last = sydra_malloc (a, MIB), *sum;
  void *ballast = take_ballast (64 * MIB);

  ck_assert_ptr_eq (second, first + MIB);
  sydra_free (a, first);
  sydra_free (a, third);
  sydra_free (a, second);
  sum = sydra_malloc (a, 3 * MIB);
  ck_assert_ptr_eq (sum, first);
  sydra_free (a, last);
  sydra_free (a, sum);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (callocs_memory_is_zero_however_dirty_it_was)
{
  struct test_random random = test_random_make (3);
  void *ballast = take_ballast (64 * MIB);
  unsigned dirty_again = 0;

  for (unsigned round = 0; round < 300; round++)
    {
      size_t size = 33 * KIB + test_random_below (&random, MIB);
      char *dirty = sydra_malloc (a, size + test_random_below (&random, MIB)), *zero;

      memset (dirty, 0xa5, size);
      if (round % 3 == 0)
        dirty = sydra_realloc (a, dirty, 3 * size);
      sydra_free (a, dirty);
      if (round % 7 == 0)
        (void) sydra_collect (a);
      zero = sydra_calloc (a, 1, size);
      dirty_again += zero == dirty;
      must_be_zero (zero, size);
      memset (zero, 0x5a, sydra_usable_size (a, zero));
      sydra_free (a, zero);
    }
  ck_assert_uint_ge (dirty_again, 50);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (calloc_takes_no_memory_for_what_was_hardly_used)
{
  const size_t size = 32 * MIB;
  void *ballast = take_ballast (8 * size);
  char *block = sydra_malloc (a, size), *zero;
  size_t used;

  memset (block, 1, 3 * MIB); /* dense in its first parts, one page in each of the others */
  for (size_t at = 3 * MIB; at < size; at += MIB)
    block[at] = 1;
  used = there_of (block, size);
  sydra_free (a, block);
  zero = sydra_calloc (a, 1, size);
  ck_assert_ptr_eq (zero, block);
  /* which is more where the system gives huge pages */
  ck_assert_uint_le (there_of (zero, size), used);
  must_be_zero (zero, size);
  sydra_free (a, zero);
  sydra_free (a, ballast);
}
END_TEST

void
large_add_sizes (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "sizes", 60, end_of_all);

  tcase_add_test (tests, sizes_beyond_all_memory_fail_with_enomem);
  if (SY_WORD_BITS == 64)
    tcase_add_test (tests, an_aligned_block_of_all_addresses_fails_with_enomem);
  tcase_add_test (tests, whole_pages_are_usable_and_a_good_size);
  tcase_add_test (tests, blocks_of_whole_pages_follow_each_other);
  tcase_add_test (tests, alignments_hold_up_to_64_mib);
  tcase_add_test (tests, freed_neighbours_serve_a_block_of_their_sum);
  tcase_add_test (tests, callocs_memory_is_zero_however_dirty_it_was);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, calloc_takes_no_memory_for_what_was_hardly_used);
}
