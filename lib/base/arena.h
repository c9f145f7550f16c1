/* SPDX-License-Identifier: MIT */
/*
 * arena.h: a part of the address space that is used from its origin, and grows at its other end:
 * upwards or downwards.
 *
 *   origin | used ... | mapped, not yet used ... | room: not mapped, and perhaps another's        |
 *
 *   used <= mapped <= room        bytes from the origin; the last two in whole units
 *
 * An arena takes from the system only what is used, and a step.  So nothing that counts a process's
 * addresses, data or locked memory sees more than that.  The rooms of a process's arenas lie one
 * behind the other, from a random place in a large gap of its address space.  All that is
 * mapped of one is one mapping, and it is one with the next arena's if this one grows down and the
 * next one up.  Where the system gives no such place, an arena is a reservation: addresses that
 * nobody else gets, and that are committed in the same steps.
 *
 * What lies in an arena is never unmapped.  So a stale index or pointer into an arena still reads
 * memory.  The caller locks.
 */
#ifndef SY_ARENA_H
#define SY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct sy_arena {
  char *origin;            /* aligned to a unit; NULL: not open */
  size_t room, mapped, used;
  bool is_down;            /* the arena's bytes lie below the origin; set before it is opened */
  bool is_reserved;
};

/*
 * Opens an arena with room for `bytes`.  A reservation is halved as long as the system refuses it,
 * or as long as it is more than one part in `share` of a limit on address space, but never below
 * `least`.  False: the system refuses.
 */
bool sy_arena_open (struct sy_arena *arena, size_t bytes, size_t least, size_t share);

/* Makes the `bytes` next to the origin usable.  False: the room or the memory is used up, or
   another mapping is in the way, and nothing has changed. */
bool sy_arena_grow (struct sy_arena *arena, size_t bytes);

/* Takes the next `bytes`, which are zero.  Returns their lowest address.  The caller passes
   multiples of the alignment that it needs.  NULL: as above. */
void *sy_arena_take (struct sy_arena *arena, size_t bytes);

/*
 * Maps `bytes`, whole units, behind another's mappings that are in the way of an arena that grows
 * up.  Returns the distance from the origin to there; what lies between it and the old end is not
 * the arena's.  0: the room or the memory is used up.
 */
size_t sy_arena_jump (struct sy_arena *arena, size_t bytes);

#endif
