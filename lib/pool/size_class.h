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
#include "pages/range.h"

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

/* What must be known at once of a block whose unit is of this kind (range.h). */
struct sy_extent {
  uint32_t bytes;  /* of a block; 0: the kind is no class */
  uint32_t slack;  /* a block stays at a realloc that leaves fewer bytes of it than this unused */
};

extern const struct sy_extent sy_extents[SY_KINDS] SY_HIDDEN;

/* Does a block of this kind stay where it is when realloc asks for so many bytes, not 0?  True for
   every size that malloc takes this class for, and for others over half of the block. */
static inline bool
sy_extent_keeps (size_t kind, size_t size)
{
  return (size_t) sy_extents[kind].bytes - size < sy_extents[kind].slack;
}

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

/*
 * For a size with an alignment, a power of two, what counts is the number of the last byte of a
 * block that is so long, rounded up to the alignment.  The smallest class with that byte is aligned
 * so: classes are multiples of the steps between them.  Up to SY_TINY_MAX there is an entry for
 * each 8 bytes, as class 2 serves alignments up to 8.
 */
extern const uint8_t sy_class_by_word[SY_TINY_MAX / 8];

/* The last byte's number.  SIZE_MAX for a size or an alignment of 0. */
static inline size_t
sy_last_byte (size_t size, size_t alignment)
{
  return (size - 1) | (alignment - 1);
}

/* The smallest class whose blocks have this size and this alignment, a power of two.
   SY_CLASS_HEAP: none. */
static inline unsigned
sy_class_of_aligned (size_t size, size_t alignment)
{
  size_t last = sy_last_byte (size == 0 ? 1 : size, alignment);

  if (last < SY_TINY_MAX)
    return sy_class_by_word[last / 8];
  /* A slab begins at a unit. */
  return last < SY_SMALL_MAX && alignment <= SY_UNIT_BYTES ? sy_class_of_medium (last + 1)
                                                           : SY_CLASS_HEAP;
}

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
