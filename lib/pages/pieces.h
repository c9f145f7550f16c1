/* SPDX-License-Identifier: MIT */
/*
 * pieces.h: used runs whose pages were moved to where they are.
 *
 * A moved run consists of pieces, one after the other, each a mapping or a part of one: what was moved by one call, or what was never moved.
 * The system moves no more than a part of one mapping at a time, so their lengths are kept, in the entries of the units they begin at.  A run
 * that was not moved has 0 in its first.
 */
#ifndef SY_PIECES_H
#define SY_PIECES_H

#include <stdbool.h>
#include <stdint.h>

/* How many of the run's pieces were moved. */
uint32_t sy_pieces_moved (uint32_t first);

/* Where the run's last piece begins that was never moved, in units from its first; its length: there is none. */
uint32_t sy_pieces_tail (uint32_t first);

/* The moved run is about to end at its unit number `at`; how many moved pieces it loses. */
uint32_t sy_pieces_cut (uint32_t first, uint32_t at);

/* The moved run has got more units, which were never moved, than it had. */
void sy_pieces_extend (uint32_t first, uint32_t old_length);

/*
 * Moves a run's pages to a longer clean one, or copies what the system does not move: *copied then.  False: the new run is lost, and what is
 * there no longer known; the old one is as it was.  Both are the caller's, who holds no lock.
 */
bool sy_pieces_move (uint32_t from, uint32_t to, bool *copied);

#endif
