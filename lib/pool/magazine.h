/* SPDX-License-Identifier: MIT */
/*
 * magazine.h: magazines, and the lock-free stacks of them (after Bonwick and Adams, "Magazines and Vmem", 2001).
 *
 * A magazine is a small array of pointers to free blocks, SY_MAGAZINE_BYTES long and aligned to that, filled upwards to its end.  Whoever
 * works on one keeps only `top`, the first slot not in use:
 *   empty  <=>  top[-1] == NULL     (the slot below the lowest round holds NULL)
 *   full   <=>  top is a multiple of SY_MAGAZINE_BYTES
 * so a magazine of fewer rounds is one whose NULL lies higher up.
 *
 * | operation       | may run beside                  | order                                                        |
 * | sy_depot_push   | push, pop by any thread         | release on the head: the rounds are visible to who pops it   |
 * | sy_depot_pop    | push, pop by any thread         | acquire on the head: pairs with the push                     |
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
  AO_t below;      /* in a depot: the next one's number; its owner writes it, a late popper may read it */
  uint32_t depth;  /* in a depot: how many there are from here down */
  uint16_t rounds; /* how many blocks it holds when full, as its owner cleared it */
#if UINTPTR_MAX <= 0xffffffffu
  uint32_t unused;
#endif
  void *slot[SY_MAGAZINE_SLOTS];
};

SY_STATIC_ASSERT (sizeof (struct sy_magazine) == SY_MAGAZINE_BYTES, "top is a multiple of it when full");

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

/* The magazine that top points into or just past. */
static inline struct sy_magazine *
sy_magazine_of (void **top)
{
  return (struct sy_magazine *) ((uintptr_t) (top - 1) & ~(uintptr_t) (SY_MAGAZINE_BYTES - 1));
}

/* The top of an empty magazine with room for so many rounds; notes them and writes its NULL. */
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

/* How many blocks it has up to top. */
static inline unsigned
sy_magazine_held (const struct sy_magazine *magazine, void *const *top)
{
  return magazine->rounds - (unsigned) (magazine->slot + SY_MAGAZINE_SLOTS - top);
}

/* Makes a full magazine, of fewer rounds, out of one that has blocks up to top, and more than none; how many they are. */
static inline unsigned
sy_magazine_pack (struct sy_magazine *magazine, void **top)
{
  unsigned left = sy_magazine_held (magazine, top);

  memmove (sy_magazine_end (magazine) - left, top - left, left * sizeof *top);
  magazine->rounds = (uint16_t) left;
  sy_magazine_end (magazine)[-1 - (int) left] = NULL;
  return left;
}

/* An empty magazine, the caller's.  NULL: out of memory. */
struct sy_magazine *sy_magazine_take (void);

/* Gives an empty magazine back. */
void sy_magazine_give (struct sy_magazine *magazine);

/* Bytes of magazines, in use or not. */
size_t sy_magazine_committed_bytes (void);

/* A stack of magazines.  Zero is an empty one. */
struct sy_depot {
  AO_t head;  /* number and tag; the tag changes with every push and pop, so that a head seen twice is the same head */
#if UINTPTR_MAX <= 0xffffffffu
  AO_t tag;   /* beside the number, changed with it by a double-width compare-and-swap */
#endif
} SY_ALIGNED (2 * sizeof (void *));

void sy_depot_push (struct sy_depot *depot, struct sy_magazine *magazine);
struct sy_magazine *sy_depot_pop (struct sy_depot *depot);

/* How many magazines; a guess while others push and pop. */
unsigned sy_depot_depth (const struct sy_depot *depot);

/* Empties a depot that nobody else uses and sets its tag; tests start it near the wrap. */
void sy_depot_reset (struct sy_depot *depot, uint64_t tag);

/* For fork: the lock of the magazines' arena. */
struct sy_lock *sy_magazine_lock (void);

#endif
