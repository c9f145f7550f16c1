/* SPDX-License-Identifier: MIT */
/*
 * fallback.h: the set of blocks that a handle with a pool has from the heap, by their addresses.
 *
 * With it a foreign pointer is found without reading near it, and the end of a handle can free all
 * these blocks.
 *
 * An address belongs to one stripe.  Each stripe is an open-addressed table under its own lock.
 *
 *   entries is 0 or a power of two
 *   used <= entries / 2, as long as the table could grow; else used < entries
 *   untracked > 0  =>  any address of the stripe may be a block
 *
 * If a table is full and cannot grow for want of memory, blocks are served without an entry, and
 * counted in `untracked`.
 */
#ifndef SY_FALLBACK_H
#define SY_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/tuning.h"

struct sy_fallback_stripe {
  struct sy_lock lock;
  uintptr_t *table;        /* addresses; 0: an empty entry.  Under the lock, as the following */
  size_t entries;          /* entries of the table; 0: no table yet */
  size_t used, untracked;  /* addresses in the table; blocks without an entry */
} SY_ALIGNED (SY_LINE_BYTES);

struct sy_fallback {
  struct sy_fallback_stripe stripe[SY_FALLBACK_STRIPES];
};

void sy_fallback_open (struct sy_fallback *fallback);

/* Calls give_back with every block of the set, and unmaps the tables. */
void sy_fallback_close (struct sy_fallback *fallback, void (*give_back) (void *block));

void sy_fallback_add (struct sy_fallback *fallback, const void *block);

/* Removes the block.  False: it is no block of this handle. */
bool sy_fallback_remove (struct sy_fallback *fallback, const void *block);

/* Empties the set.  No other thread uses it. */
void sy_fallback_forget (struct sy_fallback *fallback);

/* Take and release the locks of all stripes at once; for fork. */
void sy_fallback_lock (struct sy_fallback *fallback);
void sy_fallback_unlock (struct sy_fallback *fallback);

/* Is the block in the set for certain: has it an entry?  For who reports a block that is in it. */
bool sy_fallback_has (struct sy_fallback *fallback, const void *block);

/* May it be in the set, with an entry or without?  For who reports a block that is not in it. */
bool sy_fallback_may_have (struct sy_fallback *fallback, const void *block);

#endif
