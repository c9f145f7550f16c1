/* SPDX-License-Identifier: MIT */
/*
 * arena.h: a reserved range of addresses that only grows, committed in steps.  Metadata lives in arenas and is never unmapped, so that a
 * stale index or pointer into one still reads memory.
 *
 * Invariant: used <= committed <= reserved, the last two in whole pages.  The caller locks.
 */
#ifndef SY_ARENA_H
#define SY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct sy_arena {
  char *base;
  size_t reserved, committed, used;
};

/*
 * Reserves a range of so many bytes; less where the system refuses that or where it is more than one part in `share` of the process's
 * limit on address space, but never less than `least`.  All powers of two.  False: not even that.
 */
bool sy_arena_open (struct sy_arena *arena, size_t bytes, size_t least, size_t share);

/* Makes the first bytes of the range usable.  False: out of range or of memory, nothing changed. */
bool sy_arena_grow (struct sy_arena *arena, size_t bytes, size_t step);

/* The next bytes of the range, zero; bytes is a multiple of the alignment that the caller counts on.  NULL as sy_arena_grow. */
void *sy_arena_take (struct sy_arena *arena, size_t bytes);

#endif
