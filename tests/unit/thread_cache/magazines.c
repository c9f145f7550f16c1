/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "unit/classes.h"
#include "unit/one_handle.h"
#include "base/os.h"
#include "pool/reap.h"

#define BYTES 32u
#define CLASS sy_class_of (BYTES)
#define MANY 5000

static void *blocks[MANY];

static void
tear_down (void)
{
  if (a != NULL)
    ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}

static uint64_t
in_use (void)
{
  return stats_of (a).classes[CLASS - 1].in_use;
}

static void
take (unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    {
      blocks[at] = sydra_malloc (a, BYTES);
      test_must (blocks[at] != NULL, "no block");
    }
}

static void
give (unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, blocks[at]);
}

static bool
has_blocks (const struct sy_thread_cache *cache)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      void **previous = cache->previous[class];

      if (!sy_magazine_is_empty (sy_cache_top (cache, class)) || (previous != NULL && !sy_magazine_is_empty (previous)))
        return true;
    }
  return false;
}

static void *
in_a_thread (void *(*body) (void *), void *argument)
{
  pthread_t thread;
  void *result;

  ck_assert_int_eq (pthread_create (&thread, NULL, body, argument), 0);
  pthread_join (thread, &result);
  return result;
}

/* ---- Births ---- */

START_TEST (a_new_cache_is_empty_and_full_at_once)
{
  struct sy_thread_cache *cache = mine ();

  ck_assert_ptr_nonnull (cache);
  ck_assert_ptr_eq (sy_thread_cache_last, cache);
  ck_assert_ptr_eq (mine (), cache);
  for (unsigned class = 0; class < SY_CLASSES; class++)
    {
      ck_assert (sy_magazine_is_empty (sy_cache_top (cache, class)));
      ck_assert (sy_magazine_is_full (sy_cache_top (cache, class)));
      ck_assert_ptr_null (sy_cache_loaded (cache, class));
      ck_assert_ptr_null (cache->previous[class]);
      ck_assert_uint_eq (cache->rounds[class], 0);
    }
  ck_assert_uint_eq (cache->room, 0);
  ck_assert (!has_blocks (cache));
  ck_assert_uint_eq (AO_load (&cache->changes) % 2, 0);
}
END_TEST

START_TEST (class_0_stays_without_a_magazine)
{
  take (MANY);
  give (MANY);
  ck_assert_ptr_null (sy_cache_loaded (mine (), 0));
  ck_assert_ptr_null (mine ()->previous[0]);
}
END_TEST

START_TEST (a_thread_has_one_cache_of_each_handle)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);
  struct sy_thread_cache *here = mine (), *there = sy_thread_cache_get (other, "test");

  ck_assert_ptr_ne (here, there);
  for (unsigned at = 0; at < 10; at++)
    {
      ck_assert_ptr_eq (mine (), here);
      ck_assert_ptr_eq (sy_thread_cache_get (other, "test"), there);
    }
  ck_assert_uint_eq (sydra_alloc_destroy (other), 0);
}
END_TEST

/* Half of them up to 256, and any other size that the pool serves. */
static size_t
some_size (struct test_random *random)
{
  return test_random_below (random, test_random_below (random, 2) ? 257 : SY_SMALL_MAX + 1);
}

/* ---- Counting, frees without a counter ---- */

START_TEST (counts_are_exact_after_every_call)
{
  if (sydra_alloc_shards () == 0)
    return;
  for (unsigned at = 0; at < 600; at++)
    {
      ck_assert_uint_eq (in_use (), at);
      blocks[at] = sydra_malloc (a, BYTES);
    }
  for (unsigned at = 0; at < 600; at++)
    {
      struct sydra_stats stats = stats_of (a);

      ck_assert_uint_eq (stats.classes[CLASS - 1].allocations, 600);
      ck_assert_uint_eq (stats.classes[CLASS - 1].frees, at);
      ck_assert_uint_eq (stats.in_use_bytes, (600 - at) * BYTES);
      sydra_free (a, blocks[at]);
    }
  ck_assert_uint_eq (in_use (), 0);
}
END_TEST

