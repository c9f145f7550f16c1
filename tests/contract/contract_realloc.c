/* SPDX-License-Identifier: MIT */
/* contract_realloc.c: blocks that change their size, by moving or in place. */
#include <config.h>

#include "contract.h"

static size_t
smaller (size_t x, size_t y)
{
  return x < y ? x : y;
}

/* A new block, or the old one where old is not NULL, of the given size; its contents are those
   of the old size. */
static char *
change (char *old, size_t old_size, size_t size, uint64_t tag)
{
  char *block = sydra_realloc (a, old, size);

  test_must (block != NULL, "no block of %zu, errno %d", size, errno);
  test_must (contract_is_aligned (block, MAX_ALIGN), "%p for %zu after %zu", (void *) block, size,
             old_size);
  test_must (sydra_usable_size (a, block) >= size, "%zu usable for %zu after %zu",
             sydra_usable_size (a, block), size, old_size);
  test_must (contract_stamped (block, smaller (old_size, size), tag),
             "contents lost from %zu to %zu", old_size, size);
  return block;
}

#define EDGES 81

/* The edges of many classes, of the pool, and of what the C library maps by itself, with their
   neighbours. */
static unsigned
boundaries (size_t *size)
{
  static const size_t edge[] = { 1,    16,    24,    32,       48,    64,     80,     96,   128,
                                 160,  192,   256,   320,      512,   1024,   2048,   4096, 5120,
                                 8192, 14336, 24576, 32768,    65536, 81920,  POOL_MAX,
                                 196608, 1048576 };
  unsigned count = 0;

  for (unsigned at = 0; at < sizeof edge / sizeof *edge; at++)
    for (size_t off = 0; off < 3; off++)
      size[count++] = edge[at] + off - 1;
  ck_assert_uint_le (count, EDGES);
  return count;
}

START_TEST (contents_survive_from_each_boundary_to_each_other)
{
  size_t size[EDGES];
  unsigned count = boundaries (size);

  for (unsigned from = 0; from < count; from++)
    for (unsigned to = 0; to < count; to++)
      {
        char *block = change (NULL, 0, size[from], 0);

        contract_stamp (block, size[from], from + 1);
        block = change (block, size[from], size[to], from + 1);
        contract_stamp (block, sydra_usable_size (a, block), to);
        sydra_free_sized (a, block, size[to]);
      }
}
END_TEST

START_TEST (blocks_of_any_alignment_can_be_reallocated)
{
  size_t size[EDGES];
  unsigned count = boundaries (size);

  for (size_t alignment = 1; alignment <= 65536; alignment *= 2)
    for (unsigned from = 0; from < count; from++)
      {
        size_t to = size[(from * 7 + (unsigned) (alignment % 41)) % count];
        char *block = sydra_aligned_alloc (a, alignment, size[from]);

        test_must (block != NULL && contract_is_aligned (block, alignment), "%p for alignment %zu",
                   (void *) block, alignment);
        contract_stamp (block, size[from], alignment);
        sydra_free (a, change (block, size[from], to, alignment));
      }
}
END_TEST

START_TEST (an_eight_aligned_block_moves_to_where_any_object_may_lie)
{
  /* Blocks of 24 bytes lie at odd multiples of 8 where the pool serves them. */
  for (unsigned at = 0; at < 1000; at++)
    {
      char *block = sydra_aligned_alloc (a, 8, 24);

      contract_stamp (block, 24, at);
      block = change (block, 24, at % 25, at);
      sydra_free (a, block);
    }
}
END_TEST

START_TEST (size_zero_shrinks_and_never_frees)
{
  size_t size[EDGES];
  unsigned count = boundaries (size);

  for (unsigned at = 0; at < count; at++)
    {
      char *block = change (NULL, 0, size[at], 0), *other;

      block = change (block, 0, 0, 0);
      ck_assert_uint_eq (contract_stats (a).in_use, 1);
      contract_stamp (block, sydra_usable_size (a, block), at);
      other = sydra_malloc (a, 0);
      ck_assert_ptr_ne (other, block);
      contract_stamp (other, sydra_usable_size (a, other), at + 1);
      ck_assert (contract_stamped (block, sydra_usable_size (a, block), at));
      block = change (block, 0, 0, 0);
      sydra_free (a, other);
      sydra_free (a, block);
      ck_assert_uint_eq (contract_stats (a).in_use, 0);
    }
}
END_TEST

