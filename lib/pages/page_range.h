/* SPDX-License-Identifier: MIT */
/*
 * page_range.h: the reserved range that page_heap.h cuts large blocks from, its book (runs.h), and how free pages go back to the system.
 *
 * One lock guards the book.  A run's pages are given back outside it: the run is detached, and on a chain, in between.  The entry of a
 * used or detached run is its owner's to read and, but for its length and state, to write.
 */
#ifndef SY_PAGE_RANGE_H
#define SY_PAGE_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/atomic.h"
#include "base/lock.h"
#include "base/pace.h"
#include "pages/runs.h"

struct sy_page_range {
  AO_t base, bytes;      /* written once, bytes last, with release: base is there for who sees them; 0: no range yet, it owns nothing */
  AO_t known;            /* units with an entry; only rises.  Written under the lock; relaxed: who has a block has seen its unit known */
  struct sy_lock lock;
  struct sy_arena range, entries;
  struct sy_runs runs;
  size_t skip;           /* bytes before the range's first whole unit */
  unsigned shift;        /* of a unit */
  uint32_t units;        /* in the range */
  unsigned refusals;     /* how often it could not be opened; under the lock */
  struct sy_pace pace;   /* of reaping; steps under the lock */
};

extern struct sy_page_range sy_page_range;

/* ---- Addresses and units ---- */

static inline bool
sy_page_range_has (const void *pointer)
{
  AO_t bytes = AO_load_acquire (&sy_page_range.bytes);

  return (uintptr_t) pointer - AO_load (&sy_page_range.base) < bytes;
}

static inline struct sy_unit *
sy_page_unit (uint32_t unit)
{
  return &sy_page_range.runs.units[unit];
}

static inline size_t
sy_page_bytes_of (uint32_t units)
{
  return (size_t) units << sy_page_range.shift;
}

static inline char *
sy_page_address (uint32_t unit)
{
  return (char *) AO_load (&sy_page_range.base) + sy_page_bytes_of (unit);
}

/* At least one; more than the range has where it cannot hold them. */
uint32_t sy_page_units_of (size_t bytes);

/* The used run that begins at the block; ends the process, in the name of `call`, where none does. */
uint32_t sy_page_run_of (const void *block, const char *call);

/* The shift of a unit here, range or not. */
unsigned sy_page_unit_shift (void);

/* ---- Under the lock ---- */

/* Reserves the range, once for the process.  False: not here, or no memory; some later call asks the system again. */
bool sy_page_range_open (void);

/* Memory for so many units behind the edge, and for their entries. */
bool sy_page_range_commit (uint32_t count);

/* A used run goes back: into the lists, or on the chain where its pages do not stay.  The chain may get other runs beside it. */
void sy_page_run_give (uint32_t first, uint32_t *chain);

/* ---- Outside the lock ---- */

/* Gives a chain's pages back and files its runs; SY_UNIT_NONE is an empty one.  Bytes given. */
size_t sy_page_chain_clean (uint32_t chain);

/* Gives back to the system the free pages that no one took for SY_REAP_NS, or since it was last asked to be soon.  Called now and then; most
   calls do nothing. */
void sy_page_range_reap (uint64_t now_ns);

/* The next call of it need not wait for its time: memory is wanted elsewhere. */
void sy_page_range_reap_soon (uint64_t now_ns);

/* Gives all free pages back; how many bytes that were. */
size_t sy_page_range_trim (void);

/* Bytes of free pages kept for reuse. */
size_t sy_page_range_held_bytes (void);

/* Does the book keep its invariants?  For tests. */
bool sy_page_range_is_valid (void);

#endif
