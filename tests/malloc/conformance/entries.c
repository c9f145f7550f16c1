/* SPDX-License-Identifier: MIT */
/* entries.c: all ways to get a block. */
#include "conformance.h"

static void *
by_malloc (size_t alignment, size_t size)
{
  (void) alignment;
  return malloc (size);
}

static void *
by_calloc (size_t alignment, size_t size)
{
  (void) alignment;
  return calloc (1, size);
}

static void *
by_realloc (size_t alignment, size_t size)
{
  (void) alignment;
  return realloc (NULL, size);
}

static void *
by_reallocarray (size_t alignment, size_t size)
{
  (void) alignment;
  return reallocarray (NULL, size, 1);
}

static void *
by_growth (size_t alignment, size_t size)
{
  void *small = malloc (1), *grown = realloc (small, size == 0 ? 1 : size);

  (void) alignment;
  if (grown == NULL)
    free (small);
  return grown;
}

static void *
by_posix_memalign (size_t alignment, size_t size)
{
  void *block = NULL;
  int error = posix_memalign (&block, alignment < sizeof (void *) ? sizeof (void *) : alignment,
                              size);

  if (error != 0)
    errno = error;
  return block;
}

static void *
by_valloc (size_t alignment, size_t size)
{
  (void) alignment;
  return valloc (size);
}

static void *
by_pvalloc (size_t alignment, size_t size)
{
  (void) alignment;
  return pvalloc (size);
}

const struct entry entries[] = {
  { "malloc", by_malloc, 16, SIZE_MAX },
  { "calloc", by_calloc, 16, CLEARED_MAX },
  { "realloc of NULL", by_realloc, 16, SIZE_MAX },
  { "realloc that grows", by_growth, 16, SIZE_MAX },
  { "reallocarray", by_reallocarray, 16, SIZE_MAX },
  { "aligned_alloc", aligned_alloc, 0, SIZE_MAX },
  { "memalign", memalign, 0, SIZE_MAX },
  { "posix_memalign", by_posix_memalign, 0, SIZE_MAX },
  { "valloc", by_valloc, 4096, SIZE_MAX },
  { "pvalloc", by_pvalloc, 4096, SIZE_MAX }
};
const size_t entry_count = COUNT_OF (entries);
