/* SPDX-License-Identifier: MIT */
#include "region.h"

#include "arena.h"
#include "lock.h"
#include "os.h"

struct sy_region sy_region;

static struct {
  struct sy_lock lock;
  struct sy_arena range, slabs, bits;
  uint32_t fresh;        /* the first slab never used */
  uint32_t spare, clean; /* heads of the lists */
  uint32_t spare_count;
  uint32_t spare_low;    /* the fewest spares since reaped_ns: what nobody needed */
  uint64_t reaped_ns;
} state = { SY_LOCK_INIT (SY_RANK_REGION), { NULL, 0, 0, 0 }, { NULL, 0, 0, 0 }, { NULL, 0, 0, 0 }, 0, SY_SLAB_NONE, SY_SLAB_NONE, 0, 0, 0 };

static bool
open_locked (void)
{
  struct sy_arena range, slabs, bits;

  if (sy_region.bytes != 0)
    return true;
  if (!sy_arena_open (&range, SY_RANGE_BYTES, SY_RANGE_BYTES_MIN, SY_RANGE_LIMIT_SHARE))
    return false;

  size_t count = range.reserved >> SY_SLAB_SHIFT;
  bool slabs_open = sy_arena_open (&slabs, count * sizeof (struct sy_slab), count * sizeof (struct sy_slab), 1);
  bool bits_open = slabs_open && sy_arena_open (&bits, count * sizeof (struct sy_slab_bits), count * sizeof (struct sy_slab_bits), 1);

  if (!bits_open)
    {
      if (slabs_open)
        sy_os_unmap (slabs.base, slabs.reserved);
      sy_os_unmap (range.base, range.reserved);
      return false;
    }

  /* The range starts at a page; its first whole slab may lie a little further. */
  size_t skip = -(uintptr_t) range.base & (SY_SLAB_BYTES - 1);

  range.base += skip;
  range.reserved = (range.reserved - skip) & ~(SY_SLAB_BYTES - 1);
  state.range = range;
  state.slabs = slabs;
  state.bits = bits;
  sy_region.base = range.base;
  sy_region.slabs = (struct sy_slab *) (void *) slabs.base;
  sy_region.bits = (struct sy_slab_bits *) (void *) bits.base;
  sy_region.bytes = range.reserved;
  return true;
}

bool
sy_region_open (void)
{
  sy_lock_take (&state.lock);

  bool open = open_locked ();

  sy_lock_release (&state.lock);
  return open;
}

uint32_t
sy_region_slabs_used (void)
{
  sy_lock_take (&state.lock);

  uint32_t used = state.fresh;

  sy_lock_release (&state.lock);
  return used;
}

static uint32_t
list_pop (uint32_t *head)
{
  uint32_t slab = *head;

  if (slab != SY_SLAB_NONE)
    *head = sy_region.slabs[slab].next;
  return slab;
}

static void
list_push (uint32_t *head, uint32_t slab)
{
  sy_region.slabs[slab].next = *head;
  *head = slab;
}

static uint32_t
fresh_slab (void)
{
  size_t count = (size_t) state.fresh + 1;

  if (count > sy_region_slab_count ()
      || !sy_arena_grow (&state.slabs, count * sizeof (struct sy_slab), SY_COMMIT_SLABS * sizeof (struct sy_slab))
      || !sy_arena_grow (&state.bits, count * sizeof (struct sy_slab_bits), SY_COMMIT_SLABS * sizeof (struct sy_slab_bits))
      || !sy_arena_grow (&state.range, count * SY_SLAB_BYTES, SY_COMMIT_SLABS * SY_SLAB_BYTES))
    return SY_SLAB_NONE;
  return state.fresh++;
}

uint32_t
sy_region_take (void)
{
  sy_lock_take (&state.lock);

  uint32_t slab = list_pop (&state.spare);

  if (slab != SY_SLAB_NONE)
    {
      state.spare_count--;
      if (state.spare_count < state.spare_low)
        state.spare_low = state.spare_count;
    }
  else
    {
      state.spare_low = 0;
      slab = list_pop (&state.clean);
      if (slab == SY_SLAB_NONE)
        slab = fresh_slab ();
    }
  sy_lock_release (&state.lock);
  return slab;
}

void
sy_region_give (uint32_t first, unsigned count)
{
  sy_lock_take (&state.lock);
  for (unsigned given = 0; given < count; given++)
    {
      uint32_t slab = first;

      first = sy_region.slabs[slab].next;
      list_push (&state.spare, slab);
    }
  state.spare_count += count;
  sy_lock_release (&state.lock);
}

/* Takes up to count spare slabs out of the list, chained by next. */
static uint32_t
detach_spares (uint32_t count, uint32_t *taken)
{
  uint32_t chain = SY_SLAB_NONE;

  for (*taken = 0; *taken < count && state.spare != SY_SLAB_NONE; ++*taken)
    list_push (&chain, list_pop (&state.spare));
  state.spare_count -= *taken;
  return chain;
}

/* Gives a chain's pages back, outside the lock, and files the slabs as clean; those that the system refuses stay spare.  Bytes given. */
static size_t
clean_chain (uint32_t chain)
{
  uint32_t cleaned = SY_SLAB_NONE, refused = SY_SLAB_NONE, refusals = 0, slab;
  size_t bytes = 0;

  while ((slab = list_pop (&chain)) != SY_SLAB_NONE)
    if (sy_os_discard (sy_region_address (slab), SY_SLAB_BYTES))
      {
        list_push (&cleaned, slab);
        bytes += SY_SLAB_BYTES;
      }
    else
      {
        list_push (&refused, slab);
        refusals++;
      }

  sy_lock_take (&state.lock);
  while ((slab = list_pop (&cleaned)) != SY_SLAB_NONE)
    list_push (&state.clean, slab);
  while ((slab = list_pop (&refused)) != SY_SLAB_NONE)
    list_push (&state.spare, slab);
  state.spare_count += refusals;
  sy_lock_release (&state.lock);
  return bytes;
}

void
sy_region_reap (uint64_t now_ns)
{
  uint32_t chain = SY_SLAB_NONE, taken = 0;

  if (!sy_lock_try (&state.lock))
    return;
  if (now_ns - state.reaped_ns >= SY_REAP_NS)
    {
      uint32_t unused = state.spare_low < state.spare_count ? state.spare_low : state.spare_count;

      chain = detach_spares (unused < SY_REAP_SLABS ? unused : SY_REAP_SLABS, &taken);
      if (taken < unused)
        state.spare_low -= taken;  /* the rest at the next calls */
      else
        {
          state.spare_low = state.spare_count;
          state.reaped_ns = now_ns;
        }
    }
  sy_lock_release (&state.lock);
  if (taken != 0)
    (void) clean_chain (chain);
}

size_t
sy_region_trim (void)
{
  uint32_t taken;

  sy_lock_take (&state.lock);

  uint32_t chain = detach_spares (UINT32_MAX, &taken);

  state.spare_low = 0;
  sy_lock_release (&state.lock);
  return clean_chain (chain);
}

size_t
sy_region_spare_bytes (void)
{
  sy_lock_take (&state.lock);

  size_t bytes = state.spare_count * SY_SLAB_BYTES;

  sy_lock_release (&state.lock);
  return bytes;
}

struct sy_lock *
sy_region_lock (void)
{
  return &state.lock;
}
