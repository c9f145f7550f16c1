/* SPDX-License-Identifier: MIT */
/*
 * heap.h: a whole malloc behind our rules.  It is another library's, or our own for large blocks
 * (heap_mapped.c).  Exactly one heap_*.c is linked.
 *
 * What each heap must do: fail with ENOMEM for sizes over PTRDIFF_MAX; align every block as
 * requested; keep errno in free; work in any number of threads at once.
 */
#ifndef SY_HEAP_H
#define SY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name of the mode in which this heap serves everything. */
extern const char sy_heap_name[];

void *sy_heap_malloc (size_t size);
void *sy_heap_calloc (size_t size);
void *sy_heap_realloc (void *block, size_t size);
/* alignment is a power of two. */
void *sy_heap_aligned (size_t alignment, size_t size);
void sy_heap_free (void *block);
size_t sy_heap_usable (const void *block);
/* At most what sy_heap_usable says of a block of this size. */
size_t sy_heap_good_size (size_t size);
/* Gives what the heap can spare back to the system.  Returns how many bytes; 0 if the heap does not
   say. */
size_t sy_heap_purge (void);
/* Gives back what lay unused for SY_REAP_NS, or since the last time if sy_heap_reap_soon was
   called.  To be called often; most calls do nothing. */
void sy_heap_reap (uint64_t now_ns);
/* Lets the next sy_heap_reap work at once, because memory is wanted elsewhere. */
void sy_heap_reap_soon (uint64_t now_ns);
/* Bytes that are kept for reuse; 0 if the heap does not say. */
size_t sy_heap_held_bytes (void);

/* Before and after a fork: takes and releases locks of ours that the heap needs. */
void sy_heap_fork_lock (void);
void sy_heap_fork_unlock (void);

#endif
