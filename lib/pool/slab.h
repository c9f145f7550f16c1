/* SPDX-License-Identifier: MIT */
/*
 * slab.h: one slab's state: which of its blocks are free, one bit each, 1 = free.  The slab itself holds user blocks only.
 *
 * Invariant: popcount (bits) == free_count; no bit at or beyond the class's number of blocks is set; bits[word] == 0 for every word
 * before first_word.  All under the lock of the bin that the slab belongs to; class, shard and owner are written before the first block
 * is handed out and stay until the last is back, so whoever holds a block may read them without it.
 *
 * Blocks from number `touched` on were never handed out since the slab's memory came from the system: they are zero.
 */
#ifndef SY_SLAB_H
#define SY_SLAB_H

#include <stdbool.h>

#include "base/compiler.h"
#include "pool/size_class.h"

#define SY_SLAB_NONE UINT32_MAX
#define SY_SLAB_WORDS (SY_UNIT_BYTES / 16 / 64)

struct sy_slab_bits {
  uint64_t word[SY_SLAB_WORDS];
};

struct sy_slab {
  uint32_t next, prev;   /* numbers of the neighbours in its list; SY_SLAB_NONE ends it */
  uint16_t free_count;
  uint16_t first_word;   /* where the first set bit may be */
  uint16_t touched;
  uint16_t seen, purged; /* free_count when last looked at for free pages, and when those were last taken out, if no block was since */
  uint16_t shard;
  uint8_t class;
  uint8_t list;          /* which of its bin's lists it is in */
  uint8_t moved;         /* 1: its memory was moved here from another slab, and is a mapping of its own; the region's */
  void *owner;           /* the pool that it serves; NULL: nobody's */
  struct sy_slab_bits bits;
} SY_ALIGNED (SY_LINE_BYTES);

/* Marks every block free, with no page looked at; `touched` stays. */
void sy_slab_fill (struct sy_slab *slab);

/*
 * Takes up to count blocks in rising order of address and stores them at *--top, *--top ..., so that popping from the top gives them in
 * the same order.  start is the slab's address.  Returns how many; *zeroed becomes false where one of them may not be zero.
 */
unsigned sy_slab_take (struct sy_slab *slab, char *start, unsigned count, void **top, bool *zeroed);

/* Marks one block free.  False: it was already. */
static inline bool
sy_slab_put (struct sy_slab *slab, unsigned block)
{
  uint64_t bit = (uint64_t) 1 << (block & 63), *word = &slab->bits.word[block >> 6];

  if ((*word & bit) != 0)
    return false;
  *word |= bit;
  slab->free_count++;
  if (block >> 6 < slab->first_word)
    slab->first_word = (uint16_t) (block >> 6);
  return true;
}

/* Are all blocks that lie in the page, even in part, in the set?  page counts from the slab's start. */
bool sy_slab_page_is_in (unsigned class, const struct sy_slab_bits *set, size_t page, size_t page_bytes);

/*
 * Takes out the free blocks that lie in pages of which all blocks are free, as far as blocks were ever handed out, and notes them in *taken.
 * Returns how many.
 */
unsigned sy_slab_take_pages (struct sy_slab *slab, struct sy_slab_bits *taken, size_t page_bytes);

/* Puts back what sy_slab_take_pages took.  False: one of them is free already. */
bool sy_slab_put_all (struct sy_slab *slab, const struct sy_slab_bits *taken, unsigned count);

/* The invariant, executed. */
bool sy_slab_is_valid (const struct sy_slab *slab);

#endif
