/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/page_range.h"

#include "base/bug.h"
#include "base/os.h"

struct sy_page_range sy_page_range = { .lock = SY_LOCK_INIT (SY_RANK_PAGES) };

unsigned
sy_page_shift (void)
{
  unsigned shift = SY_PAGE_SHIFT;

  while ((size_t) 1 << shift < sy_os_page_bytes ())
    shift++;
  return shift;
}

uint32_t
sy_page_count_of (size_t bytes)
{
  size_t pages = (bytes >> sy_page_range.shift) + ((bytes & (sy_page_bytes_of (1) - 1)) != 0);

  return pages == 0 ? 1 : pages > sy_page_range.pages ? sy_page_range.pages + 1 : (uint32_t) pages;
}

uint32_t
sy_page_run_of (const void *block, const char *call)
{
  size_t offset = (uintptr_t) block - AO_load (&sy_page_range.base),
         page = offset >> sy_page_range.shift;

  if ((offset & (sy_page_bytes_of (1) - 1)) != 0 || page >= AO_load (&sy_page_range.known)
      || sy_page_entry ((uint32_t) page)->state != SY_RUN_USED)
    sy_bug (call, block, "no block: freed already, or inside of one");
  return (uint32_t) page;
}

/* ---- The range ---- */

static bool
reserve_range (void)
{
  struct sy_arena range, entries;
  unsigned shift = sy_page_shift ();

  if (SY_WORD_BITS == 32 || sy_os_address_limit () != SIZE_MAX
      || !sy_arena_open (&range, (size_t) 1 << SY_PAGES_SHIFT, (size_t) 1 << SY_PAGES_SHIFT_MIN, 1))
    return false;

  size_t entries_bytes = (range.reserved >> shift) * sizeof (struct sy_page);

  if (!sy_arena_open (&entries, entries_bytes, entries_bytes, 1))
    {
      sy_os_unmap (range.base, range.reserved);
      return false;
    }
  sy_page_range.range = range;
  sy_page_range.entries = entries;
  sy_page_range.shift = shift;
  sy_page_range.skip = -(uintptr_t) range.base & (sy_page_bytes_of (1) - 1);
  sy_page_range.pages = (uint32_t) ((range.reserved - sy_page_range.skip) >> shift);
  sy_runs_open (&sy_page_range.runs, (struct sy_page *) (void *) entries.base);
  AO_store (&sy_page_range.base, (AO_t) (range.base + sy_page_range.skip));
  /* release: pairs with the acquire in sy_page_range_has. */
  AO_store_release (&sy_page_range.bytes, (AO_t) sy_page_bytes_of (sy_page_range.pages));
  return true;
}

bool
sy_page_range_open (void)
{
  if (AO_load (&sy_page_range.bytes) != 0)
    return true;
  /* After a refusal, do not ask at each large block again. */
  if (sy_page_range.refusals++ % SY_PAGES_ASK_AGAIN != 0)
    return false;
  return reserve_range ();
}

bool
sy_page_range_commit (uint32_t count)
{
  size_t edge = (size_t) sy_page_range.runs.edge + count;

  if (edge > sy_page_range.pages
      || !sy_arena_grow (&sy_page_range.entries, edge * sizeof (struct sy_page), SY_ARENA_STEP)
      || !sy_arena_grow (&sy_page_range.range, sy_page_range.skip + (edge << sy_page_range.shift),
                         SY_PAGES_STEP))
    return false;
  AO_store (&sy_page_range.known,
            (AO_t) (sy_page_range.entries.committed / sizeof (struct sy_page)));
  return true;
}

/* ---- Giving back ---- */

/* How many free pages may stay dirty. */
static uint32_t
dirty_limit (void)
{
  uint32_t least = (uint32_t) (SY_PAGES_DIRTY_BYTES >> sy_page_range.shift),
           share = sy_page_range.runs.used / SY_PAGES_DIRTY_SHARE;

  return share > least ? share : least;
}

static void
chain_push (uint32_t *chain, uint32_t first)
{
  sy_page_entry (first)->next = *chain;
  *chain = first;
}

static uint32_t
chain_pop (uint32_t *chain)
{
  uint32_t first = *chain;

  if (first != SY_PAGE_NONE)
    *chain = sy_page_entry (first)->next;
  return first;
}

/* Detaches up to count pages of the oldest dirty runs, of those freed before the tick.  True:
   there are no more. */
static bool
detach_dirty (uint32_t count, uint32_t tick, uint32_t *chain)
{
  while (count != 0)
    {
      uint32_t first = sy_runs_detach_oldest (&sy_page_range.runs, count, tick);

      if (first == SY_PAGE_NONE)
        return true;
      sy_page_entry (first)->mapping = 0;
      chain_push (chain, first);
      count -= sy_page_entry (first)->length;
    }
  return false;
}

