/* SPDX-License-Identifier: MIT */
/*
 * bin.h: one class of one shard: its depots, and the slabs that it carves blocks from.
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
 * until a block comes or goes; a full one is in none; an empty one leaves the bin; free_blocks is the sum of their free_counts; a walk's
 * next slab is in the list that it is at.
 */
#ifndef SY_BIN_H
#define SY_BIN_H

#include "base/lock.h"
#include "pool/magazine.h"
#include "pool/region.h"

/* Lists by fullness: list 0 holds slabs with fewer than a quarter free, and so on.  Carving from the fullest lets others empty.  The last
   list is of slabs whose free pages went back: carved from when no other is left. */
#define SY_BIN_FULLNESSES 4
#define SY_BIN_PURGED SY_BIN_FULLNESSES
#define SY_BIN_LISTS (SY_BIN_FULLNESSES + 1)

/* How far a walk over a bin's slabs has come, from the emptiest down. */
struct sy_bin_walk {
  uint32_t slab;           /* the next one; SY_SLAB_NONE: the first of the list below */
  uint8_t list;            /* the one it is in */
};

/* Who walks: the reaper, over slabs that lie idle, and a trim, over all. */
enum { SY_WALK_IDLE, SY_WALK_ALL, SY_WALKS };

struct sy_bin {
  struct sy_depot depot[SY_DEPOTS];
  AO_t depot_low[SY_DEPOTS];  /* the shallowest since the last look, less what others were given; who takes lowers it, who looks sets it: a hint */
  AO_t depot_used[SY_DEPOTS]; /* 1: its own threads took from it since the last look, and none of them has left since; a hint */
  struct sy_timed_lock lock SY_APART;
  uint32_t list[SY_BIN_LISTS];
  struct sy_bin_walk walk[SY_WALKS];
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

/*
 * Populates pages of blocks below top that were never handed out: those that they are the first to
 * come to, and some behind them, up to a multiple of SY_POPULATE_PAGES, which no slab ends short of.
 */
void sy_bin_populate (const struct sy_bin *bin, unsigned class, void *const *top, unsigned count);

/* Which block of the slab a pointer is; misuse, found by that call, where it is none. */
unsigned sy_bin_block (uint32_t number, const void *block, const char *call);

/*
 * Puts back the first of the blocks, which is the slab's, and those that follow it in the same slab; how many.  *emptied: the slab is empty
 * now and has left the bin.
 */
unsigned sy_bin_put (struct sy_bin *bin, uint32_t number, void *const *blocks, unsigned count, bool *emptied);

/*
 * Takes holes out of up to `most` of the next slabs of the walk: of all, or of those at least half free in which nothing came or went since
 * the last look, and in none twice without a change.  Returns how many; the caller discards their pages (sy_slab_page_is_in) and puts them
 * back.  *at_end: the walk has come to its end; the next call begins another.
 */
unsigned sy_bin_take_holes (struct sy_bin *bin, unsigned walk, struct sy_hole *holes, unsigned most, bool *at_end);

/* The walk begins again. */
void sy_bin_walk_begin (struct sy_bin *bin, unsigned walk);

/* Puts a hole back.  True: its slab is empty now and has left the bin. */
bool sy_bin_put_hole (struct sy_bin *bin, const struct sy_hole *hole);

/* The invariants, executed. */
bool sy_bin_is_valid (struct sy_bin *bin);

#endif
