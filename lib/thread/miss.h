/* SPDX-License-Identifier: MIT */
/*
 * miss.h: what malloc and free do where a thread's loaded magazine has no block, or no room: the
 * previous one takes part, magazines come from and go to the depots, blocks come from and go to
 * slabs.
 *
 * Magazines of a class grow with use, within the thread's room (cache.h).
 */
#ifndef SY_MISS_H
#define SY_MISS_H

#include "thread/cache.h"

/* A block of the class when the loaded magazine is empty.  NULL: the pool has none, or the
   handle's limit is reached. */
void *sy_miss_malloc (struct sy_cache *cache, unsigned class);

/* Takes a block of the class, whatever state the loaded magazine is in. */
void sy_miss_free (struct sy_cache *cache, unsigned class, void *block);

/* Takes a full magazine's blocks of the class, and the magazine; cache may be NULL. */
void sy_miss_free_magazine (struct sydra_alloc *a, struct sy_cache *cache, unsigned class,
                            struct sy_magazine *full);

/* The same for a thread without a cache. */
void *sy_miss_cacheless_malloc (struct sydra_alloc *a, unsigned class);
void sy_miss_cacheless_free (struct sydra_alloc *a, unsigned class, void *block);

#endif