/* Mostly small, of the smaller classes, now and then around the pool's edge or large. */
static size_t
some_size (struct test_random *random)
{
  size_t kind = test_random_below (random, 256);

  return kind < 150   ? test_random_below (random, 257)
         : kind < 220 ? 200 + test_random_below (random, 120)
         : kind < 245 ? test_random_below (random, 5000)
         : kind < 253 ? test_random_below (random, POOL_MAX + 1)
         : kind < 255 ? POOL_MAX - 4000 + test_random_below (random, 8000)
                      : test_random_below (random, 300000);
}

START_TEST (random_steps_keep_all_contents)
{
  enum { LIVE = 200 };
  static char *block[LIVE];
  static size_t size[LIVE];
  static uint64_t tag[LIVE];
  struct test_random random = test_random_make (10);
  unsigned steps = test_steps (100000, 1000000);

  for (unsigned step = 0; step < steps; step++)
    {
      size_t at = test_random_below (&random, LIVE), to = some_size (&random);

      if (block[at] != NULL && step % 16 == 0)
        {
          test_must (contract_stamped (block[at], size[at], tag[at]), "contents lost");
          sydra_free_sized (a, block[at], size[at]);
          block[at] = NULL;
          size[at] = 0;
        }
      block[at] = change (block[at], size[at], to, tag[at]);
      /* Only the new part is written, most of the time. */
      if (step % 4 == 0)
        tag[at] = step;
      contract_stamp (block[at], to, tag[at]);
      size[at] = to;
    }
  for (unsigned at = 0; at < LIVE; at++)
    {
      ck_assert (block[at] == NULL || contract_stamped (block[at], size[at], tag[at]));
      sydra_free (a, block[at]);
    }
}
END_TEST

START_TEST (resize_changes_in_place_or_nothing)
{
  size_t size[EDGES];
  unsigned count = boundaries (size), yes = 0, no = 0;

  for (unsigned from = 0; from < count; from++)
    for (unsigned to = 0; to < count; to++)
      {
        char *block = sydra_malloc (a, size[from]);
        size_t usable;

        ck_assert_ptr_nonnull (block);
        usable = sydra_usable_size (a, block);
        contract_stamp (block, usable, from);
        errno = EDOM;
        if (sydra_resize (a, block, size[to]))
          {
            yes++;
            test_must (sydra_usable_size (a, block) >= size[to], "%zu usable for %zu",
                       sydra_usable_size (a, block), size[to]);
            test_must (contract_stamped (block, smaller (usable, size[to]), from),
                       "contents lost from %zu to %zu", size[from], size[to]);
            contract_stamp (block, sydra_usable_size (a, block), to);
            sydra_free_sized (a, block, size[to]);
          }
        else
          {
            no++;
            test_must (size[to] > size[from], "no room for %zu in a block of %zu", size[to],
                       size[from]);
            test_must (sydra_usable_size (a, block) == usable
                         && contract_stamped (block, usable, from),
                       "changed all the same");
            sydra_free_sized (a, block, size[from]);
          }
        test_must (errno == EDOM, "errno is %d", errno);
      }
  ck_assert_uint_gt (yes, count);
  ck_assert_uint_gt (no, count);
}
END_TEST

START_TEST (resize_gives_all_that_is_usable)
{
  for (size_t size = 0; size <= POOL_MAX + 2000; size += size < 2000 ? 1 : 37)
    {
      char *block = sydra_malloc (a, size);

      ck_assert_ptr_nonnull (block);
      test_must (sydra_resize (a, block, sydra_usable_size (a, block)),
                 "usable bytes of a block of %zu are not to be had", size);
      test_must (sydra_resize (a, block, 0), "no room for nothing");
      sydra_free_sized (a, block, 0);
    }
}
END_TEST

void
contract_add_realloc (Suite *suite)
{
  TCase *tests = contract_case (suite, "realloc", 60);

  tcase_add_test (tests, contents_survive_from_each_boundary_to_each_other);
  tcase_add_test (tests, blocks_of_any_alignment_can_be_reallocated);
  tcase_add_test (tests, an_eight_aligned_block_moves_to_where_any_object_may_lie);
  tcase_add_test (tests, size_zero_shrinks_and_never_frees);
  tcase_add_test (tests, random_steps_keep_all_contents);
  tcase_add_test (tests, resize_changes_in_place_or_nothing);
  tcase_add_test (tests, resize_gives_all_that_is_usable);
}