START_TEST (counts_agree_with_a_list_over_random_calls)
{
  struct test_random random = test_random_make (1);
  uint64_t allocations[SY_CLASSES] = { 0 }, frees[SY_CLASSES] = { 0 };
  unsigned class_of[MANY], live = 0;

  for (unsigned step = 0; step < 200000; step++)
    {
      if (live == 0 || (live < MANY && test_random_below (&random, 1000) < (step / 20000 % 2 ? 300 : 700)))
        {
          size_t size = some_size (&random);

          class_of[live] = sy_class_of (size);
          allocations[class_of[live]]++;
          test_must ((blocks[live++] = sydra_malloc (a, size)) != NULL, "no block");
        }
      else
        {
          size_t which = test_random_below (&random, live);

          frees[class_of[which]]++;
          sydra_free (a, blocks[which]);
          blocks[which] = blocks[--live];
          class_of[which] = class_of[live];
        }
      if (step % 1000 == 0)
        {
          struct sydra_stats stats = stats_of (a);

          for (unsigned class = 1; class < SY_CLASSES; class++)
            test_must (stats.classes[class - 1].allocations == allocations[class] && stats.classes[class - 1].frees == frees[class],
                       "step %u, class %u", step, class);
          test_must (stats.in_use == live, "step %u", step);
        }
      if (step % 50000 == 49999)
        sy_thread_cache_flush (mine ());
    }
  give (live);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
}
END_TEST

/* ---- Magazines ---- */

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
  ck_assert_uint_eq (after.classes[CLASS - 1].allocations - before.classes[CLASS - 1].allocations, 60000);
  /* Debug builds look into the slab at every free. */
  if (sydra_alloc_shards () != 0 && !SY_DEBUG)
    ck_assert_uint_lt (after.classes[CLASS - 1].lock_acquisitions - before.classes[CLASS - 1].lock_acquisitions, 200);
}
END_TEST

/* Grows the class's magazines as far as they do; they hold nothing then, and the thread has no block. */
static unsigned
grow_magazines (size_t bytes)
{
  unsigned class = sy_class_of (bytes), count = 0;

  while (mine ()->rounds[class] < sy_size_classes[class].rounds)
    test_must ((blocks[count++] = sydra_malloc (a, bytes)) != NULL, "no block");
  give (count);
  sy_thread_cache_flush (mine ());
  sy_cache_set_rounds (mine (), class, sy_size_classes[class].rounds);
  return sy_size_classes[class].rounds;
}

/* The next block is the one that was freed last, whatever was freed before it and whichever magazine it is in. */
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

START_TEST (two_magazines_go_to_and_fro_without_the_pool)
{
  struct sy_thread_cache *cache = mine ();
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
  refills = AO_load (&cache->counts.refills[CLASS]);
  memcpy (gone, blocks, sizeof gone);
  take (2 * rounds);
  for (unsigned at = 0; at < 2 * rounds; at++)
    test_must (blocks[at] == gone[2 * rounds - 1 - at], "block %u is not the one that was freed last", at);
  ck_assert_uint_eq (AO_load (&cache->counts.refills[CLASS]), refills);
  ck_assert (!has_blocks (cache));
  give (2 * rounds);

  /* Wherever a program goes up and down by a few blocks, most of its calls hit. */
  for (unsigned base = 0; base <= 2 * rounds; base++)
    {
      take (base);
      misses = (unsigned) AO_load (&cache->changes) / 2;
      for (unsigned round = 0; round < 20; round++)
        {
          void *block[3];

          for (unsigned at = 0; at < 3; at++)
            block[at] = sydra_malloc (a, BYTES);
          for (unsigned at = 0; at < 3; at++)
            sydra_free (a, block[at]);
        }
      if (!SY_DEBUG)
        test_must (AO_load (&cache->changes) / 2 - misses <= 3, "%u misses at %u blocks", (unsigned) AO_load (&cache->changes) / 2 - misses, base);
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

/* How many lines of a cache 64 blocks lie in that were allocated one after the other: 16 of 16 bytes at best. */
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
  struct sy_thread_cache *cache = mine ();
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
          /* One block, or so many that they are 8 and no more than 8 KiB; twice that after the first refill. */
          ck_assert_uint_le (cache->rounds[class], 2 * SY_ROUNDS_FIRST);
          ck_assert (cache->rounds[class] == 2 || cache->rounds[class] * row->bytes <= 2 * SY_ROUNDS_FIRST_BYTES);
        }
      else
        ck_assert_uint_le (cache->rounds[class], 2 * seen);
      ck_assert_uint_ge (cache->rounds[class], seen);
      seen = cache->rounds[class];
      ck_assert_uint_eq (cache->room, 2 * (size_t) seen * row->bytes);
    }
  ck_assert_uint_eq (seen, row->rounds);
  ck_assert_uint_eq (cache->rounds[other], 0);
  give (600);
}
END_TEST

