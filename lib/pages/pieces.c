/* SPDX-License-Identifier: MIT */
#include "pages/pieces.h"

#include <string.h>

#include "base/os.h"
#include "pages/page_range.h"

/* This bit in a piece's entry, beside its length, says that the piece was moved. */
#define PIECE_MOVED (UINT32_C (1) << 31)

/*
 * The last piece of the run that begins before its unit number `at`.  `length` is the length of
 * the run that the pieces describe.  Sets *moved_behind to how many moved pieces begin at `at`
 * or behind.
 */
static uint32_t
piece_before (uint32_t first, uint32_t length, uint32_t at, uint32_t *moved_behind)
{
  uint32_t last = first;

  *moved_behind = 0;
  for (uint32_t piece = first; piece < first + length; piece += sy_page_unit (piece)->piece & ~PIECE_MOVED)
    if (piece < first + at)
      last = piece;
    else
      *moved_behind += (sy_page_unit (piece)->piece & PIECE_MOVED) != 0;
  return last;
}

uint32_t
sy_pieces_cut (uint32_t first, uint32_t at)
{
  uint32_t lost, last = piece_before (first, sy_page_unit (first)->length, at, &lost);
  uint32_t moved = sy_page_unit (last)->piece & PIECE_MOVED;

  sy_page_unit (last)->piece = (first + at - last) | moved;
  return lost;
}

void
sy_pieces_extend (uint32_t first, uint32_t old_length)
{
  uint32_t behind, last = piece_before (first, old_length, old_length, &behind), more = sy_page_unit (first)->length - old_length;

  if ((sy_page_unit (last)->piece & PIECE_MOVED) != 0)
    sy_page_unit (first + old_length)->piece = more;
  else
    sy_page_unit (last)->piece += more;
}

uint32_t
sy_pieces_tail (uint32_t first)
{
  uint32_t behind, length = sy_page_unit (first)->length, last = piece_before (first, length, length, &behind);

  return (sy_page_unit (last)->piece & PIECE_MOVED) != 0 ? length : last - first;
}

uint32_t
sy_pieces_moved (uint32_t first)
{
  uint32_t moved;

  if (sy_page_unit (first)->piece == 0)
    return 0;
  (void) piece_before (first, sy_page_unit (first)->length, 0, &moved);
  return moved;
}

bool
sy_pieces_move (uint32_t from, uint32_t to, bool *copied)
{
  struct sy_unit *old = sy_page_unit (from), *new = sy_page_unit (to);
  uint32_t length = old->length, done = 0;

  for (uint32_t units; done < length; done += units)
    {
      units = old->piece == 0 ? length : old[done].piece & ~PIECE_MOVED;
      new[done].piece = units | PIECE_MOVED;
      switch (sy_os_move (sy_page_address (from + done), sy_page_address (to + done), sy_page_bytes_of (units)))
        {
        case SY_MOVED:
          break;
        case SY_MOVE_REFUSED:
          memcpy (sy_page_address (to + done), sy_page_address (from + done), sy_page_bytes_of (units));
          new[done].piece = units;
          *copied = true;
          break;
        case SY_MOVE_LOST:
          memcpy (sy_page_address (from), sy_page_address (to), sy_page_bytes_of (done));
          (void) (done != 0 && sy_os_discard (sy_page_address (to), sy_page_bytes_of (done)));
          return false;
        }
    }
  if (new->length > length)
    new[length].piece = new->length - length;
  return true;
}
