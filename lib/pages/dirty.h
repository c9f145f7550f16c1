/* SPDX-License-Identifier: MIT */
/*
 * dirty.h: free units that still have their memory, and how they go back to the system.
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
 * Parts of huge pages (huge.h) wait longer, up to SY_AHEAD_TICKS such times more, and four times as
 * much may wait of them.  What is behind more than SY_AHEAD_LOOKS of these waits with them.
 *
 * A program shows what it wants back when it takes new memory within two such times after it has
 * given up as much at a call: so much may wait from then on.  What then waits in vain may not wait
 * the next time.
 *
 * The lock of the range is not held while memory goes back; meanwhile the run is detached.
 */
#ifndef SY_DIRTY_H
#define SY_DIRTY_H

#include "pages/range.h"

/* ---- Any thread ---- */

/* Is a step of giving back due?  A hint. */
bool sy_dirty_purge_is_due (uint64_t now_ns);

/* Has such giving back begun, and is not complete?  A hint. */
bool sy_dirty_purge_is_under_way (void);

/* Does one step of giving back what nobody took for SY_REAP_NS, if it is due. */
void sy_dirty_purge_step (uint64_t now_ns);

/* Gives all free memory back to the system.  Returns how many bytes. */
size_t sy_dirty_purge (void);

/* Bytes of free memory that wait for reuse.  Takes no lock: statistics do not wait for threads that
   take and give. */
size_t sy_dirty_bytes (void);

/* ---- Under the range's lock, for the rest of this folder ---- */

/* Releases the lock, after a change of the book. */
void sy_dirty_unlock (void);

/* Notes that units were taken, before which so many were dirty, and so many had waited since before
   this tick. */
void sy_dirty_note_taken (uint32_t count, uint32_t dirty, uint32_t old);

/* Notes that there is less memory. */
void sy_dirty_note_loss (void);

/* Files a used run as free.  If it was taken in this tick and joins a longer one that has waited
   since before, it counts no more as taken from there: so what comes and goes beside much that
   waits is no reuse of all that. */
void sy_dirty_file (uint32_t first, enum sy_run_state as);

/* Files a used run as dirty, or puts it on the chain of runs to clean if it shall not wait. */
void sy_dirty_give (uint32_t first, uint32_t *chain);

/* Puts on the chain what is more than may wait, after `count` units have come to it. */
void sy_dirty_leave_excess (uint32_t count, uint32_t *chain);

/* Releases the lock, gives the memory of a chain's runs back, and files them.  A run that the
   system refuses becomes dirty again.  Returns the bytes given back. */
size_t sy_dirty_unlock_and_clean (uint32_t chain);

/* How many threads give memory back now. */
uint32_t sy_dirty_cleaners (void);

/* In the child of a fork: no other thread gives memory back. */
void sy_dirty_after_fork (void);

#endif
