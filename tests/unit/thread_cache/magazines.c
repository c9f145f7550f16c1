/* SPDX-License-Identifier: MIT */
/* magazines.c: which blocks come from a thread's two magazines of a class, and how these grow. */
#include <config.h>

#include "thread_cache.h"

START_TEST (freed_blocks_come_back_from_the_thread_itself)
{
  struct sydra_stats before, after;

  take (200);
  give (200);
  before = stats_of (a);
  for (unsigned round = 0; round < 1000; round++)
    {
      take (60);
      give (60);
    }
  after = stats_of (a);
  ck_assert_uint_eq (after.classes[CLASS - 1].slabs, before.classes[CLASS - 1].slabs);
  ck_assert_uint_eq (after.classes[CLASS - 1].allocations - before.classes[CLASS - 1].allocations,
                     60000);
  /* Debug builds look into the slab at every free. */
  if (sydra_alloc_shards () != 0 && !SY_DEBUG)
    ck_assert_uint_lt (after.classes[CLASS - 1].lock_acquisitions
                         - before.classes[CLASS - 1].lock_acquisitions,
                       200);
}
END_TEST

/* Grows the class's magazines as far as they do; they hold nothing then, and the thread has no
   block. */

/* The next block is the one that was freed last, whatever was freed before it and whichever
   magazine it is in. */
START_TEST (what_was_freed_last_comes_first)
{
  struct test_random random = test_random_make (31);
  unsigned live = 0, freed = 0, most;
  static void *gone[MANY];

  if (a->pool.direct)
    return;
  /* No more than what is never handed in. */
  most = grow_magazines (BYTES);
  for (unsigned step = 0; step < 100000; step++)
    if (live == 0 || (live < most && test_random_below (&random, 2) == 0))
      {
        void *block = sydra_malloc (a, BYTES);

        test_must (freed == 0 || block == gone[freed - 1], "step %u, %u freed before", step, freed);
        freed -= freed != 0;
        blocks[live++] = block;
      }
    else
      {
        size_t which = test_random_below (&random, live);

        sydra_free (a, blocks[which]);
        gone[freed++] = blocks[which];
        blocks[which] = blocks[--live];
      }
  give (live);
}
END_TEST

/* ... after a batch and a flush too.  This is all that a malloc which hits looks at. */
START_TEST (the_next_block_is_in_the_slot_below_top)
{
  struct test_random random = test_random_make (32);
  struct sy_cache *cache = mine ();
  unsigned live = 0;

  for (unsigned step = 0; step < 20000; step++)
    {
      unsigned most = 1 + (unsigned) test_random_below (&random, 40);

      switch (test_random_below (&random, step % 100 == 0 ? 4 : 3))
        {
        case 0:
          if (live + most < MANY)
            live += (unsigned) sydra_malloc_batch (a, BYTES, most, blocks + live);
          break;
        case 1:
          if (live < MANY)
            blocks[live++] = sydra_malloc (a, BYTES);
          break;
        case 2:
          for (unsigned at = 0; at < most && live > 0; at++)
            sydra_free (a, blocks[--live]);
          break;
        default:
          sy_cache_flush (cache);
        }
      test_must (AO_load (&cache->next[CLASS]) == (AO_t) sy_cache_top (cache, CLASS)[-1],
                 "step %u", step);
    }
  give (live);
}
END_TEST

START_TEST (two_magazines_go_to_and_fro_without_the_pool)
{
  struct sy_cache *cache = mine ();
  static void *gone[MANY];
  unsigned rounds, misses;
  uint64_t refills;

  if (a->pool.direct)
    return;
  rounds = grow_magazines (BYTES);
  take (2 * rounds);
  give (2 * rounds);
  ck_assert (sy_magazine_is_full (sy_cache_top (cache, CLASS)));
  ck_assert (sy_magazine_is_full (cache->previous[CLASS]));
  refills = AO_load (&cache->books.counts.refills[CLASS]);
  memcpy (gone, blocks, sizeof gone);
  take (2 * rounds);
  for (unsigned at = 0; at < 2 * rounds; at++)
    test_must (blocks[at] == gone[2 * rounds - 1 - at],
               "block %u is not the one that was freed last", at);
  ck_assert_uint_eq (AO_load (&cache->books.counts.refills[CLASS]), refills);
  ck_assert (!has_blocks (cache));
  give (2 * rounds);

  /* Wherever a program goes up and down by a few blocks, most of its calls hit. */
  for (unsigned base = 0; base <= 2 * rounds; base++)
    {
      take (base);
      misses = (unsigned) AO_load (&cache->books.changes) / 2;
      for (unsigned round = 0; round < 20; round++)
        {
          void *block[3];

          for (unsigned at = 0; at < 3; at++)
            block[at] = sydra_malloc (a, BYTES);
          for (unsigned at = 0; at < 3; at++)
            sydra_free (a, block[at]);
        }
      if (!SY_DEBUG)
        test_must (AO_load (&cache->books.changes) / 2 - misses <= 3, "%u misses at %u blocks",
                   (unsigned) AO_load (&cache->books.changes) / 2 - misses, base);
      give (base);
    }
}
END_TEST