void
sy_page_run_give (uint32_t first, uint32_t *chain)
{
  struct sy_page *page = sy_page_entry (first);
  uint32_t limit = dirty_limit ();

  if (page->mapping != 0 || page->length > limit)
    {
      sy_runs_detach (&sy_page_range.runs, first);
      chain_push (chain, first);
      return;
    }
  sy_runs_file (&sy_page_range.runs, first, SY_RUN_DIRTY);
  if (sy_page_range.runs.dirty > limit)
    (void) detach_dirty (sy_page_range.runs.dirty - limit + limit / 16, sy_page_range.runs.tick + 1,
                         chain);
}

/* Gives a detached run's pages back to the system, outside the lock.  Returns the run's new state.
   SY_RUN_INSIDE: its contents are unknown, and it stays detached for ever. */
static enum sy_run_state
run_discard (uint32_t first)
{
  char *start = sy_page_address (first);
  size_t bytes = sy_page_bytes_of (sy_page_entry (first)->length);

  if (sy_page_entry (first)->mapping != 0 && sy_os_remap (start, bytes))
    return SY_RUN_CLEAN;
  if (sy_os_discard (start, bytes))
    return SY_RUN_CLEAN;
  return sy_page_entry (first)->mapping != 0 ? SY_RUN_INSIDE : SY_RUN_DIRTY;
}

size_t
sy_page_chain_clean (uint32_t chain)
{
  uint32_t cleaned = SY_PAGE_NONE, refused = SY_PAGE_NONE, first;
  size_t bytes = 0;

  if (chain == SY_PAGE_NONE)
    return 0;
  while ((first = chain_pop (&chain)) != SY_PAGE_NONE)
    switch (run_discard (first))
      {
      case SY_RUN_CLEAN:
        chain_push (&cleaned, first);
        bytes += sy_page_bytes_of (sy_page_entry (first)->length);
        break;
      case SY_RUN_DIRTY:
        chain_push (&refused, first);
        break;
      default:
        break;
      }

  sy_lock_take (&sy_page_range.lock);
  while ((first = chain_pop (&cleaned)) != SY_PAGE_NONE)
    sy_runs_file (&sy_page_range.runs, first, SY_RUN_CLEAN);
  while ((first = chain_pop (&refused)) != SY_PAGE_NONE)
    sy_runs_file (&sy_page_range.runs, first, SY_RUN_DIRTY);
  sy_lock_release (&sy_page_range.lock);
  return bytes;
}

/* ---- Now and then ---- */

/* The next part of a step, under the lock: makes a chain to clean.  True: the reaping is
   complete. */
static bool
reap_runs (uint32_t *chain)
{
  if (!detach_dirty ((uint32_t) (SY_PAGES_REAP_BYTES >> sy_page_range.shift),
                     sy_page_range.runs.tick, chain))
    return false;
  sy_page_range.runs.tick++;
  sy_purge_timer_end (&sy_page_range.timer);
  return true;
}

void
sy_page_range_reap (uint64_t now_ns)
{
  uint64_t until_ns;
  bool done = !sy_purge_timer_is_due (&sy_page_range.timer, now_ns)
              || AO_load_acquire (&sy_page_range.bytes) == 0;

  if (done || !sy_lock_try (&sy_page_range.lock))
    return;
  done = !sy_purge_timer_is_due (&sy_page_range.timer, now_ns);
  until_ns = done ? 0 : sy_purge_timer_step (&sy_page_range.timer, now_ns);
  while (!done)
    {
      uint32_t chain = SY_PAGE_NONE;

      done = reap_runs (&chain);
      sy_lock_release (&sy_page_range.lock);
      (void) sy_page_chain_clean (chain);
      done = done || sy_os_now_ns () >= until_ns;
      sy_lock_take (&sy_page_range.lock);
      /* Meanwhile another thread's step may have completed the reaping. */
      done = done || AO_load (&sy_page_range.timer.under_way) == 0;
    }
  sy_lock_release (&sy_page_range.lock);
}

void
sy_page_range_reap_soon (uint64_t now_ns)
{
  sy_purge_timer_hurry (&sy_page_range.timer, now_ns);
}

size_t
sy_page_range_trim (void)
{
  uint32_t chain = SY_PAGE_NONE;

  sy_lock_take (&sy_page_range.lock);
  if (AO_load (&sy_page_range.bytes) != 0)
    (void) detach_dirty (UINT32_MAX, sy_page_range.runs.tick + 1, &chain);
  sy_lock_release (&sy_page_range.lock);
  return sy_page_chain_clean (chain);
}

size_t
sy_page_range_held_bytes (void)
{
  sy_lock_take (&sy_page_range.lock);

  size_t bytes = sy_page_bytes_of (sy_page_range.runs.dirty);

  sy_lock_release (&sy_page_range.lock);
  return bytes;
}

bool
sy_page_range_is_valid (void)
{
  sy_lock_take (&sy_page_range.lock);

  bool valid = AO_load (&sy_page_range.bytes) == 0 || sy_runs_is_valid (&sy_page_range.runs);

  sy_lock_release (&sy_page_range.lock);
  return valid;
}