START_TEST (a_flush_hands_everything_in)
{
  for (unsigned at = 0; at < 1000; at++)
    test_must ((blocks[at] = sydra_malloc (a, at * 7919 % (SY_SMALL_MAX + 1))) != NULL, "no block");
  give (1000);
  sy_thread_cache_flush (mine ());
  ck_assert (!has_blocks (mine ()));
  ck_assert_uint_eq (mine ()->spare_count, 0);
  sy_pool_drain (&a->pool);
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

/* ---- What is known to be zero ---- */

static bool
is_zero (const char *block, size_t bytes)
{
  return block[0] == 0 && memcmp (block, block + 1, bytes - 1) == 0;
}

/* A block of the class, as malloc gives it; whether it is known to be zero, which a small one never is. */
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

START_TEST (blocks_that_were_handed_out_in_a_batch_are_known_no_more)
{
  enum { BATCH = 5 };
  unsigned class = class_of_blocks (2048), count = 0;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  do
    ck_assert (take_zeroed (class, count++));
  while (sy_magazine_held (sy_cache_loaded (mine (), class), sy_cache_top (mine (), class)) <= BATCH);
  ck_assert_uint_eq (sydra_malloc_batch (a, 2048, BATCH, blocks + count), BATCH);
  for (unsigned at = 0; at < BATCH; at++)
    sydra_free (a, blocks[count + at]);
  for (unsigned at = 0; at < BATCH; at++)
    ck_assert_msg (!take_zeroed (class, count + at), "block %u of the batch", at);
  ck_assert (take_zeroed (class, count + BATCH));
  give (count + BATCH + 1);
}
END_TEST

START_TEST (a_magazine_that_comes_again_is_known_no_more)
{
  unsigned class = class_of_blocks (1280), rounds, left = 12;

  if (a->pool.direct)
    return;
  (void) sydra_collect (a);
  rounds = grow_magazines (1280);
  /* A full-grown magazine of new blocks has so many left; as many as were taken go back, and one more. */
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

START_TEST (a_block_that_is_known_to_be_zero_is)
{
  enum { LIVE = 400, ZERO_LEAST = 500 };
  struct test_random random = test_random_make (30);
  unsigned class_of[LIVE], live = 0, zero = 0;

  (void) sydra_collect (a);
  for (unsigned step = 0; step < (TEST_SANITIZED ? 20000 : 200000); step++)
    {
      size_t what = test_random_below (&random, 1000), which = live == 0 ? 0 : test_random_below (&random, live);

      if (what == 0)
        (void) sydra_collect (a);
      else if (what < 3)
        sy_thread_cache_flush (mine ());
      else if (live == 0 || (live < LIVE && what < (step / 2000 % 2 ? 300 : 700)))
        {
          class_of[live] = sy_class_of (some_size (&random));

          size_t bytes = sy_size_classes[class_of[live]].bytes;

          if (take_zeroed (class_of[live], live))
            {
              test_must (is_zero (blocks[live], bytes), "a block of %zu bytes in step %u is not zero", bytes, step);
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
  /* 32 MB, and none of it there before it is looked at; 13 MB where a zone has 16 MiB. */
  unsigned pages = 0, count = SY_WORD_BITS == 64 ? 1000 : 400;

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

/* How many of these pages the system has in memory once it is asked for all of them: all, or none where it does not know how. */
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
  unsigned first = (SY_POPULATE_SLABS - 1) * sy_size_classes[class].blocks, most = sy_size_classes[class].rounds, count = 0;

  if (a->pool.direct || SY_POPULATE_PAGES * page > SY_UNIT_BYTES)
    return;
  (void) sydra_collect (a);
  for (; count + most < first + sy_size_classes[class].blocks; count++)
    {
      test_must ((blocks[count] = sydra_malloc (a, bytes)) != NULL, "no block");
      if (count % (pages / 2) != 0)
        continue;

      char *slab = sy_region_address (sy_region_slab_of (blocks[count]));
      unsigned held = sy_magazine_held (sy_cache_loaded (mine (), class), sy_cache_top (mine (), class));
      size_t carved = (size_t) ((char *) blocks[count] - slab) + (1 + held) * bytes, step = SY_POPULATE_PAGES * page;
      size_t there = count < first ? 0 : pages_at_once ((carved + step - 1) / step * SY_POPULATE_PAGES);

      test_must (pages_of (slab, pages * page) == there, "%u pages after %u blocks, not %zu", pages_of (slab, pages * page), count + 1, there);
    }
  give (count);
}
END_TEST

/* ---- Deaths ---- */

/* Sizes of all classes, most of them small. */
static size_t
size_at (unsigned at)
{
  return 1 + (at % 16 == 0 ? at * 7919 % SY_SMALL_MAX : at % 256);
}

static void *
take_and_give (void *argument)
{
  unsigned count = *(unsigned *) argument;
  void *own[1000];

  for (unsigned at = 0; at < count; at++)
    memset (own[at] = sydra_malloc (a, size_at (at)), 0x5a, size_at (at));
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, own[at]);
  return sy_thread_cache_last;
}

START_TEST (a_thread_that_ends_hands_in_blocks_and_counts)
{
  unsigned count = 777;

  in_a_thread (take_and_give, &count);
  ck_assert_ptr_null (a->caches);
  ck_assert_uint_eq (stats_of (a).allocations, 777);
  ck_assert_uint_eq (stats_of (a).frees, 777);
  sy_pool_drain (&a->pool);
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    ck_assert_uint_eq (stats_of (a).classes[class].slabs, 0);
}
END_TEST

START_TEST (threads_one_after_another_use_the_same_memory)
{
  unsigned count = 100;
  struct sydra_stats before;
  size_t magazines;
  void *cache = NULL;

  for (unsigned round = 0; round < 50; round++)
    cache = in_a_thread (take_and_give, &count);
  before = stats_of (a);
  magazines = sy_magazine_committed_bytes ();
  for (unsigned round = 0; round < (TEST_SANITIZED ? 200 : 2000); round++)
    test_must (in_a_thread (take_and_give, &count) == cache, "another cache");
  /* A slab a class more, at the worst. */
  for (unsigned class = 1; class < SY_CLASSES; class++)
    before.committed_bytes += sy_class_slab_bytes (class);
  ck_assert_uint_le (stats_of (a).committed_bytes, before.committed_bytes);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
}
END_TEST

static pthread_key_t late_key;
static unsigned late_passes;
static AO_t late_frees;

/* ThreadSanitizer's own state of a thread ends in the last of the four. */
#define PASSES (SY_THREAD_SANITIZER ? 3u : 4u)

/* Frees in every pass of the destructors. */
static void
free_late (void *value)
{
  void *block = sydra_malloc (a, 48);

  ck_assert_ptr_nonnull (block);
  sydra_free (a, block);
  sydra_free (a, value);
  AO_fetch_and_add (&late_frees, 1);
  if (++late_passes < PASSES)
    ck_assert_int_eq (pthread_setspecific (late_key, sydra_malloc (a, 64)), 0);
}

static void *
leave_for_the_end (void *argument)
{
  late_passes = 0;
  sydra_free (a, sydra_malloc (a, 16));
  ck_assert_int_eq (pthread_setspecific (late_key, sydra_malloc (a, 64)), 0);
  return argument;
}

/* 0: their key is made before the library's, and comes first in each pass; 1: after. */
START_TEST (destructors_may_free_after_the_threads_end)
{
  struct sy_thread_cache *own = _i == 1 ? mine () : NULL;

  AO_store (&late_frees, 0);
  ck_assert_int_eq (pthread_key_create (&late_key, free_late), 0);
  for (unsigned round = 0; round < 20; round++)
    in_a_thread (leave_for_the_end, NULL);
  pthread_key_delete (late_key);
  ck_assert_uint_eq (AO_load (&late_frees), 20 * PASSES);
  ck_assert_uint_eq (stats_of (a).in_use, 0);
  ck_assert_uint_eq (stats_of (a).allocations, stats_of (a).frees);
  ck_assert_uint_eq (stats_of (a).allocations, 20 * (1 + 2 * PASSES));
  ck_assert_ptr_eq (a->caches, own);
  ck_assert (own == NULL || own->next_of_handle == NULL);
  ck_assert (sy_pool_is_valid (&a->pool));
}
END_TEST

/* ---- A handle that ends before its threads ---- */

static pthread_barrier_t barrier;

static void *
outlive_the_handle (void *argument)
{
  struct sydra_alloc **next = argument;
  void *kept[40];

  for (unsigned at = 0; at < 40; at++)
    test_must ((kept[at] = sydra_malloc (a, 96)) != NULL, "no block");
  for (unsigned at = 0; at < 40; at += 2)
    sydra_free (a, kept[at]);
  pthread_barrier_wait (&barrier);
  /* The handle ends here, and another comes. */
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < 40; at++)
    test_must ((kept[at] = sydra_malloc (*next, 96)) != NULL, "no block");
  for (unsigned at = 0; at < 40; at++)
    sydra_free (*next, kept[at]);
  return NULL;
}

START_TEST (a_handle_may_end_before_its_threads)
{
  pthread_t thread[4];
  struct sydra_alloc *next = NULL;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, 5), 0);
  for (unsigned at = 0; at < 4; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, outlive_the_handle, &next), 0);
  pthread_barrier_wait (&barrier);
  ck_assert_uint_eq (sydra_alloc_destroy (a), 4 * 20);
  a = NULL;
  next = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (next);
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < 4; at++)
    pthread_join (thread[at], NULL);
  pthread_barrier_destroy (&barrier);
  ck_assert_uint_eq (stats_of (next).allocations, 160);
  ck_assert_uint_eq (stats_of (next).in_use, 0);
  ck_assert_ptr_null (next->caches);
  ck_assert_uint_eq (sydra_alloc_destroy (next), 0);
}
END_TEST

