/* SPDX-License-Identifier: MIT */
/*
 * huge.h: huge pages of 2 MiB where slabs and blocks of less than 2 MiB lie.
 *
 * Each page of a program's memory costs a fault at its first use, and an entry of the processor's
 * address cache later.  So where a program has shown to use what it takes, the units that it takes
 * next come from 2 MiB for which a huge page is asked.  That costs memory if the program takes no
 * more: on average 1 MiB of 16 or more.
 *
 *   units   | taken | taken | rest: dirty, as it has memory |      the run that reaches a huge page
 *           |  a huge page                                  |      asks for it, and gets its start
 *
 *   - A program has shown it when looks at the last 2 MiB with small pages found them in memory.
 *     So that there is more to look at, one page in SY_HUGE_PROBES is small all the same.
 *   - A huge page waits as a whole and goes back as a whole.  A part of one goes back only when it
 *     has waited for long, or too much waits.  It is mapped anew then, so that the system does not
 *     make a huge page of the rest again: the page is broken.  Other parts of it are mapped anew
 *     too when they go back, so that all becomes one mapping again.
 *   - Huge pages of blocks of 2 MiB or more are the block's own: apart.h.
 *
 * | field                   | written by     | read by        | order                  |
 * | unit's huge, and what   | under the lock | under the lock | the lock's             |
 * | is known of the program |                |                |                        |
 * | pages: how many units   | under the lock | any thread     | relaxed: a thread that |
 * | have a mark             |                |                | has a unit in one came |
 * |                         |                |                | to it after the mark   |
 * | due                     | under the lock,| any thread     | relaxed: a hint        |
 * |                         | who looks      |                |                        |
 * | when                    | any thread     | any thread     | relaxed: from then on  |
 *
 * The idea to fill huge pages one by one, and to give them back whole, is that of the huge page
 * filler in Google's TCMalloc ("Beyond malloc efficiency to fleet efficiency", OSDI 2021).
 */
#ifndef SY_HUGE_H
#define SY_HUGE_H

#include <stdbool.h>
#include <stdint.h>

/* When huge pages are asked for: where the program has shown to use what it takes, never, or for
   all that may have them. */
enum sy_huge { SY_HUGE_AUTO, SY_HUGE_NEVER, SY_HUGE_ALWAYS };

/* What the entry of a unit at which 2 MiB begin says: no huge page, one, or the parts of one. */
enum { SY_PAGE_NONE, SY_PAGE_WHOLE, SY_PAGE_BROKEN };

/* Any thread, at any time: from then on. */
void sy_huge_set (enum sy_huge when);
enum sy_huge sy_huge_when (void);

/* ---- Before a run is taken ---- */

/*
 * The run that is about to be taken is the start of `room` units without memory, and reaches the
 * start of 2 MiB.  How many units behind the run fill a huge page that is worth it; 0: none.  Under
 * the lock.
 */
uint32_t sy_huge_ahead (uint32_t first, uint32_t count, uint32_t room);

/* Looks at memory that was taken before, if it is time: does the program use it?  Without the
   lock. */
void sy_huge_look (void);

/* Asks for a huge page at the unit, and writes to it.  Does the system give it?  If not, the memory
   is as it was.  All of the page is the caller's, and has no memory.  Without the lock. */
bool sy_huge_ask (uint32_t page);

/* Notes what the system gave.  Under the lock. */
void sy_huge_note (uint32_t page, bool given);

/* ---- Under the lock ---- */

/* Does a part of the run lie in huge pages that are whole? */
bool sy_huge_has (uint32_t first);

/* A run goes back: where it lies, there are no huge pages any more.  Shall it be mapped anew, as
   there are or were? */
bool sy_huge_forget (uint32_t first);

/* The same for a used run.  One of 2 MiB or more that had no memory when it was taken has none.
   Then its entries are not looked at, which may have no memory themselves. */
bool sy_huge_forget_used (uint32_t first);

/* Breaks the huge page that the unit lies in.  Returns its first unit; SY_UNIT_NONE: it lies in
   none that is whole. */
uint32_t sy_huge_break (uint32_t unit);

/* Are there any?  Any thread; for who has a unit that may lie in one. */
bool sy_huge_are_any (void);

/* Leaves parts of huge pages out of the units from *from up to *end, at both ends.  False: nothing
   else is there. */
bool sy_huge_leave_parts (uint32_t *from, uint32_t *end);

/* The start of the huge page that the unit lies in; else the unit itself. */
uint32_t sy_huge_start (uint32_t unit);

#endif
