/* SPDX-License-Identifier: MIT */
/* waiting.c: how long freed memory waits, and how it goes back. */
#include <config.h>

#include "heap_mapped.h"

static size_t
resident_bytes (void)
{
  return status_kib ("VmRSS:") * KIB;
}

#define MANY 1000

static char *many[MANY];

static void
fill_many (size_t size)
{
  for (unsigned at = 0; at < MANY; at++)
    {
      many[at] = sy_heap_malloc (size);
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
        sy_heap_free (many[at]);
        many[at] = NULL;
      }
}

START_TEST (freed_memory_waits_within_its_limit_and_trim_gives_it_back)
{
  size_t empty = resident_bytes (), rest;

  fill_many (100 * KIB);
  ck_assert_uint_ge (resident_bytes (), empty + 95 * MIB);
  free_many (1);
  ck_assert_uint_le (sy_heap_held_bytes (), SY_PAGES_DIRTY_BYTES);
  ck_assert_uint_le (resident_bytes (), empty + SY_PAGES_DIRTY_BYTES + 2 * MIB);
  rest = sy_heap_held_bytes ();
  ck_assert_uint_ne (rest, 0);
  ck_assert_uint_eq (sy_heap_purge (), rest);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), empty + 2 * MIB);
}
END_TEST

START_TEST (reaping_gives_back_what_nobody_took)
{
  uint64_t now_ns = sy_os_now_ns ();
  size_t full, held, left;

  sy_heap_free (sy_heap_malloc (MIB)); /* there is a range */
  (void) sy_heap_purge ();
  sy_heap_reap (now_ns += SY_REAP_NS);
  fill_many (100 * KIB);
  full = resident_bytes ();
  free_many (3); /* no two neighbours */
  held = sy_heap_held_bytes ();
  ck_assert_uint_ge (held, 16 * MIB);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* not yet */
  sy_heap_reap (now_ns += SY_REAP_NS);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* it has not waited since the last look */
  sy_heap_reap (now_ns += SY_REAP_NS);
  left = sy_heap_held_bytes ();
  ck_assert_uint_lt (left, held);
  ck_assert_uint_ne (left, 0); /* a step */
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), left); /* not at once */
  while (AO_load (&sy_page_range.timer.under_way) != 0)
    sy_heap_reap (now_ns += (uint64_t) 1 << 20);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
  ck_assert_uint_le (resident_bytes (), full - held + 2 * MIB);
  free_many (1);
}
END_TEST

START_TEST (reaping_comes_soon_when_it_is_asked_to)
{
  uint64_t now_ns = sy_os_now_ns () + 100 * SY_REAP_NS;
  size_t held;

  sy_heap_free (sy_heap_malloc (MIB)); /* there is a range */
  (void) sy_heap_purge ();
  sy_heap_reap (now_ns);
  sy_heap_free (sy_heap_malloc (MIB));
  held = sy_heap_held_bytes ();
  ck_assert_uint_ge (held, MIB);
  sy_heap_reap_soon (now_ns += SY_REAP_NS / 4);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* it has not waited since the last look */
  sy_heap_reap (now_ns += (uint64_t) 1 << 20);
  ck_assert_uint_eq (sy_heap_held_bytes (), held); /* that reaping is over */
  sy_heap_reap_soon (now_ns);
  sy_heap_reap (now_ns);
  ck_assert_uint_eq (sy_heap_held_bytes (), 0);
}
END_TEST

START_TEST (a_reaping_that_is_asked_for_is_short)
{
  struct sy_purge_timer timer = { 0, 0 };
  uint64_t now_ns = 1000 * SY_REAP_NS, left_ns;

  sy_purge_timer_hurry (&timer, now_ns);
  ck_assert (sy_purge_timer_is_due (&timer, now_ns));
  left_ns = sy_purge_timer_step (&timer, now_ns);
  ck_assert_uint_le (left_ns, sy_os_now_ns () + SY_REAP_STEP_NS_MIN);
  /* One that is under way goes on as it would. */
  sy_purge_timer_hurry (&timer, now_ns);
  ck_assert (!sy_purge_timer_is_due (&timer, now_ns));
  sy_purge_timer_end (&timer);
  sy_purge_timer_hurry (&timer, now_ns);
  ck_assert (sy_purge_timer_is_due (&timer, now_ns));
}
END_TEST

START_TEST (calloc_takes_no_memory_for_what_was_hardly_used)
{
  const size_t size = 32 * MIB;
  char *block = sy_heap_malloc (size), *zero;
  size_t used;

  memset (block, 1, 3 * MIB); /* dense in its first parts, one page in each of the others */
  for (size_t at = 3 * MIB; at < size; at += MIB)
    block[at] = 1;
  used = there_of (block, size);
  sy_heap_free (block);
  zero = sy_heap_calloc (size);
  ck_assert_ptr_eq (zero, block);
  /* which is more where the system gives huge pages */
  ck_assert_uint_le (there_of (zero, size), used);
  must_be_zero (zero, size);
  sy_heap_free (zero);
}
END_TEST

void
heap_mapped_add_waiting (Suite *suite)
{
  TCase *tests = test_case (suite, "waiting", 60);

  if (!TEST_SANITIZED)
    {
      add_with_range (tests, freed_memory_waits_within_its_limit_and_trim_gives_it_back);
      add_with_range (tests, reaping_gives_back_what_nobody_took);
      add_with_range (tests, reaping_comes_soon_when_it_is_asked_to);
      tcase_add_test (tests, a_reaping_that_is_asked_for_is_short);
      tcase_add_test (tests, calloc_takes_no_memory_for_what_was_hardly_used);
    }
}
