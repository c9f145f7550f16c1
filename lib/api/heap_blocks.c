/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/heap_blocks.h"

#include <errno.h>

#include "heap/heap.h"
#include "sydra/alloc.h"
#include "thread/counts.h"
#include "thread/magazines.h"

/* ---- The set of blocks, beside a pool ---- */

static bool
has_pool (const struct sydra_alloc *a)
{
  return a->pool.shard_count != 0;
}

static void
track (struct sydra_alloc *a, const void *block)
{
  if (has_pool (a))
    sy_fallback_add (&a->fallback, block);
}

/* False: it is none of the handle's. */
static bool
untrack (struct sydra_alloc *a, const void *block)
{
  return !has_pool (a) || sy_fallback_remove (&a->fallback, block);
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

/* ---- Blocks ---- */

static unsigned
size_bucket (size_t size)
{
  unsigned bucket = 0;

  while (bucket < SYDRA_STATS_FALLBACK_BOUNDS - 1 && size > (size_t) 64 << bucket)
    bucket++;
  return bucket;
}

void *
sy_heap_block_admit (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size)
{
  if (SY_UNLIKELY (block == NULL))
    return NULL;

  size_t bytes = sy_heap_usable (block);

  if (!charge (a, cache, bytes))
    {
      sy_heap_free (block);
      errno = ENOMEM;
      return NULL;
    }
  track (a, block);
  sy_counts_heap_malloc (a, cache, bytes);
  if (has_pool (a))
    sy_count (a, cache, fallback_sizes[size_bucket (size)], 1);
  return block;
}

bool
sy_heap_block_dismiss (struct sydra_alloc *a, struct sy_cache *cache, const void *block)
{
  size_t bytes;

  if (!untrack (a, block))
    return false;
  bytes = sy_heap_usable (block);
  sy_handle_discharge (a, bytes);
  sy_counts_heap_free (a, cache, bytes);
  return true;
}

void *
sy_heap_block_realloc (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size)
{
  size_t old_bytes = sy_heap_usable (block), growth = size > old_bytes ? size - old_bytes : 0;

  /* The limit is asked before the block changes: the old one must stay on failure. */
  if (!charge (a, cache, growth))
    {
      errno = ENOMEM;
      return NULL;
    }
  (void) untrack (a, block);

  void *moved = sy_heap_realloc (block, size);

  track (a, moved == NULL ? block : moved);
  if (moved == NULL)
    {
      sy_handle_discharge (a, growth);
      return NULL;
    }

  size_t bytes = sy_heap_usable (moved);

  sy_handle_recharge (a, old_bytes + growth, bytes);
  if (moved == block)
    {
      if (has_pool (a))
        sy_count (a, cache, fallback_resizes, 1);
      sy_counts_heap_resize (a, cache, old_bytes, bytes);
    }
  else
    {
      if (has_pool (a))
        sy_count (a, cache, fallback_remaps, 1);
      sy_counts_heap_malloc (a, cache, bytes);
      sy_counts_heap_free (a, cache, old_bytes);
    }
  return moved;
}
