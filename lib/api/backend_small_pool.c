/* SPDX-License-Identifier: MIT */
/* backend_small_pool.c: our own pool for sizes that have a class, large blocks for the rest, and
   the C library where the range has no room. */
#include <config.h>

#include <string.h>

#include "api/backend.h"
#include "api/configured.h"
#include "api/heap_blocks.h"
#include "api/waiting.h"
#include "base/bug.h"
#include "base/compiler.h"
#include "heap/heap.h"
#include "pages/dirty.h"
#include "pages/huge.h"
#include "pages/large.h"
#include "pool/reap.h"
#include "thread/counts.h"
#include "thread/hits.h"
#include "thread/magazines.h"
#include "thread/miss.h"
#include "thread/trim.h"

const char *const sy_backend_name = "small_pool";
const bool sy_backend_has_pool = true;

bool
sy_backend_open (struct sydra_alloc *a, unsigned shards)
{
  sy_huge_set ((enum sy_huge) sy_configured_huge ());
  return sy_pool_open (&a->pool, shards, a->number << SY_TAG_SHIFT);
}

void
sy_backend_close (struct sydra_alloc *a)
{
  sy_heap_block_close (a);
  sy_pool_close (&a->pool);
}

/* ---- What a pointer is ---- */

/* What is wrong with a pointer that is no block of this handle's. */
static const char *
what_is_wrong (const struct sydra_alloc *a, const void *pointer)
{
  unsigned kind = sy_range_kind (a->pool.tag, pointer);

  if (!sy_range_has (pointer))
    return "no block of this handle: not allocated by it, or freed already";
  if (kind == a->pool.tag)
    return "no block: in a part of the range that holds none now (freed already?)";
  if (kind == SY_UNIT_LARGE || kind == SY_UNIT_INSIDE)
    return "points into the middle of a block";
  return "a block of another handle";
}

/*
 * The class of a block of the pool's; SY_CLASS_HEAP: it is none of the pool's.  If the low four
 * bits of its address are not all zero, checks that a block starts there.  Hits do not take such
 * addresses, and only class 2 has such blocks.
 */
static unsigned
class_of_block (struct sydra_alloc *a, const void *block, const char *call)
{
  unsigned class = sy_pool_class_of (&a->pool, block);

  if (SY_UNLIKELY (class != SY_CLASS_HEAP && ((uintptr_t) block & (SY_GRANULE - 1)) != 0))
    (void) sy_bin_block (sy_slab_of (block), block, call);
  return class;
}

/* Reports misuse if it is no block of the handle's.  Called for a block that is in no slab of its
   pool. */
static void
heap_block_check (struct sydra_alloc *a, const void *block, const char *call)
{
  if (!sy_heap_block_is (a, block))
    sy_bug (call, block, what_is_wrong (a, block));
}

/* ---- malloc ---- */

/* A block of the class when the loaded magazine has none.  NULL: the pool has none, or the
   handle's limit is reached. */
static void *
take_block (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  return cache == NULL ? sy_miss_cacheless_malloc (a, class) : sy_miss_malloc (cache, class);
}

/* A free block of a larger class, but of none that may be misaligned. */
static void *
take_larger (struct sydra_alloc *a, unsigned class)
{
  void *block = NULL;

  while (block == NULL && ++class < SY_CLASSES)
    if (sy_size_classes[class].bytes % SY_GRANULE == 0 && sy_pool_has_blocks (&a->pool, class))
      block = sy_miss_cacheless_malloc (a, class);
  return block;
}

/*
 * A block of the class when take_block had none.  Tries in turn: flush the thread's magazines, if
 * there is a limit; free deferred blocks that no reader can see; ask the C library; take a block
 * that is too long, which lets Python start in 1 MiB of addresses less.
 */
