/* SPDX-License-Identifier: MIT */
/* backend_small_pool.c: our own pool for what fits a class; the C library, tracked, for the rest. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/backend.h"
#include "api/configured.h"
#include "api/reclaim.h"
#include "base/bug.h"
#include "base/compiler.h"
#include "base/os.h"
#include "heap/heap.h"
#include "pool/reap.h"
#include "thread/hits.h"
#include "thread/miss.h"
#include "thread/tend.h"

const char *const sy_backend_name = "small_pool";
const bool sy_backend_has_pool = true;

bool
sy_backend_open (struct sydra_alloc *a)
{
  return sy_pool_open (&a->pool, sydra_alloc_shards ());
}

void
sy_backend_close (struct sydra_alloc *a)
{
  sy_fallback_close (&a->fallback, sy_heap_free);
  sy_pool_close (&a->pool);
}

/* ---- Fallback: blocks that the C library serves. ---- */

static unsigned
size_bucket (size_t size)
{
  unsigned bucket = 0;

  while (bucket < SYDRA_STATS_FALLBACK_BOUNDS - 1 && size > (size_t) 64 << bucket)
    bucket++;
  return bucket;
}

/*
 * What gives way where the limit is reached: first what this thread's magazines hold, which counts too; then what is deferred and may go,
 * which comes to them.  False: nothing is left to.
 */
static bool
give_way (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned step)
{
  if (step > 1 || (step == 1 && !sy_reclaim_for_want (a)))
    return false;
  if (cache != NULL && a->max_bytes != 0)
    sy_thread_cache_flush (cache);
  return true;
}

/* Charges the handle for what the C library serves. */
static bool
charge_heap_bytes (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t bytes)
{
  bool charged = sy_handle_charge (a, bytes);

  for (unsigned step = 0; !charged && give_way (a, cache, step); step++)
    charged = sy_handle_charge (a, bytes);
  return charged;
}

/* Takes a block of the C library's into the handle. */
static void *
fallback_admit (struct sydra_alloc *a, struct sy_thread_cache *cache, void *block, size_t size)
{
  if (SY_UNLIKELY (block == NULL))
    return NULL;

  unsigned bucket = size_bucket (size);
  size_t bytes = sy_heap_usable (block);

  if (!charge_heap_bytes (a, cache, bytes))
    {
      sy_heap_free (block);
      errno = ENOMEM;
      return NULL;
    }
  sy_fallback_add (&a->fallback, block);
  sy_thread_cache_count_heap_malloc (a, cache, bytes);
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.fallback_sizes[bucket], &a->retired.fallback_sizes[bucket], 1);
  return block;
}

/* What is wrong with a pointer that is no block of this handle's. */
static const char *
what_is_wrong (const void *pointer)
{
  if (!sy_region_has (pointer))
    return "no block of this handle: not allocated by it, or freed already";
  if (sy_region_is_used (sy_region_slab_of (pointer)) && sy_slab_at (sy_region_slab_of (pointer))->owner != NULL)
    return "a block of another handle";
  return "no block: in a part of the pool that holds none now (freed already?)";
}

/*
 * The class of a block of the pool's; 0: it is none of the pool's.  An address with one of its low bits set is looked at: few blocks have
 * such a one, and hits leave it to this.
 */
static unsigned
class_of_block (struct sydra_alloc *a, const void *block, const char *call)
{
  unsigned class = sy_pool_class_of (&a->pool, block);

  if (SY_UNLIKELY (class != 0 && ((uintptr_t) block & (SY_GRANULE - 1)) != 0))
    (void) sy_bin_block (sy_region_slab_of (block), block, call);
  return class;
}

/* Takes a block out of the handle; the caller gives it to the C library. */
static void
fallback_dismiss (struct sydra_alloc *a, struct sy_thread_cache *cache, void *block, const char *call)
{
  if (sy_region_has (block) || !sy_fallback_remove (&a->fallback, block))
    sy_bug (call, block, what_is_wrong (block));

  size_t bytes = sy_heap_usable (block);

  sy_handle_discharge (a, bytes);
  sy_thread_cache_count_heap_free (a, cache, bytes);
  sy_tend (a, cache, 0);
}

/* ---- The pool ---- */

/* A block of the class by the slow way; NULL: the pool has none, or the limit is reached and errno says ENOMEM. */
static void *
pool_malloc_once (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  return cache == NULL ? sy_miss_cacheless_malloc (a, class) : sy_miss_malloc (cache, class);
}

static void *
pool_malloc_slow (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class)
{
  void *block = pool_malloc_once (a, cache, class);

  for (unsigned step = a->max_bytes == 0; block == NULL && give_way (a, cache, step); step++)
    block = pool_malloc_once (a, cache, class);
  return block;
}

/* A block of the class, or of the C library's where the pool has none. */
static void *
class_malloc_miss (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, size_t alignment, size_t size)
{
  void *block = pool_malloc_slow (a, cache, class);

  if (SY_LIKELY (block != NULL))
    return block;
  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.shard_misses, &a->retired.shard_misses, 1);
  return fallback_admit (a, cache, sy_heap_aligned (alignment, size), size);
}

