/* SPDX-License-Identifier: MIT */
/*
 * magazine.h: magazines, and depots, which are lock-free stacks of magazines.  After Bonwick and
 * Adams, "Magazines and Vmem", 2001.
 *
 * A magazine is an array of pointers to free blocks.  It is SY_MAGAZINE_BYTES long and aligned to
 * its size.  `rounds` is the number of blocks that it holds when full.  Blocks fill it upwards, to
 * its end; a magazine of fewer rounds has its NULL higher up.
 *
 *   [ below, depth, rounds | unused slots | NULL | block | block | block | empty | empty ]
 *                                                                        ^ top           ^ end
 *
 * The thread that works on a magazine keeps only `top`.  malloc pops the slot below it, and free
 * pushes at it.
 *
 *   empty  <=>  top[-1] == NULL
 *   full   <=>  top is a multiple of SY_MAGAZINE_BYTES, that is, top == end
 *   held   ==   rounds - (end - top)        in slots
 *
 * | operation     | may run beside         | order                                                |
 * | sy_depot_push | push, pop, any thread  | release on the head publishes the magazine's blocks  |
 * | sy_depot_pop  | push, pop, any thread  | acquire on the head, pairs with that release         |
 *
 * A magazine that is in no depot belongs to one thread.
 */
#ifndef SY_MAGAZINE_H
#define SY_MAGAZINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/atomic.h"
#include "base/tuning.h"

#define SY_MAGAZINE_SLOTS ((SY_MAGAZINE_BYTES - 16) / sizeof (void *))

struct sy_magazine {
  /* In a depot: the number of the next magazine.  The pushing thread writes it.  A thread whose pop
     comes too late may still read it. */
  AO_t below;
  uint32_t depth;  /* in a depot: how many magazines there are from this one down */
  uint16_t rounds; /* how many blocks it holds when full; set by sy_magazine_clear and _pack */
#if UINTPTR_MAX <= 0xffffffffu
  uint32_t unused;
#endif
  void *slot[SY_MAGAZINE_SLOTS];
};

SY_STATIC_ASSERT (sizeof (struct sy_magazine) == SY_MAGAZINE_BYTES,
                  "top is a multiple of it when full");

static inline bool
sy_magazine_is_full (void *const *top)
{
  return ((uintptr_t) top & (SY_MAGAZINE_BYTES - 1)) == 0;
}

static inline bool
sy_magazine_is_empty (void *const *top)
{
  return top[-1] == NULL;
}

/* The magazine that top points into, or at the end of. */
static inline struct sy_magazine *
sy_magazine_of (void **top)
{
  return (struct sy_magazine *) ((uintptr_t) (top - 1) & ~(uintptr_t) (SY_MAGAZINE_BYTES - 1));
}

/* Makes the magazine an empty one with room for `rounds` blocks.  Returns its top. */
static inline void **
sy_magazine_clear (struct sy_magazine *magazine, unsigned rounds)
{
  void **top = magazine->slot + SY_MAGAZINE_SLOTS - rounds;

  magazine->rounds = (uint16_t) rounds;
  top[-1] = NULL;
  return top;
}

static inline void **
sy_magazine_end (struct sy_magazine *magazine)
{
  return magazine->slot + SY_MAGAZINE_SLOTS;
}

/* How many blocks the magazine holds, given its top. */
static inline unsigned
sy_magazine_held (const struct sy_magazine *magazine, void *const *top)
{
  return magazine->rounds - (unsigned) (magazine->slot + SY_MAGAZINE_SLOTS - top);
}

/*
 * Makes a full magazine of fewer rounds out of one that holds at least one block, by moving the
 * blocks to its end.  Returns how many blocks it holds.
 */
static inline unsigned
sy_magazine_pack (struct sy_magazine *magazine, void **top)
{
  unsigned left = sy_magazine_held (magazine, top);

  memmove (sy_magazine_end (magazine) - left, top - left, left * sizeof *top);
  magazine->rounds = (uint16_t) left;
  sy_magazine_end (magazine)[-1 - (int) left] = NULL;
  return left;
}

/* Returns an empty magazine, which then belongs to the caller.  NULL: out of memory. */
struct sy_magazine *sy_magazine_take (void);

/* Gives an empty magazine back. */
void sy_magazine_give (struct sy_magazine *magazine);

/* The thread has a cache, or ends: it is dealt a stack of empty magazines of its own, as far as
   there are any.  The next thread gets the stack, and what is in it.  Under the registry lock. */
void sy_magazine_thread_joins (void);
void sy_magazine_thread_quits (void);

/* In the child of a fork: no other thread has a stack.  Under the registry lock. */
void sy_magazine_after_fork (void);

/* A look at all threads' stacks. */
void sy_magazine_look (void);

/* Bytes of memory for all magazines, in use or not. */
size_t sy_magazine_committed_bytes (void);

/*
 * A stack of magazines.  All bytes zero is an empty stack.
 *
 *   64 bits   head: [ tag, 40 bits | number, 24 bits ]
 *   32 bits   head: [ number ]  tag: [ tag ]   one double-width compare-and-swap changes both
 *
 * A magazine's number is its place in the metadata, from 1; 0 ends the stack.  Each push and each
 * pop changes the tag.  So if a compare-and-swap succeeds, the stack has not changed since the head
 * was read (no ABA).
 */
struct sy_depot {
  AO_t head;
#if UINTPTR_MAX <= 0xffffffffu
  AO_t tag;
#endif
} SY_ALIGNED (2 * sizeof (void *));

void sy_depot_push (struct sy_depot *depot, struct sy_magazine *magazine);
struct sy_magazine *sy_depot_pop (struct sy_depot *depot);

/* How many magazines the depot has.  A guess while other threads push and pop. */
unsigned sy_depot_depth (const struct sy_depot *depot);

/*
 * A depot with two hints that say what it can spare.  Any thread reads and writes them, relaxed.  A
 * look (sy_stock_look) sets both anew: about every SY_REAP_NS, and of empty ones also when many new
 * ones are made.
 *
 *   low    the least depth since the last look, less the magazines that other threads than the
 *          stock's own took.  A pop lowers it; a look sets it to the depth.
 *   used   1: one of the stock's own threads took a magazine since the last look, and none of these
 *          threads has ended since.
 */
struct sy_stock {
  struct sy_depot depot;
  AO_t low, used;
};

/* Pops a magazine for one of the stock's own threads. */
struct sy_magazine *sy_stock_pop (struct sy_stock *stock);

/* Pops a magazine that the stock can spare: its own threads took none since the last look, or have
   left some in it all that time. */
struct sy_magazine *sy_stock_pop_spare (struct sy_stock *stock);

/* Starts the hints anew.  Writes nothing to a stock that nobody uses, so that it takes no page. */
void sy_stock_look (struct sy_stock *stock);

/* One of the stock's own threads has ended: what it leaves can be spared. */
void sy_stock_thread_ended (struct sy_stock *stock);

/* Empties a depot that no other thread uses, and sets its tag.  For tests of the tag's wrap. */
void sy_depot_reset (struct sy_depot *depot, uint64_t tag);

#endif
