/* SPDX-License-Identifier: MIT */
/*
 * units.h: runs of units for slabs and for large blocks, and how free ones go back to the system.
 *
 * A run that is given back is dirty: its memory stays for a while, for any other use.  What waits
 * so is at most a share of what is in use; or if that is more, twice what was taken a short time
 * ago of what had waited, but no more than is in use; or what the program has shown to want back.
 * But of what is wanted back no more waits than a few MiB, or than was in use at once a short time
 * ago beyond what is in use now.  Memory goes back
 *
 *   - at the call that makes it more than that: long runs, as they cost the least;
 *   - in steps (purge_timer.h), if nobody took it for SY_REAP_NS: what was given back first.  As
 *     much stays as was taken in that time.
 *
 * A program shows what it wants back when it takes new memory within two such times after it has
 * given up as much at a call: so much may wait from then on.  What then waits in vain may not wait
 * the next time.
 *
 * The lock of the range guards the book.  It is not held while memory goes back; meanwhile the run
 * is detached.  The owner of a used run may read the run's entries without the lock, and may write
 * all of them but `length`, `back`, `state` and `mapping`.
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

/* When huge pages are asked for: where the program has shown to use what it takes, never, or for
   all that may have them. */
enum sy_huge { SY_HUGE_AUTO, SY_HUGE_NEVER, SY_HUGE_ALWAYS };

/* Any thread, at any time: from then on. */
void sy_units_set_huge (enum sy_huge when);
enum sy_huge sy_units_huge (void);

/* Asks for the huge pages that lie within a used run.  The run is apart then, and mixed if it does
   not begin and end with one.  False: there are none. */
bool sy_units_ask_huge (uint32_t first);

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

/*
 * Moves the memory of a run of `from_count` units to a longer run, without a copy, and gives back
 * the old run.  False: the system refuses, and the old run is as it was; the new one has been given
 * back.  Both belong to the caller.
 */
bool sy_units_move (uint32_t from, uint32_t to);

/* Is a step of giving back due?  A hint. */
bool sy_units_purge_is_due (uint64_t now_ns);

/* Has such giving back begun, and is not complete?  A hint. */
bool sy_units_purge_is_under_way (void);

/* Does one step of giving back what nobody took for SY_REAP_NS, if it is due. */
void sy_units_purge_step (uint64_t now_ns);

/* Gives all free memory back to the system.  Returns how many bytes. */
size_t sy_units_purge (void);

/* Bytes of free memory that wait for reuse.  Takes no lock: statistics do not wait for threads that
   take and give. */
size_t sy_units_dirty_bytes (void);

/* In the child of a fork, under the range's lock: no other thread gives memory back. */
void sy_units_after_fork (void);

/* Does the book satisfy its invariants?  For tests and debug builds. */
bool sy_units_are_valid (void);

#endif
