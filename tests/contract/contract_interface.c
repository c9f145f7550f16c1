/* SPDX-License-Identifier: MIT */
/* contract_interface.c: batches, and the allocator as a value. */
#include <config.h>

#include "contract.h"

#define BATCH_MAX 100000

START_TEST (a_batch_is_as_many_blocks_of_their_own)
{
  static const size_t count[] = { 1, 2, 7, 8, 125, 126, 1000, 20000 };
  static const size_t size[] = { 0, 1, 16, 17, 200, 256, 257, 2000, POOL_MAX, POOL_MAX + 1 };
  static void *block[20000];

  for (unsigned of_size = 0; of_size < sizeof size / sizeof *size; of_size++)
    for (unsigned of_count = 0; of_count < 8; of_count++)
      {
        /* 40 MB at the most. */
        size_t most = 40000000 / (size[of_size] + 1),
               many = count[of_count] < most ? count[of_count] : most;

        ck_assert_uint_eq (sydra_malloc_batch (a, size[of_size], many, block), many);
        ck_assert_uint_eq (contract_stats (a).in_use, many);
        for (size_t at = 0; at < many; at++)
          {
            test_must (block[at] != NULL && contract_is_aligned (block[at], MAX_ALIGN), "%p",
                       block[at]);
            contract_stamp (block[at], sydra_usable_size (a, block[at]), at);
          }
        for (size_t at = 0; at < many; at++)
          test_must (contract_stamped (block[at], sydra_usable_size (a, block[at]), at),
                     "two blocks share memory");
        sydra_free_batch (a, many, block);
        ck_assert_uint_eq (contract_stats (a).in_use, 0);
      }
}
END_TEST

START_TEST (an_empty_batch_is_nothing)
{
  void *untouched = &untouched;

  ck_assert_uint_eq (sydra_malloc_batch (a, 16, 0, &untouched), 0);
  ck_assert_uint_eq (sydra_malloc_batch (a, 16, 0, NULL), 0);
  ck_assert_ptr_eq (untouched, &untouched);
  sydra_free_batch (a, 0, NULL);
  sydra_free_batch (a, 0, &untouched);
  ck_assert_ptr_eq (untouched, &untouched);
  ck_assert_uint_eq (contract_stats (a).allocations, 0);
}
END_TEST

START_TEST (a_batch_to_free_may_mix_sizes_and_hold_nulls)
{
  static void *block[BATCH_MAX], *copy[BATCH_MAX];
  struct test_random random = test_random_make (30);
  size_t live = 0;

  for (unsigned at = 0; at < BATCH_MAX; at++)
    {
      block[at] = at % 3 == 0 ? NULL
                              : sydra_malloc (a, test_random_below (
                                                   &random, at % 50 == 1 ? POOL_MAX + 20000 : 300));
      live += block[at] != NULL;
    }
  ck_assert_uint_eq (live, BATCH_MAX / 3 * 2);
  memcpy (copy, block, sizeof block);
  ck_assert_uint_eq (contract_stats (a).in_use, live);
  sydra_free_batch (a, BATCH_MAX, block);
  ck_assert_mem_eq (block, copy, sizeof block);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
  ck_assert_uint_eq (contract_stats (a).frees, live);

  void *nothing[10] = { NULL };

  sydra_free_batch (a, 10, nothing);
  ck_assert_uint_eq (contract_stats (a).frees, live);
}
END_TEST

START_TEST (blocks_of_batches_are_like_any_others)
{
  void *block[300], *one;

  ck_assert_uint_eq (sydra_malloc_batch (a, 40, 300, block), 300);
  for (unsigned at = 0; at < 300; at++)
    {
      contract_stamp (block[at], 40, at);
      if (at % 2 == 0)
        sydra_free_sized (a, block[at], 40);
      else
        {
          one = sydra_realloc (a, block[at], 400);
          ck_assert (one != NULL && contract_stamped (one, 40, at));
          sydra_free (a, one);
        }
    }
}
END_TEST

/* ---- An allocator as a value ---- */

