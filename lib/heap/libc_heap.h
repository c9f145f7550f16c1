/* SPDX-License-Identifier: MIT */
/*
 * libc_heap.h: the C library's own heap by its names __libc_malloc and so on, for the drop-in,
 * which defines malloc itself.
 *
 *   C library's block   | ... offset bytes ... size, offset | our block: size bytes |
 *
 * Each block has a prefix of ours with its size.  The names are weak: if they are missing, as in a
 * static program, every call that allocates fails with ENOMEM.  Sizes are up to PTRDIFF_MAX.
 */
#ifndef SY_LIBC_HEAP_H
#define SY_LIBC_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Does the C library have these names? */
bool sy_libc_heap_is_there (void);

void *sy_libc_heap_malloc (size_t size);
void *sy_libc_heap_calloc (size_t size);
void *sy_libc_heap_realloc (void *block, size_t size);
/* alignment is a power of two. */
void *sy_libc_heap_aligned (size_t alignment, size_t size);
void sy_libc_heap_free (void *block);
size_t sy_libc_heap_usable (const void *block);

#endif