static void *SY_NOINLINE
malloc_for_want (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, size_t alignment,
                 size_t size)
{
  void *block = sy_cache_flush_for_limit (a, cache) ? take_block (a, cache, class) : NULL;

  if (block == NULL && sy_domain_reclaim_for_want (&a->domain, sy_cache_participant (cache)))
    {
      (void) sy_cache_flush_for_limit (a, cache);
      block = take_block (a, cache, class);
    }
  if (block != NULL)
    return block;
  sy_count (a, cache, shard_misses, 1);
  block = sy_heap_block_malloc (a, cache, alignment, size, false);
  return block == NULL && alignment <= SY_GRANULE ? take_larger (a, class) : block;
}

/* The size has a class, and the cache's loaded magazine of that is empty. */
static void * SY_NOINLINE
malloc_miss (struct sy_cache *cache, size_t size)
{
  unsigned class = sy_class_of (size);
  void *block = sy_miss_malloc (cache, class);

  return SY_LIKELY (block != NULL)
           ? block
           : malloc_for_want (sy_cache_owner (cache), cache, class, SY_GRANULE, size);
}

/* Allocates a block of the class.  cache may be NULL. */
static void *
class_malloc (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, size_t alignment,
              size_t size)
{
  void *block = cache == NULL ? NULL : sy_cache_pop_fresh (cache, class);

  if (block == NULL)
    block = take_block (a, cache, class);
  else if (sy_size_classes[class].bytes > SY_TINY_MAX)
    sy_cache_trim_at_hit (a, cache);
  return SY_LIKELY (block != NULL) ? block : malloc_for_want (a, cache, class, alignment, size);
}

/* Sizes over SY_SMALL_MAX, and threads whose last cache is another handle's. */
static void * SY_NOINLINE
malloc_other (struct sydra_alloc *a, size_t size)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_malloc");

  if (size > SY_SMALL_MAX)
    return sy_heap_block_malloc (a, cache, SY_GRANULE, size, false);
  return class_malloc (a, cache, sy_class_of (size), SY_GRANULE, size);
}

void *
sy_backend_malloc_slow (struct sydra_alloc *a, size_t size)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || size > SY_SMALL_MAX))
    return malloc_other (a, size);

  void *block = sy_cache_pop_fresh (cache, sy_class_of (size));

  if (SY_UNLIKELY (block == NULL))
    return malloc_miss (cache, size);
  if (size > SY_TINY_MAX)
    sy_cache_trim_at_hit (a, cache);
  return block;
}

SY_EXPORT void *
sydra_malloc (struct sydra_alloc *a, size_t size)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || size > SY_TINY_MAX))
    return sy_backend_malloc_slow (a, size);

  void *block = sy_cache_pop (cache, sy_class_by_size[size]);

  return SY_LIKELY (block != NULL) ? block : malloc_miss (cache, size);
}

/* ---- free ---- */

static void
heap_block_free (struct sydra_alloc *a, struct sy_cache *cache, void *block)
{
  if (!sy_heap_block_free (a, cache, block))
    sy_bug ("sydra_free", block, what_is_wrong (a, block));
  sy_cache_trim (a, cache, SY_CLASS_HEAP);
}

/* Every free that is no hit: NULL, a block of no class, a full magazine, no cache, misuse. */
void
sy_backend_free_slow (struct sydra_alloc *a, void *block)
{
  struct sy_cache *cache;
  unsigned class;

  sy_handle_check_fast (a, "sydra_free");
  if (block == NULL)
    return;
  cache = sy_cache_earn (a, "sydra_free");
  if (SY_DEBUG)
    sy_waiting_check (block, "sydra_free");
  class = class_of_block (a, block, "sydra_free");
  if (class == SY_CLASS_HEAP)
    heap_block_free (a, cache, block);
  else if (cache == NULL)
    sy_miss_cacheless_free (a, class, block);
  else
    sy_cache_free (cache, class, block);
}

SY_EXPORT void
sydra_free (struct sydra_alloc *a, void *block)
{
  struct sy_cache *cache = sy_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || !sy_cache_push (cache, block)))
    sy_backend_free_slow (a, block);
}

/* ---- The other calls ---- */

void *
sy_backend_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_aligned_alloc");
  unsigned class = sy_class_of_aligned (size, alignment);

  if (class == SY_CLASS_HEAP)
    return sy_heap_block_malloc (a, cache, alignment, size, false);
  return class_malloc (a, cache, class, alignment, size);
}

