/* SPDX-License-Identifier: MIT */
/*
 * region.h: the process's one reserved range of addresses, handed out in slabs, and what is known of each slab.
 *
 * "Is this pointer ours?" is one subtract and compare.  A slab is fresh (never used), in use by a pool, spare (free, its pages still
 * there) or clean (free, its pages given back).  The lists are under the lock; base and bytes are written once, before any slab is out.
 *
 * Invariant: fresh + in use + spare + clean == the number of slabs.
 */
#ifndef SY_REGION_H
#define SY_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slab.h"

struct sy_region {
  char *base;                  /* of slab 0, aligned to SY_SLAB_BYTES */
  size_t bytes;                /* of the range; 0 until it is open: it owns nothing then */
  struct sy_slab *slabs;       /* one each, in the same order */
  struct sy_slab_bits *bits;
};

extern struct sy_region sy_region;

/* Reserves the range, once for the process.  False: no memory; a later call tries again. */
bool sy_region_open (void);

static inline bool
sy_region_has (const void *pointer)
{
  return (uintptr_t) pointer - (uintptr_t) sy_region.base < sy_region.bytes;
}

/* pointer is in the range. */
static inline uint32_t
sy_region_slab_of (const void *pointer)
{
  return (uint32_t) (((uintptr_t) pointer - (uintptr_t) sy_region.base) >> SY_SLAB_SHIFT);
}

static inline char *
sy_region_address (uint32_t slab)
{
  return sy_region.base + ((size_t) slab << SY_SLAB_SHIFT);
}

static inline uint32_t
sy_region_slab_count (void)
{
  return (uint32_t) (sy_region.bytes >> SY_SLAB_SHIFT);
}

/* How many slabs have ever been used; those from this number on are fresh. */
uint32_t sy_region_slabs_used (void);

/* A slab for the caller: spare, clean or fresh.  SY_SLAB_NONE: out of range or of memory. */
uint32_t sy_region_take (void);

/* Gives back slabs with no block in use, count of them, chained by next from first.  Their pages stay for a while. */
void sy_region_give (uint32_t first, unsigned count);

/* Gives back to the system the pages of spare slabs that no one took for SY_REAP_NS.  Called now and then; most calls do nothing. */
void sy_region_reap (uint64_t now_ns);

/* Gives the pages of all spare slabs back; how many bytes that were. */
size_t sy_region_trim (void);

/* Bytes of slabs whose pages are kept for nobody. */
size_t sy_region_spare_bytes (void);

/* For fork. */
struct sy_lock *sy_region_lock (void);

#endif
