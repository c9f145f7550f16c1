/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/heap_blocks.h"

#include <errno.h>
#include <string.h>

#include "heap/heap.h"
#include "pages/large.h"
#include "sydra/alloc.h"
#include "thread/counts.h"
#include "thread/magazines.h"

static bool
has_pool (const struct sydra_alloc *a)
{
  return a->pool.shard_count != 0;
}

/* ---- The limit ---- */

/* Over the limit, flushes the thread's magazines, and then frees what is deferred and may go, which
   comes to the magazines. */
static bool
charge (struct sydra_alloc *a, struct sy_cache *cache, size_t bytes)
{
  if (SY_LIKELY (sy_handle_charge (a, bytes)))
    return true;
  if (sy_cache_flush_for_limit (a, cache) && sy_handle_charge (a, bytes))
    return true;
  if (!sy_domain_reclaim_for_want (&a->domain, sy_cache_participant (cache)))
    return false;
  (void) sy_cache_flush_for_limit (a, cache);
  return sy_handle_charge (a, bytes);
}

/* ---- Where blocks come from ---- */

static bool
is_large (const struct sydra_alloc *a, const void *block)
{
  return has_pool (a) && sy_large_is (a->pool.tag, block);
}

static void *
large_malloc (const struct sydra_alloc *a, size_t alignment, size_t size, size_t room, bool zeroed)
{
  bool zero;
  void *block = sy_large_take (a->pool.tag, alignment, size, room, &zero);

  if (block != NULL && zeroed && !zero)
    sy_large_clear (block, size);
  return block;
}

/* Is it in a unit that a slab or a large block has?  Then it is no block of the heap's.  In any
   other part of the range something else may be mapped. */
static bool
is_in_use (const void *block)
{
  return sy_range_has (block) && sy_range_kind (0, block) != 0;
}

/* Is there no class for it?  Then it is large. */
static bool
needs_large (const struct sydra_alloc *a, size_t alignment, size_t size)
{
  return has_pool (a) && sy_class_of_aligned (size, alignment) == SY_CLASS_HEAP;
}

/* How long a block beside a pool is, whoever serves it: as sydra_good_size says.  Without a pool
   only the heap knows, and this is the least. */
static size_t
good_size (const struct sydra_alloc *a, size_t alignment, size_t size)
{
  return needs_large (a, alignment, size) ? sy_large_good_size (size)
         : has_pool (a)                   ? sy_size_classes[sy_class_of (size)].bytes
                                          : size;
}

static void *
heap_malloc (size_t alignment, size_t size, bool zeroed)
{
  void *block = alignment > SY_GRANULE ? sy_heap_aligned (alignment, size)
                : zeroed               ? sy_heap_calloc (size)
                                       : sy_heap_malloc (size);

  return block != NULL && zeroed && alignment > SY_GRANULE ? memset (block, 0, size) : block;
}

/* A block that nobody knows of yet.  What is no class's is large; what a class had no room for is
   the heap's. */
static void *
obtain (struct sydra_alloc *a, size_t alignment, size_t size, bool zeroed)
{
  void *block
    = needs_large (a, alignment, size) ? large_malloc (a, alignment, size, 0, zeroed) : NULL;

  if (block != NULL)
    return block;
  block = heap_malloc (alignment, good_size (a, alignment, size), zeroed);
  if (block != NULL && has_pool (a))
    sy_fallback_add (&a->fallback, block);
  return block;
}

/* Lets go of a block that obtain returned. */
static void
give_back (struct sydra_alloc *a, void *block)
{
  if (is_large (a, block))
    {
      sy_large_give (a->pool.tag, block, "sydra_malloc");
      return;
    }
  if (has_pool (a))
    (void) sy_fallback_remove (&a->fallback, block);
  sy_heap_free (block);
}

bool
sy_heap_block_is (struct sydra_alloc *a, const void *block)
{
  return !has_pool (a) || sy_large_is (a->pool.tag, block)
         || (!is_in_use (block) && sy_fallback_may_have (&a->fallback, block));
}

size_t
sy_heap_block_usable (const struct sydra_alloc *a, const void *block)
{
  return is_large (a, block) ? sy_large_usable (block) : sy_heap_usable (block);
}

/* The limit is asked before the system is, so that a refused request costs no memory.  The heap's
   blocks may be longer than expected; the charge is for what the block has. */
static void *
charge_and_obtain (struct sydra_alloc *a, struct sy_cache *cache, size_t alignment, size_t size,
                   bool zeroed, size_t *bytes)
{
  size_t expected = good_size (a, alignment, size);
  void *block;

  if (!charge (a, cache, expected))
    return NULL;
  block = obtain (a, alignment, size, zeroed);
  *bytes = block == NULL ? 0 : sy_heap_block_usable (a, block);
  if (*bytes > expected && !charge (a, cache, *bytes - expected))
    {
      give_back (a, block);
      block = NULL;
    }
  if (block == NULL)
    sy_handle_discharge (a, expected);
  return block;
}

/* ---- Blocks ---- */

static unsigned
size_bucket (size_t size)
{
  unsigned bucket = 0;

  while (bucket < SYDRA_STATS_FALLBACK_BOUNDS - 1 && size > (size_t) 64 << bucket)
    bucket++;
  return bucket;
}

