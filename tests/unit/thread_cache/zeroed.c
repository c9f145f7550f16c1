/* SPDX-License-Identifier: MIT */
/* zeroed.c: what is known to be zero, and which pages are there. */
#include <config.h>

#include <sys/mman.h>

#include "base/os.h"
#include "thread_cache.h"

static bool
is_zero (const char *block, size_t bytes)
{
  return block[0] == 0 && memcmp (block, block + 1, bytes - 1) == 0;
}

/* A block of the class, as malloc gives it; whether it is known to be zero, which a small one
   never is. */
static bool
take_zeroed (unsigned class, unsigned at)
{
  size_t bytes = sy_size_classes[class].bytes;

  blocks[at] = sydra_malloc (a, bytes);
  ck_assert_ptr_nonnull (blocks[at]);
  return bytes > SY_TINY_MAX && mine ()->popped_fresh;
}

START_TEST (blocks_of_new_memory_are_known_to_be_zero_whatever_is_freed_meanwhile)
{
  unsigned class = class_of_blocks (2048), count = sy_size_classes[class].blocks;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  for (unsigned at = 0; at < count; at++)
    {
      ck_assert_msg (take_zeroed (class, at), "block %u of %u", at, count);
      ck_assert (is_zero (blocks[at], 2048));
      memset (blocks[at], 0x5a, 2048);
    }
  /* Of another class, no matter; one of this class comes back first, and is known no more. */
  sydra_free (a, sydra_malloc (a, 1280));
  for (unsigned at = 0; at < 3; at++)
    {
      sydra_free (a, blocks[at]);
      ck_assert_msg (!take_zeroed (class, at), "block %u again", at);
      ck_assert_msg (take_zeroed (class, count + at), "block %u of the second slab", at);
      ck_assert (is_zero (blocks[count + at], 2048));
    }
  count += 3;
  give (count);
}
END_TEST

START_TEST (blocks_that_were_handed_out_in_a_batch_are_not_known_to_be_zero)
{
  enum { BATCH = 5 };
  unsigned class = class_of_blocks (2048), count = 0;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  do
    ck_assert (take_zeroed (class, count++));
  while (sy_magazine_held (sy_cache_loaded (mine (), class), sy_cache_top (mine (), class))
         <= BATCH);
  ck_assert_uint_eq (sydra_malloc_batch (a, 2048, BATCH, blocks + count), BATCH);
  for (unsigned at = 0; at < BATCH; at++)
    sydra_free (a, blocks[count + at]);
  for (unsigned at = 0; at < BATCH; at++)
    ck_assert_msg (!take_zeroed (class, count + at), "block %u of the batch", at);
  ck_assert (take_zeroed (class, count + BATCH));
  give (count + BATCH + 1);
}
END_TEST

START_TEST (blocks_of_a_magazine_that_comes_again_are_not_known_to_be_zero)
{
  unsigned class = class_of_blocks (1280), rounds, left = 12;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  rounds = grow_magazines (1280);
  /* A full-grown magazine of new blocks has so many left; as many as were taken go back, and one
     more. */
  (void) sydra_collect (a);
  for (unsigned at = 0; at < 2 * rounds - left; at++)
    (void) take_zeroed (class, at);
  ck_assert (mine ()->popped_fresh);
  for (unsigned at = 0; at < rounds - left + 1; at++)
    sydra_free (a, blocks[2 * rounds - left - 1 - at]);
  for (unsigned at = 0; at < rounds + 1; at++)
    ck_assert (!take_zeroed (class, rounds - 1 + at));
  ck_assert_ptr_eq (mine ()->previous[class] == NULL ? NULL : mine ()->fresh[class], NULL);
  give (2 * rounds);
}
END_TEST

START_TEST (a_block_that_is_known_to_be_zero_is_zero)
{
  enum { LIVE = 400, ZERO_LEAST = 500 };
  struct test_random random = test_random_make (30);
  unsigned class_of[LIVE], live = 0, zero = 0;

  (void) sydra_collect (a);
  for (unsigned step = 0; step < (TEST_SANITIZED ? 60000 : 200000); step++)
    {
      size_t what = test_random_below (&random, 1000),
             which = live == 0 ? 0 : test_random_below (&random, live);

      if (what == 0)
        (void) sydra_collect (a);
      else if (what < 3)
        sy_cache_flush (mine ());
      else if (live == 0 || (live < LIVE && what < (step / 2000 % 2 ? 300 : 700)))
        {
          class_of[live] = sy_class_of (some_size (&random));

          size_t bytes = sy_size_classes[class_of[live]].bytes;

          if (take_zeroed (class_of[live], live))
            {
              test_must (is_zero (blocks[live], bytes),
                         "a block of %zu bytes in step %u is not zero", bytes, step);
              zero++;
            }
          memset (blocks[live], 0x5a, bytes);
          live++;
        }
      else
        {
          sydra_free (a, blocks[which]);
          blocks[which] = blocks[--live];
          class_of[which] = class_of[live];
        }
    }
  ck_assert (a->pool.direct ? zero == 0 : zero > ZERO_LEAST);
  give (live);
}
END_TEST

