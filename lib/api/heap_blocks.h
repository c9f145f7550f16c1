/* SPDX-License-Identifier: MIT */
/*
 * heap_blocks.h: a handle's blocks that no size class serves: charged, counted and known.
 *
 * Beside a pool they are large blocks of the range (pages/large.h), or, if the range has no room,
 * blocks of the heap that a set of the handle's knows (heap/fallback.h).  Without a pool they are
 * the heap's.
 *
 * cache is the calling thread's, or NULL.
 */
#ifndef SY_HEAP_BLOCKS_H
#define SY_HEAP_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "sydra/alloc.h"

struct sy_cache;

/*
 * Allocates a block; alignment is a power of two.  NULL and errno ENOMEM: there is no memory, or
 * the block would be over the handle's limit.
 */
void *sy_heap_block_malloc (struct sydra_alloc *a, struct sy_cache *cache, size_t alignment,
                            size_t size, bool zeroed);

/* Frees a block.  False: beside a pool, it is none of the handle's. */
bool sy_heap_block_free (struct sydra_alloc *a, struct sy_cache *cache, void *block);

/* Is it such a block of the handle's?  True without a pool. */
bool sy_heap_block_is (struct sydra_alloc *a, const void *block);

/* The usable bytes of a block of the handle's. */
size_t sy_heap_block_usable (const struct sydra_alloc *a, const void *block);

/* NULL and errno ENOMEM: the block stays as it is. */
void *sy_heap_block_realloc (struct sydra_alloc *a, struct sy_cache *cache, void *block,
                             size_t size);

/* Resizes a block in place.  False: not possible, or over the limit, and nothing has changed. */
bool sy_heap_block_resize (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size);

/* The handle ends: frees all of them. */
void sy_heap_block_close (struct sydra_alloc *a);

#endif
