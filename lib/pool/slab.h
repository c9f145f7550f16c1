/* SPDX-License-Identifier: MIT */
/*
 * slab.h: the state of one slab: which of its blocks are free.
 *
 * The slab itself holds user blocks only.  Its state is elsewhere, in a struct sy_slab that is as
 * long as the bits of its class need.
 *
 *   slab    | block 0 | block 1 | block 2 | ... | block touched | ... | block blocks-1 | rest |
 *   bits         0         1         1                 1                     1             0
 *              used       free      free         never handed out: free and zero
 *
 *   popcount (bits) == free_count
 *   bit number n == 0            for n >= blocks, the class's number of blocks in a slab
 *   word[n] == 0                 for n < first_word
 *   block number n is zero       for n >= touched, as no such block was handed out since the slab's
 *                                memory came from the system
 *
 * The lock of the slab's bin guards all fields.  Exception: `unit`, `class`, `shard` and `owner`
 * are written before the first block is handed out, and stay until the last block is back.  So a
 * thread that holds a block may read them without the lock.
 *
 * sy_slab_is_valid checks the first three; debug builds run it at sydra_collect.
 */
#ifndef SY_SLAB_H
#define SY_SLAB_H

#include <stdbool.h>

#include "base/compiler.h"
#include "pool/size_class.h"

/* Words of bits of a slab of the smallest class. */
#define SY_SLAB_WORDS (SY_UNIT_BYTES / 16 / 64)

/* Bits of one slab, apart from it; as many words count as the slab's class has. */
struct sy_slab_bits {
  uint64_t word[SY_SLAB_WORDS];
};

/*
 * `last_free_count` is the free_count when a walk (bin.h) last looked at the slab.  `purged` is the
 * free_count when a walk last took out the slab's free pages; it is UINT16_MAX if blocks were taken
 * since.
 */
struct sy_slab {
  struct sy_slab *next, *prev;  /* in its bin's list; NULL ends it */
  void *owner;                  /* the pool that it serves */
  uint32_t unit;                /* the first unit of its run */
  uint16_t free_count;
  uint16_t touched;             /* no block from this number on was ever handed out */
  uint16_t last_free_count, purged;  /* see above */
  uint16_t shard;
  uint8_t first_word;           /* no word before this one has a bit set */
  uint8_t class;
  uint8_t list;                 /* which of its bin's lists it is in */
  uint16_t file_at;             /* gaining this free_count, it changes lists; 0: at any gain */
  uint64_t word[];              /* bits, sy_class_words (class) */
};

/* How many words the bits of a slab of the class take. */
static inline unsigned
sy_class_words (unsigned class)
{
  return (sy_size_classes[class].blocks + 63) / 64;
}

/* Memory for the state of a slab of the class, and back.  NULL: out of memory. */
struct sy_slab *sy_slab_new (unsigned class);
void sy_slab_delete (struct sy_slab *slab);

/* The lock of that memory; for fork. */
struct sy_lock *sy_slab_lock (void);

/* Marks every block free.  The walks forget what they saw of the slab; `touched` stays. */
void sy_slab_fill (struct sy_slab *slab);

/*
 * Takes up to count blocks in rising order of address, and stores them downwards from top, at
 * *--top, *--top and so on.  start is the slab's address.  Returns how many blocks it took.  Sets
 * *zeroed to false if one of them may not be zero.
 */
unsigned sy_slab_take (struct sy_slab *slab, char *start, unsigned count, void **top, bool *zeroed);

/* Marks one block free.  False: it was free already. */
static inline bool
sy_slab_put (struct sy_slab *slab, unsigned block)
{
  uint64_t bit = (uint64_t) 1 << (block & 63), *word = &slab->word[block >> 6];

  if ((*word & bit) != 0)
    return false;
  *word |= bit;
  slab->free_count++;
  slab->first_word = (uint8_t) (block >> 6 < slab->first_word ? block >> 6 : slab->first_word);
  return true;
}

/* Are all blocks that overlap the page in the set, words of bits?  `page` counts from the slab's
   start. */
bool sy_slab_page_is_in (unsigned class, const uint64_t *set, size_t page, size_t page_bytes);

/*
 * Finds the pages whose blocks are all free, up to the last page that has a block below `touched`.
 * Takes the blocks that overlap these pages out of the free bits, and stores them in *taken.
 * Returns how many blocks they are.
 */
unsigned sy_slab_take_pages (struct sy_slab *slab, struct sy_slab_bits *taken, size_t page_bytes);

/* Marks the `count` blocks of *taken free again.  False: one of them is free already. */
bool sy_slab_put_all (struct sy_slab *slab, const struct sy_slab_bits *taken, unsigned count);

/* Do the bits and the fields satisfy the invariants above? */
bool sy_slab_is_valid (const struct sy_slab *slab);

#endif
