/* SPDX-License-Identifier: MIT */
/*
 * heap_libc.c: the C library's malloc.  The drop-in, which is malloc itself, compiles this file with the names of libc_functions.h for the same
 * functions (-Dmalloc=sy_libc_malloc and so on): only those that are there are called here.
 */
#include <config.h>

#include "heap/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

const char sy_heap_name[] = "default";

/* For nothing the C library may give NULL, and a sanitizer a block whose usable byte it does not know. */
static size_t
at_least_1 (size_t size)
{
  return size == 0 ? 1 : size;
}

void *
sy_heap_malloc (size_t size)
{
  return malloc (at_least_1 (size));
}

void *
sy_heap_calloc (size_t size)
{
  return calloc (1, at_least_1 (size));
}

void *
sy_heap_realloc (void *block, size_t size)
{
  /* The C library's realloc (block, 0) frees; ours never does. */
  return realloc (block, at_least_1 (size));
}

void *
sy_heap_aligned (size_t alignment, size_t size)
{
  void *block = memalign (alignment, at_least_1 (size));

  if (block == NULL)
    errno = ENOMEM;
  return block;
}

void
sy_heap_free (void *block)
{
  int saved = errno;

  free (block);
  errno = saved;
}

size_t
sy_heap_usable (const void *block)
{
  return malloc_usable_size ((void *) (uintptr_t) block);
}

size_t
sy_heap_good_size (size_t size)
{
  /* glibc: one word in front of a block, sizes in steps of two words, four words at least. */
  size_t word = sizeof (size_t), step = 2 * word, least = 3 * word;

  if (size > (size_t) PTRDIFF_MAX - step)
    return size;
  return size <= least ? least : ((size + word + step - 1) & ~(step - 1)) - word;
}

size_t
sy_heap_trim (void)
{
#ifdef HAVE_MALLOC_TRIM
  (void) malloc_trim (0);
#endif
  return 0;
}
