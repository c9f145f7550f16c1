/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/apart.h"

#include "base/os.h"
#include "pages/huge.h"
#include "pages/mappings.h"
#include "pages/units.h"
#include "pages/dirty.h"

static struct sy_runs *const runs = &sy_range_runs;

/* May another run become a mapping of its own? */
static bool
may_add (void)
{
  bool may = sy_mappings_add (1);

  sy_mappings_look ();
  return may && !sy_mappings_are_many ();
}

bool
sy_apart_ask_huge (uint32_t first)
{
  uintptr_t start = (uintptr_t) sy_range_address (first), end = start + sy_range_run_bytes (first),
            low = (start + SY_HUGE_PAGE_BYTES - 1) & ~(SY_HUGE_PAGE_BYTES - 1),
            high = end & ~(SY_HUGE_PAGE_BYTES - 1);

  if (low >= high || sy_huge_when () == SY_HUGE_NEVER || !may_add ()
      || !sy_os_ask_huge ((void *) low, high - low))
    return false;
  sy_lock_take (&sy_range_lock);
  sy_runs_set_apart (runs, first, low == start && high == end);
  sy_dirty_unlock ();
  return true;
}

/* Gives back the run that another was not moved to.  Returns false. */
static bool
give_place (uint32_t to)
{
  sy_units_give (to, 1);
  return false;
}

bool
sy_apart_move (uint32_t from, uint32_t to)
{
  bool moves, is_mapped = true, taken;

  if (sy_range_unit (from)->mapping == SY_MAPPING_MIXED || !may_add ())
    return give_place (to);
  moves = sy_os_move (sy_range_address (from), sy_range_run_bytes (from), sy_range_address (to),
                      sy_range_run_bytes (to));
  /* If a move failed, the system may have unmapped the new place before; or the place is as it was.
     That is so if the old one lies in several mappings. */
  is_mapped = sy_os_map_at (sy_range_address (moves ? from : to),
                            sy_range_run_bytes (moves ? from : to), &taken);
  if (!moves && taken)
    return give_place (to);

  sy_lock_take (&sy_range_lock);
  if (moves)
    {
      (void) sy_huge_forget_used (from);
      sy_runs_set_apart (runs, to, true);
    }
  /* A place that cannot be mapped anew, as another thread's mapping has come there, stays detached
     for ever. */
  sy_runs_detach (runs, moves ? from : to);
  if (is_mapped)
    sy_runs_file (runs, moves ? from : to, SY_RUN_CLEAN);
  sy_dirty_note_loss ();
  sy_dirty_unlock ();
  return moves;
}
