/* SPDX-License-Identifier: MIT */
/*
 * runs.h: the book of a range that is cut in units: which runs of units are in use, which are free, and a free one of a given length.
 *
 * A run is used (somebody's block), dirty (free, its pages still there), clean (free, its pages known to be zero) or detached (on its way to
 * being clean).  Behind the last run, from the edge on, nothing was used since it was last zero.  Knows of no memory but the entries; the
 * caller locks.
 *
 * Invariants: a unit's state is not SY_RUN_INSIDE where a run begins, and only there; entry[first].length == entry[last].back; two dirty runs
 * are never neighbours, nor two clean ones, and a clean run never ends at the edge; dirty runs are in the list of ages in the order of stamp.
 */
#ifndef SY_RUNS_H
#define SY_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tuning.h"

#define SY_UNIT_NONE UINT32_MAX

enum sy_run_state { SY_RUN_INSIDE, SY_RUN_USED, SY_RUN_DETACHED, SY_RUN_DIRTY, SY_RUN_CLEAN };

struct sy_unit {
  uint32_t state;
  uint32_t length;               /* of the run that begins here */
  uint32_t back;                 /* of the run that ends here */
  uint32_t stamp;                /* dirty: the tick that it was freed in */
  uint32_t next, previous;       /* free: in its list of lengths; detached: next is the caller's */
  union {
    struct {
      uint32_t older, younger;   /* dirty */
    };
    struct {
      uint32_t asked;            /* used, the caller's: what of it was asked for */
      uint32_t piece;            /* used or inside, the caller's: what is known of the mapping that begins here */
    };
  };
};

struct sy_runs {
  struct sy_unit *units;
  uint32_t edge;
  uint32_t used, dirty;          /* units, in all runs that are so */
  uint32_t tick;                 /* the caller's clock */
  uint32_t oldest, youngest;     /* ends of the list of ages */
  struct sy_run_lists {
    uint64_t filled[SY_RUN_LISTS / 64];
    uint32_t head[SY_RUN_LISTS];
  } lists[2];                    /* dirty, clean */
};

/* units: an entry each, zero, readable as far as the edge ever comes. */
void sy_runs_open (struct sy_runs *runs, struct sy_unit *units);

/* The first unit of a free run of the state, with at least so many units: the shortest, and the lowest of those, that a bounded search finds. */
uint32_t sy_runs_find (const struct sy_runs *runs, enum sy_run_state state, uint32_t length);

/* Uses the first units of a free run; the rest stays what it was. */
void sy_runs_take (struct sy_runs *runs, uint32_t first, uint32_t length);

/* Uses units from the edge on; the first. */
uint32_t sy_runs_take_edge (struct sy_runs *runs, uint32_t length);

/* How many units right behind the used run are free, up to wanted.  *at_edge: all behind it is. */
uint32_t sy_runs_room_behind (const struct sy_runs *runs, uint32_t first, uint32_t wanted, bool *at_edge);

/* The used run takes so many units right behind it, which are free or behind the edge. */
void sy_runs_extend (struct sy_runs *runs, uint32_t first, uint32_t more);

/* Cuts a used or detached run in two, of which the first keeps so many units; the second begins there. */
void sy_runs_cut (struct sy_runs *runs, uint32_t first, uint32_t length);

/* A used or detached run becomes dirty or clean, one with its neighbours of that state. */
void sy_runs_file (struct sy_runs *runs, uint32_t first, enum sy_run_state state);

/* A used run becomes detached. */
void sy_runs_detach (struct sy_runs *runs, uint32_t first);

/* Detaches the longest-waiting dirty run, but at most so many units of it.  SY_UNIT_NONE: none that is older than the tick. */
uint32_t sy_runs_detach_oldest (struct sy_runs *runs, uint32_t most, uint32_t tick);

/* Does the book keep its invariants?  For tests: walks it all. */
bool sy_runs_is_valid (const struct sy_runs *runs);

#endif
