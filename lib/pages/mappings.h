/* SPDX-License-Identifier: MIT */
/*
 * mappings.h: used runs whose pages were moved to where they are.
 *
 *   run     | mapping: moved | mapping: moved | mapping: never moved |
 *   entry     length         length         length                in the mapping's first page
 *
 * A moved run consists of mappings of the system, one after the other.  Here a mapping is what one
 * call moved, or what was never moved.  One call of the system can move only within one mapping, so
 * the lengths of the mappings are kept, in the entries of the pages where they begin.  A run that
 * was not moved has 0 in the entry of its first page.
 *
 *   lengths of the mappings of a moved run  ==  length of the run
 */
#ifndef SY_MAPPINGS_H
#define SY_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

/* How many mappings of the run were moved. */
uint32_t sy_mappings_moved (uint32_t first);

/* If the run's last mapping was never moved: where it begins, in pages from the run's first page.
   Else the run's length. */
uint32_t sy_mappings_tail (uint32_t first);

/* Notes that the moved run will be cut at its page number `at`.  Returns how many moved mappings it
   loses. */
uint32_t sy_mappings_cut (uint32_t first, uint32_t at);

/* Notes that the moved run has become longer than `old_length`, by pages that were never moved. */
void sy_mappings_extend (uint32_t first, uint32_t old_length);

/*
 * Moves a run's pages to a longer clean run.  Copies what the system refuses to move, and then sets
 * *copied to true.  False: the new run is lost and its contents are unknown; the old run is as it
 * was.  Both runs belong to the caller, which holds no lock.
 */
bool sy_mappings_move (uint32_t from, uint32_t to, bool *copied);

#endif
