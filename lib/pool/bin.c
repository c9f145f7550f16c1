/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/bin.h"

#include "base/bug.h"
#include "base/os.h"

void
sy_bin_open (struct sy_bin *bin)
{
  sy_timed_lock_init (&bin->lock, SY_RANK_BIN);
  for (unsigned list = 0; list < SY_BIN_LISTS; list++)
    bin->list[list] = SY_SLAB_NONE;
  for (unsigned walk = 0; walk < SY_WALKS; walk++)
    sy_bin_walk_begin (bin, walk);
}

static uint8_t
fullness (const struct sy_slab *slab)
{
  return (uint8_t) (slab->free_count * SY_BIN_FULLNESSES
                    / (sy_size_classes[slab->class].blocks + 1));
}

static bool
slab_is_empty (const struct sy_slab *slab)
{
  return slab->free_count == sy_size_classes[slab->class].blocks;
}

static void
list_insert (struct sy_bin *bin, uint32_t number, uint8_t list)
{
  struct sy_slab *slab = sy_slab_at (number);

  slab->list = list;
  slab->prev = SY_SLAB_NONE;
  slab->next = bin->list[list];
  if (slab->next != SY_SLAB_NONE)
    sy_slab_at (slab->next)->prev = number;
  bin->list[list] = number;
}

static void
slab_list_remove (struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = sy_slab_at (number);

  if (slab->prev != SY_SLAB_NONE)
    sy_slab_at (slab->prev)->next = slab->next;
  else
    bin->list[slab->list] = slab->next;
  if (slab->next != SY_SLAB_NONE)
    sy_slab_at (slab->next)->prev = slab->prev;
  for (unsigned walk = 0; walk < SY_WALKS; walk++)
    if (bin->walk[walk].slab == number)
      bin->walk[walk].slab = slab->next;
}

/* Files a slab again whose free_count has changed, and which is in a list: into the list of its
   fullness, or into none if it is full. */
static void
list_again (struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = sy_slab_at (number);

  if (slab->free_count != 0 && fullness (slab) == slab->list)
    return;
  slab_list_remove (bin, number);
  if (slab->free_count != 0)
    list_insert (bin, number, fullness (slab));
}

void
sy_bin_join (struct sy_bin *bin, uint32_t number)
{
  struct sy_slab *slab = sy_slab_at (number);

  list_insert (bin, number, fullness (slab));
  sy_own_add (&bin->slabs, 1);
  sy_own_add (&bin->free_blocks, slab->free_count);
}

/* Lets an empty slab, which is in a list, leave the bin. */
static void
slab_leave (struct sy_bin *bin, uint32_t number)
{
  slab_list_remove (bin, number);
  sy_own_add (&bin->slabs, (AO_t) -1);
  sy_own_add (&bin->free_blocks, (AO_t) 0 - sy_slab_at (number)->free_count);
}

unsigned
sy_bin_carve (struct sy_bin *bin, unsigned count, void **top, bool *zeroed)
{
  unsigned taken = 0;

  for (unsigned list = 0; list < SY_BIN_LISTS && taken < count;)
    {
      uint32_t number = bin->list[list];

      if (number == SY_SLAB_NONE)
        {
          list++;
          continue;
        }
      taken += sy_slab_take (sy_slab_at (number), sy_region_address (number), count - taken,
                             top - taken, zeroed);
      list_again (bin, number);
    }
  sy_own_add (&bin->free_blocks, (AO_t) 0 - taken);
  return taken;
}

void
sy_bin_populate (const struct sy_bin *bin, unsigned class, void *const *top, unsigned count)
{
  size_t page = sy_os_page_bytes (), mask = SY_POPULATE_PAGES * page - 1,
         bytes = sy_size_classes[class].bytes;
  const char *first = top[-1], *last = top[-(ptrdiff_t) count],
             *slab = sy_region_address (sy_region_slab_of (last));
  /* The first may lie in another slab, anywhere. */
  uintptr_t from = ((uintptr_t) (first > slab ? first : slab) + mask) & ~mask,
            to = ((uintptr_t) last + bytes + mask) & ~mask;

  /* Relaxed: a bound.  Of larger blocks than a page some pages may never be touched. */
  if (from < to && bytes <= page && mask < SY_UNIT_BYTES
      && AO_load (&bin->slabs) >= SY_POPULATE_SLABS)
    (void) sy_os_populate ((void *) from, to - from);
}

unsigned
sy_bin_block (uint32_t number, const void *block, const char *call)
{
  const struct sy_size_class *class = &sy_size_classes[sy_slab_class (number)];
  size_t offset = (uintptr_t) block - (uintptr_t) sy_region_address (number);
  unsigned index = sy_class_block (class, offset);

  if (SY_UNLIKELY (index * (size_t) class->bytes != offset || index >= class->blocks))
    sy_bug (call, block, "points into the middle of a block");
  return index;
}

/* Files a slab of which `count` blocks have become free.  True: it is now empty and has left the
   bin. */
