/* SPDX-License-Identifier: MIT */
/* frees.c: what is freed, and what a free leaves as it was. */
#include "conformance.h"

void
test_realloc_to_nothing (void)
{
  size_t before, grown;
  bool right = true;

  before = tap_resident ();
  for (unsigned round = 0; round < 40000; round++)
    {
      size_t size = round % 2 ? 200 : 100 * KIB;
      void *block = malloc (size);

      memset (block, 1, size < PAGE ? size : PAGE);
      errno = 4711;
      right = realloc (block, 0) == NULL && errno == 4711 && right;
    }
  grown = tap_resident ();
  tap (right, "realloc (block, 0) returns NULL and is no error");
  tap (grown < before + ((size_t) 16 << 20), "realloc (block, 0) frees the block");
}

void
test_null (void)
{
  errno = 4711;
  free (NULL);
  if (free_sized != NULL)
    free_sized (NULL, 100);
  if (free_aligned_sized != NULL)
    free_aligned_sized (NULL, 64, 128);
  tap (errno == 4711, "freeing NULL does nothing");
  tap (malloc_usable_size (NULL) == 0, "NULL has no usable bytes");
}

void
test_errno (void)
{
  bool kept = true;

  for (unsigned round = 0; round < 100000; round++)
    {
      void *block = malloc (round % 100 == 0 ? 300 * KIB : tap_below (2000));

      errno = 4711;
      free (block);
      kept = kept && errno == 4711;
    }
  tap (kept, "free keeps errno");
}

void
test_sized_frees (void)
{
  bool kept = true;

  if (free_sized == NULL || free_aligned_sized == NULL)
    {
      tap_skip ("free_sized and free_aligned_sized free, and keep errno",
                "this C library has neither");
      return;
    }
  for (size_t size = 1; size < 300 * KIB; size = size * 5 / 4 + 1)
    {
      void *plain = malloc (size), *aligned = aligned_alloc (64, size);

      errno = 4711;
      free_sized (plain, size);
      free_aligned_sized (aligned, 64, size);
      kept = kept && errno == 4711;
    }
  tap (kept, "free_sized and free_aligned_sized free, and keep errno");
}
