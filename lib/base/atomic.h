/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: the only includer of <atomic_ops.h>.
 *
 * An AO operation without a suffix is relaxed.  A counter that one thread writes and others read is
 * an AO_t, and is changed with sy_own_add.  This is not an atomic addition, but it reads and writes
 * the whole word at once.
 */
#ifndef SY_ATOMIC_H
#define SY_ATOMIC_H

#include <atomic_ops.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

SY_STATIC_ASSERT (sizeof (AO_t) == sizeof (void *), "an AO_t holds a pointer");

/*
 * Adds to a counter that only the caller writes.  Relaxed: readers want a value, not an order.
 *
 * In assembly, because compilers make three instructions of the volatile load, add and store, and
 * two of a load and compare.  In the hits each instruction counts.
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

/* The same with release: a thread that sees the sum sees what the caller wrote before.  x86-64
   keeps the order of stores, and the clobber of memory makes the compiler keep it. */
static inline void
sy_own_add_release (AO_t *counter, AO_t amount)
{
#ifdef __x86_64__
  __asm__ ("addq %1, %0" : "+m" (*counter) : "er" (amount) : "memory");
#else
  AO_store_release (counter, AO_load (counter) + amount);
#endif
}

/* Does the word hold the value?  Relaxed. */
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

/* Is the value less than what the word holds?  Relaxed. */
static inline bool
sy_is_below (AO_t value, const AO_t *word)
{
#ifdef __x86_64__
  bool below;

  __asm__ ("cmpq %1, %2" : "=@ccb" (below) : "m" (*word), "r" (value));
  return below;
#else
  return value < AO_load (word);
#endif
}

/* Adds to a counter that any thread writes.  Relaxed: a count orders nothing. */
static inline void
sy_shared_add (AO_t *counter, AO_t amount)
{
  (void) AO_fetch_and_add (counter, amount);
}

/* Raises a high-water mark that any thread writes.  Relaxed: a mark orders nothing. */
static inline void
sy_shared_raise (AO_t *mark, AO_t value)
{
  for (AO_t seen = AO_load (mark); seen < value; seen = AO_load (mark))
    if (AO_compare_and_swap (mark, seen, value))
      return;
}

/* Adds to a counter that any thread writes, if the sum stays within the limit.  False: it would
   not, and nothing was added.  Relaxed: a count orders nothing. */
static inline bool
sy_shared_charge (AO_t *charged, AO_t limit, AO_t amount)
{
  for (AO_t seen = AO_load (charged); amount <= limit && seen <= limit - amount;
       seen = AO_load (charged))
    if (AO_compare_and_swap (charged, seen, seen + amount))
      return true;
  return false;
}

#endif