/* cache is not NULL. */
static inline void *
class_malloc (struct sydra_alloc *a, struct sy_thread_cache *cache, unsigned class, size_t alignment, size_t size)
{
  void *block = sy_thread_cache_pop_large (cache, class);

  return SY_LIKELY (block != NULL) ? block : class_malloc_miss (a, cache, class, alignment, size);
}

/* Any size, any state of the thread. */
static void * SY_NOINLINE
malloc_slow (struct sydra_alloc *a, size_t size)
{
  struct sy_thread_cache *cache = sy_thread_cache_get (a, "sydra_malloc");

  if (size > SY_SMALL_MAX)
    return fallback_admit (a, cache, sy_heap_malloc (size), size);
  if (cache == NULL)
    return class_malloc_miss (a, cache, sy_class_of (size), SY_GRANULE, size);
  return class_malloc (a, cache, sy_class_of (size), SY_GRANULE, size);
}

static void * SY_NOINLINE
malloc_miss (struct sydra_alloc *a, size_t size)
{
  return class_malloc_miss (a, sy_thread_cache_last, sy_class_of (size), SY_GRANULE, size);
}

/* A hit for those over SY_TINY_MAX, and what was none. */
static void * SY_NOINLINE
malloc_medium (struct sydra_alloc *a, size_t size)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || size > SY_SMALL_MAX))
    return malloc_slow (a, size);

  void *block = sy_thread_cache_pop_large (cache, sy_class_of (size));

  return SY_LIKELY (block != NULL) ? block : malloc_miss (a, size);
}

SY_EXPORT void *
sydra_malloc (struct sydra_alloc *a, size_t size)
{
  void *block = sy_hit_malloc (a, size);

  return SY_LIKELY (block != NULL) ? block : malloc_medium (a, size);
}

/* Frees what the hit could not: no cache yet, a full magazine, a fallback block, no block at all. */
static void SY_NOINLINE
free_slow (struct sydra_alloc *a, void *block)
{
  struct sy_thread_cache *cache;
  unsigned class;

  sy_thread_handle_check (a, "sydra_free");
  if (block == NULL)
    return;
  cache = sy_thread_cache_earn (a, "sydra_free");
  if (SY_DEBUG)
    sy_handle_check_free (block, "sydra_free");
  class = class_of_block (a, block, "sydra_free");
  if (class == 0)
    {
      fallback_dismiss (a, cache, block, "sydra_free");
      sy_heap_free (block);
    }
  else if (cache == NULL)
    sy_miss_cacheless_free (a, class, block);
  else
    sy_miss_free (cache, class, block);
}

SY_EXPORT void
sydra_free (struct sydra_alloc *a, void *block)
{
  if (SY_UNLIKELY (!sy_hit_free (a, block)))
    free_slow (a, block);
}

/* ---- The other calls ---- */

/* A block of this size and alignment from wherever it can be had. */
static void *
aligned_malloc (struct sydra_alloc *a, struct sy_thread_cache *cache, size_t alignment, size_t size)
{
  unsigned class = sy_class_of_aligned (size, alignment);

  if (class == 0)
    return fallback_admit (a, cache, sy_heap_aligned (alignment, size), size);
  if (cache == NULL)
    return class_malloc_miss (a, cache, class, alignment, size);
  return class_malloc (a, cache, class, alignment, size);
}

void *
sy_backend_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
{
  return aligned_malloc (a, sy_thread_cache_get (a, "sydra_aligned_alloc"), alignment, size);
}

void *
sy_backend_calloc (struct sydra_alloc *a, size_t size)
{
  if (size > SY_SMALL_MAX)
    return fallback_admit (a, sy_thread_cache_get (a, "sydra_calloc"), sy_heap_calloc (size), size);

  struct sy_thread_cache *cache = sy_thread_cache_get (a, "sydra_calloc");
  void *block = sydra_malloc (a, size);

  if (block == NULL)
    return NULL;
  if (size > SY_TINY_MAX && cache != NULL && cache->popped_fresh && sy_pool_class_of (&a->pool, block) != 0)
    return block;
  return memset (block, 0, size);
}

/* Copies what fits and frees the old block; new NULL: the old one stays where it is allowed to. */
static void *
move_to (struct sydra_alloc *a, void *new, void *block, size_t bytes, bool may_stay)
{
  if (new == NULL)
    return may_stay ? block : NULL;
  memcpy (new, block, bytes);
  sydra_free (a, block);
  return new;
}

static void *
pool_realloc (struct sydra_alloc *a, void *block, unsigned class, size_t size)
{
  size_t bytes = sy_size_classes[class].bytes;
  /* A block of a class for smaller alignments may lie where sydra_malloc's may not. */
  bool may_stay = size <= bytes && ((uintptr_t) block & (SY_GRANULE - 1)) == 0;

  if (may_stay && (size > bytes / 2 || sy_class_of (size) == class))
    return block;
  return move_to (a, sydra_malloc (a, size), block, size < bytes ? size : bytes, may_stay);
}

