/* SPDX-License-Identifier: MIT */
/*
 * bin.h: one class of one shard: its depot, and the slabs that it carves blocks from.
 *
 * | operation       | how it is shared                                                                          |
 * | depot           | lock-free (magazine.h)                                                                    |
 * | slabs and lists | under the bin's lock; a slab's shard and class say which bin that is                      |
 * | counters        | written under the bin's lock or with shared adds, read by anyone                          |
 *
 * Free pages inside a slab that is in use are given back while their blocks are out of the bitmap, as if they were in use (a hole), so that
 * no lock is held meanwhile.
 *
 * Invariants, under the lock: a slab with 0 < free_count < blocks is in the list of its fullness, or in that of the purged, where it stays
 * until a block comes or goes; a full one is in none; an empty one leaves the bin; free_blocks is the sum of their free_counts.
 */
#ifndef SY_BIN_H
#define SY_BIN_H

#include "lock.h"
#include "magazine.h"
#include "region.h"

/* Lists by fullness: list 0 holds slabs with fewer than a quarter free, and so on.  Carving from the fullest lets others empty.  The last
   list is of slabs whose free pages went back: carved from when no other is left. */
#define SY_BIN_FULLNESSES 4
#define SY_BIN_PURGED SY_BIN_FULLNESSES
#define SY_BIN_LISTS (SY_BIN_FULLNESSES + 1)

struct sy_bin {
  struct sy_depot depot;
  AO_t depot_low;          /* the shallowest since the last reaping; anyone lowers it, the reaper sets it: a hint */
  struct sy_timed_lock lock SY_APART;
  uint32_t list[SY_BIN_LISTS];
  AO_t slabs, free_blocks; /* written under the lock */
} SY_APART;

/* A slab's blocks that lie in whole free pages, taken out. */
struct sy_hole {
  uint32_t slab;
  unsigned count;
  struct sy_slab_bits bits;
};

/* Of zeroed memory. */
void sy_bin_open (struct sy_bin *bin);

/* All the following under the bin's lock. */

/* Takes a slab in, of which blocks are free. */
void sy_bin_join (struct sy_bin *bin, uint32_t number);

/* Carves from the bin's slabs, the fullest first, as sy_slab_take does. */
unsigned sy_bin_carve (struct sy_bin *bin, unsigned count, void **top, bool *zeroed);

/* Which block of the slab a pointer is; misuse where it is none. */
unsigned sy_bin_block (uint32_t number, const void *block);

/* Puts one block back.  True: its slab is empty now and has left the bin. */
bool sy_bin_put (struct sy_bin *bin, uint32_t number, void *block);

/*
 * Takes holes out of up to `most` slabs: of all, or of those at least half free in which nothing came or went since the last look, and in
 * none twice without a change.  Returns how many; the caller discards their pages (sy_slab_page_is_in) and puts them back.
 */
unsigned sy_bin_take_holes (struct sy_bin *bin, bool all, struct sy_hole *holes, unsigned most);

/* Puts a hole back.  True: its slab is empty now and has left the bin. */
bool sy_bin_put_hole (struct sy_bin *bin, const struct sy_hole *hole);

/* The invariants, executed. */
bool sy_bin_is_valid (struct sy_bin *bin);

#endif
