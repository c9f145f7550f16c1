/* SPDX-License-Identifier: MIT */
/*
 * size_class.h: the table of size classes.  Class 0 is no class; a pointer whose slab says 0 is nobody's block.
 *
 * Nine classes are the core, 16 to 256 bytes; 80, 112, 160 and 224 lie between them, and above there are four to a doubling, from 2 KiB on
 * five: databases and servers have many pages of a power of two with a header.
 * A block's address in its slab is a multiple of its size, so a class is aligned to the largest power of two that divides it.
 */
#ifndef SY_SIZE_CLASS_H
#define SY_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/tuning.h"

#define SY_CLASSES 46  /* SY_CLASS_HEAP among them */
/* No class: the heap serves it. */
#define SY_CLASS_HEAP 0u
#define SY_SMALL_MAX 32768
/* Sizes up to here have their class from a table with an entry a byte; above from one with an entry for 256. */
#define SY_TINY_MAX 1024
#define SY_STEP_SHIFT 8
/* What sydra_malloc promises: alignof (max_align_t). */
#define SY_GRANULE_SHIFT 4
#define SY_GRANULE ((size_t) 1 << SY_GRANULE_SHIFT)

struct sy_size_class {
  uint32_t bytes;        /* of a block */
  uint32_t blocks;       /* in a slab */
  uint64_t reciprocal;   /* ceil (2^40 / bytes): offset / bytes == offset * reciprocal >> 40 for every offset in a slab */
  uint32_t units;        /* of a slab: a power of two */
  uint32_t capacity;     /* blocks in a full-grown magazine */
  uint32_t depot_depth;  /* magazines that a depot holds */
};

extern const struct sy_size_class sy_size_classes[SY_CLASSES];

/* The class of a plain request by its size: an entry a byte, as rounding to granules first costs two instructions ... */
extern const uint8_t sy_class_by_size[SY_TINY_MAX + 1];
/* ... and by (size - 1) / 256 for those over SY_TINY_MAX. */
extern const uint8_t sy_class_by_step[SY_SMALL_MAX >> SY_STEP_SHIFT];

/* size is over SY_TINY_MAX and at most SY_SMALL_MAX. */
static inline unsigned
sy_class_of_medium (size_t size)
{
  return sy_class_by_step[(size - 1) >> SY_STEP_SHIFT];
}

/* size is at most SY_SMALL_MAX. */
static inline unsigned
sy_class_of (size_t size)
{
  return SY_LIKELY (size <= SY_TINY_MAX) ? sy_class_by_size[size] : sy_class_of_medium (size);
}

/* The smallest class of blocks of this size and alignment (a power of two); 0: none. */
unsigned sy_class_of_aligned (size_t size, size_t alignment);

static inline size_t
sy_class_slab_bytes (unsigned class)
{
  return sy_size_classes[class].units * SY_UNIT_BYTES;
}

/* Which block of a slab lies at this offset. */
static inline unsigned
sy_class_block (const struct sy_size_class *class, size_t offset)
{
  return (unsigned) (offset * class->reciprocal >> 40);
}

#endif
