/* SPDX-License-Identifier: MIT */
/* blocks.c: what one block is: its size, its alignment, its neighbours, and its misuse. */
#include <config.h>

#include "unit/child.h"
#include "heap_mapped.h"

START_TEST (sizes_beyond_all_memory_fail_with_enomem)
{
  size_t sizes[] = { SIZE_MAX,
                     SIZE_MAX - 15,
                     (size_t) PTRDIFF_MAX + 1,
                     (size_t) PTRDIFF_MAX,
                     (size_t) PTRDIFF_MAX - SY_PAGE_MAX,
                     SIZE_MAX / 4 };
  /* Of 32 bits of addresses the C library may find a gigabyte, or more. */
  unsigned count = SY_WORD_BITS == 64 ? 6 : 3;
  char *block = sy_heap_malloc (100 * KIB);

  stamp (block, 100 * KIB, 5);
  for (unsigned at = 0; at < count; at++)
    {
      errno = 0;
      ck_assert_ptr_null (sy_heap_malloc (sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_calloc (sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_aligned (4096, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
      errno = 0;
      ck_assert_ptr_null (sy_heap_realloc (block, sizes[at]));
      ck_assert_int_eq (errno, ENOMEM);
    }
  errno = 0;
  ck_assert_ptr_null (sy_heap_aligned (SIZE_MAX / 2 + 1, 1));
  ck_assert_int_eq (errno, ENOMEM);
  must_be_stamped (block, 100 * KIB, 100 * KIB, 5);
  sy_heap_free (block);
}
END_TEST

START_TEST (good_sizes_are_usable)
{
  for (size_t size = 0; size < 3 * MIB; size += size < 70000 ? 13 : 40001)
    {
      size_t good = sy_heap_good_size (size);
      char *block = sy_heap_malloc (good);

      ck_assert_uint_ge (good, size);
      ck_assert_uint_ge (sy_heap_usable (block), good);
      sy_heap_free (block);
    }
  ck_assert_uint_eq (sy_heap_good_size (SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST (alignments_hold_up_to_64_mib)
{
  for (size_t alignment = 1; alignment <= 64 * MIB; alignment *= 2)
    for (size_t size = 1; size <= 128 * KIB; size = 3 * size + 1)
      {
        char *block = sy_heap_aligned (alignment, size);

        ck_assert_ptr_nonnull (block);
        test_must (((uintptr_t) block & (alignment - 1)) == 0, "%p: %zu of %zu", (void *) block,
                   alignment, size);
        memset (block, 1, size);
        sy_heap_free (block);
      }
  (void) sy_heap_purge ();
  ck_assert_uint_eq (sy_page_range.runs.edge, 0); /* the ends that were cut off came back */
}
END_TEST

START_TEST (freed_neighbours_serve_a_block_of_their_sum)
{
  char *a = sy_heap_malloc (MIB), *b = sy_heap_malloc (MIB), *c = sy_heap_malloc (MIB),
       *d = sy_heap_malloc (MIB), *sum;

  ck_assert_ptr_eq (b, a + MIB);
  sy_heap_free (a);
  sy_heap_free (c);
  sy_heap_free (b);
  sum = sy_heap_malloc (3 * MIB);
  ck_assert_ptr_eq (sum, a);
  sy_heap_free (d);
  sy_heap_free (sum);
}
END_TEST

START_TEST (a_block_grows_in_place_where_what_follows_is_free)
{
  char *a = sy_heap_malloc (MIB), *b = sy_heap_malloc (MIB), *c = sy_heap_malloc (MIB);

  stamp (a, MIB, 9);
  sy_heap_free (b);
  ck_assert_ptr_eq (sy_heap_realloc (a, 2 * MIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), 2 * MIB);
  must_be_stamped (a, MIB, MIB, 9);
  /* Nothing behind: any number of steps. */
  for (size_t size = MIB; size < 100 * MIB; size += 300 * KIB)
    ck_assert_ptr_eq (sy_heap_realloc (c, size), c);
  ck_assert_uint_le (sy_heap_usable (c), 151 * MIB);
  sy_heap_free (a);
  sy_heap_free (c);
}
END_TEST

START_TEST (a_block_that_shrinks_gives_its_tail_back)
{
  char *a = sy_heap_malloc (4 * MIB), *b;

  stamp (a, 4 * MIB, 3);
  ck_assert_ptr_eq (sy_heap_realloc (a, 4 * MIB - 100 * KIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), 4 * MIB); /* not worth it */
  ck_assert_ptr_eq (sy_heap_realloc (a, MIB), a);
  ck_assert_uint_eq (sy_heap_usable (a), MIB);
  b = sy_heap_malloc (3 * MIB);
  ck_assert_ptr_eq (b, a + MIB);
  must_be_stamped (a, MIB, 4 * MIB, 3);
  sy_heap_free (a);
  sy_heap_free (b);
}
END_TEST

START_TEST (callocs_memory_is_zero_however_dirty_it_was)
{
  struct test_random random = test_random_make (3);

  for (unsigned round = 0; round < 300; round++)
    {
      size_t size = 33 * KIB + test_random_below (&random, MIB);
      char *dirty = sy_heap_malloc (size + test_random_below (&random, MIB)), *zero;

      memset (dirty, 0xa5, size);
      if (round % 3 == 0)
        dirty = sy_heap_realloc (dirty, 3 * size);
      sy_heap_free (dirty);
      if (round % 7 == 0)
        (void) sy_heap_purge ();
      zero = sy_heap_calloc (size);
      must_be_zero (zero, size);
      memset (zero, 0x5a, size);
      sy_heap_free (zero);
    }
}
END_TEST

/* ---- Misuse ---- */

enum misuse {
  FREED_TWICE,
  INSIDE,
  INSIDE_A_UNIT,
  BEHIND_ALL,
  FREED_REALLOC,
  FREED_USABLE,
  OLD_AFTER_A_MOVE
};

static char *victim, *wall_behind;

static int
misuse (void *kind)
{
  switch ((enum misuse) (uintptr_t) kind)
    {
    case FREED_TWICE:
      sy_heap_free (victim);
      sy_heap_free (victim);
      break;
    case INSIDE:
      sy_heap_free (victim + 16 * sy_pages_page_bytes ());
      break;
    case INSIDE_A_UNIT:
      sy_heap_free (victim + 16);
      break;
    case BEHIND_ALL:
      sy_heap_free (victim + 4096 * MIB);
      break;
    case FREED_REALLOC:
      sy_heap_free (victim);
      (void) sy_heap_realloc (victim, 5 * MIB);
      break;
    case FREED_USABLE:
      sy_heap_free (victim);
      (void) sy_heap_usable (victim);
      break;
    case OLD_AFTER_A_MOVE:
      (void) sy_heap_realloc (victim, 5 * MIB);
      sy_heap_free (victim);
      break;
    }
  return 0;
}

START_TEST (misuse_ends_the_process_with_a_line)
{
  struct { enum misuse kind; const char *call; size_t offset;
  } cases[] = { { FREED_TWICE, "free", 0 },      { INSIDE, "free", 16 * sy_pages_page_bytes () },
                { INSIDE_A_UNIT, "free", 16 },   { BEHIND_ALL, "free", 4096 * MIB },
                { FREED_REALLOC, "realloc", 0 }, { FREED_USABLE, "malloc_usable_size", 0 },
                { OLD_AFTER_A_MOVE, "free", 0 } };

  victim = sy_heap_malloc (MIB);
  wall_behind = sy_heap_malloc (MIB);
  for (unsigned at = 0; at < 7; at++)
    {
      char line[200];

      snprintf (line, sizeof line,
                "sydra-alloc: %s: %p: no block: freed already, or inside of one\n", cases[at].call,
                (void *) (victim + cases[at].offset));
      child_must_abort (misuse, (void *) (uintptr_t) cases[at].kind, line);
    }
  sy_heap_free (victim);
  sy_heap_free (wall_behind);
}
END_TEST

void
heap_mapped_add_blocks (Suite *suite)
{
  TCase *tests = test_case (suite, "blocks", 60);

  tcase_add_test (tests, sizes_beyond_all_memory_fail_with_enomem);
  tcase_add_test (tests, good_sizes_are_usable);
  tcase_add_test (tests, alignments_hold_up_to_64_mib);
  add_with_range (tests, freed_neighbours_serve_a_block_of_their_sum);
  add_with_range (tests, a_block_grows_in_place_where_what_follows_is_free);
  add_with_range (tests, a_block_that_shrinks_gives_its_tail_back);
  tcase_add_test (tests, callocs_memory_is_zero_however_dirty_it_was);
  add_with_range (tests, misuse_ends_the_process_with_a_line);
}
