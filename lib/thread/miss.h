/* SPDX-License-Identifier: MIT */
/*
 * miss.h: what malloc and free do where a thread's loaded magazine has no block, or no room: the
 * previous one takes part, magazines come from and go to the depots, blocks come from and go to
 * slabs.
 *
 * Magazines of a class grow with use, within the thread's budget (cache.h).
 */
#ifndef SY_MISS_H
#define SY_MISS_H

#include "thread/cache.h"

/* A block of the class when the loaded magazine is empty.  NULL: the pool has none, or the
   handle's limit is reached. */
void *sy_miss_malloc (struct sy_cache *cache, unsigned class);

/* Frees a block of the class: pushes it, after loading an empty magazine if the loaded one is
   full. */
void sy_cache_free (struct sy_cache *cache, unsigned class, void *block);

/* Frees the blocks of a full magazine, all of the class, and takes the magazine.  cache may be
   NULL. */
void sy_miss_free_magazine (struct sydra_alloc *a, struct sy_cache *cache, unsigned class,
                            struct sy_magazine *full);

/* For a thread without a cache: straight from the slabs, and back to them. */
void *sy_miss_cacheless_malloc (struct sydra_alloc *a, unsigned class);
void sy_miss_cacheless_free (struct sydra_alloc *a, unsigned class, void *block);

#endif
