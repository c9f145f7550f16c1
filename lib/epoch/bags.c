/* SPDX-License-Identifier: MIT */
#include "epoch/bags.h"

#include "base/bug.h"
#include "base/os.h"

bool
sy_bags_make_room (struct sy_bags *bags, struct sy_limbo *limbo, size_t bytes)
{
  size_t share = limbo->limit / SY_LIMBO_SHARE < SY_LIMBO_ROOM_BYTES ? limbo->limit / SY_LIMBO_SHARE : SY_LIMBO_ROOM_BYTES;

  if (bags->room >= bytes)
    return true;
  if (share > bytes && sy_limbo_charge (limbo, share))
    bags->room += share;
  else if (sy_limbo_charge (limbo, bytes - bags->room))
    bags->room = bytes;
  return bags->room >= bytes;
}

/* When the oldest block of the bags came. */
static void
note_oldest (struct sy_bags *bags)
{
  uint64_t oldest_ns = 0;

  for (unsigned class = 0; class < SY_CLASSES; class++)
    if (AO_load (&bags->top[class]) != 0)
      {
        uint64_t since_ns = sy_bag_note (sy_magazine_of ((void **) AO_load (&bags->top[class])))->since_ns;

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
  AO_store (&bags->top[class], (AO_t) sy_magazine_clear (bag, sy_bag_rounds (class)));
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
  if (class != 0)
    sy_bag_note (bag)->bytes = (size_t) bag->rounds * sy_size_classes[class].bytes;
  sy_own_add (&bags->blocks, (AO_t) 0 - bag->rounds);
  sy_own_add (&bags->bytes, (AO_t) 0 - sy_bag_note (bag)->bytes);
  return sy_limbo_seal (limbo, bag);
}

enum sy_bags_result
sy_bags_push (struct sy_bags *bags, struct sy_limbo *limbo, unsigned class, void *block, size_t bytes)
{
  bool due = false;

  if (AO_load (&bags->top[class]) == 0)
    {
      if (start_bag (bags, class) == NULL)
        return SY_BAGS_NO_MEMORY;
      due = sy_limbo_was_left_due (limbo);
    }

  void **top = (void **) AO_load (&bags->top[class]);

  if (top[-1] == block)
    sy_bug ("sydra_free_deferred", block, "block deferred twice");
  bags->room -= bytes;
  if (class == 0)
    sy_bag_note (sy_magazine_of (top + 1))->bytes += bytes;
  *top++ = block;
  AO_store (&bags->top[class], (AO_t) top);
  sy_own_add (&bags->blocks, 1);
  sy_own_add (&bags->bytes, bytes);
  if (sy_magazine_is_full (top) || (class == 0 && sy_bag_note (sy_magazine_of (top))->bytes >= AO_load (&limbo->look_bytes)))
    due = seal (bags, limbo, class) || due;
  return due ? SY_BAGS_DUE : SY_BAGS_HELD;
}

bool
sy_bags_empty (struct sy_bags *bags, struct sy_limbo *limbo)
{
  bool due = false;

  for (unsigned class = 0; class < SY_CLASSES; class++)
    if (AO_load (&bags->top[class]) != 0)
      due = seal (bags, limbo, class) || due;
  sy_limbo_discharge (limbo, bags->room);
  bags->room = 0;
  return due;
}
