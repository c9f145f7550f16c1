/* SPDX-License-Identifier: MIT */
/*
 * backend.h: the seam between the modes.  Exactly one backend_*.c is linked; calls are direct.
 *
 * A backend also defines the two hottest public calls itself, sydra_malloc and sydra_free: not even
 * a jump stands before their hit.  For the other calls alloc.c has checked the arguments: handles
 * are live, blocks are not NULL, alignments are powers of two, sizes are at most PTRDIFF_MAX.
 * A function that allocates sets errno on failure; one that frees keeps it.
 */
#ifndef SY_BACKEND_H
#define SY_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "sydra/alloc.h"

/* The mode's name, and whether it has a pool. */
extern const char *const sy_backend_name;
extern const bool sy_backend_has_pool;

/*
 * Makes and ends what the handle needs.  shards: of a pool.  False: no memory.  When the handle is
 * closed, no thread has a cache of it.
 */
bool sy_backend_open (struct sydra_alloc *a, unsigned shards);
void sy_backend_close (struct sydra_alloc *a);

/*
 * The slow ways of malloc and free, for sydra_malloc and sydra_free, and for the drop-in's malloc
 * and free, which look for a hit themselves (thread/hits.h).  Any size, any block or NULL, any
 * state of the thread.
 */
void *sy_backend_malloc_slow (struct sydra_alloc *a, size_t size);
void sy_backend_free_slow (struct sydra_alloc *a, void *block);

void *sy_backend_calloc (struct sydra_alloc *a, size_t size);
void *sy_backend_realloc (struct sydra_alloc *a, void *block, size_t size);
void *sy_backend_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size);
bool sy_backend_resize (struct sydra_alloc *a, void *block, size_t size);
/* call names the public call, for the report of a pointer that is no block. */
size_t sy_backend_usable_size (struct sydra_alloc *a, const void *block, const char *call);
size_t sy_backend_good_size (size_t size);
/* The block's class in the pool, SY_CLASS_HEAP where the heap serves it, and its usable bytes. */
unsigned sy_backend_class_of (struct sydra_alloc *a, const void *block, const char *call,
                              size_t *bytes);
bool sy_backend_owns (struct sydra_alloc *a, const void *pointer);
size_t sy_backend_malloc_batch (struct sydra_alloc *a, size_t size, size_t count, void **blocks);
size_t sy_backend_collect (struct sydra_alloc *a);

#endif
