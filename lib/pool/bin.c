/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/bin.h"

#include "base/bug.h"
#include "base/os.h"

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

/* The least free_count of a slab that is emptier than those of the list, or empty. */
static uint16_t
file_at (const struct sy_slab *slab, uint8_t list)
{
  unsigned blocks = sy_size_classes[slab->class].blocks,
           next = ((list + 1u) * (blocks + 1) + SY_BIN_FULLNESSES - 1) / SY_BIN_FULLNESSES;

  return list == SY_BIN_PURGED ? 0 : (uint16_t) (next < blocks ? next : blocks);
}

/* So many free blocks fewer. */
static void
lose (struct sy_bin *bin, size_t count)
{
  AO_t free_blocks = AO_load (&bin->free_blocks) - count;

  AO_store (&bin->free_blocks, free_blocks);
  if (AO_load (&bin->free_low) > free_blocks)
    AO_store (&bin->free_low, free_blocks);
}

static void
list_insert (struct sy_bin *bin, struct sy_slab *slab, uint8_t list)
{
  slab->list = list;
  slab->file_at = file_at (slab, list);
  slab->prev = NULL;
  slab->next = bin->list[list];
  if (slab->next != NULL)
    slab->next->prev = slab;
  bin->list[list] = slab;
}

static void
slab_list_remove (struct sy_bin *bin, struct sy_slab *slab)
{
  if (slab->prev != NULL)
    slab->prev->next = slab->next;
  else
    bin->list[slab->list] = slab->next;
  if (slab->next != NULL)
    slab->next->prev = slab->prev;
  for (unsigned walk = 0; walk < SY_WALKS; walk++)
    if (bin->walk[walk].slab == slab)
      bin->walk[walk].slab = slab->next;
  slab->file_at = 0;
}

/* Files a slab again whose free_count has changed, and which is in a list: into the list of its
   fullness, or into none if it is full. */
static void
list_again (struct sy_bin *bin, struct sy_slab *slab)
{
  if (slab->free_count != 0 && fullness (slab) == slab->list)
    return;
  slab_list_remove (bin, slab);
  if (slab->free_count != 0)
    list_insert (bin, slab, fullness (slab));
}

void
sy_bin_join (struct sy_bin *bin, struct sy_slab *slab)
{
  list_insert (bin, slab, fullness (slab));
  sy_own_add (&bin->slabs, 1);
  sy_own_add (&bin->free_blocks, slab->free_count);
}

/* Lets an empty slab, which is in a list, leave the bin. */
static void
slab_leave (struct sy_bin *bin, struct sy_slab *slab)
{
  slab_list_remove (bin, slab);
  sy_own_add (&bin->slabs, (AO_t) -1);
  lose (bin, slab->free_count);
}

unsigned
sy_bin_carve (struct sy_bin *bin, unsigned count, void **top, bool *zeroed)
{
  unsigned taken = 0;

  for (unsigned list = 0; list < SY_BIN_LISTS && taken < count;)
    {
      struct sy_slab *slab = bin->list[list];

      if (slab == NULL)
        {
          list++;
          continue;
        }
      taken += sy_slab_take (slab, sy_slab_start (slab), count - taken, top - taken, zeroed);
      list_again (bin, slab);
    }
  lose (bin, taken);
  return taken;
}

unsigned
sy_bin_carve_spare (struct sy_bin *bin, unsigned count, void **top, bool *zeroed)
{
  AO_t spare = AO_load (&bin->free_low);
  unsigned taken = sy_bin_carve (bin, spare < count ? (unsigned) spare : count, top, zeroed);

  AO_store (&bin->free_low, spare - taken);
  return taken;
}

void
sy_bin_look (struct sy_bin *bin)
{
  AO_t free_blocks = AO_load (&bin->free_blocks);

  /* Relaxed: a hint. */
  if (AO_load (&bin->free_low) != free_blocks)
    AO_store (&bin->free_low, free_blocks);
}

