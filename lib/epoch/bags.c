/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "epoch/bags.h"

#include "base/bug.h"
#include "base/os.h"

bool
sy_bags_charge (struct sy_bags *bags, struct sy_limbo *limbo, size_t bytes)
{
  size_t share = limbo->limit / SY_LIMBO_SHARE < SY_LIMBO_CREDIT_BYTES
                   ? limbo->limit / SY_LIMBO_SHARE
                   : SY_LIMBO_CREDIT_BYTES;

  if (bags->credit >= bytes)
    return true;
  if (share > bytes && sy_limbo_charge (limbo, share))
    bags->credit += share;
  else if (sy_limbo_charge (limbo, bytes - bags->credit))
    bags->credit = bytes;
  return bags->credit >= bytes;
}

/* When the oldest block of the bags came. */
static void
note_oldest (struct sy_bags *bags)
{
  uint64_t oldest_ns = 0;

  for (unsigned class = 0; class < SY_CLASSES; class++)
    if (AO_load (&bags->top[class]) != 0)
      {
        uint64_t since_ns
          = sy_bag_note (sy_magazine_of ((void **) AO_load (&bags->top[class])))->since_ns;

        oldest_ns = oldest_ns == 0 || since_ns < oldest_ns ? since_ns : oldest_ns;
      }
  AO_store (&bags->since_us, (AO_t) (oldest_ns / 1000));
}

static struct sy_magazine *
start_bag (struct sy_bags *bags, unsigned class)
{
  struct sy_magazine *bag = sy_magazine_take ();

  if (bag == NULL)
    return NULL;

  struct sy_bag_note *note = sy_bag_note (bag);

  note->since_ns = sy_os_now_ns ();
  note->bytes = 0;
  note->class = class;
  AO_store (&bags->top[class], (AO_t) sy_magazine_clear (bag, sy_bag_capacity (class)));
  note_oldest (bags);
  return bag;
}

static bool
seal (struct sy_bags *bags, struct sy_limbo *limbo, unsigned class)
{
  void **top = (void **) AO_load (&bags->top[class]);
  struct sy_magazine *bag = sy_magazine_of (top);

  AO_store (&bags->top[class], 0);
  note_oldest (bags);
  if (!sy_magazine_is_full (top))
    (void) sy_magazine_pack (bag, top);
  if (class != SY_CLASS_HEAP)
    sy_bag_note (bag)->bytes = (size_t) bag->rounds * sy_size_classes[class].bytes;
  sy_own_add (&bags->blocks, (AO_t) 0 - bag->rounds);
  sy_own_add (&bags->bytes, (AO_t) 0 - sy_bag_note (bag)->bytes);
  return sy_limbo_seal (limbo, bag);
}

enum sy_deferral
sy_bags_push (struct sy_bags *bags, struct sy_limbo *limbo, const struct sy_deferred *deferred)
{
  unsigned class = deferred->class;
  bool due = false;

  if (AO_load (&bags->top[class]) == 0)
    {
      if (start_bag (bags, class) == NULL)
        return SY_DEFER_NO_MEMORY;
      due = sy_limbo_claim_scan (limbo);
    }

  void **top = (void **) AO_load (&bags->top[class]);

  if (top[-1] == deferred->block)
    sy_bug ("sydra_free_deferred", deferred->block, "block deferred twice");
  bags->credit -= deferred->bytes;
  if (class == SY_CLASS_HEAP)
    sy_bag_note (sy_magazine_of (top + 1))->bytes += deferred->bytes;
  *top++ = deferred->block;
  AO_store (&bags->top[class], (AO_t) top);
  sy_own_add (&bags->blocks, 1);
  sy_own_add (&bags->bytes, deferred->bytes);
  if (sy_magazine_is_full (top)
      || (class == SY_CLASS_HEAP
          && sy_bag_note (sy_magazine_of (top))->bytes >= AO_load (&limbo->scan_bytes)))
    due = seal (bags, limbo, class) || due;
  return due ? SY_DEFERRED_SCAN_IS_DUE : SY_DEFERRED;
}

bool
sy_bags_seal_all (struct sy_bags *bags, struct sy_limbo *limbo)
{
  bool due = false;

  for (unsigned class = 0; class < SY_CLASSES; class++)
    if (AO_load (&bags->top[class]) != 0)
      due = seal (bags, limbo, class) || due;
  sy_limbo_discharge (limbo, bags->credit);
  bags->credit = 0;
  return due;
}
