/* SPDX-License-Identifier: MIT */
/* classes.h: size classes by what they are, so that no test depends on a place in the table. */
#ifndef SY_TEST_CLASSES_H
#define SY_TEST_CLASSES_H

#include <check.h>

#include "pool/size_class.h"

/* The class of blocks of exactly so many bytes. */
static inline unsigned
class_of_blocks (size_t bytes)
{
  unsigned class = 1;

  while (class < SY_CLASSES && sy_size_classes[class].bytes != bytes)
    class++;
  ck_assert_msg (class < SY_CLASSES, "no class of %zu bytes", bytes);
  return class;
}

/* The first class of slabs so many units long. */
static inline unsigned
class_of_units (unsigned units)
{
  unsigned class = 1;

  while (class < SY_CLASSES && sy_size_classes[class].units != units)
    class++;
  ck_assert_msg (class < SY_CLASSES, "no class of slabs of %u units", units);
  return class;
}

/* What a slab of the class holds, but so many at the most. */
static inline unsigned
blocks_of (unsigned class, unsigned most)
{
  return sy_size_classes[class].blocks < most ? sy_size_classes[class].blocks : most;
}

#endif
