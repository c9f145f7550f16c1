/* SPDX-License-Identifier: MIT */
/*
 * large.h: large blocks, as runs of whole units.  Only the pages that are asked for are touched.
 *
 * Nothing is stored in a block or before it.  The map says that a block begins at a unit, and whose
 * it is.  The book says how long its run is, and how many pages were asked for.
 *
 * A block that grows
 *   - stays where it is, if its run is long enough, or enough units behind it are free;
 *   - else is copied to free units that have memory, if it grows far and there are such units;
 *   - else has its pages moved to a longer run (apart.h), with room for more growth.
 *
 * New blocks of 2 MiB or more have huge pages, if the last ones that were looked at had been
 * written to as a whole; shorter ones lie where slabs do, and may have them too (huge.h).
 *
 * Any thread may call.  Sizes are bytes, up to PTRDIFF_MAX.  `tag` is the owner's (range.h).
 */
#ifndef SY_LARGE_H
#define SY_LARGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes a block of `bytes`, and of `room` more bytes of addresses; alignment is a power of two.
 * Sets *zero to whether all of the block is known to be zero.  NULL: the range or the memory is
 * used up.  errno stays.
 */
void *sy_large_take (unsigned tag, size_t alignment, size_t bytes, size_t room, bool *zero);

/* Clears a block of `bytes` that is not known to be zero. */
void sy_large_clear (void *block, size_t bytes);

/* Does a block of the owner's begin here? */
bool sy_large_is (unsigned tag, const void *pointer);

/* In the calls below, `block` is a block of the owner's. */

/* Reports misuse, in the name of `call`, if another thread gives back the same block. */
void sy_large_give (unsigned tag, void *block, const char *call);

/* Gives back all blocks of an owner. */
void sy_large_close (unsigned tag);

/* The block's length in bytes: what was asked for, in whole pages. */
size_t sy_large_usable (const void *block);

/* What sy_large_usable says of a block of this size. */
size_t sy_large_good_size (size_t bytes);

/* Makes the block longer or shorter in place.  False: there is no room behind it, and nothing has
   changed. */
bool sy_large_resize (unsigned tag, void *block, size_t bytes);

/*
 * Moves the block's pages to a longer block, with room if possible, or copies them.  Returns the
 * new block; the old one no longer exists.  NULL: not possible, or not worth it, and nothing has
 * changed.
 */
void *sy_large_move (unsigned tag, void *block, size_t bytes);

#endif
