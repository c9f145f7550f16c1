/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: the only includer of <atomic_ops.h>.
 *
 * A suffixless AO operation is relaxed.  What is written by one thread only and read by others is kept in an AO_t and changed with
 * sy_own_add, which is no atomic addition but reads and writes the word whole.
 */
#ifndef SY_ATOMIC_H
#define SY_ATOMIC_H

#include <atomic_ops.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

SY_STATIC_ASSERT (sizeof (AO_t) == sizeof (void *), "an AO_t holds a pointer");

/*
 * The caller is the only writer; relaxed: readers want a value, not an order.  Compilers make three instructions of the volatile load, add
 * and store, and two of the load and compare: in the hits each counts.
 */
static inline void
sy_own_add (AO_t *counter, AO_t amount)
{
#ifdef __x86_64__
  __asm__ ("addq %1, %0" : "+m" (*counter) : "er" (amount));
#else
  AO_store (counter, AO_load (counter) + amount);
#endif
}

/* ... release: who sees the sum sees what the caller wrote before.  Stores of this processor are seen in their order; the compiler keeps it too. */
static inline void
sy_own_add_release (AO_t *counter, AO_t amount)
{
#ifdef __x86_64__
  __asm__ ("addq %1, %0" : "+m" (*counter) : "er" (amount) : "memory");
#else
  AO_store_release (counter, AO_load (counter) + amount);
#endif
}

/* Does it hold the value?  Relaxed. */
static inline bool
sy_holds (const AO_t *word, AO_t value)
{
#ifdef __x86_64__
  bool same;

  __asm__ ("cmpq %2, %1" : "=@cce" (same) : "m" (*word), "r" (value));
  return same;
#else
  return AO_load (word) == value;
#endif
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

/* Any thread adds, as long as the sum stays within the limit.  False: over it, nothing added.  Relaxed: as sy_shared_add. */
static inline bool
sy_shared_charge (AO_t *charged, AO_t limit, AO_t amount)
{
  for (AO_t seen = AO_load (charged); amount <= limit && seen <= limit - amount; seen = AO_load (charged))
    if (AO_compare_and_swap (charged, seen, seen + amount))
      return true;
  return false;
}

#endif
