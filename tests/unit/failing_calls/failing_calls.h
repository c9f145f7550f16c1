/* SPDX-License-Identifier: MIT */
/*
 * failing_calls.h: every call that the library makes of the system fails once, and from then on, at
 * every point of several workloads.
 *
 * The linker sends the library's mmap, mprotect, madvise, munmap and mremap here (-Wl,--wrap).
 * Each point is a child of a process that has not used the library yet.  Asked for: NULL and ENOMEM
 * or success; what is live keeps its contents; all is well once the fault is lifted.
 */
#ifndef SY_TEST_FAILING_CALLS_H
#define SY_TEST_FAILING_CALLS_H

#include <stdbool.h>

#include "base/atomic.h"
#include "suite.h"
#include "sydra/alloc.h"
#include "unit/child.h"

/* ---- Faults ---- */

enum kind { MMAP = 1, MPROTECT = 2, MADVISE = 4, MUNMAP = 8, MREMAP = 16, ALL = 31 };

/* A child's own: it is written before the child has threads; they count in it. */
struct fault
{
  unsigned kinds, nth;
  size_t least; /* a mmap of fewer bytes does not fail */
  bool persists;
  bool old;     /* the system knows nothing of pages that are asked for ahead */
  bool slow;    /* the first madvise that gives memory back takes its time */
  bool unmaps;  /* a mremap that fails has unmapped the new place, as Linux before 6.17 may do */
  AO_t on, calls, hits, ahead, moves, asleep;
};
extern struct fault fault;
#define SLOW_US 300000

/* The nth call of these kinds is to fail, alone or with all that come after it ... */
void fault_choose (unsigned kinds, unsigned nth, bool persists);

/* ... from here on, and no longer. */
void fault_begin (void);
void fault_lift (void);

/* ---- What a child asks for ---- */

/* A handle, for which the fault is lifted if need be. */
struct sydra_alloc *create (void);

#define LIVE 16000

struct live
{
  unsigned char *block[LIVE];
  size_t size[LIVE];
  unsigned count;
};
extern struct live live;

void stamp (unsigned char *block, size_t size);
void check_stamp (const unsigned char *block, size_t size);

/* A block of the kind that the caller got, or NULL: whether it is in the list now. */
bool admit (struct live *list, void *block, size_t size);

/* Frees a block of the list. */
void let_go (struct sydra_alloc *a, struct live *list, unsigned at);

/* Blocks of any size: one word in each page says whose they are. */
void mark (void *block, size_t size, size_t number);
void check_mark (const void *block, size_t size, size_t number);

/* The fault is gone: all that was live is intact, and every size can be had, freed and accounted
   for.  The handle ends. */
void recover (struct sydra_alloc *a, struct live *list);

/* Runs the body in a child, which must find no fault. */
void child_must_pass (int (*body) (void *argument), void *argument);

/* ---- Workloads ---- */

struct workload
{
  const char *name;
  void (*run) (void);
};
extern const struct workload workloads[];
extern const int workload_count;

/* Each adds a case. */
void failing_calls_add_points (Suite *suite);
void failing_calls_add_refusals (Suite *suite);
void failing_calls_add_moves (Suite *suite);
void failing_calls_add_limits (Suite *suite);

#endif
