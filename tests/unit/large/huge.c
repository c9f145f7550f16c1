/* SPDX-License-Identifier: MIT */
/* huge.c: which large blocks get huge pages, and that these end with the block. */
#include <config.h>

#include "unit/huge_pages.h"
#include "unit/mappings.h"
#include "large.h"

/* Can get huge pages. */
#define BLOCK (8 * MIB)
/* One whose end, or whose start, lies inside a huge page's place. */
#define UNEVEN (5 * MIB + MIB / 2)
/* The largest that can have none. */
#define LESS (SY_HUGE_PAGE_BYTES - SY_UNIT_BYTES)

/* ---- Blocks ---- */

/* Are huge pages asked for the block, and does the system say the same of its middle? */
static bool
is_asked (const char *block)
{
  bool is = sy_range_unit (sy_range_unit_of (block))->mapping != 0;

  ck_assert (mapped_at (block + sydra_usable_size (a, block) / 2).is_huge == is);
  return is;
}

/* Takes a block, which must get no huge pages, and writes to its first bytes. */
static char *
take_plain (size_t bytes, size_t written)
{
  char *block = sydra_malloc (a, bytes);

  ck_assert (!is_asked (block));
  memset (block, 1, written);
  return block;
}

/* Frees the block.  The next one in its place has no memory. */
static void
give (char *block)
{
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* So many new blocks are used as a whole, one after the other. */
static void
prove (unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    give (take_plain (BLOCK, BLOCK));
}

/* Does a new block get huge pages?  It is written to and freed. */
static bool
next_is_asked (void)
{
  char *block = sydra_malloc (a, BLOCK);
  bool is = is_asked (block);

  memset (block, 1, BLOCK);
  give (block);
  return is;
}

/* ---- Which blocks get them ---- */

START_TEST (after_so_many_blocks_that_were_used_as_a_whole_the_next_gets_huge_pages)
{
  prove (SY_HUGE_PROOFS);
  for (unsigned at = 0; at < SY_HUGE_PROBES / 2; at++)
    ck_assert (next_is_asked ());
}
END_TEST

START_TEST (blocks_that_are_used_in_part_get_no_huge_pages)
{
  /* What is not written to, from and up to where. */
  const size_t gaps[][2] = { { 0, BLOCK }, { BLOCK / 2, BLOCK }, { BLOCK - MIB, BLOCK },
                             { 0, BLOCK / 2 }, { 0, MIB }, { BLOCK / 4, BLOCK / 2 } };

  for (unsigned at = 0; at < sizeof gaps / sizeof gaps[0]; at++)
    for (unsigned round = 0; round < 2 * SY_HUGE_PROOFS; round++)
      {
        char *block = take_plain (BLOCK, gaps[at][0]);

        memset (block + gaps[at][1], 1, BLOCK - gaps[at][1]);
        give (block);
      }
}
END_TEST

START_TEST (one_block_that_is_not_used_takes_the_proofs_back)
{
  char *idle = take_plain (BLOCK, 0);

  prove (SY_HUGE_PROOFS);
  ck_assert (next_is_asked ());
  give (idle);
  prove (SY_HUGE_PROOFS - 1);
  give (take_plain (BLOCK, 0));
  prove (SY_HUGE_PROOFS);
  ck_assert (next_is_asked ());
}
END_TEST

START_TEST (blocks_in_use_count_as_well_and_those_not_written_yet_not_against)
{
  char *block[2 * SY_HUGE_PROOFS];

  for (unsigned at = 0; at < 2 * SY_HUGE_PROOFS; at++)
    block[at] = take_plain (BLOCK, at % 2 == 0 ? BLOCK : 0);
  ck_assert (next_is_asked ());
  for (unsigned at = 0; at < 2 * SY_HUGE_PROOFS; at++)
    sydra_free (a, block[at]);
}
END_TEST

START_TEST (one_in_so_many_new_blocks_is_not_asked_and_can_take_the_proofs_back)
{
  char *plain[2], *block;
  unsigned count = 0;

  prove (SY_HUGE_PROOFS);
  for (unsigned at = 0; at < 2 * SY_HUGE_PROBES; at++)
    {
      block = sydra_malloc (a, BLOCK);
      ck_assert (is_asked (block) || count < 2);
      /* One with huge pages is not written to either, but says nothing. */
      if (is_asked (block))
        give (block);
      else
        plain[count++] = block;
    }
  ck_assert_uint_eq (count, 2);
  ck_assert (!next_is_asked ());
  give (plain[0]);
  give (plain[1]);
}
END_TEST

START_TEST (memory_that_waited_proves_nothing_and_gets_no_huge_pages)
{
  void *ballast = take_ballast (64 * MIB);
  char *block;

  for (unsigned at = 0; at < 2 * SY_HUGE_PROOFS; at++)
    sydra_free (a, take_plain (BLOCK, BLOCK));
  /* A half of this one waited, and is no block in use that has shown to be whole. */
  give (take_plain (2 * BLOCK, 2 * BLOCK));
  prove (SY_HUGE_PROOFS - 2);
  ck_assert (next_is_asked ());
  sydra_free (a, take_plain (LESS, LESS));
  block = sydra_malloc (a, LESS + MIB);
  ck_assert_uint_eq (there_of (block, LESS + MIB), LESS);
  ck_assert (!is_asked (block));
  sydra_free (a, block);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (blocks_of_less_than_a_huge_page_prove_nothing_and_get_none)
{
  char *block;

  for (unsigned at = 0; at < 2 * SY_HUGE_PROOFS; at++)
    give (take_plain (LESS, LESS));
  prove (SY_HUGE_PROOFS);
  give (take_plain (LESS, 0));
  block = sydra_malloc (a, LESS + 1);
  /* It may begin where a huge page does. */
  ck_assert (!is_asked (block) || (uintptr_t) block % SY_HUGE_PAGE_BYTES == 0);
  memset (block, 1, LESS + 1);
  give (block);
  block = sydra_malloc (a, 2 * SY_HUGE_PAGE_BYTES);
  ck_assert (is_asked (block));
  give (block);
}
END_TEST

START_TEST (much_longer_blocks_than_those_looked_at_get_none)
{
  char *block;

  prove (SY_HUGE_PROOFS);
  block = sydra_malloc (a, SY_HUGE_STEP * BLOCK);
  ck_assert (is_asked (block));
  sydra_free (a, block);
  block = sydra_malloc (a, 2 * SY_HUGE_STEP * BLOCK);
  ck_assert (!is_asked (block));
  sydra_free (a, block);
}
END_TEST

START_TEST (a_block_that_is_whole_gets_huge_pages_as_it_grows)
{
  const struct { size_t size, written; bool is_huge;
  } cases[] = { { 2 * MIB, 2 * MIB, true },
                { UNEVEN, UNEVEN, true },
                { UNEVEN, UNEVEN - MIB, false },
                { LESS, LESS, false } };

  for (unsigned at = 0; at < sizeof cases / sizeof cases[0]; at++)
    {
      size_t size = cases[at].size;
      char *block = sydra_malloc (a, size), *wall = sydra_malloc (a, MIB), *grown;

      stamp (block, cases[at].written, at);
      grown = sydra_realloc (a, block, 3 * size);
      ck_assert_ptr_ne (grown, block);
      must_be_stamped (grown, cases[at].written, cases[at].written, at);
      for (size_t place = 0; place < 3 * size; place += size - 1)
        test_must (mapped_at (grown + place).is_huge == cases[at].is_huge, "case %u", at);
      if (cases[at].is_huge)
        ck_assert_uint_eq ((uintptr_t) grown % SY_HUGE_PAGE_BYTES, 0);
      must_be_zero (grown + size, 2 * size);
      sydra_free (a, wall);
      give (grown);
    }
}
END_TEST

/* ---- What they cost ---- */

START_TEST (huge_pages_take_no_memory_beyond_the_block)
{
  char *before, *block, *behind, *last;
  size_t kib;

  if (!system_says ("[madvise]"))
    {
      printf ("# not tried: memory gets huge pages that does not ask for them\n");
      return;
    }
  prove (SY_HUGE_PROOFS);
  before = sydra_malloc (a, MIB);
  block = sydra_malloc (a, UNEVEN);
  behind = sydra_malloc (a, UNEVEN);
  last = sydra_malloc (a, MIB);
  ck_assert (block == before + MIB && behind == block + UNEVEN && last == behind + UNEVEN);
  ck_assert (is_asked (block) && is_asked (behind));
  kib = mapped_at (block).kib;
  memset (block, 1, UNEVEN);
  ck_assert_uint_le (mapped_at (block).kib, kib + (UNEVEN + SY_UNIT_BYTES) / KIB);
  ck_assert_uint_eq (there_of (block, UNEVEN), UNEVEN);
  ck_assert_uint_eq (there_of (before, MIB), 0);
  ck_assert_uint_eq (there_of (behind, UNEVEN), 0);
  for (size_t at = 0; at < 4; at++)
    sydra_free (a, ((char *[]) { before, block, behind, last })[at]);
}
END_TEST

START_TEST (what_had_huge_pages_goes_back_as_any_other)
{
  char *place = sydra_malloc (a, UNEVEN), *wall = sydra_malloc (a, MIB), *block;
  unsigned before;

  give (place);
  prove (SY_HUGE_PROOFS);
  before = mappings ();
  block = sydra_malloc (a, UNEVEN);
  ck_assert (block == place && is_asked (block));
  ck_assert_uint_gt (mappings (), before);
  memset (block, 1, UNEVEN);
  give (block);
  ck_assert_uint_le (mappings (), before);
  ck_assert_uint_eq (there_of (place, UNEVEN), 0);
  ck_assert (!mapped_at (place + UNEVEN / 2).is_huge);
  block = sydra_malloc (a, MIB);
  ck_assert (block == place && !is_asked (block));
  sydra_free (a, block);
  sydra_free (a, wall);
}
END_TEST

START_TEST (calloc_of_what_had_huge_pages_is_zero)
{
  void *ballast = take_ballast (64 * MIB);
  char *block;

  prove (SY_HUGE_PROOFS);
  block = sydra_malloc (a, UNEVEN);
  /* First its memory waits, then it has gone back. */
  for (unsigned at = 0; at < 2; at++)
    {
      memset (block, 1, UNEVEN);
      sydra_free (a, block);
      ck_assert_uint_ge (sy_dirty_bytes (), UNEVEN);
      if (at == 1)
        (void) sydra_collect (a);
      ck_assert (sydra_calloc (a, 1, UNEVEN) == block && is_asked (block));
      must_be_zero (block, UNEVEN);
    }
  sydra_free (a, block);
  sydra_free (a, ballast);
}
END_TEST

void
large_add_huge (Suite *suite)
{
  TCase *tests;

  if (TEST_SANITIZED || !system_has_huge ())
    return;
  tests = one_handle_case (suite, "huge", 60, end_of_all);
  tcase_add_test (tests, after_so_many_blocks_that_were_used_as_a_whole_the_next_gets_huge_pages);
  tcase_add_test (tests, blocks_that_are_used_in_part_get_no_huge_pages);
  tcase_add_test (tests, one_block_that_is_not_used_takes_the_proofs_back);
  tcase_add_test (tests, blocks_in_use_count_as_well_and_those_not_written_yet_not_against);
  tcase_add_test (tests, one_in_so_many_new_blocks_is_not_asked_and_can_take_the_proofs_back);
  tcase_add_test (tests, memory_that_waited_proves_nothing_and_gets_no_huge_pages);
  tcase_add_test (tests, blocks_of_less_than_a_huge_page_prove_nothing_and_get_none);
  tcase_add_test (tests, much_longer_blocks_than_those_looked_at_get_none);
  tcase_add_test (tests, a_block_that_is_whole_gets_huge_pages_as_it_grows);
  tcase_add_test (tests, huge_pages_take_no_memory_beyond_the_block);
  tcase_add_test (tests, what_had_huge_pages_goes_back_as_any_other);
  tcase_add_test (tests, calloc_of_what_had_huge_pages_is_zero);
}
