/* SPDX-License-Identifier: MIT */
/* blocks.c: blocks that say whose they are, and their counts. */
#include <config.h>

#include "blocks.h"

#define POOL_MAX 131072u   /* the pool's largest block */

struct sydra_alloc *shared_handle;
__thread uint64_t allocated;
static uint64_t allocations;  /* of all threads that have counted */

static void
stamp (struct stamped *block)
{
  for (uint32_t at = 0; at < block->count; at++)
    block->words[at] = block->stamp + at * 0x9e3779b9u;
}

static void
check_stamp (const struct stamped *block)
{
  for (uint32_t at = 0; at < block->count; at++)
    test_must (block->words[at] == block->stamp + at * 0x9e3779b9u,
               "word %u of %u of block %p is another's", at, block->count,
               (void *) block->words);
}

void
count_thread (void)
{
  (void) __atomic_add_fetch (&allocations, allocated, __ATOMIC_RELAXED);
  allocated = 0;
}

void
begin (void)
{
  shared_handle = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (shared_handle);
  allocations = 0;
  allocated = 0;
}

uint32_t
pool_size (struct test_random *random)
{
  size_t most = test_random_below (random, 8) > 1 ? 256
                : (size_t) 512 << test_random_below (random, 9);

  return (uint32_t) test_random_below (random, most + 1);
}

/* Now and then one that falls back. */
static uint32_t
any_size (struct test_random *random)
{
  if (test_random_below (random, 64) != 0)
    return pool_size (random);
  return POOL_MAX + 1 + (uint32_t) test_random_below (random, 20000);
}

static void
stamp_all (struct stamped *block)
{
  size_t usable = sydra_usable_size (shared_handle, block->words);

  test_must (usable >= block->size, "%zu bytes usable of %u", usable, block->size);
  block->count = (uint32_t) (usable / sizeof (uint32_t));
  stamp (block);
}

struct stamped
make_block_of (struct test_random *random, uint32_t size, uint32_t owner, uint32_t sequence)
{
  struct stamped block = { NULL, size, 0, owner << 24 | (sequence & 0xffffff) };

  if (test_random_below (random, 16) == 0)
    {
      size_t alignment = (size_t) 8 << test_random_below (random, 6);

      block.words = sydra_aligned_alloc (shared_handle, alignment, block.size);
      test_must (((uintptr_t) block.words & (alignment - 1)) == 0, "%p is not aligned to %zu",
                 (void *) block.words, alignment);
    }
  else
    block.words = sydra_malloc (shared_handle, block.size);
  test_must (block.words != NULL, "out of memory");
  allocated++;
  stamp_all (&block);
  return block;
}

struct stamped
make_block (struct test_random *random, uint32_t owner, uint32_t sequence)
{
  return make_block_of (random, any_size (random), owner, sequence);
}

void
end_block (struct stamped *block)
{
  if (block->words == NULL)
    return;
  check_stamp (block);
  sydra_free (shared_handle, block->words);
  block->words = NULL;
}

void
resize_block (struct stamped *block, struct test_random *random)
{
  struct stamped kept = *block;
  uintptr_t before = (uintptr_t) block->words;

  if (block->words == NULL)
    return;
  check_stamp (block);
  block->size = any_size (random);
  block->words = sydra_realloc (shared_handle, block->words, block->size);
  test_must (block->words != NULL, "out of memory");
  /* One that moved is another block. */
  allocated += (uintptr_t) block->words != before;
  kept.words = block->words;
  kept.count = (block->size < kept.size ? block->size : kept.size) / (uint32_t) sizeof (uint32_t);
  check_stamp (&kept);
  stamp_all (block);
}

void
must_be_quiet (void)
{
  struct sydra_stats stats;
  uint64_t by_class = 0;

  stats.size = sizeof stats;
  ck_assert_int_eq (sydra_stats_get (shared_handle, &stats), 0);
  ck_assert_uint_eq (stats.in_use, 0);
  ck_assert_uint_eq (stats.in_use_bytes, 0);
  ck_assert_uint_eq (stats.allocations, allocations);
  ck_assert_uint_eq (stats.frees, allocations);
  for (unsigned class = 0; class < stats.class_count; class++)
    {
      ck_assert_uint_eq (stats.classes[class].in_use, 0);
      by_class += stats.classes[class].allocations;
    }
  if (stats.class_count != 0)
    ck_assert_uint_eq (by_class + stats.fallback_allocs, allocations);
}
