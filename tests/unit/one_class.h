/* SPDX-License-Identifier: MIT */
/* one_class.h: for tests of one handle: many blocks of one class, taken and given back. */
#ifndef SY_TEST_ONE_CLASS_H
#define SY_TEST_ONE_CLASS_H

#include "unit/one_handle.h"

#define BYTES 32u
#define CLASS sy_class_of (BYTES)
#define MANY 5000

static void *blocks[MANY];

static inline void
take (unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    {
      blocks[at] = sydra_malloc (a, BYTES);
      test_must (blocks[at] != NULL, "no block");
    }
}

static inline void
give (unsigned count)
{
  for (unsigned at = 0; at < count; at++)
    sydra_free (a, blocks[at]);
}

#endif
