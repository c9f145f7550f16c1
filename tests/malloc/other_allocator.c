/* SPDX-License-Identifier: MIT */
/* other_allocator.c: linked with another allocator: all that the program asks of a block is
   answered by who gave it. */
#define _GNU_SOURCE
#include <malloc.h>

#include "tap.h"

/* C23; not everywhere. */
void *aligned_alloc (size_t alignment, size_t size);

static bool
is_all_usable (void *block, size_t size)
{
  size_t usable = malloc_usable_size (block);

  if (block == NULL || usable < size)
    return tap_no ("%zu bytes: %zu usable", size, usable);
  memset (block, 0x5a, usable);
  return true;
}

int
main (void)
{
  bool right = true;

  for (size_t size = 1; size < 3000000 && right; size += size / 5 + 1)
    {
      void *block = malloc (size), *other = calloc (1, size), *aligned = aligned_alloc (64, size);

      right = is_all_usable (block, size) && is_all_usable (other, size)
              && is_all_usable (aligned, size);
      block = realloc (block, 2 * size);
      right = right && is_all_usable (block, 2 * size);
      free (block);
      free (aligned);
      free (other);
    }
  tap (right, "blocks are usable to their ends");
  (void) malloc_trim (0);
  tap (malloc_usable_size (NULL) == 0, "trimming, and asking about nothing");
  return tap_end ();
}
