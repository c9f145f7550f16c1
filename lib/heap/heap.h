/* SPDX-License-Identifier: MIT */
/*
 * heap.h: a whole malloc behind our rules, somebody else's or (heap_mapped.c) our own for large blocks.  Exactly one heap_*.c is linked.
 *
 * Sizes over PTRDIFF_MAX fail with ENOMEM, alignments hold in every case, free keeps errno.  Thread-safe, as the heap is.
 */
#ifndef SY_HEAP_H
#define SY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The mode that this heap makes when it serves everything. */
extern const char sy_heap_name[];

void *sy_heap_malloc (size_t size);
void *sy_heap_calloc (size_t size);
void *sy_heap_realloc (void *block, size_t size);
/* alignment is a power of two. */
void *sy_heap_aligned (size_t alignment, size_t size);
void sy_heap_free (void *block);
size_t sy_heap_usable (const void *block);
/* Never more than sy_heap_usable of a block of that size. */
size_t sy_heap_good_size (size_t size);
/* Gives what the heap can spare back to the system; how many bytes that were, 0 where the heap does not say. */
size_t sy_heap_trim (void);
/* Gives back what lay unused for SY_REAP_NS, or since it was last asked to be soon.  Called now and then; most calls do nothing. */
void sy_heap_reap (uint64_t now_ns);
/* The next calls of it need not wait for their time: memory is wanted elsewhere. */
void sy_heap_reap_soon (uint64_t now_ns);
/* Bytes that are kept for reuse; 0 where the heap does not say. */
size_t sy_heap_held_bytes (void);

/* Around a fork: what the heap does not see to itself. */
void sy_heap_fork_lock (void);
void sy_heap_fork_unlock (void);

#endif
