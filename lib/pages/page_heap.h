/* SPDX-License-Identifier: MIT */
/*
 * page_heap.h: large blocks, as runs of pages out of one reserved range of addresses.
 *
 * Nothing is stored in a block or before it.  The state of all pages is in the book (runs.h).
 * Freed pages stay for a while, for reuse.
 *
 * A block that grows
 *   - stays where it is, if enough pages behind it are free;
 *   - else is copied to free pages that have memory, if it grows far and there are such pages;
 *   - else has its pages moved to a longer run (mappings.h).
 *
 * When a moved run is freed, it is mapped anew, except for an end that was never moved.  So apart
 * from live moved blocks the range is one mapping.
 *
 * Any thread may call.  No lock is held while pages are given back or moved.  Sizes are bytes, up
 * to PTRDIFF_MAX.  On 32 bits, and under a limit on address space, there is no range: sy_pages_take
 * returns NULL.
 */
#ifndef SY_PAGE_HEAP_H
#define SY_PAGE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Is the pointer in the range?  False as long as there is no range. */
bool sy_pages_has (const void *pointer);

/* The length of a page of the system: a power of two.  Blocks are whole pages. */
size_t sy_pages_page_bytes (void);

/*
 * Takes a block of `bytes` and `room` more bytes; alignment is a power of two.  Sets *zero to
 * whether all of the block is known to be zero.  NULL: the range or the memory is used up.
 */
void *sy_pages_take (size_t alignment, size_t bytes, size_t room, bool *zero);

/* The calls below report misuse, in the name of `call`, if `block` is no block. */

void sy_pages_give (void *block, const char *call);

/* The block's length in bytes, its room included. */
size_t sy_pages_usable (const void *block, const char *call);

/* Makes the block longer or shorter in place.  False: there is no room behind it, and nothing has
   changed. */
bool sy_pages_resize (void *block, size_t bytes, const char *call);

/*
 * Moves the block's pages to a longer block, with room if possible, or copies them.  Returns the
 * new block; the old one no longer exists.  NULL: not possible, or not worth it, and nothing has
 * changed.
 */
void *sy_pages_move (void *block, size_t bytes, const char *call);

#endif