static void *
fallback_realloc (struct sydra_alloc *a, struct sy_thread_cache *cache, void *block, size_t size)
{
  size_t bytes = sy_heap_usable (block), growth = size > bytes ? size - bytes : 0;

  if (!charge_heap_bytes (a, cache, growth))
    {
      errno = ENOMEM;
      return NULL;
    }
  (void) sy_fallback_remove (&a->fallback, block);

  void *moved = sy_heap_realloc (block, size);

  sy_fallback_add (&a->fallback, moved == NULL ? block : moved);
  if (moved == NULL)
    {
      sy_handle_discharge (a, growth);
      return NULL;
    }

  size_t now_bytes = sy_heap_usable (moved);

  sy_handle_recharge (a, bytes + growth, now_bytes);
  if (moved == block)
    {
      sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.fallback_resizes, &a->retired.fallback_resizes, 1);
      sy_thread_cache_count_heap_resize (a, cache, bytes, now_bytes);
    }
  else
    {
      sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.fallback_remaps, &a->retired.fallback_remaps, 1);
      sy_thread_cache_count_heap_malloc (a, cache, now_bytes);
      sy_thread_cache_count_heap_free (a, cache, bytes);
    }
  return moved;
}

/* Ends the process where a block that is in no slab is not the C library's for this handle either. */
static void
fallback_check (struct sydra_alloc *a, const void *block, const char *call)
{
  if (sy_region_has (block) || !sy_fallback_has (&a->fallback, block))
    sy_bug (call, block, what_is_wrong (block));
}

void *
sy_backend_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  unsigned class = class_of_block (a, block, "sydra_realloc");

  if (class != 0)
    return pool_realloc (a, block, class, size);
  fallback_check (a, block, "sydra_realloc");
  if (size > SY_SMALL_MAX)
    return fallback_realloc (a, sy_thread_cache_get (a, "sydra_realloc"), block, size);

  size_t bytes = sy_heap_usable (block);

  return move_to (a, sydra_malloc (a, size), block, size < bytes ? size : bytes, size <= bytes);
}

bool
sy_backend_resize (struct sydra_alloc *a, void *block, size_t size)
{
  unsigned class = class_of_block (a, block, "sydra_resize");

  if (class != 0)
    return size <= sy_size_classes[class].bytes;
  fallback_check (a, block, "sydra_resize");
  if (size > sy_heap_usable (block))
    return false;

  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_resize");

  sy_thread_cache_count (cache == NULL ? NULL : &cache->counts.fallback_resizes, &a->retired.fallback_resizes, 1);
  return true;
}

unsigned
sy_backend_class_of (struct sydra_alloc *a, const void *block, const char *call, size_t *bytes)
{
  unsigned class = class_of_block (a, block, call);

  if (class == 0)
    fallback_check (a, block, call);
  *bytes = class != 0 ? sy_size_classes[class].bytes : sy_heap_usable (block);
  return class;
}

size_t
sy_backend_usable_size (struct sydra_alloc *a, const void *block, const char *call)
{
  size_t bytes;

  (void) sy_backend_class_of (a, block, call, &bytes);
  return bytes;
}

size_t
sy_backend_good_size (size_t size)
{
  return size <= SY_SMALL_MAX ? sy_size_classes[sy_class_of (size)].bytes : sy_heap_good_size (size);
}

bool
sy_backend_owns (struct sydra_alloc *a, const void *pointer)
{
  return sy_pool_class_of (&a->pool, pointer) != 0;
}

/* Pops as many blocks as the loaded magazine has, up to count. */
static size_t
pop_run (struct sy_thread_cache *cache, unsigned class, size_t count, void **blocks)
{
  void **top = sy_cache_top (cache, class);
  size_t popped = 0;

  while (popped < count && top[-1] != NULL)
    blocks[popped++] = *--top;
  AO_store (&cache->top[class], (AO_t) top);
  sy_own_add_release (&cache->counts.allocations[class], popped); /* as in sy_thread_cache_pop */
  if (cache->fresh[class] > top)
    cache->fresh[class] = top;
  return popped;
}

size_t
sy_backend_malloc_batch (struct sydra_alloc *a, size_t size, size_t count, void **blocks)
{
  struct sy_thread_cache *cache = sy_thread_cache_get (a, "sydra_malloc_batch");
  size_t made = 0;

  while (made < count)
    {
      if (size <= SY_SMALL_MAX && cache != NULL)
        made += pop_run (cache, sy_class_of (size), count - made, blocks + made);
      if (made == count || (blocks[made] = malloc_slow (a, size)) == NULL)
        break;
      made++;
    }
  return made;
}

size_t
sy_backend_collect (struct sydra_alloc *a)
{
  struct sy_thread_cache *cache = sy_thread_cache_find (a, "sydra_collect");

  if (cache != NULL)
    sy_thread_cache_flush (cache);
  sy_pool_drain (&a->pool);

  /* In this order, as slabs may get empty by it. */
  size_t bytes = sy_heap_trim () + sy_pool_purge (&a->pool);

  return bytes + sy_region_trim ();
}
