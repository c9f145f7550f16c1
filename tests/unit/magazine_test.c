/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <sched.h>
#include <string.h>

#include "pool/magazine.h"
#include "suite.h"
#include "threads.h"

#define THREADS 6
#define MAGAZINES 24
#define EXCHANGES (TEST_SANITIZED ? 40000u : 400000u)  /* a thread */

/* The last tags before a 40-bit one, and a 32-bit one, wrap. */
#define TAG_40 ((UINT64_C (1) << 40) - 1000)
#define TAG_32 ((UINT64_C (1) << 32) - 1000)

static struct sy_depot depot, other;
static struct sy_magazine *mine[MAGAZINES];
/* Which thread holds a magazine, from 1; 0: it is in a depot. */
static AO_t holder[MAGAZINES];

START_TEST (a_magazine_is_aligned_to_its_size_and_nobody_elses)
{
  struct sy_magazine *taken[100];

  for (unsigned at = 0; at < 100; at++)
    {
      taken[at] = sy_magazine_take ();
      ck_assert_ptr_nonnull (taken[at]);
      ck_assert_uint_eq ((uintptr_t) taken[at] % SY_MAGAZINE_BYTES, 0);
      for (unsigned before = 0; before < at; before++)
        ck_assert_ptr_ne (taken[at], taken[before]);
      memset (taken[at]->slot, 0x5a, sizeof taken[at]->slot);
    }
  for (unsigned at = 0; at < 100; at++)
    sy_magazine_give (taken[at]);
}
END_TEST

START_TEST (top_alone_says_empty_and_full)
{
  struct sy_magazine *magazine = sy_magazine_take ();
  int block;

  memset (magazine->slot, 0x5a, sizeof magazine->slot);
  for (unsigned rounds = 1; rounds < SY_MAGAZINE_SLOTS; rounds++)
    {
      void **top = sy_magazine_clear (magazine, rounds);

      ck_assert_uint_eq (magazine->rounds, rounds);
      for (unsigned pushed = 0; pushed < rounds; pushed++)
        {
          ck_assert (sy_magazine_is_empty (top) == (pushed == 0));
          ck_assert (!sy_magazine_is_full (top));
          ck_assert_ptr_eq (sy_magazine_of (top), magazine);
          *top++ = &block;
        }
      ck_assert (sy_magazine_is_full (top) && !sy_magazine_is_empty (top));
      ck_assert_ptr_eq (top, sy_magazine_end (magazine));
      ck_assert_ptr_eq (sy_magazine_of (top), magazine);
    }
  sy_magazine_give (magazine);
}
END_TEST

START_TEST (a_used_up_magazine_is_packed_into_a_shorter_full_one)
{
  struct sy_magazine *magazine = sy_magazine_take ();
  int blocks[SY_MAGAZINE_SLOTS];

  for (unsigned rounds = 1; rounds < SY_MAGAZINE_SLOTS; rounds++)
    for (unsigned left = 1; left <= rounds; left++)
      {
        void **top = sy_magazine_clear (magazine, rounds);

        for (unsigned at = 0; at < rounds; at++)
          top[at] = &blocks[at];
        test_must (sy_magazine_pack (magazine, top + left) == left, "not %u of %u", left, rounds);
        test_must (magazine->rounds == left, "%u of %u rounds", left, rounds);
        top = sy_magazine_end (magazine);
        for (unsigned at = left; at-- != 0;)
          test_must (*--top == &blocks[at], "another block than %u of %u", at, left);
        test_must (sy_magazine_is_empty (top), "more than %u of %u", left, rounds);
      }
  sy_magazine_give (magazine);
}
END_TEST

START_TEST (a_depot_is_last_in_first_out_and_knows_its_depth)
{
  struct sy_magazine *magazine[50];

  sy_depot_reset (&depot, (uint64_t) (_i == 0 ? 0 : _i == 1 ? TAG_40 + 980 : TAG_32 + 980));
  ck_assert_ptr_null (sy_depot_pop (&depot));
  for (unsigned at = 0; at < 50; at++)
    {
      ck_assert_uint_eq (sy_depot_depth (&depot), at);
      sy_depot_push (&depot, magazine[at] = sy_magazine_take ());
      ck_assert_uint_eq (magazine[at]->depth, at + 1);
    }
  for (unsigned at = 50; at-- > 0;)
    {
      ck_assert_uint_eq (sy_depot_depth (&depot), at + 1);
      ck_assert_ptr_eq (sy_depot_pop (&depot), magazine[at]);
      sy_magazine_give (magazine[at]);
    }
  ck_assert_uint_eq (sy_depot_depth (&depot), 0);
  ck_assert_ptr_null (sy_depot_pop (&depot));
}
END_TEST

START_TEST (the_head_differs_after_every_push_and_pop)
{
  struct sy_magazine *magazine = sy_magazine_take ();
  struct sy_depot seen;

  sy_depot_reset (&depot, TAG_40 + 900);
  for (unsigned round = 0; round < 200; round++)
    {
      memcpy (&seen, &depot, sizeof seen);
      sy_depot_push (&depot, magazine);
      ck_assert_mem_ne (&seen, &depot, sizeof seen);
      ck_assert_ptr_eq (sy_depot_pop (&depot), magazine);
      ck_assert_mem_ne (&seen, &depot, sizeof seen);
    }
  sy_magazine_give (magazine);
}
END_TEST

/* ---- Many threads ---- */