void *
sy_backend_calloc (struct sydra_alloc *a, size_t size)
{
  if (size > SY_SMALL_MAX)
    return sy_heap_block_malloc (a, sy_cache_get (a, "sydra_calloc"), SY_GRANULE, size, true);

  struct sy_cache *cache = sy_cache_get (a, "sydra_calloc");
  void *block = sydra_malloc (a, size);

  if (block == NULL)
    return NULL;
  if (size > SY_TINY_MAX && cache != NULL && cache->popped_fresh
      && sy_pool_class_of (&a->pool, block) != SY_CLASS_HEAP)
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
  /* A block of class 2 need not be aligned as sydra_malloc promises. */
  bool may_stay = size <= bytes && ((uintptr_t) block & (SY_GRANULE - 1)) == 0;

  if (may_stay && sy_extent_keeps (class, size == 0 ? 1 : size))
    return block;
  return move_to (a, sydra_malloc (a, size), block, size < bytes ? size : bytes, may_stay);
}

void *
sy_backend_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  unsigned class = class_of_block (a, block, "sydra_realloc");

  if (class != SY_CLASS_HEAP)
    return pool_realloc (a, block, class, size);
  heap_block_check (a, block, "sydra_realloc");
  if (size > SY_SMALL_MAX)
    return sy_heap_block_realloc (a, sy_cache_get (a, "sydra_realloc"), block, size);

  size_t bytes = sy_heap_block_usable (a, block);

  return move_to (a, sydra_malloc (a, size), block, size < bytes ? size : bytes, size <= bytes);
}

bool
sy_backend_resize (struct sydra_alloc *a, void *block, size_t size)
{
  unsigned class = class_of_block (a, block, "sydra_resize");

  if (class != SY_CLASS_HEAP)
    return size <= sy_size_classes[class].bytes;
  heap_block_check (a, block, "sydra_resize");
  return sy_heap_block_resize (a, sy_cache_find (a, "sydra_resize"), block, size);
}

unsigned
sy_backend_class_of (struct sydra_alloc *a, const void *block, const char *call, size_t *bytes)
{
  unsigned class = class_of_block (a, block, call);

  if (class == SY_CLASS_HEAP)
    heap_block_check (a, block, call);
  *bytes = class != SY_CLASS_HEAP ? sy_size_classes[class].bytes : sy_heap_block_usable (a, block);
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
  return size <= SY_SMALL_MAX ? sy_size_classes[sy_class_of (size)].bytes
                              : sy_large_good_size (size);
}

bool
sy_backend_owns (struct sydra_alloc *a, const void *pointer)
{
  return sy_range_kind (a->pool.tag, pointer) < 1u << SY_TAG_SHIFT;
}

size_t
sy_backend_malloc_batch (struct sydra_alloc *a, size_t size, size_t count, void **blocks)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_malloc_batch");
  size_t made = 0;

  while (made < count)
    {
      if (size <= SY_SMALL_MAX && cache != NULL)
        made += sy_cache_pop_many (cache, sy_class_of (size), count - made, blocks + made);
      if (made == count || (blocks[made] = malloc_other (a, size)) == NULL)
        break;
      made++;
    }
  if (size > SY_TINY_MAX && cache != NULL)
    sy_cache_trim_at_hit (a, cache);
  return made;
}

size_t
sy_backend_collect (struct sydra_alloc *a)
{
  struct sy_cache *cache = sy_cache_find (a, "sydra_collect");
  size_t bytes;

  if (cache != NULL)
    sy_cache_flush (cache);
  sy_reap_drain (&a->pool);

  if (SY_DEBUG && !sy_units_are_valid ())
    sy_bug ("sydra_collect", a, "the book of the range's units does not add up");
  bytes = sy_heap_purge ();
  bytes += sy_reap_purge (&a->pool);
  /* The range last: draining and purging may empty slabs. */
  return bytes + sy_dirty_purge ();
}
