/* SPDX-License-Identifier: MIT */
/* region.h: what the parts of the test of the range and its slabs share. */
#ifndef SY_TEST_REGION_H
#define SY_TEST_REGION_H

#include <string.h>

#include "base/os.h"
#include "pool/region.h"
#include "suite.h"
#include "unit/classes.h"

/* Tests are run with classes of slabs of 1, 2, 4 and 8 units: the loop's number is the power. */
#define CLASS class_of_units (1u << _i)
#define OTHER class_of_blocks (96)
#define LENGTHS 4

static inline void
open_and_trim (void)
{
  ck_assert (sy_region_open ());
  (void) sy_region_purge ();
  ck_assert_uint_eq (sy_region_dirty_bytes (), 0);
}

/* Slabs of the class that make at least so many units. */
static inline unsigned
slabs_for (unsigned class, unsigned units)
{
  return (units + sy_size_classes[class].units - 1) / sy_size_classes[class].units;
}

/* How many slabs of the class were ever used. */
static inline uint32_t
used_of (unsigned class)
{
  uint32_t first;

  return sy_region_used (class, &first) / sy_size_classes[class].units;
}

/* Takes count slabs of the class, and chains them. */
static inline uint32_t
take_chain (unsigned class, unsigned count)
{
  uint32_t chain = SY_SLAB_NONE;

  while (count-- != 0)
    {
      uint32_t slab = sy_region_take (class);

      ck_assert_uint_ne (slab, SY_SLAB_NONE);
      sy_slab_at (slab)->next = chain;
      chain = slab;
    }
  return chain;
}

/* Each adds a case.  Some facts of the first two are those of a process without a range so far. */
void region_add_zones (Suite *suite);
void region_add_range (Suite *suite);
void region_add_slabs (Suite *suite);
void region_add_waiting (Suite *suite);
void region_add_reaping (Suite *suite);
void region_add_threads (Suite *suite);

#endif