void
sy_bin_populate (const struct sy_bin *bin, unsigned class, void *const *top, unsigned count)
{
  size_t page = sy_os_page_bytes (), mask = SY_POPULATE_PAGES * page - 1,
         bytes = sy_size_classes[class].bytes;
  const char *first = top[-1], *last = top[-(ptrdiff_t) count],
             *slab = sy_slab_start (sy_slab_of (last));
  /* The first may lie in another slab, anywhere. */
  uintptr_t from = ((uintptr_t) (first > slab ? first : slab) + mask) & ~mask,
            to = ((uintptr_t) last + bytes + mask) & ~mask;

  /* Relaxed: a bound.  Of larger blocks than a page some pages may never be touched. */
  if (from < to && bytes <= page && mask < SY_UNIT_BYTES
      && AO_load (&bin->slabs) >= SY_POPULATE_SLABS)
    (void) sy_os_populate ((void *) from, to - from);
}

unsigned
sy_bin_block (const struct sy_slab *slab, const void *block, const char *call)
{
  unsigned index;

  if (SY_UNLIKELY (!sy_slab_finds (slab, &sy_size_classes[slab->class], block, &index)))
    sy_bug (call, block, "points into the middle of a block");
  return index;
}

bool
sy_bin_file (struct sy_bin *bin, struct sy_slab *slab)
{
  if (slab->free_count == 1)
    list_insert (bin, slab, fullness (slab));
  if (slab_is_empty (slab))
    {
      slab_leave (bin, slab);
      return true;
    }
  list_again (bin, slab);
  return false;
}

/* ---- Free pages inside slabs that are in use ---- */

void
sy_bin_walk_begin (struct sy_bin *bin, unsigned walk)
{
  bin->walk[walk].slab = NULL;
  bin->walk[walk].begun = 0;
}

/* The walk's next slab.  NULL: the walk is at its end. */
static struct sy_slab *
walk_next (struct sy_bin *bin, unsigned number)
{
  struct sy_bin_walk *walk = &bin->walk[number];
  unsigned most = number == SY_WALK_ALL ? SY_BIN_FULLNESSES : SY_BIN_FULLNESSES / 2;
  struct sy_slab *slab;

  while (walk->slab == NULL && walk->begun < most)
    walk->slab = bin->list[SY_BIN_FULLNESSES - ++walk->begun];
  slab = walk->slab;
  if (slab != NULL)
    walk->slab = slab->next;
  return slab;
}

/* Takes out the slab's hole.  False: it has none, or has not changed since its last one, or it has
   changed since the last look and only idle slabs are wanted. */
static bool
take_hole (struct sy_bin *bin, struct sy_slab *slab, bool idle_only, struct sy_hole *hole)
{
  bool fits = !idle_only || slab->last_free_count == slab->free_count;

  slab->last_free_count = slab->free_count;
  if (!fits || slab->purged == slab->free_count)
    return false;
  slab->purged = slab->free_count;
  hole->slab = slab;
  hole->count = sy_slab_take_pages (slab, &hole->bits, sy_os_page_bytes ());
  if (hole->count == 0)
    return false;
  lose (bin, hole->count);
  slab_list_remove (bin, slab);
  if (slab->free_count != 0)
    list_insert (bin, slab, SY_BIN_PURGED);
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
      struct sy_slab *slab = walk_next (bin, walk);

      if (slab == NULL)
        {
          sy_bin_walk_begin (bin, walk);
          *at_end = true;
          break;
        }
      found += take_hole (bin, slab, walk == SY_WALK_IDLE, &holes[found]);
    }
  return found;
}

bool
sy_bin_put_hole (struct sy_bin *bin, const struct sy_hole *hole)
{
  struct sy_slab *slab = hole->slab;
  unsigned before = slab->free_count;

  if (SY_UNLIKELY (!sy_slab_put_all (slab, &hole->bits, hole->count)))
    sy_bug ("free", sy_slab_start (slab), "a block of this slab was freed twice");
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
    for (const struct sy_slab *slab = bin->list[list]; slab != NULL; slab = slab->next)
      {
        if (slab->list != list || (list != SY_BIN_PURGED && fullness (slab) != list)
            || slab->file_at != file_at (slab, list) || slab->free_count == 0
            || slab_is_empty (slab) || !sy_slab_is_valid (slab))
          return false;
        free_blocks += slab->free_count;
      }
  for (unsigned walk = 0; walk < SY_WALKS; walk++)
    if (bin->walk[walk].slab != NULL
        && bin->walk[walk].slab->list != SY_BIN_FULLNESSES - bin->walk[walk].begun)
      return false;
  return free_blocks == AO_load (&bin->free_blocks);
}
