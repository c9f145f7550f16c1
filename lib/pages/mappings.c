/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pages/mappings.h"

#include <string.h>

#include "base/os.h"
#include "pages/page_range.h"

/* This bit in a mapping's entry, beside its length, says that the mapping was moved. */
#define MAPPING_MOVED (UINT32_C (1) << 31)

/*
 * The last mapping of the run that begins before its page number `at`.  `length` is the length of
 * the run that the mappings describe.  Sets *moved_behind to how many moved mappings begin at `at`
 * or behind.
 */
static uint32_t
mapping_before (uint32_t first, uint32_t length, uint32_t at, uint32_t *moved_behind)
{
  uint32_t last = first;

  *moved_behind = 0;
  for (uint32_t mapping = first; mapping < first + length;
       mapping += sy_page_entry (mapping)->mapping & ~MAPPING_MOVED)
    if (mapping < first + at)
      last = mapping;
    else
      *moved_behind += (sy_page_entry (mapping)->mapping & MAPPING_MOVED) != 0;
  return last;
}

uint32_t
sy_mappings_cut (uint32_t first, uint32_t at)
{
  uint32_t lost, last = mapping_before (first, sy_page_entry (first)->length, at, &lost);
  uint32_t moved = sy_page_entry (last)->mapping & MAPPING_MOVED;

  sy_page_entry (last)->mapping = (first + at - last) | moved;
  return lost;
}

void
sy_mappings_extend (uint32_t first, uint32_t old_length)
{
  uint32_t behind, last = mapping_before (first, old_length, old_length, &behind),
                   more = sy_page_entry (first)->length - old_length;

  if ((sy_page_entry (last)->mapping & MAPPING_MOVED) != 0)
    sy_page_entry (first + old_length)->mapping = more;
  else
    sy_page_entry (last)->mapping += more;
}

uint32_t
sy_mappings_tail (uint32_t first)
{
  uint32_t behind, length = sy_page_entry (first)->length,
                   last = mapping_before (first, length, length, &behind);

  return (sy_page_entry (last)->mapping & MAPPING_MOVED) != 0 ? length : last - first;
}

uint32_t
sy_mappings_moved (uint32_t first)
{
  uint32_t moved;

  if (sy_page_entry (first)->mapping == 0)
    return 0;
  (void) mapping_before (first, sy_page_entry (first)->length, 0, &moved);
  return moved;
}

bool
sy_mappings_move (uint32_t from, uint32_t to, bool *copied)
{
  struct sy_page *old = sy_page_entry (from), *new = sy_page_entry (to);
  uint32_t length = old->length, done = 0;

  for (uint32_t pages; done < length; done += pages)
    {
      pages = old->mapping == 0 ? length : old[done].mapping & ~MAPPING_MOVED;
      new[done].mapping = pages | MAPPING_MOVED;
      switch (sy_os_move (sy_page_address (from + done), sy_page_address (to + done),
                          sy_page_bytes_of (pages)))
        {
        case SY_MOVED:
          break;
        case SY_MOVE_REFUSED:
          memcpy (sy_page_address (to + done), sy_page_address (from + done),
                  sy_page_bytes_of (pages));
          new[done].mapping = pages;
          *copied = true;
          break;
        case SY_MOVE_LOST:
          memcpy (sy_page_address (from), sy_page_address (to), sy_page_bytes_of (done));
          (void) (done != 0 && sy_os_discard (sy_page_address (to), sy_page_bytes_of (done)));
          return false;
        }
    }
  if (new->length > length)
    new[length].mapping = new->length - length;
  return true;
}