struct node {
  struct node *left, *right;
};

/* Nodes in the order in which they are allocated, parents first; and freed, children first. */
static struct node *
plant (unsigned depth, unsigned *count)
{
  struct node *node = sydra_malloc (a, sizeof *node);

  test_must (node != NULL, "no block");
  blocks[(*count)++] = node;
  node->left = depth == 0 ? NULL : plant (depth - 1, count);
  node->right = depth == 0 ? NULL : plant (depth - 1, count);
  return node;
}

static void
fell (struct node *node)
{
  if (node->left != NULL)
    {
      fell (node->left);
      fell (node->right);
    }
  sydra_free (a, node);
}

static int
by_address (const void *one, const void *two)
{
  uintptr_t first = (uintptr_t) *(void *const *) one, second = (uintptr_t) *(void *const *) two;

  return first < second ? -1 : first > second;
}

/* How many lines of a cache 64 blocks lie in that were allocated one after the other: 16 of 16
   bytes at best. */
static double
lines_of_64 (unsigned count)
{
  unsigned lines = 0, windows = count / 64;

  for (unsigned window = 0; window < windows; window++)
    {
      void **block = blocks + (size_t) 64 * window;

      qsort (block, 64, sizeof *block, by_address);
      for (unsigned at = 0; at < 64; at++)
        lines += at == 0 || (uintptr_t) block[at] / 64 != (uintptr_t) block[at - 1] / 64;
    }
  return (double) lines / windows;
}

/* A tree whose nodes lay together does so after any number of others. */
START_TEST (trees_keep_their_order)
{
  enum { DEEPEST = 11 };
  double lines = 0;

  if (a->pool.direct)
    return;
  for (unsigned round = 0; round < 4; round++)
    for (unsigned depth = 3; depth <= DEEPEST; depth += 2)
      for (unsigned tree = 0; tree < 8u << (DEEPEST - depth); tree++)
        {
          unsigned count = 0;
          struct node *root = plant (depth, &count);

          lines = lines_of_64 (count);
          fell (root);
        }
  ck_assert_double_le (lines, 32);
}
END_TEST

START_TEST (magazines_grow_with_use_up_to_their_class)
{
  struct sy_cache *cache = mine ();
  unsigned class = (unsigned) _i, seen = 0, other = class == 1 ? 3 : 1;
  const struct sy_size_class *row = &sy_size_classes[class];
  size_t alignment = row->bytes & -row->bytes;

  if (a->pool.direct)
    return;
  for (unsigned at = 0; at < 600; at++)
    {
      blocks[at] = sydra_aligned_alloc (a, alignment < 16 ? alignment : 16, row->bytes);
      if (at == 0)
        {
          /* One block, or so many that they are 8 and no more than 8 KiB; twice that after the
             first refill. */
          ck_assert_uint_le (cache->capacity[class], 2 * SY_CAPACITY_FIRST);
          ck_assert (cache->capacity[class] == 2
                     || cache->capacity[class] * row->bytes <= 2 * SY_CAPACITY_FIRST_BYTES);
        }
      else
        ck_assert_uint_le (cache->capacity[class], 2 * seen);
      ck_assert_uint_ge (cache->capacity[class], seen);
      seen = cache->capacity[class];
      ck_assert_uint_eq (cache->budget_used, 2 * (size_t) seen * row->bytes);
    }
  ck_assert_uint_eq (seen, row->capacity);
  ck_assert_uint_eq (cache->capacity[other], 0);
  give (600);
}
END_TEST

START_TEST (a_flush_hands_everything_in)
{
  for (unsigned at = 0; at < 1000; at++)
    test_must ((blocks[at] = sydra_malloc (a, at * 7919 % (SY_SMALL_MAX + 1))) != NULL, "no block");
  give (1000);
  sy_cache_flush (mine ());
  ck_assert (!has_blocks (mine ()));
  sy_reap_drain (&a->pool);
  ck_assert (sy_pool_is_valid (&a->pool));
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    {
      ck_assert_uint_eq (stats_of (a).classes[class].slabs, 0);
      ck_assert_uint_eq (stats_of (a).classes[class].free_blocks, 0);
    }
  ck_assert_uint_eq (stats_of (a).allocations, 1000);
  ck_assert_uint_eq (stats_of (a).frees, 1000);
  /* And it works on. */
  take (100);
  give (100);
}
END_TEST

void
thread_cache_add_magazines (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "magazines", 20, tear_down);

  tcase_add_test (tests, freed_blocks_come_back_from_the_thread_itself);
  tcase_add_test (tests, what_was_freed_last_comes_first);
  tcase_add_test (tests, the_next_block_is_in_the_slot_below_top);
  tcase_add_test (tests, two_magazines_go_to_and_fro_without_the_pool);
  tcase_add_test (tests, trees_keep_their_order);
  tcase_add_loop_test (tests, magazines_grow_with_use_up_to_their_class, 1, SY_CLASSES);
  tcase_add_test (tests, a_flush_hands_everything_in);
}
