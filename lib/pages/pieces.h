/* SPDX-License-Identifier: MIT */
/*
 * pieces.h: used runs whose pages were moved to where they are.
 *
 *   run     | piece: moved | piece: moved | piece: never moved |
 *   entry     length         length         length                in the piece's first unit
 *
 * A moved run consists of pieces, one after the other.  A piece is what one call moved, or what was
 * never moved, and lies in one mapping.  One call of the system can move only within one mapping,
 * so the lengths of the pieces are kept, in the entries of the units where they begin.  A run that
 * was not moved has 0 in the entry of its first unit.
 *
 *   lengths of the pieces of a moved run  ==  length of the run
 */
#ifndef SY_PIECES_H
#define SY_PIECES_H

#include <stdbool.h>
#include <stdint.h>

/* How many pieces of the run were moved. */
uint32_t sy_pieces_moved (uint32_t first);

/* If the run's last piece was never moved: where it begins, in units from the run's first unit.
   Else the run's length. */
uint32_t sy_pieces_tail (uint32_t first);

/* Notes that the moved run will be cut at its unit number `at`.  Returns how many moved pieces it
   loses. */
uint32_t sy_pieces_cut (uint32_t first, uint32_t at);

/* Notes that the moved run has become longer than `old_length`, by units that were never moved. */
void sy_pieces_extend (uint32_t first, uint32_t old_length);

/*
 * Moves a run's pages to a longer clean run.  Copies what the system refuses to move, and then sets
 * *copied to true.  False: the new run is lost and its contents are unknown; the old run is as it
 * was.  Both runs belong to the caller, which holds no lock.
 */
bool sy_pieces_move (uint32_t from, uint32_t to, bool *copied);

#endif
