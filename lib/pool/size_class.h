/* SPDX-License-Identifier: MIT */
/*
 * size_class.h: the table of size classes.
 *
 * There are nine classes from 16 to 256 bytes, and 80, 112, 160 and 224 bytes between them.  Above
 * 256 bytes there are four classes to a doubling, and from 2 KiB on a fifth one: databases and
 * servers have many pages of a power of two with a header.  Class 0 is no class.
 *
 * A block's offset in its slab is a multiple of its size.  So all blocks of a class are aligned to
 * the largest power of two that divides their size.
 */
#ifndef SY_SIZE_CLASS_H
#define SY_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/tuning.h"

#define SY_CLASSES 54  /* SY_CLASS_HEAP among them */
/* No class: a large block, or the heap's. */
#define SY_CLASS_HEAP 0u
#define SY_SMALL_MAX 131072
/* For sizes up to this one, a table with an entry for each byte gives the class; above it, a table
   with an entry for each 256 bytes. */
#define SY_TINY_MAX 1024
#define SY_STEP_SHIFT 8

struct sy_size_class {
  uint32_t bytes;        /* of a block */
  uint32_t blocks;       /* in a slab */
  /* ceil (2^40 / bytes): offset / bytes == offset * reciprocal >> 40 for all offsets in a slab */
  uint64_t reciprocal;
  uint32_t units;        /* of a slab */
  uint32_t capacity;     /* blocks in a full-grown magazine */
  uint32_t depot_depth;  /* magazines that a depot holds at most */
};

extern const struct sy_size_class sy_size_classes[SY_CLASSES];

/* The class for a size without an alignment, up to SY_TINY_MAX.  One entry for each byte:
   rounding to granules first would cost two instructions. */
extern const uint8_t sy_class_by_size[SY_TINY_MAX + 1];
/* The class for (size - 1) / 256, for sizes over SY_TINY_MAX. */
extern const uint8_t sy_class_by_step[SY_SMALL_MAX >> SY_STEP_SHIFT];

/* The class for a size over SY_TINY_MAX and up to SY_SMALL_MAX. */
static inline unsigned
sy_class_of_medium (size_t size)
{
  return sy_class_by_step[(size - 1) >> SY_STEP_SHIFT];
}

/* The class for a size up to SY_SMALL_MAX. */
static inline unsigned
sy_class_of (size_t size)
{
  return SY_LIKELY (size <= SY_TINY_MAX) ? sy_class_by_size[size] : sy_class_of_medium (size);
}

/* The smallest class whose blocks have this size and this alignment, a power of two.
   SY_CLASS_HEAP: none. */
unsigned sy_class_of_aligned (size_t size, size_t alignment);

static inline size_t
sy_class_slab_bytes (unsigned class)
{
  return sy_size_classes[class].units * SY_UNIT_BYTES;
}

/* The number of the block that the offset in the slab is in. */
static inline unsigned
sy_class_block (const struct sy_size_class *class, size_t offset)
{
  return (unsigned) (offset * class->reciprocal >> 40);
}

#endif