static void
count_malloc (struct sydra_alloc *a, struct sy_cache *cache, const void *block, size_t bytes)
{
  sy_counts_heap_malloc (a, cache, bytes);
  if (has_pool (a) && !is_large (a, block))
    sy_count (a, cache, fallback_heap, 1);
}

void *
sy_heap_block_malloc (struct sydra_alloc *a, struct sy_cache *cache, size_t alignment, size_t size,
                      bool zeroed)
{
  size_t bytes;
  void *block = charge_and_obtain (a, cache, alignment, size, zeroed, &bytes);

  if (SY_UNLIKELY (block == NULL))
    {
      errno = ENOMEM;
      return NULL;
    }
  count_malloc (a, cache, block, bytes);
  if (has_pool (a))
    sy_count (a, cache, fallback_sizes[size_bucket (size)], 1);
  return block;
}

bool
sy_heap_block_free (struct sydra_alloc *a, struct sy_cache *cache, void *block)
{
  bool large = is_large (a, block);
  size_t bytes;

  if (!large && has_pool (a) && (is_in_use (block) || !sy_fallback_remove (&a->fallback, block)))
    return false;
  bytes = sy_heap_block_usable (a, block);
  sy_handle_discharge (a, bytes);
  sy_counts_heap_free (a, cache, bytes);
  if (large)
    sy_large_give (a->pool.tag, block, "sydra_free");
  else
    sy_heap_free (block);
  return true;
}

/* ---- Changes of size ---- */

/* How much longer a block of the old bytes becomes, in whole pages where those count. */
static size_t
growth_of (const struct sydra_alloc *a, size_t old_bytes, size_t size)
{
  return size > old_bytes ? good_size (a, 1, size) - old_bytes : 0;
}

/* A longer or shorter large block, in place if can be.  NULL: no memory. */
static void *
large_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  size_t old_bytes = sy_large_usable (block);
  bool grows = size > old_bytes;
  void *moved;

  if (sy_large_resize (a->pool.tag, block, size))
    return block;
  moved = sy_large_move (a->pool.tag, block, size);
  if (moved != NULL)
    return moved;
  moved = grows ? large_malloc (a, 1, size, size / SY_GROWTH_SHARE, false) : NULL;
  if (moved == NULL)
    moved = obtain (a, 1, size, false);
  if (moved != NULL)
    {
      memcpy (moved, block, grows ? old_bytes : size);
      sy_large_give (a->pool.tag, block, "sydra_realloc");
    }
  return moved;
}

/* The same for a block of the heap's. */
static void *
heap_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  void *moved;

  if (!has_pool (a))
    return sy_heap_realloc (block, size);
  (void) sy_fallback_remove (&a->fallback, block);
  moved = sy_heap_realloc (block, good_size (a, 1, size));
  sy_fallback_add (&a->fallback, moved == NULL ? block : moved);
  return moved;
}

/* Tells the books that a block has become another one, or has another length. */
static void
count_change (struct sydra_alloc *a, struct sy_cache *cache, const void *old, size_t old_bytes,
              const void *block, size_t bytes)
{
  bool in_place = old == block;

  if (in_place)
    sy_counts_heap_resize (a, cache, old_bytes, bytes);
  else
    {
      count_malloc (a, cache, block, bytes);
      sy_counts_heap_free (a, cache, old_bytes);
    }
  if (has_pool (a) && in_place)
    sy_count (a, cache, fallback_resizes, 1);
  else if (has_pool (a))
    sy_count (a, cache, fallback_remaps, 1);
}

void *
sy_heap_block_realloc (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size)
{
  size_t old_bytes = sy_heap_block_usable (a, block), growth = growth_of (a, old_bytes, size);
  void *moved;

  /* The limit is asked before the block changes: the old one must stay on failure. */
  if (!charge (a, cache, growth))
    {
      errno = ENOMEM;
      return NULL;
    }
  moved = is_large (a, block) ? large_realloc (a, block, size)
                              : heap_realloc (a, block, size);
  if (moved == NULL)
    {
      sy_handle_discharge (a, growth);
      errno = ENOMEM;
      return NULL;
    }

  size_t bytes = sy_heap_block_usable (a, moved);

  sy_handle_recharge (a, old_bytes + growth, bytes);
  count_change (a, cache, block, old_bytes, moved, bytes);
  return moved;
}

bool
sy_heap_block_resize (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size)
{
  size_t old_bytes = sy_heap_block_usable (a, block), bytes,
         growth = growth_of (a, old_bytes, size);

  if (!is_large (a, block))
    {
      if (growth == 0 && has_pool (a))
        sy_count (a, cache, fallback_resizes, 1);
      return growth == 0;
    }
  if (!charge (a, cache, growth))
    return false;
  if (!sy_large_resize (a->pool.tag, block, size))
    {
      sy_handle_discharge (a, growth);
      return false;
    }
  bytes = sy_large_usable (block);
  sy_handle_recharge (a, old_bytes + growth, bytes);
  count_change (a, cache, block, old_bytes, block, bytes);
  return true;
}

void
sy_heap_block_close (struct sydra_alloc *a)
{
  sy_fallback_close (&a->fallback, sy_heap_free);
  sy_large_close (a->pool.tag);
}
