/* SPDX-License-Identifier: MIT */
/*
 * bags.h: the bags that one thread fills with deferred blocks, one a class, until each is full and goes into limbo.
 *
 * Only the thread itself works on its bags, between sy_bags_begin and sy_bags_end, at the price of two stores.  Who collects for all may take
 * the bags of a thread that is not at work: it says so in `wanted`, makes the barrier of epoch.h, and looks at `working`; the thread stores
 * `working`, makes the fence, and looks at `wanted`; at least one of them sees the other.
 *
 * | field             | who writes, who reads                    | order                                                                |
 * | working           | the thread; a taker                      | set: fence, pairs with the taker's barrier; cleared: release, pairs  |
 * |                   |                                          | with the taker's acquire: it sees the bags as they were left         |
 * | wanted            | a taker, under the registry lock; thread | cleared: release, pairs with the thread's acquire in sy_bags_begin   |
 * | top, room         | who is at work                           | by the above                                                         |
 * | blocks, bytes ... | who is at work; statistics               | relaxed                                                              |
 */
#ifndef SY_BAGS_H
#define SY_BAGS_H

#include "epoch/limbo.h"

struct sy_bags {
  AO_t top[SY_CLASSES];      /* 0: no bag */
  AO_t working, wanted;
  AO_t blocks, bytes;        /* in the bags now */
  AO_t blocks_met, bytes_met;  /* when last looked at; under the registry lock */
  AO_t since_us;             /* when the oldest of them came, in microseconds; 0: they are empty */
  size_t room;               /* bytes that are charged and not used yet */
};

/* False: wanted by a taker; the caller ends, waits for it and begins again. */
static inline bool
sy_bags_begin (struct sy_bags *bags)
{
  AO_store (&bags->working, 1);
  sy_epoch_fence ();
  return SY_LIKELY (AO_load_acquire (&bags->wanted) == 0);
}

static inline void
sy_bags_end (struct sy_bags *bags)
{
  AO_store_release (&bags->working, 0);
}

/* The following are for who is at work on them. */

/* Room for a block of so many bytes.  False: that is over the limit. */
bool sy_bags_make_room (struct sy_bags *bags, struct sy_limbo *limbo, size_t bytes);

enum sy_bags_result { SY_BAGS_HELD, SY_BAGS_DUE, SY_BAGS_NO_MEMORY };

/* Puts the block into its class's bag; there is room for it.  DUE: the caller should look for what may go from limbo. */
enum sy_bags_result sy_bags_push (struct sy_bags *bags, struct sy_limbo *limbo, unsigned class, void *block, size_t bytes);

/* The same where there is an open bag of the class with room for more than this block, and room charged.  False: nothing done. */
static inline bool
sy_bags_push_fast (struct sy_bags *bags, unsigned class, void *block)
{
  void **top = (void **) AO_load (&bags->top[class]);
  size_t bytes = sy_size_classes[class].bytes;

  if (SY_UNLIKELY (top == NULL || sy_magazine_is_full (top + 1) || bags->room < bytes || top[-1] == block))
    return false;
  *top = block;
  sy_own_add (&bags->top[class], sizeof *top);
  bags->room -= bytes;
  sy_own_add (&bags->blocks, 1);
  sy_own_add (&bags->bytes, bytes);
  return true;
}

/* Seals all bags, and gives back what room is left.  True: the caller may look for what can go from limbo. */
bool sy_bags_empty (struct sy_bags *bags, struct sy_limbo *limbo);

#endif