/* How many of the block's pages are there. */
static unsigned
pages_of (const char *block, size_t bytes)
{
  size_t page = sy_os_page_bytes ();
  unsigned char there[64];
  unsigned pages = 0;

  ck_assert_uint_le (bytes / page, sizeof there);
  ck_assert_int_eq (mincore ((void *) ((uintptr_t) block & ~(page - 1)), bytes, there), 0);
  for (size_t at = 0; at < bytes / page; at++)
    pages += there[at] & 1;
  return pages;
}

START_TEST (calloc_of_new_memory_touches_no_page)
{
  /* 32 MB, and none of it there before it is looked at. */
  unsigned pages = 0, count = 250;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  for (unsigned at = 0; at < count; at++)
    {
      test_must ((blocks[at] = sydra_calloc (a, 1, SY_SMALL_MAX)) != NULL, "no block");
      pages += pages_of (blocks[at], SY_SMALL_MAX);
    }
  ck_assert_uint_eq (pages, 0);
  for (unsigned at = 0; at < count; at++)
    {
      test_must (is_zero (blocks[at], SY_SMALL_MAX), "block %u", at);
      memset (blocks[at], 0x5a, SY_SMALL_MAX);
      ck_assert_uint_gt (pages_of (blocks[at], SY_SMALL_MAX), 0);
    }
  give (count);
  for (unsigned at = 0; at < count; at++)
    {
      test_must ((blocks[at] = sydra_calloc (a, 2, SY_SMALL_MAX / 2)) != NULL, "no block");
      test_must (is_zero (blocks[at], SY_SMALL_MAX), "block %u", at);
    }
  give (count);
}
END_TEST

/* How many of these pages the system has in memory once it is asked for all of them: all, or
   none where it does not know how. */
static size_t
pages_at_once (size_t count)
{
  size_t bytes = count * sy_os_page_bytes (), there;
  void *start = sy_os_map (bytes);

  ck_assert_ptr_nonnull (start);
  (void) sy_os_populate (start, bytes);
  there = sy_os_resident_bytes (start, bytes) / sy_os_page_bytes ();
  sy_os_unmap (start, bytes);
  return there;
}

START_TEST (pages_of_a_class_with_slabs_are_populated_before_they_are_touched)
{
  size_t bytes = BYTES << 4 * _i, page = sy_os_page_bytes ();
  unsigned class = sy_class_of (bytes), pages = (unsigned) (sy_class_slab_bytes (class) / page);
  unsigned first = (SY_POPULATE_SLABS - 1) * sy_size_classes[class].blocks,
           most = sy_size_classes[class].capacity, count = 0;

  if (a->pool.direct || SY_POPULATE_PAGES * page > SY_UNIT_BYTES)
    return;
  (void) sydra_collect (a);
  for (; count + most < first + sy_size_classes[class].blocks; count++)
    {
      test_must ((blocks[count] = sydra_malloc (a, bytes)) != NULL, "no block");
      if (count % (pages / 2) != 0)
        continue;

      char *slab = sy_slab_start (sy_slab_of (blocks[count]));
      unsigned held = sy_magazine_held (sy_cache_loaded (mine (), class),
                                        sy_cache_top (mine (), class));
      size_t carved = (size_t) ((char *) blocks[count] - slab) + (1 + held) * bytes,
             step = SY_POPULATE_PAGES * page;
      size_t there = count < first ? 0
                                   : pages_at_once ((carved + step - 1) / step * SY_POPULATE_PAGES);

      test_must (pages_of (slab, pages * page) == there, "%u pages after %u blocks, not %zu",
                 pages_of (slab, pages * page), count + 1, there);
    }
  give (count);
}
END_TEST

void
thread_cache_add_zeroed (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "zeroed", 20, tear_down);

  tcase_add_test (tests, blocks_of_new_memory_are_known_to_be_zero_whatever_is_freed_meanwhile);
  tcase_add_test (tests, blocks_that_were_handed_out_in_a_batch_are_not_known_to_be_zero);
  tcase_add_test (tests, blocks_of_a_magazine_that_comes_again_are_not_known_to_be_zero);
  tcase_add_test (tests, a_block_that_is_known_to_be_zero_is_zero);
  tcase_add_test (tests, calloc_of_new_memory_touches_no_page);
  tcase_add_loop_test (tests, pages_of_a_class_with_slabs_are_populated_before_they_are_touched, 0,
                       2);
}
