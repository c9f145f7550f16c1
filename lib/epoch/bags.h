/* SPDX-License-Identifier: MIT */
/*
 * bags.h: the bags that one thread fills with deferred blocks, one a size class.  A full one is
 * sealed and goes into limbo.
 *
 * The thread works on its bags between sy_bags_begin and sy_bags_end, at the price of two stores.
 * Another thread may take the bags of one that is not at work.  The taker sets `wanted`, makes the
 * barrier of epoch.h and reads `working`.  The thread sets `working`, makes the fence and reads
 * `wanted`.  At least one of them sees the other.
 *
 * | field         | written by, read by              | order                                      |
 * | working       | the thread; a taker              | set: fence, pairs with the taker's barrier |
 * |               |                                  | cleared: release, pairs with the taker's   |
 * |               |                                  | acquire: it sees the bags as they are left |
 * | wanted        | a taker, under the domain's lock;| cleared: release, pairs with the acquire   |
 * |               | the thread                       | in sy_bags_begin                           |
 * | top, credit   | whoever is at work               | by the above                               |
 * | blocks, bytes | whoever is at work; statistics   | relaxed                                    |
 */
#ifndef SY_BAGS_H
#define SY_BAGS_H

#include "epoch/limbo.h"

struct sy_bags {
  AO_t top[SY_CLASSES];          /* 0: no bag */
  AO_t working, wanted;
  AO_t blocks, bytes;            /* in the bags now */
  AO_t last_blocks, last_bytes;  /* at the last scan; under the domain's lock, as the next */
  bool is_idle;                  /* then: unchanged since the scan before, or with something old */
  AO_t since_us;                 /* when the oldest came, in microseconds; 0: they are empty */
  size_t credit;                 /* bytes that are charged and not used yet */
};

/* A block that is to wait. */
struct sy_deferred {
  void *block;
  size_t bytes;
  unsigned class;
};

/* What came of it.  From SY_DEFER_NO_MEMORY on it does not wait, and nothing has changed. */
enum sy_deferral {
  SY_DEFERRED,
  SY_DEFERRED_SCAN_IS_DUE,  /* it waits, and the caller should make a scan */
  SY_DEFER_NO_MEMORY,
  SY_DEFER_OVER_LIMIT
};

/* False: a taker wants the bags.  The caller calls sy_bags_end, waits for the
   taker and begins again. */
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

/* The following are for the thread that is at work on them. */

/* Charges so many bytes, in advance for the blocks to come where the limit allows.  False: over
   it. */
bool sy_bags_charge (struct sy_bags *bags, struct sy_limbo *limbo, size_t bytes);

/* Puts a block whose bytes are charged into its class's bag. */
enum sy_deferral sy_bags_push (struct sy_bags *bags, struct sy_limbo *limbo,
                               const struct sy_deferred *deferred);

/* The same where the class has a bag that stays open, and there is credit.  False: nothing has
   changed. */
static inline bool
sy_bags_push_fast (struct sy_bags *bags, unsigned class, void *block)
{
  void **top = (void **) AO_load (&bags->top[class]);
  size_t bytes = sy_size_classes[class].bytes;

  if (SY_UNLIKELY (top == NULL || sy_magazine_is_full (top + 1) || bags->credit < bytes
                   || top[-1] == block))
    return false;
  *top = block;
  sy_own_add (&bags->top[class], sizeof *top);
  bags->credit -= bytes;
  sy_own_add (&bags->blocks, 1);
  sy_own_add (&bags->bytes, bytes);
  return true;
}

/* Seals all bags and gives the credit back.  True: a scan is due. */
bool sy_bags_seal_all (struct sy_bags *bags, struct sy_limbo *limbo);

#endif
