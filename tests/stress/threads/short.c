/* SPDX-License-Identifier: MIT */
/* short.c: threads that live shortly leave nothing behind. */
#include <config.h>

#include "blocks.h"
#include "threads.h"

#define SHORT_THREADS (TEST_SANITIZED ? 400u : 4000u)

static size_t
resident_kib (void)
{
  unsigned long size, resident = 0;
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file != NULL)
    {
      if (fscanf (file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
      fclose (file);
    }
  return resident * (size_t) sysconf (_SC_PAGESIZE) / 1024;
}

/* Blocks of the pool only: what the C library keeps for threads that ended is its own affair. */
static void *
live_shortly (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  struct stamped own[200];

  for (uint32_t at = 0; at < 200; at++)
    own[at] = make_block_of (&random, pool_size (&random), 7, at);
  for (uint32_t at = 0; at < 200; at++)
    end_block (&own[at]);
  count_thread ();
  return NULL;
}

/* What stays when all that can go has gone: how much waits depends on who ran beside whom. */
static size_t
kept_kib (void)
{
  (void) sydra_collect (shared_handle);
  return resident_kib ();
}

START_TEST (short_threads_leave_nothing_behind)
{
  size_t after_a_fifth = 0;

  begin ();
  for (uintptr_t at = 0; at < SHORT_THREADS; at += 4)
    {
      in_threads (4, live_shortly, at);
      if (at == SHORT_THREADS / 20 * 4)
        after_a_fifth = kept_kib ();
    }
  must_be_quiet ();
  ck_assert_uint_ne (after_a_fifth, 0);
  if (!TEST_SANITIZED && sydra_alloc_is_small_pool ())
    ck_assert_uint_le (kept_kib (), after_a_fifth + after_a_fifth / 20 + 1024);
  ck_assert_uint_eq (sydra_alloc_destroy (shared_handle), 0);
}
END_TEST

void
threads_add_short (Suite *suite)
{
  TCase *tests = test_case (suite, "short threads", 120);

  tcase_add_test (tests, short_threads_leave_nothing_behind);
}