START_TEST (the_value_allocates_at_any_alignment)
{
  struct sydra_allocator value = sydra_alloc_interface (a);

  for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (size_t size = 0; size <= POOL_MAX + 2000; size += size < 300 ? 1 : 997)
      {
        char *block = value.alloc (value.ctx, size, alignment);

        test_must (block != NULL && contract_is_aligned (block, alignment), "%p for alignment %zu",
                   (void *) block, alignment);
        contract_stamp (block, size, size);
        test_must (sydra_usable_size (a, block) >= size, "%zu usable",
                   sydra_usable_size (a, block));
        value.free (value.ctx, block, size, alignment);
      }
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

START_TEST (the_value_resizes_in_place_or_not_at_all)
{
  struct sydra_allocator value = sydra_alloc_interface (a);
  unsigned yes = 0, no = 0;

  for (size_t alignment = 1; alignment <= 4096; alignment *= 4)
    for (size_t from = 1; from <= 2000; from += 37)
      for (size_t to = 0; to <= 2000; to += 41)
        {
          char *block = value.alloc (value.ctx, from, alignment);

          test_must (block != NULL, "no block");
          contract_stamp (block, from, from);
          if (value.resize (value.ctx, block, from, alignment, to))
            {
              yes++;
              test_must (contract_stamped (block, from < to ? from : to, from), "contents lost");
              contract_stamp (block, to, to);
              value.free (value.ctx, block, to, alignment);
            }
          else
            {
              no++;
              test_must (to > from, "no room for %zu in %zu", to, from);
              test_must (contract_stamped (block, from, from), "contents lost");
              value.free (value.ctx, block, from, alignment);
            }
        }
  ck_assert_uint_gt (yes, 1000);
  ck_assert_uint_gt (no, 1000);
}
END_TEST

START_TEST (a_remap_keeps_contents_and_alignment)
{
  static const size_t size[] = { 0,    1,    8,     16,       17,           24,    25,
                                 100,  128,  129,   255,      256,          257,   300,
                                 1000, 5000, 20000, POOL_MAX, POOL_MAX + 1, 65536, 200000 };
  struct sydra_allocator value = sydra_alloc_interface (a);
  unsigned count = sizeof size / sizeof *size;

  for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (unsigned from = 0; from < count; from++)
      for (unsigned to = 0; to < count; to++)
        {
          size_t least = size[from] < size[to] ? size[from] : size[to];
          char *block = value.alloc (value.ctx, size[from], alignment), *moved;

          test_must (block != NULL, "no block");
          contract_stamp (block, size[from], to + 1);
          moved = value.remap (value.ctx, block, size[from], alignment, size[to]);
          test_must (moved != NULL, "no block of %zu", size[to]);
          test_must (contract_is_aligned (moved, alignment), "%p for alignment %zu", (void *) moved,
                     alignment);
          test_must (contract_stamped (moved, least, to + 1), "contents lost from %zu to %zu",
                     size[from], size[to]);
          contract_stamp (moved, size[to], 1);
          value.free (value.ctx, moved, size[to], alignment);
        }
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
}
END_TEST

START_TEST (a_remap_that_fails_leaves_the_block)
{
  struct sydra_allocator value = sydra_alloc_interface (a);

  for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
    for (size_t size = 16; size <= 300000; size *= 11)
      {
        const size_t impossible[] = { SIZE_MAX, SIZE_MAX - alignment, (size_t) PTRDIFF_MAX + 1,
                                      PTRDIFF_MAX };
        char *block = value.alloc (value.ctx, size, alignment);

        ck_assert_ptr_nonnull (block);
        contract_stamp (block, size, size);
        for (unsigned at = 0; at < 4; at++)
          {
            errno = 0;
            ck_assert_ptr_null (value.remap (value.ctx, block, size, alignment, impossible[at]));
            ck_assert_int_eq (errno, ENOMEM);
            ck_assert (!value.resize (value.ctx, block, size, alignment, impossible[at]));
            ck_assert (contract_stamped (block, size, size));
          }
        value.free (value.ctx, block, size, alignment);
      }
}
END_TEST

START_TEST (values_of_two_handles_serve_from_their_own)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  struct sydra_allocator mine = sydra_alloc_interface (a), theirs = sydra_alloc_interface (other);
  void *block = mine.alloc (mine.ctx, 10, 4), *second = theirs.alloc (theirs.ctx, 500, 4);

  ck_assert (block != NULL && second != NULL);
  ck_assert_uint_eq (contract_stats (a).in_use, 1);
  ck_assert_uint_eq (contract_stats (other).in_use, 1);
  ck_assert_uint_eq (contract_stats (other).in_use_bytes, sydra_usable_size (other, second));
  mine.free (mine.ctx, block, 10, 4);
  ck_assert_uint_eq (contract_stats (a).in_use, 0);
  contract_leave (second);
  ck_assert_uint_eq (sydra_alloc_destroy (other), 1);
}
END_TEST

void
contract_add_interface (Suite *suite)
{
  TCase *tests = contract_case (suite, "interface", 30);

  tcase_add_test (tests, a_batch_is_as_many_blocks_of_their_own);
  tcase_add_test (tests, an_empty_batch_is_nothing);
  tcase_add_test (tests, a_batch_to_free_may_mix_sizes_and_hold_nulls);
  tcase_add_test (tests, blocks_of_batches_are_like_any_others);
  tcase_add_test (tests, the_value_allocates_at_any_alignment);
  tcase_add_test (tests, the_value_resizes_in_place_or_not_at_all);
  tcase_add_test (tests, a_remap_keeps_contents_and_alignment);
  tcase_add_test (tests, a_remap_that_fails_leaves_the_block);
  tcase_add_test (tests, values_of_two_handles_serve_from_their_own);
}
