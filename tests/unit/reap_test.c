/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "classes.h"
#include "base/os.h"
#include "pool.h"
#include "suite.h"

#define FIRST 1u  /* the class of 16 bytes */
#define STEP_NS (UINT64_C (1) << 20)

static uint64_t now_ns;

/* One whole walk, which is due now. */
static void
reap (void)
{
  now_ns += SY_REAP_NS;
  do
    {
      now_ns += STEP_NS;
      ck_assert (sy_reap_is_due (&pool, now_ns));
      sy_reap_step (&pool, now_ns);
    }
  while (AO_load (&pool.reaping.timer.under_way));
  ck_assert (sy_pool_is_valid (&pool));
}

static void
open_and_reap (unsigned shards)
{
  now_ns = UINT64_C (1) << 40;
  open_pool (shards);
  reap ();
}

START_TEST (depots_give_what_lay_unused_and_keep_the_rest)
{
  struct sy_magazine *magazine, *second;

  open_and_reap (1);
  for (unsigned at = 0; at < 5; at++)
    ck_assert (sy_pool_give_magazine (&pool, 0, FIRST, full_magazine (0, FIRST, 8)));
  sy_reap_step (&pool, now_ns + SY_REAP_NS / 2);
  ck_assert_msg (sy_depot_depth (&bin (0, FIRST)->depot[0].depot) == 5, "too soon");
  reap ();
  ck_assert_msg (sy_depot_depth (&bin (0, FIRST)->depot[0].depot) == 5, "they came since");
  /* Two are used and come back: three lay there all the time. */
  magazine = take_magazine (&pool, 0, FIRST);
  second = take_magazine (&pool, 0, FIRST);
  ck_assert (sy_pool_give_magazine (&pool, 0, FIRST, second));
  ck_assert (sy_pool_give_magazine (&pool, 0, FIRST, magazine));
  reap ();
  ck_assert_uint_eq (sy_depot_depth (&bin (0, FIRST)->depot[0].depot), 2);
  /* What the reaping before this one put into slabs, they can spare since this one's look. */
  ck_assert_uint_gt (AO_load (&bin (0, FIRST)->free_low), 0);
  reap ();
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Every bin of every shard has its turn, in as many steps as it takes. */
START_TEST (a_walk_comes_to_every_bin)
{
  open_and_reap (3);
  for (unsigned shard = 0; shard < 3; shard++)
    for (unsigned class = 1; class < SY_CLASSES; class++)
      ck_assert (sy_pool_give_magazine (&pool, shard, class, full_magazine (shard, class, 4)));
  reap ();
  reap ();
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* What a call does is bounded, and what it leaves is done at later calls, none of them before
   some time has passed. */
START_TEST (a_step_does_a_part)
{
  const unsigned magazines = 4000;

  open_and_reap (1);
  for (unsigned at = 0; at < magazines; at++)
    sy_depot_push (&bin (0, FIRST)->depot[0].depot,
                   full_magazine (0, FIRST, sy_size_classes[FIRST].capacity));
  reap ();

  now_ns += SY_REAP_NS + STEP_NS;
  sy_reap_step (&pool, now_ns);

  unsigned left = sy_depot_depth (&bin (0, FIRST)->depot[0].depot);

  ck_assert_uint_gt (left, 0);
  ck_assert_uint_lt (left, magazines);
  ck_assert_uint_eq (AO_load (&pool.reaping.timer.under_way), 1);
  ck_assert (!sy_reap_is_due (&pool, now_ns));
  sy_reap_step (&pool, now_ns);
  ck_assert_uint_eq (sy_depot_depth (&bin (0, FIRST)->depot[0].depot), left);
  while (AO_load (&pool.reaping.timer.under_way))
    sy_reap_step (&pool, now_ns += STEP_NS);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* ---- Free pages inside slabs ---- */

/* A class whose slabs are of one unit and whose blocks are four a page. */
#define BLOCK_BYTES 1024u
#define SLABS 64u

static void *block[(SY_PURGE_LOOKS + 200) * (SY_UNIT_BYTES / BLOCK_BYTES)];

/* So many full slabs whose every block was written to; the number of blocks. */
static unsigned
fill_slabs (unsigned class, unsigned slabs)
{
  unsigned count = slabs * sy_size_classes[class].blocks;

  carve (0, class, count, block);
  for (unsigned at = 0; at < count; at++)
    memset (block[at], 0xa5, BLOCK_BYTES);
  return count;
}

/* Puts back the blocks from number first to last that keep says no to, and moves the others to
   number kept and on; where those end. */
static unsigned
put_some (unsigned class, unsigned first, unsigned last, unsigned kept, bool (*keep) (const char *))
{
  for (unsigned at = first; at < last; at++)
    if (keep (block[at]))
      block[kept++] = block[at];
    else
      sy_pool_put (&pool, 0, class, &block[at], 1);
  return kept;
}

static bool
is_first_of_its_slab (const char *address)
{
  return address == sy_slab_start (sy_slab_of (address));
}

/* Three of four blocks are free, and no page. */
static bool
is_first_of_its_page (const char *address)
{
  return ((uintptr_t) address & (sy_os_page_bytes () - 1)) == 0;
}

/* As many, and twelve of sixteen pages. */
static bool
is_in_first_quarter (const char *address)
{
  return (size_t) (address - sy_slab_start (sy_slab_of (address))) < SY_UNIT_BYTES / 4;
}

static bool
is_first_of_a_slab_or_of_an_odd_slabs_page (const char *address)
{
  return sy_slab_of (address)->unit % 2 ? is_first_of_its_page (address)
                                        : is_first_of_its_slab (address);
}

/* The pages of the slabs that blocks are left of. */
static size_t
resident_of_kept (unsigned class, unsigned kept)
{
  size_t bytes = 0;

  for (unsigned at = 0; at < kept; at++)
    if (is_first_of_its_slab (block[at]))
      bytes += sy_os_resident_bytes (block[at], sy_class_slab_bytes (class));
  return bytes;
}

START_TEST (idle_slabs_lose_their_free_pages)
{
  unsigned class = class_of_blocks (BLOCK_BYTES), kept;

  open_and_reap (1);
  kept = put_some (class, 0, fill_slabs (class, SLABS), 0, is_first_of_its_slab);
  ck_assert_uint_eq (kept, SLABS);
  reap ();
  ck_assert_msg (resident_of_kept (class, kept) == SLABS * SY_UNIT_BYTES,
                 "something came or went since the last look");
  /* Those of a walk and some more: all of them after two. */
  reap ();
  reap ();
  ck_assert_uint_eq (resident_of_kept (class, kept), SLABS * sy_os_page_bytes ());
  for (unsigned at = 0; at < kept; at++)
    for (unsigned byte = 0; byte < BLOCK_BYTES; byte++)
      test_must (((unsigned char *) block[at])[byte] == 0xa5, "a live block's byte %u changed",
                 byte);
  sy_pool_put (&pool, 0, class, block, kept);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Slabs that have no page to give stand before those that have, in one list, and are more than
   are looked at in one go. */
START_TEST (slabs_without_a_free_page_hide_none)
{
  unsigned class = class_of_blocks (BLOCK_BYTES), slabs = SY_PURGE_LOOKS + 200, behind = 100, kept,
           walks = 0;
  unsigned count = 0, of_behind = behind * sy_size_classes[class].blocks;
  size_t expected;

  open_and_reap (1);
  expected = (slabs - behind) * SY_UNIT_BYTES + behind * (SY_UNIT_BYTES / 4);
  count = fill_slabs (class, slabs);
  /* What goes back first ends up at the end of its list. */
  kept = put_some (class, 0, of_behind, 0, is_in_first_quarter);
  kept = put_some (class, of_behind, count, kept, is_first_of_its_page);
  ck_assert_uint_eq (kept, count / 4);
  for (; walks < 8 && resident_of_kept (class, kept) != expected; walks++)
    reap ();
  ck_assert_uint_eq (resident_of_kept (class, kept), expected);
  sy_pool_put (&pool, 0, class, block, kept);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_purge_takes_all_at_once_and_each_hole_once)
{
  unsigned class = class_of_blocks (BLOCK_BYTES), slabs = SY_PURGE_LOOKS + 200, kept;
  size_t page = sy_os_page_bytes (), odd;

  open_and_reap (1);
  odd = slabs / 2;
  kept = put_some (class, 0, fill_slabs (class, slabs), 0,
                   is_first_of_a_slab_or_of_an_odd_slabs_page);
  ck_assert_uint_eq (sy_reap_purge (&pool), odd * (SY_UNIT_BYTES - page));
  ck_assert_uint_eq (resident_of_kept (class, kept), odd * page + odd * SY_UNIT_BYTES);
  ck_assert_uint_eq (sy_reap_purge (&pool), 0);
  sy_pool_put (&pool, 0, class, block, kept);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_slab_that_gains_blocks_after_a_purge_is_looked_at_again)
{
  unsigned class = class_of_blocks (BLOCK_BYTES), kept;
  size_t page = sy_os_page_bytes ();

  open_and_reap (1);
  kept = put_some (class, 0, fill_slabs (class, SLABS), 0, is_in_first_quarter);
  ck_assert_uint_eq (sy_reap_purge (&pool), SLABS * (SY_UNIT_BYTES * 3 / 4));
  kept = put_some (class, 0, kept, 0, is_first_of_its_slab);
  ck_assert_uint_eq (sy_reap_purge (&pool), SLABS * (SY_UNIT_BYTES - page));
  ck_assert_uint_eq (resident_of_kept (class, kept), SLABS * page);
  ck_assert (sy_pool_is_valid (&pool));
  sy_pool_put (&pool, 0, class, block, kept);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

/* Slabs come, go and change lists while walks are under way. */
START_TEST (walks_outlive_what_happens_to_slabs)
{
  struct test_random random = test_random_make (0);
  unsigned class = class_of_blocks (BLOCK_BYTES), held = 0, most = 60000;

  open_and_reap (2);
  for (unsigned step = 0; step < (TEST_SANITIZED ? 4000 : 40000); step++)
    {
      if (held < 64 || (held < most && test_random_below (&random, 2)))
        {
          carve ((unsigned) test_random_below (&random, 2), class, 16, block + held);
          held += 16;
        }
      else
        for (unsigned freed = 0; freed < 15; freed++)
          {
            unsigned at = (unsigned) test_random_below (&random, held);

            sy_pool_put (&pool, 0, class, &block[at], 1);
            block[at] = block[--held];
          }
      if (step % 7 == 0)
        sy_reap_step (&pool,
                      now_ns += test_random_below (&random, 20) == 0 ? 2 * SY_REAP_NS : STEP_NS);
      if (step % 1000 == 0)
        (void) sy_reap_purge (&pool);
      if (step % 100 == 0)
        test_must (sy_pool_is_valid (&pool), "an invariant is broken in step %u", step);
    }
  while (held != 0)
    sy_pool_put (&pool, 0, class, &block[--held], 1);
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_child_goes_on_where_a_thread_is_not_there)
{
  open_and_reap (1);
  AO_store (&pool.reaping.busy, 1);
  AO_store (&pool.reaping.timer.under_way, 1);
  sy_reap_step (&pool, now_ns += 2 * SY_REAP_NS);
  ck_assert_msg (AO_load (&pool.reaping.timer.under_way) == 1, "somebody is at it");
  sy_reap_after_fork (&pool);
  ck_assert (sy_pool_give_magazine (&pool, 0, FIRST, full_magazine (0, FIRST, 8)));
  reap ();
  reap ();
  must_be_empty ();
  sy_pool_close (&pool);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("reap");
  TCase *tests = test_case (suite, "walks", 30);

  tcase_add_test (tests, depots_give_what_lay_unused_and_keep_the_rest);
  tcase_add_test (tests, a_walk_comes_to_every_bin);
  tcase_add_test (tests, a_step_does_a_part);
  tcase_add_test (tests, a_child_goes_on_where_a_thread_is_not_there);
  tests = test_case (suite, "pages", 30);
  tcase_add_test (tests, idle_slabs_lose_their_free_pages);
  tcase_add_test (tests, slabs_without_a_free_page_hide_none);
  tcase_add_test (tests, a_purge_takes_all_at_once_and_each_hole_once);
  tcase_add_test (tests, a_slab_that_gains_blocks_after_a_purge_is_looked_at_again);
  tcase_add_test (tests, walks_outlive_what_happens_to_slabs);
  return test_run (suite);
}