START_TEST (handles_one_after_another_use_the_same_memory)
{
  struct sydra_stats after_some = { .size = 0 };
  size_t magazines = 0;

  for (unsigned round = 0; round < 1000; round++)
    {
      struct sydra_alloc *next = sydra_alloc_create (NULL);

      ck_assert_ptr_nonnull (next);
      for (unsigned at = 0; at < 20; at++)
        ck_assert_ptr_nonnull (blocks[at] = sydra_malloc (next, 200));
      sydra_free (next, blocks[3]);
      ck_assert_uint_eq (sydra_alloc_destroy (next), 19);
      if (round == 100)
        {
          after_some = stats_of (a);
          magazines = sy_magazine_committed_bytes ();
        }
    }
  ck_assert_uint_le (stats_of (a).committed_bytes, after_some.committed_bytes);
  ck_assert_uint_eq (sy_magazine_committed_bytes (), magazines);
}
END_TEST

/* ---- Limits ---- */

START_TEST (what_the_magazines_hold_is_charged_and_given_up_for_a_request)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *limited;
  unsigned made;

  options.max_bytes = 64 * 1024;
  limited = sydra_alloc_create (&options);
  for (made = 0; made < MANY && (blocks[made] = sydra_malloc (limited, 64)) != NULL; made++)
    ck_assert_uint_le (AO_load (&limited->charged), options.max_bytes);
  ck_assert_uint_eq (made, 1024);
  for (unsigned at = 0; at < made; at++)
    sydra_free (limited, blocks[at]);
  /* All of it in another class, though magazines and depots are full of the first. */
  for (made = 0; made < MANY && (blocks[made] = sydra_malloc (limited, 256)) != NULL; made++)
    ;
  ck_assert_uint_eq (made, 256);
  for (unsigned at = 0; at < made; at++)
    sydra_free (limited, blocks[at]);
  sy_thread_cache_flush (sy_thread_cache_get (limited, "test"));
  ck_assert_uint_eq (AO_load (&limited->charged), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (limited), 0);
}
END_TEST

