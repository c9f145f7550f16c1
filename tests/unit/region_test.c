/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "lock.h"
#include "os.h"
#include "region.h"
#include "suite.h"

/* A clock that runs ahead of every reaping so far. */
static uint64_t
later_ns (void)
{
  static uint64_t now_ns;

  if (now_ns == 0)
    now_ns = sy_os_now_ns ();
  return now_ns += 10 * SY_REAP_NS;
}

static void
open_and_trim (void)
{
  ck_assert (sy_region_open ());
  (void) sy_region_trim ();
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
}

#define CLASS 3u
#define OTHER 7u

/* How many slabs of the class were ever used. */
static uint32_t
used_of (unsigned class)
{
  uint32_t first;

  return sy_region_used (class, &first);
}

/* Takes count slabs of the class, and chains them. */
static uint32_t
take_chain (unsigned class, unsigned count)
{
  uint32_t chain = SY_SLAB_NONE;

  while (count-- != 0)
    {
      uint32_t slab = sy_region_take (class);

      ck_assert_uint_ne (slab, SY_SLAB_NONE);
      sy_region.slabs[slab].next = chain;
      chain = slab;
    }
  return chain;
}

START_TEST (a_range_that_is_not_open_owns_nothing)
{
  int local;

  if (sy_region.bytes != 0)
    return; /* an earlier test of this process opened it */
  ck_assert (!sy_region_has (NULL));
  ck_assert (!sy_region_has (&local));
  ck_assert (!sy_region_has ((void *) UINTPTR_MAX));
  ck_assert_uint_eq (used_of (CLASS), 0);
  ck_assert_uint_eq (sy_region_trim (), 0);
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
  ck_assert_uint_eq (sy_region_slab_of (sy_region.base + sy_region.bytes - 1), sy_region_unit_count () - 1);
  for (uint32_t slab = 0; slab < 10; slab++)
    {
      ck_assert_uint_eq (sy_region_slab_of (sy_region_address (slab)), slab);
      ck_assert_uint_eq (sy_region_slab_of (sy_region_address (slab) + SY_UNIT_BYTES - 1), slab);
    }
}
END_TEST

START_TEST (slabs_are_distinct_writable_and_counted)
{
  unsigned count = 3 * SY_COMMIT_UNITS + 5;
  uint32_t chain, slab;

  open_and_trim ();
  chain = take_chain (CLASS, count);
  ck_assert_uint_ge (used_of (CLASS), count);
  slab = chain;
  for (unsigned at = 0; at < count; at++, slab = sy_region.slabs[slab].next)
    {
      ck_assert (sy_region_is_used (slab));
      ck_assert_uint_eq (slab >> sy_region.zone_shift, CLASS);
      for (size_t offset = 0; offset < SY_UNIT_BYTES; offset += 4096)
        {
          ck_assert_int_eq (sy_region_address (slab)[offset], 0);
          sy_region_address (slab)[offset] = 1; /* a slab that comes twice is not zero any more */
        }
      sy_region_address (slab)[SY_UNIT_BYTES - 1] = 1;
    }
  sy_region_give (chain, count);
  ck_assert_uint_eq (sy_region_spare_bytes (), count * SY_UNIT_BYTES);
  ck_assert_uint_eq (sy_region_trim (), count * SY_UNIT_BYTES);
}
END_TEST

START_TEST (slabs_given_back_are_taken_before_fresh_ones)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 20), 20);

  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, 20);

  ck_assert_uint_eq (used_of (CLASS), used);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  sy_region_give (chain, 20);
  (void) sy_region_trim ();
  chain = take_chain (CLASS, 20);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, 20);
}
END_TEST

START_TEST (memory_that_waits_for_one_class_goes_back_for_what_another_takes)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, SY_SPARE_UNITS + 4), SY_SPARE_UNITS + 4);

  uint32_t chain = take_chain (OTHER, 10);

  ck_assert_uint_eq (sy_region_spare_bytes (), SY_SPARE_UNITS * SY_UNIT_BYTES);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_region.slabs[slab].next)
    ck_assert_uint_eq (slab >> sy_region.zone_shift, OTHER);
  sy_region_give (chain, 10);
  ck_assert_uint_eq (sy_region_trim (), (SY_SPARE_UNITS + 10) * SY_UNIT_BYTES);
}
END_TEST

START_TEST (trimmed_slabs_lose_their_contents_and_serve_again)
{
  open_and_trim ();

  uint32_t chain = take_chain (CLASS, 8);

  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_region.slabs[slab].next)
    memset (sy_region_address (slab), 0x5a, SY_UNIT_BYTES);
  sy_region_give (chain, 8);
  ck_assert_uint_eq (sy_region_trim (), 8 * SY_UNIT_BYTES);
  ck_assert_uint_eq (sy_region_trim (), 0);
  chain = take_chain (CLASS, 8);
  for (uint32_t slab = chain; slab != SY_SLAB_NONE; slab = sy_region.slabs[slab].next)
    for (size_t offset = 0; offset < SY_UNIT_BYTES; offset += 512)
      ck_assert_int_eq (sy_region_address (slab)[offset], 0);
  sy_region_give (chain, 8);
}
END_TEST

