/* SPDX-License-Identifier: MIT */
/*
 * page_range.h: the reserved range that page_heap.h cuts large blocks from, its book (runs.h), and
 * how free pages go back to the system.
 *
 *   reserved   | skip | page 0 | page 1 | ... | edge | committed ... | reserved only ...
 *                     ^ base, aligned to a page
 *
 * One lock guards the book.  It is not held while pages are given back; meanwhile the run is
 * detached, and on a chain.  The owner of a used or detached run may read the run's entry without
 * the lock, and may write all of it but `length` and `state`.
 */
#ifndef SY_PAGE_RANGE_H
#define SY_PAGE_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/atomic.h"
#include "base/lock.h"
#include "base/purge_timer.h"
#include "pages/runs.h"

/*
 * base, bytes   written once, bytes last, with release: a thread that sees bytes sees base.  While
 *               bytes is 0 there is no range, and no pointer is in it.
 * known         how many pages have a committed entry.  It only rises.  Written under the lock, and
 *               read relaxed: a thread with a block has seen a count that includes its page.
 */
struct sy_page_range {
  AO_t base, bytes;             /* see above */
  AO_t known;                   /* see above */
  struct sy_lock lock;
  struct sy_arena range, entries;
  struct sy_runs runs;
  size_t skip;                  /* bytes before the range's first whole page */
  unsigned shift;               /* of a page */
  uint32_t pages;               /* in the range */
  unsigned refusals;            /* calls of sy_page_range_open without a range; under the lock */
  struct sy_purge_timer timer;  /* of the reaping; steps begin under the lock */
};

extern struct sy_page_range sy_page_range;

/* ---- Addresses and pages ---- */

static inline bool
sy_page_range_has (const void *pointer)
{
  AO_t bytes = AO_load_acquire (&sy_page_range.bytes);

  return (uintptr_t) pointer - AO_load (&sy_page_range.base) < bytes;
}

static inline struct sy_page *
sy_page_entry (uint32_t page)
{
  return &sy_page_range.runs.pages[page];
}

static inline size_t
sy_page_bytes_of (uint32_t pages)
{
  return (size_t) pages << sy_page_range.shift;
}

static inline char *
sy_page_address (uint32_t page)
{
  return (char *) AO_load (&sy_page_range.base) + sy_page_bytes_of (page);
}

/* How many pages the bytes need: at least one.  If the range cannot hold them, one more than it
   has. */
uint32_t sy_page_count_of (size_t bytes);

/* The first page of the used run that begins at the block.  Reports misuse, in the name of
   `call`, if there is none. */
uint32_t sy_page_run_of (const void *block, const char *call);

/* The shift of a page on this system, whether there is a range or not. */
unsigned sy_page_shift (void);

/* ---- Under the lock ---- */

/* Reserves the range, once for the process.  False: there is none here, or no memory; a later
   call asks the system again. */
bool sy_page_range_open (void);

/* Commits `count` pages behind the edge, and their entries.  False: the range or the memory is used
   up. */
bool sy_page_range_commit (uint32_t count);

/* Gives a used run back.  It becomes dirty, or goes on the chain if its pages do not stay.
   Other dirty runs may go on the chain too. */
void sy_page_run_give (uint32_t first, uint32_t *chain);

/* ---- Outside the lock ---- */

/* Gives the pages of a chain's runs back to the system and files the runs.  SY_PAGE_NONE is an
   empty chain.  Returns the bytes given back. */
size_t sy_page_chain_clean (uint32_t chain);

/*
 * Gives back to the system the free pages that nobody took for SY_REAP_NS, or since the last
 * reaping if sy_page_range_reap_soon was called.  To be called often; most calls do nothing.
 */
void sy_page_range_reap (uint64_t now_ns);

/* Lets the next reaping begin at once, because memory is wanted elsewhere. */
void sy_page_range_reap_soon (uint64_t now_ns);

/* Gives all free pages back to the system.  Returns how many bytes. */
size_t sy_page_range_trim (void);

/* Bytes of free pages that are kept for reuse. */
size_t sy_page_range_held_bytes (void);

/* Does the book satisfy its invariants?  For tests. */
bool sy_page_range_is_valid (void);

#endif