START_TEST (nothing_stays_charged)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *limited;

  options.max_bytes = 8 << 20;
  limited = sydra_alloc_create (&options);
  for (unsigned round = 0; round < 3; round++)
    for (size_t size = 1; size <= SY_SMALL_MAX + 5000; size += size < 256 ? 15 : 1 + size / 5)
      {
        size_t most = options.max_bytes / 2 / size, count = most < MANY ? most : MANY;

        for (size_t at = 0; at < count; at++)
          test_must ((blocks[at] = sydra_malloc (limited, size)) != NULL, "no block of %zu", size);
        for (size_t at = 0; at < count; at++)
          sydra_free (limited, blocks[at]);
      }
  sy_thread_cache_flush (sy_thread_cache_get (limited, "test"));
  ck_assert_uint_eq (AO_load (&limited->charged), 0);
  ck_assert_uint_eq (sydra_alloc_destroy (limited), 0);
}
END_TEST

/* ---- Many threads at once ---- */

#define THREADS 4
#define MAILBOXES 512

static AO_t mailbox[MAILBOXES];

/* Half of what a thread frees was another's. */
static void *
exchange (void *argument)
{
  struct test_random random = test_random_make (20 + (uint64_t) (uintptr_t) argument);

  for (unsigned step = 0; step < (TEST_SANITIZED ? 30000 : 150000); step++)
    {
      size_t size = sizeof (uintptr_t) * (2 + some_size (&random) / sizeof (uintptr_t));
      uintptr_t *block = sydra_malloc (a, size);

      test_must (block != NULL, "no block");
      block[0] = (uintptr_t) block;
      block[1] = size;

      block = mailbox_swap (&mailbox[test_random_below (&random, MAILBOXES)], block);
      if (block == NULL)
        continue;
      test_must (block[0] == (uintptr_t) block && block[1] >= 2 * sizeof (uintptr_t) && block[1] <= SY_SMALL_MAX + 16, "a block in two hands");
      block[0] = 0;
      sydra_free (a, block);
    }
  return NULL;
}

