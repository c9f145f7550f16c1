/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "heap/fallback.h"

#include <string.h>

#include "base/os.h"

static uintptr_t
mixed (uintptr_t address)
{
  /* Fibonacci hashing; the high half is well mixed. */
  return (uintptr_t) ((uint64_t) (address >> 4) * UINT64_C (0x9e3779b97f4a7c15) >> 32);
}

static struct sy_fallback_stripe *
stripe_of (struct sy_fallback *fallback, uintptr_t address)
{
  return &fallback->stripe[mixed (address) % SY_FALLBACK_STRIPES];
}

static size_t
home_of (const struct sy_fallback_stripe *stripe, uintptr_t address)
{
  return mixed (address) / SY_FALLBACK_STRIPES & (stripe->entries - 1);
}

/* The index of the address in the table, or of the free entry where it would go.  The table has
   a free entry. */
static size_t
find (const struct sy_fallback_stripe *stripe, uintptr_t address)
{
  size_t at = home_of (stripe, address);

  while (stripe->table[at] != 0 && stripe->table[at] != address)
    at = (at + 1) & (stripe->entries - 1);
  return at;
}

static void
grow_table (struct sy_fallback_stripe *stripe)
{
  struct sy_fallback_stripe next = *stripe;

  next.entries = stripe->entries == 0 ? SY_FALLBACK_FIRST : 2 * stripe->entries;
  next.table = sy_os_map (next.entries * sizeof *next.table);
  if (next.table == NULL)
    return;
  for (size_t at = 0; at < stripe->entries; at++)
    if (stripe->table[at] != 0)
      next.table[find (&next, stripe->table[at])] = stripe->table[at];
  if (stripe->table != NULL)
    sy_os_unmap (stripe->table, stripe->entries * sizeof *stripe->table);
  stripe->table = next.table;
  stripe->entries = next.entries;
}

void
sy_fallback_open (struct sy_fallback *fallback)
{
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    sy_lock_set_rank (&fallback->stripe[at].lock, SY_RANK_FALLBACK);
}

void
sy_fallback_close (struct sy_fallback *fallback, void (*give_back) (void *block))
{
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    {
      struct sy_fallback_stripe *stripe = &fallback->stripe[at];

      for (size_t entry = 0; entry < stripe->entries; entry++)
        if (stripe->table[entry] != 0)
          give_back ((void *) stripe->table[entry]);
      if (stripe->table != NULL)
        sy_os_unmap (stripe->table, stripe->entries * sizeof *stripe->table);
    }
}

void
sy_fallback_add (struct sy_fallback *fallback, const void *block)
{
  struct sy_fallback_stripe *stripe = stripe_of (fallback, (uintptr_t) block);

  sy_lock_take (&stripe->lock);
  if (2 * stripe->used >= stripe->entries)
    grow_table (stripe);
  if (stripe->used + 1 < stripe->entries)
    {
      stripe->table[find (stripe, (uintptr_t) block)] = (uintptr_t) block;
      stripe->used++;
    }
  else
    stripe->untracked++;
  sy_lock_release (&stripe->lock);
}

/* Empties an entry, and moves later entries so that each is still found from its home on (Knuth,
   volume 3, 6.4, algorithm R). */
static void
close_gap (struct sy_fallback_stripe *stripe, size_t gap)
{
  size_t mask = stripe->entries - 1;

  for (size_t at = (gap + 1) & mask; stripe->table[at] != 0; at = (at + 1) & mask)
    {
      size_t home = home_of (stripe, stripe->table[at]);

      if (((at - home) & mask) >= ((at - gap) & mask))
        {
          stripe->table[gap] = stripe->table[at];
          gap = at;
        }
    }
  stripe->table[gap] = 0;
}

bool
sy_fallback_remove (struct sy_fallback *fallback, const void *block)
{
  struct sy_fallback_stripe *stripe = stripe_of (fallback, (uintptr_t) block);
  bool known = false;

  sy_lock_take (&stripe->lock);
  if (stripe->entries != 0)
    {
      size_t at = find (stripe, (uintptr_t) block);

      known = stripe->table[at] != 0;
      if (known)
        {
          close_gap (stripe, at);
          stripe->used--;
        }
    }
  if (!known && stripe->untracked != 0)
    {
      stripe->untracked--;
      known = true;
    }
  sy_lock_release (&stripe->lock);
  return known;
}

/* Has the block an entry?  If not, might it be one without an entry? */
static void
look_up (struct sy_fallback *fallback, const void *block, bool *tracked, bool *possible)
{
  struct sy_fallback_stripe *stripe = stripe_of (fallback, (uintptr_t) block);

  sy_lock_take (&stripe->lock);
  *tracked = stripe->entries != 0 && stripe->table[find (stripe, (uintptr_t) block)] != 0;
  *possible = *tracked || stripe->untracked != 0;
  sy_lock_release (&stripe->lock);
}

bool
sy_fallback_has (struct sy_fallback *fallback, const void *block)
{
  bool tracked, possible;

  look_up (fallback, block, &tracked, &possible);
  return tracked;
}

bool
sy_fallback_may_have (struct sy_fallback *fallback, const void *block)
{
  bool tracked, possible;

  look_up (fallback, block, &tracked, &possible);
  return possible;
}

void
sy_fallback_forget (struct sy_fallback *fallback)
{
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    {
      struct sy_fallback_stripe *stripe = &fallback->stripe[at];

      if (stripe->table != NULL)
        memset (stripe->table, 0, stripe->entries * sizeof *stripe->table);
      stripe->used = stripe->untracked = 0;
    }
}

void
sy_fallback_lock (struct sy_fallback *fallback)
{
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    sy_lock_take (&fallback->stripe[at].lock);
}

void
sy_fallback_unlock (struct sy_fallback *fallback)
{
  for (unsigned at = 0; at < SY_FALLBACK_STRIPES; at++)
    sy_lock_release (&fallback->stripe[at].lock);
}
