/* SPDX-License-Identifier: MIT */
/*
 * runs.h: the book of the range: which runs of units are used and which are free.
 *
 *   units   | used | dirty | used | clean | used | detached | used | edge: zero from here on ... |
 *   entry     of a run's first unit: state, length;   of its last unit: back
 *   memory  | ... entry 2 | entry 1 | entry 0 | top         it grows down (arena.h)
 *
 * A run is used (a slab or a large block), dirty (free, with its memory), clean (free, and known to
 * be zero) or detached (its memory is on its way back to the system, or it is not the range's). 
 * The book touches only the entries, never the range.  The caller locks.
 *
 * Most of the range is one mapping of the system's.  A run is apart if it is another one, or a part
 * of another, or of several: then it is mixed.  When it is filed as clean, it has been mapped anew,
 * and is as any other.
 *
 *   used + dirty + clean + detached == edge                                   in units
 *   entry.state == SY_RUN_INSIDE  <=>  no run begins at the unit              below the edge
 *   entry[first].length == entry[last].back                                   for each run
 *   two neighbours are never both dirty, nor both dirty and apart, nor both clean
 *   a clean run never ends at the edge
 *   the list of ages has all dirty runs, in the order of their stamps
 *
 * sy_runs_is_valid checks them.
 */
#ifndef SY_RUNS_H
#define SY_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tuning.h"

#define SY_UNIT_NONE UINT32_MAX

/* SY_RUN_APART: dirty, and apart.  From there on a run is free. */
enum sy_run_state {
  SY_RUN_INSIDE, SY_RUN_USED, SY_RUN_DETACHED, SY_RUN_APART, SY_RUN_DIRTY, SY_RUN_CLEAN
};

/* The mapping of a run: 0, the range's; one of several; or a number from 2 on. */
#define SY_MAPPING_MIXED 1u
#define SY_MAPPING_MAX ((UINT32_C (1) << 29) - 1)

struct sy_unit {
  uint32_t state : 3;
  uint32_t mapping : 29;         /* of the run that begins here */
  uint32_t length;               /* of the run that begins here */
  uint32_t back : 30;            /* of the run that ends here */
  uint32_t huge : 2;             /* the caller's */
  uint32_t stamp;                /* dirty: the tick in which it was freed; used: the caller's */
  uint32_t next, previous;       /* free: in a list of lengths; detached: next is the caller's */
  union {
    struct {
      uint32_t older, younger;   /* dirty: in the list of ages */
    };
    /* Used; the caller's.  For a slab, in each of its units. */
    struct sy_slab *slab;
    /* For a large block: */
    struct {
      uint32_t asked;            /* how many pages were requested */
      uint32_t fresh;            /* how many units had no memory when the run was taken */
    };
  };
};

struct sy_runs {
  struct sy_unit *top;
  uint32_t edge;
  uint32_t used, dirty;          /* units of all used runs, and of all dirty runs */
  uint32_t mapping;              /* the last number given */
  uint32_t old;                  /* of the dirty units, those of an earlier tick */
  uint32_t tick;                 /* the caller's clock; sy_runs_next_tick moves it on */
  uint32_t oldest, youngest;     /* ends of the list of ages */
  struct sy_run_lists {
    uint64_t filled[SY_RUN_LISTS / 64];
    uint32_t head[SY_RUN_LISTS];
  } lists[3];                    /* apart, dirty, clean */
};

/* Opens an empty book.  Its entries lie below `top`.  They are zero, and readable up to the highest
   edge that there will be. */
void sy_runs_open (struct sy_runs *runs, struct sy_unit *top);

static inline struct sy_unit *
sy_unit_of (const struct sy_runs *runs, uint32_t unit)
{
  return runs->top - 1 - unit;
}

/*
 * The first unit of a free run of this state with at least `length` units.  Of the first `looks`
 * runs of a list it is the shortest, and of equally short ones the lowest.  SY_UNIT_NONE: none
 * found.  There is none then if `looks` is UINT32_MAX.
 */
uint32_t sy_runs_find (const struct sy_runs *runs, enum sy_run_state state, uint32_t length,
                       uint32_t looks);

/*
 * The first unit of a free run from which on `length` units are free, of any state, or behind the
 * edge.  Among them is a run of about a quarter of them or more that has memory.  It looks at up to
 * `looks` such runs that are dirty, and as many that are apart, the longest first.  SY_UNIT_NONE:
 * none found, or fewer than 4 units are asked for.
 */
uint32_t sy_runs_find_mixed (const struct sy_runs *runs, uint32_t length, uint32_t looks);

/* Makes the first `length` units of a free run a used run.  The rest stays free, in the same
   state. */
void sy_runs_take (struct sy_runs *runs, uint32_t first, uint32_t length);

/* The same with the last `length` units, or with all if there are fewer.  Returns the first of
   them. */
uint32_t sy_runs_take_end (struct sy_runs *runs, uint32_t first, uint32_t length);

/* Makes the `length` units from the edge on a used run.  Returns its first unit. */
uint32_t sy_runs_take_edge (struct sy_runs *runs, uint32_t length);

/* How many units right behind the run are free, up to `wanted`, and not apart unless that may be.
   Sets *at_edge to whether they reach the edge. */
uint32_t sy_runs_room_behind (const struct sy_runs *runs, uint32_t first, uint32_t wanted,
                              bool may_be_apart, bool *at_edge);

/* Adds the `more` units right behind the used run to it.  They are free or behind the edge. */
void sy_runs_extend (struct sy_runs *runs, uint32_t first, uint32_t more);

/* Cuts a used or detached run in two, of the same state.  The first keeps `length` units. */
void sy_runs_cut (struct sy_runs *runs, uint32_t first, uint32_t length);

/* The used run has become a mapping of its own; or, if not `in_one`, a part of it has. */
void sy_runs_set_apart (struct sy_runs *runs, uint32_t first, bool in_one);

/* Makes a used or detached run dirty or clean, and joins it with its neighbours of that state.  The
   joined run is as old as its longest part; if a part was detached, it is of this tick. */
void sy_runs_file (struct sy_runs *runs, uint32_t first, enum sy_run_state state);

/* A tick has passed: what is dirty now is of an earlier one. */
void sy_runs_next_tick (struct sy_runs *runs);

/* Makes a used run detached. */
void sy_runs_detach (struct sy_runs *runs, uint32_t first);

/* Makes a part of a free run detached: `length` units from `from` on.  The rest stays free, as it
   is. */
void sy_runs_detach_part (struct sy_runs *runs, uint32_t first, uint32_t from, uint32_t length);

/* One of the longest dirty runs.  SY_UNIT_NONE: there are none. */
uint32_t sy_runs_longest (const struct sy_runs *runs);

/* Does the book satisfy its invariants?  For tests: walks over all of it. */
bool sy_runs_is_valid (const struct sy_runs *runs);

#endif
