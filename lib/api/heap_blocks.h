/* SPDX-License-Identifier: MIT */
/*
 * heap_blocks.h: a handle's blocks that the heap serves: charged, counted and, beside a pool,
 * tracked.
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
 * Takes a new block of the heap's into the handle; NULL is passed on.  NULL and errno ENOMEM: it is
 * over the handle's limit and has gone back.  size: as the caller asked.
 */
void *sy_heap_block_admit (struct sydra_alloc *a, struct sy_cache *cache, void *block, size_t size);

/* Takes a block out of the handle; the caller gives it to the heap.  False: beside a pool, it is
   none of the handle's. */
bool sy_heap_block_dismiss (struct sydra_alloc *a, struct sy_cache *cache, const void *block);

/* NULL and errno ENOMEM: the block stays as it is. */
void *sy_heap_block_realloc (struct sydra_alloc *a, struct sy_cache *cache, void *block,
                             size_t size);

#endif