static bool
slab_gained (struct sy_bin *bin, uint32_t number, unsigned count)
{
  struct sy_slab *slab = sy_slab_at (number);

  sy_own_add (&bin->free_blocks, count);
  if (slab->free_count == count)
    list_insert (bin, number, fullness (slab));
  if (slab_is_empty (slab))
    {
      slab_leave (bin, number);
      return true;
    }
  list_again (bin, number);
  return false;
}

unsigned
sy_bin_put (struct sy_bin *bin, uint32_t number, void *const *blocks, unsigned count, bool *emptied)
{
  struct sy_slab *slab = sy_slab_at (number);
  size_t bytes = sy_class_slab_bytes (slab->class);
  unsigned put = 0;

  for (; put < count && (uintptr_t) blocks[put] - (uintptr_t) sy_region_address (number) < bytes;
       put++)
    if (SY_UNLIKELY (!sy_slab_put (slab, sy_bin_block (number, blocks[put], "free"))))
      sy_bug ("free", blocks[put], "block freed twice");
  *emptied = slab_gained (bin, number, put);
  return put;
}

/* ---- Free pages inside slabs that are in use ---- */

void
sy_bin_walk_begin (struct sy_bin *bin, unsigned walk)
{
  bin->walk[walk].slab = SY_SLAB_NONE;
  bin->walk[walk].list = SY_BIN_FULLNESSES;
}

/* The walk's next slab.  SY_SLAB_NONE: the walk is at its end. */
static uint32_t
walk_next (struct sy_bin *bin, unsigned number)
{
  struct sy_bin_walk *walk = &bin->walk[number];
  unsigned last = number == SY_WALK_ALL ? 0 : SY_BIN_FULLNESSES / 2;
  uint32_t slab;

  while (walk->slab == SY_SLAB_NONE && walk->list > last)
    walk->slab = bin->list[--walk->list];
  slab = walk->slab;
  if (slab != SY_SLAB_NONE)
    walk->slab = sy_slab_at (slab)->next;
  return slab;
}

/* Takes out the slab's hole.  False: it has none, or has not changed since its last one, or it has
   changed since the last look and only idle slabs are wanted. */
static bool
take_hole (struct sy_bin *bin, uint32_t number, bool idle_only, struct sy_hole *hole)
{
  struct sy_slab *slab = sy_slab_at (number);
  bool fits = !idle_only || slab->last_free_count == slab->free_count;

  slab->last_free_count = slab->free_count;
  if (!fits || slab->purged == slab->free_count)
    return false;
  slab->purged = slab->free_count;
  hole->slab = number;
  hole->count = sy_slab_take_pages (slab, &hole->bits, sy_os_page_bytes ());
  if (hole->count == 0)
    return false;
  sy_own_add (&bin->free_blocks, (AO_t) 0 - hole->count);
  slab_list_remove (bin, number);
  if (slab->free_count != 0)
    list_insert (bin, number, SY_BIN_PURGED);
  return true;
}

unsigned
sy_bin_take_holes (struct sy_bin *bin, unsigned walk, struct sy_hole *holes, unsigned most,
                   bool *at_end)
{
  unsigned found = 0;

  *at_end = false;
  for (unsigned looked = 0; looked < SY_PURGE_LOOKS && found < most; looked++)
    {
      uint32_t number = walk_next (bin, walk);

      if (number == SY_SLAB_NONE)
        {
          sy_bin_walk_begin (bin, walk);
          *at_end = true;
          break;
        }
      found += take_hole (bin, number, walk == SY_WALK_IDLE, &holes[found]);
    }
  return found;
}

bool
sy_bin_put_hole (struct sy_bin *bin, const struct sy_hole *hole)
{
  struct sy_slab *slab = sy_slab_at (hole->slab);
  unsigned before = slab->free_count;

  if (SY_UNLIKELY (!sy_slab_put_all (slab, &hole->bits, hole->count)))
    sy_bug ("free", sy_region_address (hole->slab), "a block of this slab was freed twice");
  sy_own_add (&bin->free_blocks, hole->count);
  if (before == 0)
    list_insert (bin, hole->slab, SY_BIN_PURGED);
  else if (slab->list != SY_BIN_PURGED)
    list_again (bin, hole->slab);
  if (!slab_is_empty (slab))
    return false;
  slab_leave (bin, hole->slab);
  return true;
}

bool
sy_bin_is_valid (struct sy_bin *bin)
{
  size_t free_blocks = 0;

  for (uint8_t list = 0; list < SY_BIN_LISTS; list++)
    for (uint32_t number = bin->list[list]; number != SY_SLAB_NONE;
         number = sy_slab_at (number)->next)
      {
        const struct sy_slab *slab = sy_slab_at (number);

        if (slab->list != list || (list != SY_BIN_PURGED && fullness (slab) != list)
            || slab->free_count == 0 || slab_is_empty (slab) || !sy_slab_is_valid (slab))
          return false;
        free_blocks += slab->free_count;
      }
  for (unsigned walk = 0; walk < SY_WALKS; walk++)
    if (bin->walk[walk].slab != SY_SLAB_NONE
        && sy_slab_at (bin->walk[walk].slab)->list != bin->walk[walk].list)
      return false;
  return free_blocks == AO_load (&bin->free_blocks);
}
