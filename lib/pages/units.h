/* SPDX-License-Identifier: MIT */
/*
 * units.h: taking and giving back runs of units, for slabs and for large blocks.
 *
 * The lock of the range guards the book.  The owner of a used run may read the run's entries
 * without the lock, and may write all of them but `length`, `back`, `huge`, `state` and `mapping`.
 */
#ifndef SY_UNITS_H
#define SY_UNITS_H

#include "pages/range.h"

/* What memory a run may have when it is taken: none; all of it, and lie in the range's mapping; or
   any, and lie in any mapping. */
enum sy_memory { SY_MEMORY_NONE, SY_MEMORY_ALL, SY_MEMORY_ANY };

/*
 * Takes a run of `count` units: one that has memory as it may, if there is such a run; else one
 * that has none.  Sets *zero to whether it is known to be zero.  SY_UNIT_NONE: the range or the
 * memory is used up.  The caller marks the units in the map.
 */
uint32_t sy_units_take (uint32_t count, enum sy_memory memory, bool *zero);

/* The same, with the address of the run's first unit aligned to a power of two. */
uint32_t sy_units_take_aligned (uint32_t count, size_t alignment, enum sy_memory memory,
                                bool *zero);

/* Gives back `count` runs that are chained by the `next` of their entries, from `first` on.  They
   are no longer marked in the map. */
void sy_units_give (uint32_t first, unsigned count);

/* Cuts a used run after its first `length` units, and gives the rest back. */
void sy_units_cut (uint32_t first, uint32_t length);

/* Adds `more` units to a used run in place, and up to `room` more if that costs no memory.  Returns
   how many; 0: not enough units behind the run are free. */
uint32_t sy_units_extend (uint32_t first, uint32_t more, uint32_t room);

/* Is the free run with memory that a request of `count` units would get one that can be moved?  A
   hint. */
bool sy_units_has_waiting (uint32_t count);

/* Does a part of the used run lie in huge pages that others lie in too? */
bool sy_units_are_in_huge (uint32_t first);

/* Pages of a used run, from unit `first` to unit `last`, up to 2 MiB, go back to the system: if
   they lie in huge pages, what is left of these has small pages from now on. */
void sy_units_break_huge (uint32_t first, uint32_t last);

/* Does the book satisfy its invariants?  For tests and debug builds. */
bool sy_units_are_valid (void);

#endif
