/* SPDX-License-Identifier: MIT */
/*
 * size_class.h: the table of size classes.  Class 0 is no class; a pointer whose slab says 0 is nobody's block.
 *
 * A block's address in its slab is a multiple of its size, so a class is aligned to the largest power of two that divides it.
 */
#ifndef SY_SIZE_CLASS_H
#define SY_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "tuning.h"

#define SY_CLASSES 10  /* class 0 among them */
#define SY_SMALL_MAX 256
/* What sydra_malloc promises: alignof (max_align_t). */
#define SY_GRANULE ((size_t) 16)

struct sy_size_class {
  uint32_t bytes;        /* of a block */
  uint32_t blocks;       /* in a slab */
  uint32_t reciprocal;   /* ceil (2^32 / bytes): offset / bytes == offset * reciprocal >> 32 for every offset in a slab */
  uint32_t rounds;       /* in a full-grown magazine */
  uint32_t depot_depth;  /* magazines that a depot holds */
};

extern const struct sy_size_class sy_size_classes[SY_CLASSES];

/* The class of a plain request by its size: an entry a byte, as rounding to granules first costs two instructions. */
extern const uint8_t sy_class_by_size[SY_SMALL_MAX + 1];

/* size is at most SY_SMALL_MAX. */
static inline unsigned
sy_class_of (size_t size)
{
  return sy_class_by_size[size];
}

/* The smallest class of blocks of this size and alignment (a power of two); 0: none. */
unsigned sy_class_of_aligned (size_t size, size_t alignment);

/* Which block of a slab lies at this offset. */
static inline unsigned
sy_class_block (const struct sy_size_class *class, size_t offset)
{
  return (unsigned) ((uint64_t) offset * class->reciprocal >> 32);
}

#endif
