/* SPDX-License-Identifier: MIT */
/*
 * hits.h: what most calls of malloc, free and malloc_usable_size come to in a pool: a block popped from a magazine or pushed on one, or a
 * block's class.
 *
 * For callers that go the slow way themselves where it is no hit.  The handle may be any value: no cache belongs to what is no handle.
 */
#ifndef SY_HITS_H
#define SY_HITS_H

#include "thread/registry.h"

/* NULL: no hit, nothing changed. */
static inline void *
sy_hit_malloc (const struct sydra_alloc *a, size_t size)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;

  if (SY_UNLIKELY (!sy_holds (&cache->owner, (AO_t) a) || size > SY_TINY_MAX))
    return NULL;
  return sy_thread_cache_pop (cache, sy_class_by_size[size]);
}

/* The class of a block of the pool.  False: no hit. */
static inline bool
sy_hit_class (const struct sydra_alloc *a, const struct sy_thread_cache *cache, const void *block, size_t *class)
{
  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a) && !SY_DEBUG) && sy_thread_cache_class_of (cache, block, class);
}

/* The usable bytes of a block of the pool.  False: no hit. */
static inline bool
sy_hit_usable (const struct sydra_alloc *a, const void *block, size_t *bytes)
{
  size_t class;

  if (SY_UNLIKELY (!sy_hit_class (a, sy_thread_cache_last, block, &class)))
    return false;
  *bytes = sy_size_classes[class].bytes;
  return true;
}

/* False: no hit, nothing changed. */
static inline bool
sy_hit_free (const struct sydra_alloc *a, void *block)
{
  struct sy_thread_cache *cache = sy_thread_cache_last;
  size_t class;

  if (SY_UNLIKELY (!sy_hit_class (a, cache, block, &class)))
    return false;

  void **top = (void **) AO_load (&cache->top[class]);

  if (SY_UNLIKELY (sy_magazine_is_full (top) || top[-1] == block))
    return false;
  *top = block;
  SY_OPAQUE (class);
  sy_own_add (&cache->top[class], sizeof *top);
  return true;
}

#endif
