/* SPDX-License-Identifier: MIT */
/*
 * heap_libc.c: the C library's malloc.
 *
 * The drop-in defines malloc itself.  So it compiles this file with other names for the C library's
 * functions (-Dmalloc=sy_libc_malloc and so on).  Of malloc's family this file calls only functions
 * that have a name in libc_functions.h.
 */
#include <config.h>

#include "heap/heap.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

const char sy_heap_name[] = "default";

/* For size 0 the C library may return NULL, and a sanitizer's heap a block whose usable byte it
   does not know. */
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
#ifdef __GLIBC__
  /* glibc's blocks have one word in front, sizes in steps of two words, and at least four words. */
  size_t word = sizeof (size_t), step = 2 * word, least = 3 * word;

  if (size > (size_t) PTRDIFF_MAX - step)
    return size;
  return size <= least ? least : ((size + word + step - 1) & ~(step - 1)) - word;
#else
  /* The sizes of other C libraries are not known. */
  return at_least_1 (size);
#endif
}

#ifdef HAVE_MALLOC_TRIM
static void
trim (void)
{
  (void) malloc_trim (0);
}

/* Once alone: where the program's malloc is another one, the first call initialises glibc's, and
   two of them at the same time crash (2.36; a sanitizer's malloc shows it). */
size_t
sy_heap_purge (void)
{
  static pthread_once_t first = PTHREAD_ONCE_INIT;

  (void) pthread_once (&first, trim);
  trim ();
  return 0;
}
#else
size_t
sy_heap_purge (void)
{
  return 0;
}
#endif
