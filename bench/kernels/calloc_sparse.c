/* SPDX-License-Identifier: MIT */
/*
 * calloc_sparse.c: large tables from calloc, of which few pages are used.  An allocator that clears
 * what the system has already cleared makes all pages resident.  Each page is checked to be zero
 * before it is used.
 */
#include <stdlib.h>
#include <string.h>
#include "large.h"

#define PAGE_BYTES 4096u
#define TOUCHED 4u

static struct kernel kernel = {
  .name = "calloc_sparse",
  .what = "Threads replace zeroed blocks of 256 KiB to 8 MiB and write to four pages of each.",
  .threads = 2,
};

/* The offset of a used page.  The used pages are spread evenly over the block. */
static size_t
touched (const struct stamped *block, unsigned i)
{
  return block->size / PAGE_BYTES * i / TOUCHED * PAGE_BYTES;
}

static void
make (struct large_worker *w, struct stamped *block)
{
  static const unsigned char zeros[PAGE_BYTES];

  block->size = large_size (&w->random, 18, 23);
  block->stamp = random_next (&w->random);
  block->start = calloc (1, block->size);
  if (!block->start)
    out_of_memory (block->size);
  for (unsigned i = 0; i < TOUCHED; i++)
    {
      unsigned char *page = block->start + touched (block, i);

      if (memcmp (page, zeros, PAGE_BYTES))
        kernel_corrupt (block->start, block->size, touched (block, i));
      memset (page, 0xa5, PAGE_BYTES);
      memcpy (page, &block->stamp, sizeof block->stamp);
    }
}

static void
unmake (struct large_worker *w, struct stamped *block)
{
  for (unsigned i = 0; i < TOUCHED; i++)
    {
      uint64_t word;

      memcpy (&word, block->start + touched (block, i), sizeof word);
      if (word != block->stamp)
        kernel_corrupt (block->start, block->size, touched (block, i));
      w->tally.checksum += word;
    }
  free (block->start);
  block->start = NULL;
}

static const struct large large = { &kernel, 3000, 24, make, unmake };

int
main (int count, char **words)
{
  return large_main (&large, count, words);
}
