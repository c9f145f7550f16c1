/* SPDX-License-Identifier: MIT */
/* waiting.c: how long freed memory waits, and how it goes back. */
#include <config.h>

#include "large.h"

static size_t
resident_bytes (void)
{
  return status_kib ("VmRSS:") * KIB;
}

#define MANY 1000
/* What a block of 150 KiB is in the range. */
#define MANY_BYTES (3 * SY_UNIT_BYTES)

static char *many[MANY];

static void
fill_many (size_t size)
{
  for (unsigned at = 0; at < MANY; at++)
    {
      many[at] = sydra_malloc (a, size);
      ck_assert_ptr_nonnull (many[at]);
      memset (many[at], 1, size);
    }
}

static void
free_many (unsigned step)
{
  for (unsigned at = 0; at < MANY; at++)
    if (at % step == 0 && many[at] != NULL)
      {
        sydra_free (a, many[at]);
        many[at] = NULL;
        /* What is cut off a run that goes back may be short. */
        test_must (sy_dirty_bytes () <= waiting_most (false), "%zu bytes wait beside %zu",
                   sy_dirty_bytes (), used_bytes ());
      }
}

START_TEST (freed_memory_waits_within_its_limit_and_collect_gives_it_back)
{
  size_t empty = resident_bytes (), rest;

  fill_many (150 * KIB);
  ck_assert_uint_ge (resident_bytes (), empty + 140 * MIB);
  free_many (1);
  ck_assert_uint_le (resident_bytes (), empty + 3 * MIB);
  rest = sy_dirty_bytes ();
  ck_assert_uint_ne (rest, 0);
  ck_assert_uint_eq (sydra_collect (a), rest);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), empty + 2 * MIB);
}
END_TEST

START_TEST (a_quarter_of_what_is_in_use_may_wait)
{
  fill_many (150 * KIB);
  free_many (4);
  /* 250 of 1000 are freed; beside 750, no more than 187 may wait. */
  ck_assert_uint_ge (sy_dirty_bytes (), 160 * MANY_BYTES);
  free_many (1);
}
END_TEST

START_TEST (one_block_that_is_more_than_may_wait_goes_back_at_once)
{
  size_t empty = resident_bytes ();
  char *block = sydra_malloc (a, 100 * MIB);

  memset (block, 1, 100 * MIB);
  ck_assert_uint_ge (resident_bytes (), empty + 99 * MIB);
  sydra_free (a, block);
  ck_assert_uint_le (sy_dirty_bytes (), MIB);
  ck_assert_uint_le (resident_bytes (), empty + 2 * MIB);
}
END_TEST

START_TEST (what_nobody_took_goes_back_in_steps)
{
  /* No call but those here finds that a step is due. */
  uint64_t now_ns = sy_os_now_ns () + 10 * SY_REAP_NS;
  void *ballast = take_ballast (256 * MIB);
  size_t full, held, left;
  unsigned steps = 0;

  sy_dirty_purge_step (now_ns);
  fill_many (150 * KIB);
  full = resident_bytes ();
  free_many (3); /* no two neighbours */
  held = sy_dirty_bytes ();
  ck_assert_uint_eq (held, (MANY + 2) / 3 * MANY_BYTES);
  sy_dirty_purge_step (now_ns);
  ck_assert_uint_eq (sy_dirty_bytes (), held); /* not yet */
  sy_dirty_purge_step (now_ns += SY_REAP_NS);
  ck_assert_uint_eq (sy_dirty_bytes (), held); /* it has not waited since the last look */
  sy_dirty_purge_step (now_ns += SY_REAP_NS + (1 << 20));
  left = sy_dirty_bytes ();
  ck_assert_uint_lt (left, held);
  ck_assert_uint_ne (left, 0); /* a step */
  sy_dirty_purge_step (now_ns);
  ck_assert_uint_eq (sy_dirty_bytes (), left); /* not at once */
  while (sy_dirty_bytes () != 0 && steps++ < 10000)
    sy_dirty_purge_step (now_ns += (uint64_t) 1 << 20);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), full - (MANY + 2) / 3 * 150 * KIB + 2 * MIB);
  free_many (1);
  sydra_free (a, ballast);
}
END_TEST

START_TEST (what_is_taken_again_in_time_stays)
{
  uint64_t now_ns = sy_os_now_ns () + 10 * SY_REAP_NS;
  void *ballast = take_ballast (64 * MIB);
  char *block = sydra_malloc (a, MIB), *again;

  memset (block, 1, MIB);
  sy_dirty_purge_step (now_ns);
  for (unsigned round = 0; round < 10; round++)
    {
      sydra_free (a, block);
      sy_dirty_purge_step (now_ns += SY_REAP_NS + (1 << 20));
      again = sydra_malloc (a, MIB);
      ck_assert_ptr_eq (again, block);
      ck_assert_uint_eq (there_of (again, MIB), MIB);
    }
  sydra_free (a, again);
  sydra_free (a, ballast);
}
END_TEST

/* By a call of the allocator's, whatever it is for, in a program that goes on. */
START_TEST (calls_of_the_program_do_the_steps)
{
  void *ballast = take_ballast (64 * MIB);
  char *block = sydra_malloc (a, 8 * MIB);
  uint64_t end_ns;

  memset (block, 1, 8 * MIB);
  sydra_free (a, block);
  ck_assert_uint_ge (sy_dirty_bytes (), 8 * MIB);
  for (end_ns = sy_os_now_ns () + 40 * SY_REAP_NS;
       sy_dirty_bytes () != 0 && sy_os_now_ns () < end_ns;)
    sydra_free (a, sydra_malloc (a, SY_SMALL_MAX + 1 + SY_UNIT_BYTES));
  ck_assert_uint_le (sy_dirty_bytes (), 2 * SY_UNIT_BYTES);
  sydra_free (a, ballast);
}
END_TEST

void
large_add_waiting (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "waiting", 60, end_of_all);

  if (!TEST_SANITIZED)
    {
      tcase_add_test (tests, freed_memory_waits_within_its_limit_and_collect_gives_it_back);
      tcase_add_test (tests, one_block_that_is_more_than_may_wait_goes_back_at_once);
      tcase_add_test (tests, what_nobody_took_goes_back_in_steps);
    }
  tcase_add_test (tests, a_quarter_of_what_is_in_use_may_wait);
  tcase_add_test (tests, what_is_taken_again_in_time_stays);
  tcase_add_test (tests, calls_of_the_program_do_the_steps);
}