static unsigned
number_of (const struct sy_magazine *magazine)
{
  for (unsigned at = 0; at < MAGAZINES; at++)
    if (mine[at] == magazine)
      return at;
  ck_abort_msg ("a magazine that was never pushed");
}

static void
fill (struct sy_magazine *magazine, uint64_t stamp)
{
  for (unsigned at = 0; at < SY_MAGAZINE_SLOTS; at += 25)
    magazine->slot[at] = (void *) (uintptr_t) stamp;
}

/* All rounds are of one stamp: nobody wrote while this thread held it, and what was pushed is
   what is seen. */
static void
look (const struct sy_magazine *magazine)
{
  for (unsigned at = 0; at < SY_MAGAZINE_SLOTS; at += 25)
    test_must (magazine->slot[at] == magazine->slot[0], "a round changed in its owner's hands");
}

static void
set_up_hammer (uint64_t tag, unsigned count)
{
  sy_depot_reset (&depot, tag);
  sy_depot_reset (&other, tag);
  memset (holder, 0, sizeof holder);
  for (unsigned at = 0; at < count; at++)
    {
      mine[at] = sy_magazine_take ();
      ck_assert_ptr_nonnull (mine[at]);
      fill (mine[at], at);
      sy_depot_push (at % 2 ? &other : &depot, mine[at]);
    }
  for (unsigned at = count; at < MAGAZINES; at++)
    mine[at] = NULL;
}

/* Every magazine is there, once. */
static void
tear_down_hammer (unsigned count)
{
  bool seen[MAGAZINES] = { false };
  struct sy_magazine *magazine;

  for (unsigned at = 0; at < count; at++)
    {
      magazine = sy_depot_pop (&depot);
      if (magazine == NULL)
        magazine = sy_depot_pop (&other);
      ck_assert_msg (magazine != NULL, "%u of %u magazines lost", count - at, count);
      ck_assert_msg (!seen[number_of (magazine)], "magazine %u is there twice",
                     number_of (magazine));
      seen[number_of (magazine)] = true;
      look (magazine);
      sy_magazine_give (magazine);
    }
  ck_assert_ptr_null (sy_depot_pop (&depot));
  ck_assert_ptr_null (sy_depot_pop (&other));
}

static unsigned hammer_hold;

static void *
hammer (void *argument)
{
  AO_t me = (AO_t) argument;
  struct test_random random = test_random_make (me);
  struct sy_magazine *held[4];
  unsigned count = 0;

  for (unsigned exchange = 0; exchange < EXCHANGES; exchange++)
    {
      struct sy_depot *from = test_random_below (&random, 4) ? &depot : &other;
      bool pop = count == 0 || (count < hammer_hold && test_random_below (&random, 2) == 0);

      if (pop)
        {
          struct sy_magazine *magazine = sy_depot_pop (from);

          if (magazine == NULL)
            continue;
          test_must (AO_compare_and_swap (&holder[number_of (magazine)], 0, me),
                     "a magazine in two hands");
          look (magazine);
          fill (magazine, test_random_next (&random));
          held[count++] = magazine;
        }
      else
        {
          struct sy_magazine *magazine = held[--count];

          look (magazine);
          test_must (AO_compare_and_swap (&holder[number_of (magazine)], me, 0),
                     "a magazine in two hands");
          sy_depot_push (from, magazine);
        }
      if (test_random_below (&random, 64) == 0)
        sched_yield ();
    }
  while (count > 0)
    {
      AO_store (&holder[number_of (held[--count])], 0);
      sy_depot_push (&depot, held[count]);
    }
  return NULL;
}

static void
hammer_with (uint64_t tag, unsigned magazines, unsigned hold)
{
  hammer_hold = hold;
  set_up_hammer (tag, magazines);
  in_threads (THREADS, hammer, 1);
  tear_down_hammer (magazines);
}

START_TEST (no_magazine_is_in_two_hands_and_none_is_lost)
{
  hammer_with (0, MAGAZINES, 4);
}
END_TEST

START_TEST (no_magazine_is_shared_or_lost_while_the_tag_wraps)
{
  hammer_with (TAG_40, MAGAZINES, 4);
}
END_TEST

START_TEST (no_magazine_is_shared_or_lost_while_the_low_half_of_the_tag_wraps)
{
  hammer_with (TAG_32, MAGAZINES, 4);
}
END_TEST

START_TEST (no_magazine_is_shared_or_lost_where_there_are_fewer_than_threads)
{
  hammer_with (TAG_40, 3, 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("magazine");
  TCase *tests = test_case (suite, "magazines", 10), *threads = test_case (suite, "threads", 60);

  tcase_add_test (tests, a_magazine_is_aligned_to_its_size_and_nobody_elses);
  tcase_add_test (tests, top_alone_says_empty_and_full);
  tcase_add_test (tests, a_used_up_magazine_is_packed_into_a_shorter_full_one);
  tcase_add_loop_test (tests, a_depot_is_last_in_first_out_and_knows_its_depth, 0, 3);
  tcase_add_test (tests, the_head_differs_after_every_push_and_pop);
  tcase_add_test (threads, no_magazine_is_in_two_hands_and_none_is_lost);
  tcase_add_test (threads, no_magazine_is_shared_or_lost_while_the_tag_wraps);
  tcase_add_test (threads, no_magazine_is_shared_or_lost_while_the_low_half_of_the_tag_wraps);
  tcase_add_test (threads, no_magazine_is_shared_or_lost_where_there_are_fewer_than_threads);
  return test_run (suite);
}
