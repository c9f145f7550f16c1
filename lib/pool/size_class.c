/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/size_class.h"

#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define MOST(a, b) ((a) > (b) ? (a) : (b))

/* How many blocks a magazine has slots for, and how many a full-grown magazine of a size holds. */
#define ROUNDS_MAX ((SY_MAGAZINE_BYTES - 16) / sizeof (void *) - 1)
#define ROUNDS(size)                                                                               \
  LEAST (ROUNDS_MAX, MOST (SY_MAGAZINE_BLOCKS_BYTES / (size),                                      \
                           LEAST (SY_CAPACITY_LEAST, SY_CAPACITY_LEAST_BYTES / (size))))

/* A class's row, of the bytes of a block and the units of a slab. */
#define ROW(size, slab)                                                                            \
  {                                                                                                \
    (size), (uint32_t) ((slab) *SY_UNIT_BYTES / (size)),                                           \
      (((uint64_t) 1 << 40) + (size) -1) / (size), (slab), (uint32_t) ROUNDS (size),               \
      (uint32_t) (SY_DEPOT_BYTES (size) / ((size) *ROUNDS (size)))                                 \
  },

/* The first class is for all sizes up to its own. */
#define EXTENT(size, slab) { (size), (size) == SY_GRANULE ? SY_GRANULE : (size) / 2 },

/*
 * From 5 KiB on, slabs of one unit would waste up to 1/16 or hold few blocks.  2304, 4608, 9216 and
 * 18432 are for pages with a header.
 */
#define CLASSES(ROW)                                                                              \
  ROW (16, 1) ROW (24, 1) ROW (32, 1) ROW (48, 1) ROW (64, 1)                                     \
  ROW (80, 1) ROW (96, 1) ROW (112, 1) ROW (128, 1) ROW (160, 1)                                  \
  ROW (192, 1) ROW (224, 1) ROW (256, 1) ROW (320, 1) ROW (384, 1)                                \
  ROW (448, 1) ROW (512, 1) ROW (640, 1) ROW (768, 1) ROW (896, 1)                                \
  ROW (1024, 1) ROW (1280, 1) ROW (1536, 1) ROW (1792, 1) ROW (2048, 1)                           \
  ROW (2304, 1) ROW (2560, 1) ROW (3072, 1) ROW (3584, 1) ROW (4096, 1)                           \
  ROW (4608, 1) ROW (5120, 2) ROW (6144, 3) ROW (7168, 1) ROW (8192, 1)                           \
  ROW (9216, 2) ROW (10240, 5) ROW (12288, 3) ROW (14336, 2) ROW (16384, 1)                       \
  ROW (18432, 2) ROW (20480, 5) ROW (24576, 3) ROW (28672, 4) ROW (32768, 2)                      \
  ROW (40960, 5) ROW (49152, 3) ROW (57344, 7) ROW (65536, 4) ROW (81920, 5)                      \
  ROW (98304, 6) ROW (114688, 7) ROW (131072, 8)

const struct sy_size_class sy_size_classes[SY_CLASSES]
  = { { 0, 0, 0, 1, 0, 0 }, CLASSES (ROW) };

const struct sy_extent sy_extents[SY_KINDS] = { { 0, 0 }, CLASSES (EXTENT) };

/* Class 2, of 24 bytes, is not here: it serves only requests for an alignment of 8 or less. */
const uint8_t sy_class_by_size[] = { [0 ... 16] = 1,     [17 ... 32] = 3,    [33 ... 48] = 4,
                                     [49 ... 64] = 5,    [65 ... 80] = 6,    [81 ... 96] = 7,
                                     [97 ... 112] = 8,   [113 ... 128] = 9,  [129 ... 160] = 10,
                                     [161 ... 192] = 11, [193 ... 224] = 12, [225 ... 256] = 13,
                                     [257 ... 320] = 14, [321 ... 384] = 15, [385 ... 448] = 16,
                                     [449 ... 512] = 17, [513 ... 640] = 18, [641 ... 768] = 19,
                                     [769 ... 896] = 20, [897 ... 1024] = 21 };

const uint8_t sy_class_by_word[] = {
  [0 ... 1] = 1, [2] = 2, [3] = 3, [4 ... 5] = 4, [6 ... 7] = 5, [8 ... 9] = 6, [10 ... 11] = 7,
  [12 ... 13] = 8, [14 ... 15] = 9, [16 ... 19] = 10, [20 ... 23] = 11, [24 ... 27] = 12,
  [28 ... 31] = 13, [32 ... 39] = 14, [40 ... 47] = 15, [48 ... 55] = 16, [56 ... 63] = 17,
  [64 ... 79] = 18, [80 ... 95] = 19, [96 ... 111] = 20, [112 ... 127] = 21
};

/* Entry n is for sizes from 256 n + 1 to 256 n + 256.  The first four are not used. */
const uint8_t sy_class_by_step[] = {
  [4] = 22, [5] = 23, [6] = 24, [7] = 25,
  [8] = 26, [9] = 27, [10 ... 11] = 28, [12 ... 13] = 29, [14 ... 15] = 30,
  [16 ... 17] = 31, [18 ... 19] = 32, [20 ... 23] = 33, [24 ... 27] = 34, [28 ... 31] = 35,
  [32 ... 35] = 36, [36 ... 39] = 37, [40 ... 47] = 38, [48 ... 55] = 39, [56 ... 63] = 40,
  [64 ... 71] = 41, [72 ... 79] = 42, [80 ... 95] = 43, [96 ... 111] = 44, [112 ... 127] = 45,
  [128 ... 159] = 46, [160 ... 191] = 47, [192 ... 223] = 48, [224 ... 255] = 49,
  [256 ... 319] = 50, [320 ... 383] = 51, [384 ... 447] = 52, [448 ... 511] = 53
};

SY_STATIC_ASSERT (sizeof sy_class_by_size == SY_TINY_MAX + 1, "a class for every size");
/* sy_class_block is exact up to this length. */
SY_STATIC_ASSERT (SY_SLAB_UNITS_MAX * SY_UNIT_BYTES <= (size_t) 1 << 19,
                  "an offset in a slab fits the reciprocals");
SY_STATIC_ASSERT (sizeof sy_class_by_word == SY_TINY_MAX / 8, "a class for every word");
SY_STATIC_ASSERT (sizeof sy_class_by_step == SY_SMALL_MAX >> SY_STEP_SHIFT,
                  "a class for every step");
