/* SPDX-License-Identifier: MIT */
/*
 * heap.h: another library's malloc behind our rules.  Exactly one heap_*.c is linked.
 *
 * What each heap must do: fail with ENOMEM for sizes over PTRDIFF_MAX; align every block as
 * requested; keep errno in free; work in any number of threads at once; give memory back, and
 * handle forks, by itself.
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
/* At most what sy_heap_usable says of a block of this size.  Only for modes in which the heap
   serves everything: heap_prefixed.c does not have it. */
size_t sy_heap_good_size (size_t size);
/* Gives what the heap can spare back to the system.  Returns how many bytes; 0 if the heap does not
   say. */
size_t sy_heap_purge (void);

#endif
