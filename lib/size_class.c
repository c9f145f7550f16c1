/* SPDX-License-Identifier: MIT */
#include "size_class.h"

#include "compiler.h"

#define ROUNDS_MAX ((SY_MAGAZINE_BYTES - 16) / sizeof (void *) - 1)

/* A row: bytes, rounds.  32 KiB of blocks a magazine at the most. */
#define ROW(size, most) \
  { (size), (uint32_t) (SY_SLAB_BYTES / (size)), (uint32_t) ((((uint64_t) 1 << 32) + (size) - 1) / (size)), \
    (uint32_t) ((most) < ROUNDS_MAX ? (most) : ROUNDS_MAX), \
    (uint32_t) (SY_DEPOT_BYTES / ((size) * ((most) < ROUNDS_MAX ? (most) : ROUNDS_MAX))) }

const struct sy_size_class sy_size_classes[SY_CLASSES] = {
  { 0, 0, 0, 0, 0 }, ROW (16, 125), ROW (24, 125), ROW (32, 125), ROW (48, 125), ROW (64, 125), ROW (96, 125), ROW (128, 125), ROW (192, 125),
  ROW (256, 125)
};

/* Class 2, of 24 bytes, is for those who ask for an alignment of 8. */
const uint8_t sy_class_by_size[] = {
  [0 ... 16] = 1, [17 ... 32] = 3, [33 ... 48] = 4, [49 ... 64] = 5, [65 ... 96] = 6, [97 ... 128] = 7, [129 ... 192] = 8, [193 ... 256] = 9
};

SY_STATIC_ASSERT (sizeof sy_class_by_size == SY_SMALL_MAX + 1, "a class for every size");

unsigned
sy_class_of_aligned (size_t size, size_t alignment)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (sy_size_classes[class].bytes >= size && (sy_size_classes[class].bytes & (alignment - 1)) == 0)
      return class;
  return 0;
}
