/* SPDX-License-Identifier: MIT */
/*
 * page_heap.h: large blocks, as runs of pages out of one reserved range of addresses.
 *
 * Nothing is kept in a block or before it; what is known of it is in the book (runs.h).  Freed pages stay for a while, for reuse.  Blocks
 * that grow stay where they are if what follows is free; else they are copied to free pages that are there, if they grow far, or their pages
 * are moved to a longer run (pieces.h).  A moved run is mapped anew when it is freed, but for an end that was not moved, so that the range is
 * one mapping but for live moved blocks.
 *
 * Thread-safe; no pages are given back or moved under the lock.  Sizes are bytes, up to PTRDIFF_MAX.  No range on 32 bits or under a limit
 * on address space: sy_pages_take returns NULL then.
 */
#ifndef SY_PAGE_HEAP_H
#define SY_PAGE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Is it in the range?  Never true before there is one. */
bool sy_pages_has (const void *pointer);

/* What blocks are multiples of: a power of two, no less than a page. */
size_t sy_pages_unit_bytes (void);

/*
 * A block of so many bytes and, where there is room, `room` more; alignment is a power of two.  *zero: all of it is known to be zero.
 * NULL: out of range or of memory.
 */
void *sy_pages_take (size_t alignment, size_t bytes, size_t room, bool *zero);

/* The calls below end the process where block is none; `call` names who found it. */

void sy_pages_give (void *block, const char *call);

/* All of the block's bytes, room included. */
size_t sy_pages_usable (const void *block, const char *call);

/* Makes the block longer or shorter where it lies.  False: no room behind it; nothing changed. */
bool sy_pages_resize (void *block, size_t bytes, const char *call);

/* A longer block that the pages of this one were moved to, with room, or copied to; this one is gone.  NULL: not worth it or not possible;
   nothing changed. */
void *sy_pages_move (void *block, size_t bytes, const char *call);

#endif
