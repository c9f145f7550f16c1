/* SPDX-License-Identifier: MIT */
/*
 * misuse.h: what the parts of the misuse test share: how a case is written and how it is added.
 *
 * A case runs in a child, which must end with one line on standard error.  The line names the call,
 * the pointer and the fault.  The child says by `tell` which pointer that is.
 *
 * Some faults only the slabs can see: they are found when the magazine is flushed.  Debug builds
 * look at once, and their line names the public call.
 */
#ifndef SY_TEST_MISUSE_H
#define SY_TEST_MISUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suite.h"
#include "sydra/alloc.h"

#define UNIT ((size_t) 65536)
/* Larger than any block of a pool, and three units long. */
#define LARGE ((size_t) 150000)
/* The pool's largest block, two units long. */
#define LARGEST ((size_t) 131072)
/* The pool's blocks of this size lie in slabs of four units, and so many in each. */
#define MEDIUM ((size_t) 28672)
#define MEDIUM_BLOCKS 9

/* The faults, as the line names them. */
#define TWICE "block freed twice"
#define MIDDLE "points into the middle of a block"
#define UNKNOWN "no block of this handle: not allocated by it, or freed already"
#define EMPTY "no block: in a part of the range that holds none now (freed already?)"
#define OTHER "a block of another handle"
#define SMALLER "the block is smaller than the size given"
#define UNALIGNED "the block cannot have the alignment given"
#define NO_SECTION "the thread is in no section that was entered with this value"
#define DEFERRED_TWICE "block deferred twice"
#define WAITING "the block is deferred: it is freed when no reader can see it any more"

/* The call, where the fault is seen when a magazine is flushed; at once in a debug build. */
#define LATER (SY_DEBUG ? "sydra_free" : "free")
#define DEFERRED_LATER (SY_DEBUG ? "sydra_free_deferred" : "free")

struct misuse
{
  const char *name;
  void (*body) (struct sydra_alloc *a);
  const char *call, *what;
  bool every_mode;  /* the other modes' heaps do not know what is a block of theirs */
};

/* Where a child says which pointer the line must name; shared with the parent. */
extern const void **told;

static inline void *
tell (const void *pointer)
{
  *told = pointer;
  return (void *) (uintptr_t) pointer;
}

/* In a child: what cannot be had ends it. */
struct sydra_alloc *handle (void);
void *must_malloc (struct sydra_alloc *a, size_t size);
void free_in_a_thread (struct sydra_alloc *a, void *block);

/* The first block of MEDIUM bytes that begins in the second unit of its slab. */
char *in_the_second_unit (struct sydra_alloc *a);

/* The body ended its child by abort, with the one line. */
void must_be_told (const char *name, int (*body) (void *argument), const void *argument,
                   const char *call, const char *what);

/* A case of so many misuses, each of them a test. */
void misuse_add (Suite *suite, const char *name, const struct misuse *misuses, size_t count);

void misuse_add_twice (Suite *suite);
void misuse_add_interior (Suite *suite);
void misuse_add_foreign (Suite *suite);
void misuse_add_other_handles (Suite *suite);
void misuse_add_epochs (Suite *suite);
void misuse_add_sizes (Suite *suite);
void misuse_add_handles (Suite *suite);

#endif