START_TEST (blocks_freed_by_other_threads_are_counted_and_come_back)
{
  pthread_t thread[THREADS];
  unsigned left = 0;
  struct sydra_stats stats;

  memset (mailbox, 0, sizeof mailbox);
  for (uintptr_t at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, exchange, (void *) at), 0);
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (thread[at], NULL);
  for (unsigned at = 0; at < MAILBOXES; at++)
    left += mailbox[at] != 0;
  ck_assert_uint_eq (stats_of (a).in_use, left);
  for (unsigned at = 0; at < MAILBOXES; at++)
    sydra_free (a, (void *) mailbox[at]);
  stats = stats_of (a);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.allocations, THREADS * (TEST_SANITIZED ? 30000 : 150000));
  sy_thread_cache_flush (mine ());
  sy_pool_drain (&a->pool);
  ck_assert (sy_pool_is_valid (&a->pool));
  for (unsigned class = 0; class < SY_CLASSES - 1; class++)
    ck_assert_uint_eq (stats_of (a).classes[class].slabs, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("thread_cache");
  TCase *tests = test_case (suite, "cache", 20), *threads = test_case (suite, "threads", 60);

  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_checked_fixture (threads, set_up, tear_down);
  tcase_add_test (tests, a_new_cache_is_empty_and_full_at_once);
  tcase_add_test (tests, class_0_stays_without_a_magazine);
  tcase_add_test (tests, a_thread_has_one_cache_of_each_handle);
  tcase_add_test (tests, counts_are_exact_after_every_call);
  tcase_add_test (tests, counts_agree_with_a_list_over_random_calls);
  tcase_add_test (tests, freed_blocks_come_back_from_the_thread_itself);
  tcase_add_test (tests, what_was_freed_last_comes_first);
  tcase_add_test (tests, two_magazines_go_to_and_fro_without_the_pool);
  tcase_add_test (tests, trees_keep_their_order);
  tcase_add_loop_test (tests, magazines_grow_with_use_up_to_their_class, 1, SY_CLASSES);
  tcase_add_test (tests, a_flush_hands_everything_in);
  tcase_add_test (tests, blocks_of_new_memory_are_known_to_be_zero_whatever_is_freed_meanwhile);
  tcase_add_test (tests, blocks_that_were_handed_out_in_a_batch_are_known_no_more);
  tcase_add_test (tests, a_magazine_that_comes_again_is_known_no_more);
  tcase_add_test (tests, a_block_that_is_known_to_be_zero_is);
  tcase_add_test (tests, calloc_of_new_memory_touches_no_page);
  tcase_add_loop_test (tests, pages_of_a_class_with_slabs_are_populated_before_they_are_touched, 0, 2);
  tcase_add_test (tests, what_the_magazines_hold_is_charged_and_given_up_for_a_request);
  tcase_add_test (tests, nothing_stays_charged);
  tcase_add_test (threads, a_thread_that_ends_hands_in_blocks_and_counts);
  tcase_add_test (threads, threads_one_after_another_use_the_same_memory);
  tcase_add_loop_test (threads, destructors_may_free_after_the_threads_end, 0, 2);
  tcase_add_test (threads, a_handle_may_end_before_its_threads);
  tcase_add_test (threads, handles_one_after_another_use_the_same_memory);
  tcase_add_test (threads, blocks_freed_by_other_threads_are_counted_and_come_back);
  return test_run (suite);
}
