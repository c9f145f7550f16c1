/* SPDX-License-Identifier: MIT */
/*
 * arena.h: a reserved range of addresses that is used from its start, and committed in steps.
 *
 *   base | used ... | committed, not yet used ... | reserved only ...                       |
 *
 *   used <= committed <= reserved        the last two in whole pages
 *
 * Metadata lives in arenas and is never unmapped.  So a stale index or pointer into an arena still
 * reads memory.  The caller locks.
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
 * Reserves a range of `bytes`, and halves this as long as the system refuses it, or as long as it
 * is more than one part in `share` of the process's limit on address space.  Never reserves less
 * than `least`.  False: the system refuses even this.
 */
bool sy_arena_open (struct sy_arena *arena, size_t bytes, size_t least, size_t share);

/* Makes the first `bytes` of the range usable, in steps of `step` bytes.  False: the range or the
   memory is used up, and nothing has changed. */
bool sy_arena_grow (struct sy_arena *arena, size_t bytes, size_t step);

/* Takes the next `bytes` of the range, which are zero.  The caller passes multiples of the
   alignment that it needs.  NULL: the range or the memory is used up. */
void *sy_arena_take (struct sy_arena *arena, size_t bytes);

#endif
