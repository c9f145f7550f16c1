/* SPDX-License-Identifier: MIT */
/* limits.c: large blocks under a handle's limit, and with pages that are locked in memory. */
#include <config.h>

#include <sys/mman.h>

#include "large.h"
#include "unit/child.h"

/* ---- The handle's limit ---- */

#define LIMIT (16 * MIB)

static struct sydra_alloc *
limited (size_t most)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *handle;

  options.max_bytes = most;
  handle = sydra_alloc_create (&options);
  ck_assert_ptr_nonnull (handle);
  return handle;
}

START_TEST (the_limit_counts_whole_pages_and_is_reached_exactly)
{
  struct sydra_alloc *handle = limited (LIMIT);
  char *block = sydra_malloc (handle, 10 * MIB), *rest;

  stamp (block, 10 * MIB, 1);
  errno = 0;
  ck_assert_ptr_null (sydra_malloc (handle, 6 * MIB + 1));
  ck_assert_int_eq (errno, ENOMEM);
  errno = 0;
  ck_assert_ptr_null (sydra_realloc (handle, block, LIMIT + 1));
  ck_assert_int_eq (errno, ENOMEM);
  ck_assert (!sydra_resize (handle, block, LIMIT + 1));
  ck_assert_uint_eq (sydra_usable_size (handle, block), 10 * MIB);
  ck_assert_uint_eq (stats_of (handle).in_use_bytes, 10 * MIB);
  must_be_stamped (block, 10 * MIB, 10 * MIB, 1);
  ck_assert (sydra_resize (handle, block, LIMIT));
  ck_assert_ptr_null (sydra_malloc (handle, SY_SMALL_MAX + 1));
  ck_assert_ptr_eq (sydra_realloc (handle, block, 5 * MIB), block);
  rest = sydra_malloc (handle, 11 * MIB);
  ck_assert_ptr_nonnull (rest);
  ck_assert_ptr_null (sydra_realloc (handle, block, 5 * MIB + 1));
  must_be_stamped (block, 5 * MIB, 10 * MIB, 1);
  sydra_free (handle, rest);
  sydra_free (handle, block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (a_resize_that_finds_no_room_is_not_charged)
{
  struct sydra_alloc *handle = limited (LIMIT);
  char *block = sydra_malloc (handle, 4 * MIB), *wall = sydra_malloc (handle, 4 * MIB), *rest;

  ck_assert (!sydra_resize (handle, block, 8 * MIB));
  rest = sydra_malloc (handle, 8 * MIB);
  ck_assert_ptr_nonnull (rest);
  sydra_free (handle, rest);
  sydra_free (handle, wall);
  sydra_free (handle, block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

START_TEST (a_limit_of_no_whole_pages_is_not_passed_by_rounding)
{
  struct sydra_alloc *handle = limited (LIMIT + 100);
  char *block = sydra_malloc (handle, 10 * MIB), *wall = sydra_malloc (handle, SY_UNIT_BYTES);

  ck_assert_ptr_null (sydra_malloc (handle, 6 * MIB - SY_UNIT_BYTES + 50));
  ck_assert_ptr_null (sydra_realloc (handle, block, LIMIT - SY_UNIT_BYTES + 50));
  sydra_free (handle, wall);
  ck_assert (!sydra_resize (handle, block, LIMIT + 50));
  ck_assert_uint_eq (stats_of (handle).in_use_bytes, 10 * MIB);
  ck_assert (sydra_resize (handle, block, LIMIT));
  sydra_free (handle, block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

static struct live live[8];

/* What a random change of one block would bring the live bytes to, and whether it was made. */
static size_t
change (struct sydra_alloc *handle, struct test_random *random, size_t now, bool *made)
{
  struct live *one = &live[test_random_below (random, 8)];
  size_t size = SY_SMALL_MAX + 1 + test_random_below (random, 4 * MIB),
         pages = sydra_good_size (handle, size),
         old = one->block == NULL ? 0 : sydra_usable_size (handle, one->block);
  char *block;

  *made = true;
  if (one->block != NULL && test_random_below (random, 4) == 0)
    {
      sydra_free (handle, one->block);
      one->block = NULL;
      return now - old;
    }
  errno = 0;
  block = one->block == NULL ? sydra_malloc (handle, size)
                             : sydra_realloc (handle, one->block, size);
  *made = block != NULL;
  ck_assert_int_eq (errno, *made ? 0 : ENOMEM);
  if (*made)
    *one = (struct live) { block, size, 0 };
  return now - old + pages;
}

START_TEST (no_change_of_blocks_goes_over_the_limit)
{
  /* Of no whole number of pages. */
  const size_t limit = LIMIT + 100;
  struct sydra_alloc *handle = limited (limit);
  struct test_random random = test_random_make (20 + (unsigned) _i);
  size_t now = 0, refused = 0;

  for (unsigned step = 0; step < 4000; step++)
    {
      bool made;
      size_t next = change (handle, &random, now, &made);

      test_must (made == (next <= limit), "step %u: %zu of %zu bytes, %s", step, next, limit,
                 made ? "made" : "refused");
      refused += !made;
      now = made ? next : now;
      test_must (stats_of (handle).in_use_bytes == now, "step %u: %zu bytes", step, now);
    }
  ck_assert_uint_ge (refused, 100);
  for (unsigned at = 0; at < 8; at++)
    sydra_free (handle, live[at].block);
  ck_assert_uint_eq (sydra_alloc_destroy (handle), 0);
}
END_TEST

/* ---- Locked memory ---- */

/* Where the process may lock no memory there is nothing to test. */
static bool
lock (const char *start, size_t bytes)
{
  if (mlock (start, bytes) == 0)
    return true;
  printf ("# not tried: no memory can be locked\n");
  return false;
}

START_TEST (a_block_with_locked_pages_grows_and_its_old_place_serves_again)
{
  char *block = sydra_malloc (a, MIB), *wall = sydra_malloc (a, MIB), *grown, *zero;
  size_t page = sy_os_page_bytes ();

  stamp (block, MIB, 31);
  if (lock (block + 32 * page, page))
    {
      grown = sydra_realloc (a, block, 3 * MIB);
      ck_assert_ptr_nonnull (grown);
      must_be_stamped (grown, MIB, MIB, 31);
      stamp (grown, 3 * MIB, 32);
      (void) sydra_collect (a);
      zero = sydra_calloc (a, 1, MIB);
      must_be_zero (zero, MIB);
      stamp (zero, MIB, 33);
      must_be_stamped (grown, 3 * MIB, 3 * MIB, 32);
      sydra_free (a, zero);
      /* The old place may be locked still. */
      ck_assert_int_eq (munlockall (), 0);
      block = grown;
    }
  sydra_free (a, block);
  sydra_free (a, wall);
}
END_TEST

START_TEST (a_locked_block_moves_and_is_unlocked_when_it_is_freed)
{
  char *block = sydra_malloc (a, MIB), *wall = sydra_malloc (a, MIB), *grown;

  stamp (block, MIB, 34);
  if (lock (block, MIB))
    {
      grown = sydra_realloc (a, block, 2 * MIB);
      ck_assert_ptr_nonnull (grown);
      must_be_stamped (grown, MIB, MIB, 34);
      memset (grown, 1, 2 * MIB);
      ck_assert_ptr_ne (grown, block);
      block = grown;
    }
  sydra_free (a, block);
  sydra_free (a, wall);
  (void) sydra_collect (a);
  ck_assert_uint_eq (sy_dirty_bytes (), 0);
}
END_TEST

/* Does what is due in two purges, a step each 2^20 ns.  False: they do not end. */
static bool
purge_twice (void)
{
  uint64_t now_ns = sy_os_now_ns () + 10 * SY_REAP_NS;
  uint32_t tick = sy_range_runs.tick;

  for (unsigned at = 0; sy_range_runs.tick - tick < 2 && at < 2000; at++)
    sy_dirty_purge_step (now_ns += (uint64_t) 1 << 20);
  return sy_range_runs.tick - tick >= 2;
}

START_TEST (one_locked_page_keeps_no_freed_memory)
{
  void *ballast = take_ballast (64 * MIB);
  char *block = sydra_malloc (a, 8 * MIB), *again;

  memset (block, 1, 8 * MIB);
  if (lock (block + 5 * MIB, 1))
    {
      sydra_free (a, block);
      ck_assert_uint_ge (sy_dirty_bytes (), 8 * MIB);
      ck_assert (purge_twice ());
      ck_assert_uint_eq (sy_dirty_bytes (), 0);
      if (!TEST_SANITIZED)
        ck_assert_uint_eq (there_of (block, 8 * MIB), 0);
      again = sydra_calloc (a, 1, 8 * MIB);
      ck_assert_ptr_eq (again, block);
      must_be_zero (again, 8 * MIB);
    }
  sydra_free (a, block);
  sydra_free (a, ballast);
}
END_TEST

/* What the process asked for stays so: each page is in memory, at all times. */
static int
purge_locked (void *argument)
{
  void *ballast = take_ballast (64 * MIB);
  char *block = sydra_malloc (a, 8 * MIB);

  (void) argument;
  memset (block, 1, 8 * MIB);
  if (mlockall (MCL_CURRENT | MCL_FUTURE) != 0)
    {
      printf ("# not tried: not all memory can be locked\n");
      return 0;
    }
  sydra_free (a, block);
  require (purge_twice (), "the purge does not end");
  require (there_of (block, 8 * MIB) == 8 * MIB, "memory is no longer locked");
  block = sydra_calloc (a, 1, 10 * MIB);
  require (there_of (block, 10 * MIB) == 10 * MIB, "memory is not locked");
  must_be_zero (block, 10 * MIB);
  sydra_free (a, ballast);
  require (there_of (ballast, 64 * MIB) == 64 * MIB, "memory is no longer locked");
  return 0;
}

START_TEST (where_all_memory_is_locked_it_stays_so_and_purges_end)
{
  struct child child = child_run (purge_locked, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

void
large_add_limits (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "limits", 60, end_of_all);

  tcase_add_test (tests, the_limit_counts_whole_pages_and_is_reached_exactly);
  tcase_add_test (tests, a_resize_that_finds_no_room_is_not_charged);
  tcase_add_test (tests, a_limit_of_no_whole_pages_is_not_passed_by_rounding);
  tcase_add_loop_test (tests, no_change_of_blocks_goes_over_the_limit, 0, 4);
  tcase_add_test (tests, a_block_with_locked_pages_grows_and_its_old_place_serves_again);
  tcase_add_test (tests, a_locked_block_moves_and_is_unlocked_when_it_is_freed);
  tcase_add_test (tests, one_locked_page_keeps_no_freed_memory);
  if (!TEST_SANITIZED)
    tcase_add_test (tests, where_all_memory_is_locked_it_stays_so_and_purges_end);
}
