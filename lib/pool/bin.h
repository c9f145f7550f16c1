/* SPDX-License-Identifier: MIT */
/*
 * bin.h: a bin is one class of one shard: its depots, and the slabs that it carves blocks from.
 *
 * | part            | how it is shared                                                     |
 * | depots          | lock-free (magazine.h)                                               |
 * | slabs and lists | under the bin's lock; a slab's shard and class name its bin          |
 * | counters        | written under the bin's lock, read by any thread                     |
 * | free_low        | a hint; a look writes it without the lock                            |
 *
 * No lock is held while free pages inside a slab go back to the system.  The blocks on these pages
 * are called a hole.  They are taken out of the slab's free bits for that time, as if in use.
 *
 * Invariants, under the lock:
 *
 *   free_count == 0            <=>  the slab is in no list
 *   0 < free_count < blocks    <=>  the slab is in the list of its fullness, or in the purged list;
 *                                   it leaves the latter when a block comes or goes
 *   free_count == blocks        =>  the slab leaves the bin
 *   free_blocks                 ==  sum of free_count of all listed slabs
 *   a slab's file_at is the least free_count of the next emptier list, or of an empty slab; it is 0
 *   in the purged list, and in none
 *   a walk's next slab is in the list that the walk is at
 *
 * sy_bin_is_valid checks them; debug builds run it at sydra_collect.
 *
 * A bin whose memory is zero is open and empty.
 */
#ifndef SY_BIN_H
#define SY_BIN_H

#include "base/lock.h"
#include "pages/units.h"
#include "pool/magazine.h"
#include "pool/slab.h"

/*
 * Slabs are in lists by fullness: list 0 has slabs with less than a quarter free, and so on.
 * Blocks are carved from the fullest slab first, so that others can empty.  The last list has slabs
 * whose free pages went back to the system; they are carved from when no other slab is left.
 */
#define SY_BIN_FULLNESSES 4
#define SY_BIN_PURGED SY_BIN_FULLNESSES
#define SY_BIN_LISTS (SY_BIN_FULLNESSES + 1)

/* The position of a walk over a bin's slabs, which goes from the emptiest list to fuller ones. */
struct sy_bin_walk {
  struct sy_slab *slab;    /* the next slab; NULL: the first of the next lower list */
  uint8_t begun;           /* how many lists the walk has begun, the emptiest first; zero: none */
};

/* There are two walks: the reaping's, over idle slabs, and sydra_collect's, over all slabs. */
enum { SY_WALK_IDLE, SY_WALK_ALL, SY_WALKS };

/*
 * The depots: one for each thread of a shard, as far as there are so many, and the inbox.  This one
 * gets full magazines of this shard's blocks from threads of other shards whose own depot is full,
 * and any thread of this shard takes from it.  So what one thread allocates and another one frees
 * goes back a magazine at a time, and its slabs are not written.  snmalloc sends such blocks home
 * too.
 *
 * free_low says how many blocks the slabs can spare for threads of other shards: the least
 * free_blocks since the last look, less what such threads took.  A look is a visit by a reaping
 * (reap.h), or the end of one of the shard's threads; it sets free_low anew.
 */
enum { SY_INBOX = SY_DEPOTS, SY_BIN_DEPOTS };

struct sy_bin {
  struct sy_stock depot[SY_BIN_DEPOTS];
  struct sy_timed_lock lock SY_APART;
  struct sy_slab *list[SY_BIN_LISTS];
  struct sy_bin_walk walk[SY_WALKS];
  AO_t slabs, free_blocks; /* written under the lock, read by any thread as a hint */
  AO_t free_low;           /* see above; any thread writes it, relaxed */
} SY_APART;

/* Blocks of one slab that lie on free pages, and that were taken out of its free bits. */
struct sy_hole {
  struct sy_slab *slab;
  unsigned count;
  struct sy_slab_bits bits;
};

/* Starts free_low anew: as sy_stock_look does, without the lock, and without writing to a bin that
   nobody uses. */
void sy_bin_look (struct sy_bin *bin);

/* The caller of each of the following functions holds the bin's lock. */

/* Adds a slab that has free blocks. */
void sy_bin_join (struct sy_bin *bin, struct sy_slab *slab);

/* Carves from the bin's slabs, the fullest first, as sy_slab_take does. */
unsigned sy_bin_carve (struct sy_bin *bin, unsigned count, void **top, bool *zeroed);

/* As sy_bin_carve, for a thread of another shard: of what the slabs can spare. */
unsigned sy_bin_carve_spare (struct sy_bin *bin, unsigned count, void **top, bool *zeroed);

/*
 * Populates the pages that the blocks below top are the first to use, and the pages behind them up
 * to a multiple of SY_POPULATE_PAGES, which a slab's length is too.  The blocks were never handed
 * out.
 */
void sy_bin_populate (const struct sy_bin *bin, unsigned class, void *const *top, unsigned count);

/* The slab that the pointer is in, which is in a slab of the range. */
static inline struct sy_slab *
sy_slab_of (const void *pointer)
{
  return sy_range_unit (sy_range_unit_of (pointer))->slab;
}

static inline char *
sy_slab_start (const struct sy_slab *slab)
{
  return sy_range_address (slab->unit);
}

/* The number of the block of the slab, which is of the class, that starts at the pointer.  False:
   none does. */
static inline bool
sy_slab_finds (const struct sy_slab *slab, const struct sy_size_class *class, const void *block,
               unsigned *index)
{
  size_t offset = (uintptr_t) block - (uintptr_t) sy_slab_start (slab);

  *index = sy_class_block (class, offset);
  return *index * (size_t) class->bytes == offset && *index < class->blocks;
}

/* The same; reports misuse in the name of `call` if none does. */
unsigned sy_bin_block (const struct sy_slab *slab, const void *block, const char *call);

/* Files a slab anew that has gained a block, at file_at or beyond.  True: it is now empty and has
   left the bin. */
bool sy_bin_file (struct sy_bin *bin, struct sy_slab *slab);

/*
 * Takes holes out of up to `most` of the walk's next slabs.  SY_WALK_ALL looks at all slabs but the
 * purged ones; SY_WALK_IDLE at slabs at least half free whose free_count is as it was at the last
 * look.  A slab from which no block was taken since its last hole, and whose free_count is the
 * same, has no hole.  Returns how many holes; the caller discards their pages (sy_slab_page_is_in)
 * and puts the holes back.  Sets *at_end to whether the walk has come to its end; the next call
 * then begins again.
 */
unsigned sy_bin_take_holes (struct sy_bin *bin, unsigned walk, struct sy_hole *holes, unsigned most,
                            bool *at_end);

/* Lets the walk begin again. */
void sy_bin_walk_begin (struct sy_bin *bin, unsigned walk);

/* Puts a hole back.  True: its slab is now empty and has left the bin. */
bool sy_bin_put_hole (struct sy_bin *bin, const struct sy_hole *hole);

/* Do the bin and its slabs satisfy the invariants? */
bool sy_bin_is_valid (struct sy_bin *bin);

#endif