START_TEST (reaping_gives_back_what_nobody_needed_for_a_while)
{
  open_and_trim ();

  uint64_t now_ns = later_ns ();

  sy_region_reap (now_ns);
  sy_region_give (take_chain (CLASS, 10), 10);
  sy_region_reap (now_ns += SY_REAP_NS);
  ck_assert_msg (sy_region_spare_bytes () == 10 * SY_UNIT_BYTES, "they came within the time");
  sy_region_reap (now_ns + SY_REAP_NS - 1);
  ck_assert_msg (sy_region_spare_bytes () == 10 * SY_UNIT_BYTES, "the time is not up");

  uint32_t chain = take_chain (CLASS, 4);

  sy_region_give (chain, 4);
  sy_region_reap (now_ns += SY_REAP_NS);
  ck_assert_msg (sy_region_spare_bytes () == 4 * SY_UNIT_BYTES, "four were needed, six not");
  sy_region_reap (now_ns += SY_REAP_NS);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  (void) later_ns ();
}
END_TEST

START_TEST (reaping_is_done_in_bounded_steps)
{
  unsigned count = 2 * SY_REAP_UNITS + 10;

  open_and_trim ();
  sy_region_give (take_chain (CLASS, count), count);

  uint64_t now_ns = later_ns ();

  sy_region_reap (now_ns);
  now_ns += SY_REAP_NS;
  sy_region_reap (now_ns);
  ck_assert_uint_eq (sy_region_spare_bytes (), (count - SY_REAP_UNITS) * SY_UNIT_BYTES);
  sy_region_reap (now_ns);
  ck_assert_uint_eq (sy_region_spare_bytes (), (count - 2 * SY_REAP_UNITS) * SY_UNIT_BYTES);
  sy_region_reap (now_ns);
  ck_assert_uint_eq (sy_region_spare_bytes (), 0);
  (void) later_ns ();
}
END_TEST

START_TEST (a_busy_region_is_not_reaped)
{
  open_and_trim ();
  sy_region_give (take_chain (CLASS, 5), 5);
  sy_region_reap (later_ns ());
  sy_lock_take (sy_region_lock ());
  sy_region_reap (later_ns ()); /* would wait for ever */
  sy_lock_release (sy_region_lock ());
  ck_assert_uint_eq (sy_region_spare_bytes (), 5 * SY_UNIT_BYTES);
}
END_TEST

/* ---- Many threads ---- */

#define THREADS 4
#define HELD 24

static void *
take_and_give (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  uint32_t held[HELD];
  unsigned count = 0;

  for (unsigned step = 0; step < (TEST_SANITIZED ? 1500 : 6000); step++)
    {
      if (count == 0 || (count < HELD && test_random_below (&random, 2)))
        {
          uint32_t slab = sy_region_take (CLASS);

          test_must (slab != SY_SLAB_NONE, "out of slabs");
          memcpy (sy_region_address (slab), &argument, sizeof argument);
          memcpy (sy_region_address (slab) + SY_UNIT_BYTES - sizeof argument, &argument, sizeof argument);
          held[count++] = slab;
        }
      else
        {
          uint32_t slab = held[--count];

          test_must (memcmp (sy_region_address (slab), &argument, sizeof argument) == 0, "a slab in two hands, or cleaned in use");
          test_must (memcmp (sy_region_address (slab) + SY_UNIT_BYTES - sizeof argument, &argument, sizeof argument) == 0, "the same");
          sy_region_give (slab, 1);
        }
      if (step % 64 == 0)
        sy_region_reap (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sy_region_trim ();
    }
  while (count != 0)
    sy_region_give (held[--count], 1);
  return NULL;
}

START_TEST (threads_never_share_a_slab_and_lose_none)
{
  pthread_t thread[THREADS];

  open_and_trim ();
  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, take_and_give, (void *) (at + 1)), 0);
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (thread[at], NULL);

  /* fresh + in use + spare + clean == all: every slab that was ever used can be had before a fresh one. */
  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, used);

  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
  chain = take_chain (CLASS, used);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("region");
  TCase *tests = test_case (suite, "slabs", 20), *threads = test_case (suite, "threads", 60);

  tcase_add_test (tests, a_range_that_is_not_open_owns_nothing);
  tcase_add_test (tests, the_range_is_opened_once);
  tcase_add_test (tests, the_range_ends_where_it_ends);
  tcase_add_test (tests, slabs_are_distinct_writable_and_counted);
  tcase_add_test (tests, slabs_given_back_are_taken_before_fresh_ones);
  tcase_add_test (tests, memory_that_waits_for_one_class_goes_back_for_what_another_takes);
  tcase_add_test (tests, trimmed_slabs_lose_their_contents_and_serve_again);
  tcase_add_test (tests, reaping_gives_back_what_nobody_needed_for_a_while);
  tcase_add_test (tests, reaping_is_done_in_bounded_steps);
  tcase_add_test (tests, a_busy_region_is_not_reaped);
  tcase_add_test (threads, threads_never_share_a_slab_and_lose_none);
  return test_run (suite);
}
