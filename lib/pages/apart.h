/* SPDX-License-Identifier: MIT */
/*
 * apart.h: large blocks that are mappings of their own: as they were moved, or have huge pages of
 * their own.
 *
 * Such a run waits for large blocks only (runs.h), and is mapped anew when it goes back.
 */
#ifndef SY_APART_H
#define SY_APART_H

#include <stdbool.h>
#include <stdint.h>

/* Asks for the huge pages that lie within a used run.  The run is apart then, and mixed if it does
   not begin and end with one.  False: there are none. */
bool sy_apart_ask_huge (uint32_t first);

/*
 * Moves the memory of a used run to a longer run, without a copy, and gives back the old run.
 * False: the system refuses, and the old run is as it was; the new one has been given back.  Both
 * belong to the caller.
 */
bool sy_apart_move (uint32_t from, uint32_t to);

#endif
