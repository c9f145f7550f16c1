/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: the only includer of <atomic_ops.h>.
 *
 * A suffixless AO operation is relaxed.  What is written by one thread only and read by others is kept in an AO_t and changed with
 * sy_own_add: a plain load, add and store.
 */
#ifndef SY_ATOMIC_H
#define SY_ATOMIC_H

#include <atomic_ops.h>
#include <stdint.h>

#include "compiler.h"

SY_STATIC_ASSERT (sizeof (AO_t) == sizeof (void *), "an AO_t holds a pointer");

/* The caller is the only writer; relaxed: readers want a value, not an order. */
static inline void
sy_own_add (AO_t *counter, AO_t amount)
{
  AO_store (counter, AO_load (counter) + amount);
}

/* Any thread; relaxed: a count orders nothing. */
static inline void
sy_shared_add (AO_t *counter, AO_t amount)
{
  (void) AO_fetch_and_add (counter, amount);
}

/* Any thread raises a high-water mark; relaxed: a mark orders nothing. */
static inline void
sy_shared_raise (AO_t *mark, AO_t value)
{
  for (AO_t seen = AO_load (mark); seen < value; seen = AO_load (mark))
    if (AO_compare_and_swap (mark, seen, value))
      return;
}

#endif
