/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "heap/fallback.h"
#include "base/os.h"
#include "suite.h"
#include "threads.h"

#define BLOCKS 20000u
#define THREADS 4

static struct sy_fallback fallback;
static unsigned char given_back[BLOCKS];

/* Addresses that nothing is read from or written to. */
static void *
address (size_t number)
{
  return (void *) (uintptr_t) (0x10000 + 16 * number);
}

static void
take_back (void *block)
{
  size_t number = ((uintptr_t) block - 0x10000) / 16;

  ck_assert_uint_lt (number, BLOCKS);
  given_back[number]++;
}

static void
open_table (void)
{
  memset (&fallback, 0, sizeof fallback);
  memset (given_back, 0, sizeof given_back);
  sy_fallback_open (&fallback);
}

START_TEST (an_empty_set_has_nothing)
{
  open_table ();
  ck_assert (!sy_fallback_has (&fallback, address (1)));
  ck_assert (!sy_fallback_remove (&fallback, address (1)));
  ck_assert (!sy_fallback_has (&fallback, (void *) UINTPTR_MAX));
  sy_fallback_close (&fallback, take_back);
}
END_TEST

START_TEST (an_address_is_removed_once)
{
  open_table ();
  sy_fallback_add (&fallback, address (7));
  ck_assert (sy_fallback_has (&fallback, address (7)));
  ck_assert (!sy_fallback_has (&fallback, address (8)));
  ck_assert (!sy_fallback_remove (&fallback, address (8)));
  ck_assert (sy_fallback_remove (&fallback, address (7)));
  ck_assert (!sy_fallback_has (&fallback, address (7)));
  ck_assert (!sy_fallback_remove (&fallback, address (7)));
  sy_fallback_close (&fallback, take_back);
}
END_TEST

START_TEST (the_tables_grow_and_stay_at_most_half_full)
{
  size_t used = 0;

  open_table ();
  for (unsigned at = 0; at < BLOCKS; at++)
    sy_fallback_add (&fallback, address (at));
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    {
      const struct sy_fallback_stripe *stripe = &fallback.stripe[at];

      ck_assert_uint_gt (stripe->used, BLOCKS / SY_FALLBACK_STRIPES / 4);
      ck_assert_uint_le (2 * (stripe->used - 1), stripe->entries);
      ck_assert_uint_eq (stripe->untracked, 0);
      used += stripe->used;
    }
  ck_assert_uint_eq (used, BLOCKS);
  for (unsigned at = 0; at < BLOCKS; at++)
    test_must (sy_fallback_has (&fallback, address (at)), "address %u lost in growing", at);
  ck_assert (!sy_fallback_has (&fallback, address (BLOCKS)));
  sy_fallback_close (&fallback, take_back);
}
END_TEST

START_TEST (closing_hands_each_back_once)
{
  open_table ();
  for (unsigned at = 0; at < BLOCKS; at++)
    sy_fallback_add (&fallback, address (at));
  for (unsigned at = 0; at < BLOCKS; at += 3)
    test_must (sy_fallback_remove (&fallback, address (at)), "address %u lost", at);
  sy_fallback_close (&fallback, take_back);
  for (unsigned at = 0; at < BLOCKS; at++)
    test_must (given_back[at] == (at % 3 != 0), "address %u handed back %u times", at,
               given_back[at]);
}
END_TEST

START_TEST (random_changes_agree_with_a_list)
{
  static bool in[2000];
  struct test_random random = test_random_make (1);

  open_table ();
  memset (in, 0, sizeof in);
  for (unsigned step = 0; step < 300000; step++)
    {
      size_t at = test_random_below (&random, 2000);

      test_must (sy_fallback_has (&fallback, address (at)) == in[at], "step %u", step);
      if (in[at])
        test_must (sy_fallback_remove (&fallback, address (at)), "step %u: lost", step);
      else if (test_random_below (&random, 3))
        sy_fallback_add (&fallback, address (at));
      else
        {
          test_must (!sy_fallback_remove (&fallback, address (at)), "step %u: never added", step);
          continue;
        }
      in[at] = !in[at];
    }
  sy_fallback_close (&fallback, take_back);
  for (unsigned at = 0; at < 2000; at++)
    test_must (given_back[at] == in[at], "address %u", at);
}
END_TEST

static void *
add_and_remove (void *argument)
{
  size_t mine = (size_t) (uintptr_t) argument;
  struct test_random random = test_random_make (10 + mine);
  static bool in[THREADS][BLOCKS / THREADS];

  memset (in[mine], 0, sizeof in[mine]);
  for (unsigned step = 0; step < (TEST_SANITIZED ? 20000 : 100000); step++)
    {
      size_t at = test_random_below (&random, BLOCKS / THREADS);
      const void *block = address (at * THREADS + mine);

      if (in[mine][at])
        test_must (sy_fallback_remove (&fallback, block), "lost");
      else
        sy_fallback_add (&fallback, block);
      in[mine][at] = !in[mine][at];
      test_must (sy_fallback_has (&fallback, block) == in[mine][at], "wrong");
    }
  for (size_t at = 0; at < BLOCKS / THREADS; at++)
    if (in[mine][at])
      test_must (sy_fallback_remove (&fallback, address (at * THREADS + mine)), "lost at the end");
  return NULL;
}

START_TEST (threads_do_not_lose_the_addresses_of_others)
{
  open_table ();
  in_threads (THREADS, add_and_remove, 0);
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    ck_assert_uint_eq (fallback.stripe[at].used, 0);
  sy_fallback_close (&fallback, take_back);
  for (unsigned at = 0; at < BLOCKS; at++)
    test_must (given_back[at] == 0, "address %u is left", at);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fallback");
  TCase *tests = test_case (suite, "set", 20);

  tcase_add_test (tests, an_empty_set_has_nothing);
  tcase_add_test (tests, an_address_is_removed_once);
  tcase_add_test (tests, the_tables_grow_and_stay_at_most_half_full);
  tcase_add_test (tests, closing_hands_each_back_once);
  tcase_add_test (tests, random_changes_agree_with_a_list);
  tcase_add_test (tests, threads_do_not_lose_the_addresses_of_others);
  return test_run (suite);
}
