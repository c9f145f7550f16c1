/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "epoch/limbo.h"

#include <string.h>

#include "base/bug.h"

void
sy_limbo_open (struct sy_limbo *limbo, size_t limit)
{
  sy_lock_set_rank (&limbo->lock, SY_RANK_LIMBO);
  sy_epoch_open (&limbo->epoch);
  limbo->limit = limit == 0 ? SY_LIMBO_BYTES : limit;
  sy_limbo_note_threads (limbo, 1);
}

bool
sy_limbo_charge (struct sy_limbo *limbo, size_t bytes)
{
  return sy_shared_charge (&limbo->charged, limbo->limit, bytes);
}

void
sy_limbo_discharge (struct sy_limbo *limbo, size_t bytes)
{
  sy_shared_add (&limbo->charged, (AO_t) 0 - bytes);
}

/*
 * If SY_LIMBO_SCAN_BAGS or more bags wait, moves the bag's blocks into the last bag, which takes
 * the later stamp.  False: another class, or no room.
 */
static bool
join_last (struct sy_limbo *limbo, const struct sy_magazine *bag, AO_t epoch)
{
  struct sy_magazine *last = limbo->last;
  const struct sy_bag_note *note = (const struct sy_bag_note *) (const void *) bag->slot;
  void **end;

  if (limbo->bags < SY_LIMBO_SCAN_BAGS || sy_bag_note (last)->class != note->class
      || (unsigned) last->rounds + bag->rounds > sy_bag_capacity (note->class))
    return false;
  end = sy_magazine_end (last) - last->rounds;
  memcpy (end - bag->rounds, bag->slot + SY_MAGAZINE_SLOTS - bag->rounds,
          bag->rounds * sizeof *end);
  (void) sy_magazine_clear (last, last->rounds + bag->rounds);
  sy_bag_note (last)->bytes += note->bytes;
  sy_bag_note (last)->epoch = epoch;
  return true;
}

bool
sy_limbo_seal (struct sy_limbo *limbo, struct sy_magazine *bag)
{
  struct sy_bag_note *note = sy_bag_note (bag);

  note->next = NULL;
  /* Before it is seen: whoever takes it out subtracts. */
  sy_shared_add (&limbo->blocks, bag->rounds);
  sy_shared_add (&limbo->bytes, note->bytes);
  sy_lock_take (&limbo->lock);
  note->epoch = sy_epoch_advance (&limbo->epoch);

  bool joined = join_last (limbo, bag, note->epoch);

  if (!joined)
    {
      if (limbo->last == NULL)
        limbo->first = bag;
      else
        sy_bag_note (limbo->last)->next = bag;
      limbo->last = bag;
      limbo->bags++;
    }
  limbo->unscanned_bags++;
  limbo->unscanned_bytes += note->bytes;

  bool due = limbo->unscanned_bytes >= AO_load (&limbo->scan_bytes)
             || limbo->unscanned_bags >= SY_LIMBO_SCAN_BAGS;

  if (due)
    limbo->unscanned_bytes = limbo->unscanned_bags = 0;
  sy_lock_release (&limbo->lock);
  if (joined)
    sy_magazine_give (bag);
  return due;
}

void
sy_limbo_postpone_scan (struct sy_limbo *limbo)
{
  AO_store (&limbo->scan_is_pending, 1);
}

bool
sy_limbo_claim_scan (struct sy_limbo *limbo)
{
  /* Relaxed: a hint; two threads that see it both scan. */
  if (AO_load (&limbo->scan_is_pending) == 0)
    return false;
  AO_store (&limbo->scan_is_pending, 0);
  return true;
}

static bool
may_go (struct sy_magazine *bag, AO_t sealed_by, AO_t oldest)
{
  AO_t epoch = sy_bag_note (bag)->epoch;

  return !sy_epoch_before (sealed_by, epoch) && (oldest == 0 || sy_epoch_before (epoch, oldest));
}

bool
sy_limbo_is_valid (const struct sy_limbo *limbo)
{
  struct sy_magazine *last = NULL;
  size_t bags = 0, bytes = 0, blocks = 0;

  for (struct sy_magazine *bag = limbo->first; bag != NULL; bag = sy_bag_note (bag)->next)
    {
      if (last != NULL && !sy_epoch_before (sy_bag_note (last)->epoch, sy_bag_note (bag)->epoch))
        return false;
      bags++;
      bytes += sy_bag_note (bag)->bytes;
      blocks += bag->rounds;
      last = bag;
    }
  return last == limbo->last && bags == limbo->bags && bytes <= AO_load (&limbo->bytes)
         && blocks <= AO_load (&limbo->blocks) && bytes <= AO_load (&limbo->charged);
}

struct sy_magazine *
sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most)
{
  sy_lock_take (&limbo->lock);
  if (SY_DEBUG && !sy_limbo_is_valid (limbo))
    sy_bug ("reclaim", limbo, "sealed bags are out of order, or wrongly counted");

  struct sy_magazine *chain = limbo->first, *last = NULL;

  for (unsigned taken = 0;
       taken < most && limbo->first != NULL && may_go (limbo->first, sealed_by, oldest); taken++)
    {
      last = limbo->first;
      limbo->first = sy_bag_note (last)->next;
      limbo->bags--;
    }
  if (limbo->first == NULL)
    limbo->last = NULL;
  sy_lock_release (&limbo->lock);
  if (last == NULL)
    return NULL;
  sy_bag_note (last)->next = NULL;
  return chain;
}

void
sy_limbo_freed (struct sy_limbo *limbo, unsigned blocks, size_t bytes)
{
  sy_shared_add (&limbo->blocks, (AO_t) 0 - blocks);
  sy_shared_add (&limbo->bytes, (AO_t) 0 - bytes);
  sy_shared_add (&limbo->reclaimed, blocks);
  sy_limbo_discharge (limbo, bytes);
}

void
sy_limbo_note_threads (struct sy_limbo *limbo, unsigned threads)
{
  size_t bytes = (threads < SY_LIMBO_SCAN_THREADS ? threads : SY_LIMBO_SCAN_THREADS)
                 * SY_LIMBO_SCAN_BYTES;

  AO_store (&limbo->scan_bytes, bytes < limbo->limit / 4 ? bytes : limbo->limit / 4);
}

void
sy_limbo_note_bytes (struct sy_limbo *limbo, size_t bytes)
{
  sy_shared_raise (&limbo->high_bytes, bytes < limbo->limit ? bytes : limbo->limit);
}

uint64_t
sy_limbo_since_ns (struct sy_limbo *limbo)
{
  sy_lock_take (&limbo->lock);

  uint64_t since_ns = limbo->first == NULL ? 0 : sy_bag_note (limbo->first)->since_ns;

  sy_lock_release (&limbo->lock);
  return since_ns;
}

void
sy_limbo_after_fork (struct sy_limbo *limbo, size_t own_bytes)
{
  AO_t bytes = 0, blocks = 0;

  for (struct sy_magazine *bag = limbo->first; bag != NULL; bag = sy_bag_note (bag)->next)
    {
      bytes += sy_bag_note (bag)->bytes;
      blocks += bag->rounds;
    }
  /* To write what is there already would cost the child a copy of the page. */
  if (AO_load (&limbo->blocks) != blocks)
    AO_store (&limbo->blocks, blocks);
  if (AO_load (&limbo->bytes) != bytes)
    AO_store (&limbo->bytes, bytes);
  if (AO_load (&limbo->charged) != bytes + own_bytes)
    AO_store (&limbo->charged, bytes + own_bytes);
}
