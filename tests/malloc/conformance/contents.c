/* SPDX-License-Identifier: MIT */
/* contents.c: what is in a block when it comes, and after it changed its size. */
#include "conformance.h"

void
test_calloc (void)
{
  enum { BLOCKS = 3 };
  unsigned char *block[BLOCKS];
  bool zero = true;

  /* More than one at once: the second one may be the first use of its memory. */
  for (unsigned round = 0; round < 10000; round++)
    {
      size_t size = 1 + (round % 50 == 0 ? tap_below (600 * KIB) : tap_below (3000));

      for (unsigned at = 0; at < BLOCKS; at++)
        {
          block[at] = malloc (size);
          memset (block[at], 0xaa, malloc_usable_size (block[at]));
        }
      for (unsigned at = 0; at < BLOCKS; at++)
        free (block[at]);
      for (unsigned at = 0; at < BLOCKS; at++)
        {
          block[at] = calloc (size, 1);
          zero = zero && is_filled (block[at], 0, size);
          memset (block[at], 0xbb, size);
        }
      for (unsigned at = 0; at < BLOCKS; at++)
        free (block[at]);
    }
  tap (zero, "calloc's memory is zero after dirty frees");
}

/* A block's byte at a place, for a block of its own number. */
static unsigned char
stamp (unsigned number, size_t at)
{
  return (unsigned char) (at * 7 + number);
}

static bool
is_stamped (const unsigned char *block, unsigned number, size_t size)
{
  for (size_t at = 0; at < size; at++)
    if (block[at] != stamp (number, at))
      return false;
  return true;
}

void
test_realloc (void)
{
  enum { BLOCKS = 64 };
  unsigned char *block[BLOCKS] = { NULL };
  size_t size[BLOCKS] = { 0 };
  bool right = true;

  for (unsigned round = 0; round < 60000 && right; round++)
    {
      unsigned at = (unsigned) tap_below (BLOCKS);
      size_t most = round % 40 == 0 ? 400 * KIB : (size_t) 16 << tap_below (8);
      size_t to = 1 + tap_below (most);
      unsigned char *moved = realloc (block[at], to);

      right = moved != NULL && ((uintptr_t) moved & 15) == 0
              && is_stamped (moved, at, size[at] < to ? size[at] : to);
      block[at] = moved;
      size[at] = to;
      for (size_t byte = 0; right && byte < to; byte++)
        moved[byte] = stamp (at, byte);
    }
  for (unsigned at = 0; at < BLOCKS; at++)
    free (block[at]);
  tap (right, "realloc keeps the contents through sixty thousand random steps");
}

void
test_realloc_in_place (void)
{
  bool right = true;

  for (size_t size = 1; size <= 2000; size++)
    {
      unsigned char *block = malloc (size), *moved;
      size_t usable = malloc_usable_size (block), to = usable / 2 + 1 + tap_below (usable / 2);

      memset (block, 0x55, usable);
      moved = realloc (block, to);
      right = right && moved == block && is_filled (moved, 0x55, to);
      moved = realloc (moved, usable + 1);
      right = right && moved != NULL && malloc_usable_size (moved) > usable
              && is_filled (moved, 0x55, to);
      free (moved);
    }
  tap (right, "realloc leaves a block where it is as long as more than one half is used");
}

void
test_realloc_frees (void)
{
  enum { BLOCKS = 20000 };
  static unsigned char *block[BLOCKS];
  size_t before = mallinfo2 ().uordblks, after;
  bool right = true;

  for (unsigned round = 0; round < 10; round++)
    {
      for (unsigned at = 0; at < BLOCKS; at++)
        {
          block[at] = malloc (64);
          memset (block[at], (int) at, 64);
        }
      for (unsigned at = 0; at < BLOCKS; at++)
        block[at] = realloc (block[at], at % 2 == 0 ? 200 : 20);
      for (unsigned at = 0; at < BLOCKS; at++)
        {
          right = is_filled (block[at], (unsigned char) at, at % 2 == 0 ? 64 : 20) && right;
          free (block[at]);
        }
    }
  after = mallinfo2 ().uordblks;
  tap (right, "many blocks that realloc moves one after the other keep their contents");
  tap (after < before + 32 * KIB, "realloc frees the block that it moves");
}

void
test_usable (void)
{
  bool right = true;

  for (size_t size = 1; size < 300 * KIB; size = size * 9 / 8 + 1)
    {
      unsigned char *block = malloc (size);
      size_t usable = malloc_usable_size (block);

      memset (block, 0x77, usable);
      block = realloc (block, usable * 2);
      right = right && is_filled (block, 0x77, usable);
      block = realloc (block, size);
      right = right && is_filled (block, 0x77, size);
      free (block);
    }
  tap (right, "all usable bytes are writable, and realloc keeps them");
}
