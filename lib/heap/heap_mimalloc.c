/* SPDX-License-Identifier: MIT */
/*
 * heap_mimalloc.c: the system's mimalloc.  It uses only the malloc family, because later versions
 * of mimalloc dropped other calls.
 *
 * mimalloc 2.0.9 returns misaligned blocks if the size is at least the alignment and one of its
 * size classes fits both (256 bytes at 256, 512 bytes at 256 and so on).  So each result is
 * checked, and a misaligned one is replaced by a longer block: a size that is no multiple of the
 * alignment takes another path in mimalloc, which aligns correctly.
 *
 * mimalloc aligns blocks of up to 8 bytes to 8 only.  So no request is for less than 16 bytes.
 */
#include <config.h>

#include "heap/heap.h"

#include <errno.h>
#include <mimalloc.h>
#include <stdint.h>

const char sy_heap_name[] = "mimalloc";

static bool
too_big (size_t size)
{
  if (size <= (size_t) PTRDIFF_MAX)
    return false;
  errno = ENOMEM;
  return true;
}

/* Every block has the alignment that malloc promises, so that mi_realloc may leave it in place. */
#define LEAST ((size_t) 16)

static size_t
at_least (size_t size)
{
  return size < LEAST ? LEAST : size;
}

static void *
or_enomem (void *block)
{
  if (block == NULL)
    errno = ENOMEM;
  return block;
}

void *
sy_heap_malloc (size_t size)
{
  return too_big (size) ? NULL : or_enomem (mi_malloc (at_least (size)));
}

void *
sy_heap_calloc (size_t size)
{
  return too_big (size) ? NULL : or_enomem (mi_zalloc (at_least (size)));
}

void *
sy_heap_realloc (void *block, size_t size)
{
  return too_big (size) ? NULL : or_enomem (mi_realloc (block, at_least (size)));
}

void *
sy_heap_aligned (size_t alignment, size_t size)
{
  /* Beyond this mimalloc 2.0 refuses to align.  A block that is longer by a whole alignment always
     contains an aligned block. */
  if (too_big (size) || too_big (alignment) || too_big (size + alignment))
    return NULL;
  size = at_least (size);
  alignment = at_least (alignment);
  for (size_t extra = 0; extra / 2 <= alignment && !too_big (size + extra);
       extra = extra == 0 ? 1 : 2 * extra)
    {
      void *block = mi_malloc_aligned (size + extra, alignment);

      if (block != NULL && ((uintptr_t) block & (alignment - 1)) == 0)
        return block;
      mi_free (block);
    }
  return or_enomem (NULL);
}

void
sy_heap_free (void *block)
{
  int saved = errno;

  mi_free (block);
  errno = saved;
}

size_t
sy_heap_usable (const void *block)
{
  return mi_usable_size (block);
}

size_t
sy_heap_good_size (size_t size)
{
  if (size > (size_t) PTRDIFF_MAX)
    return size;
  size = at_least (size);
  return mi_good_size (size) < size ? size : mi_good_size (size);
}

size_t
sy_heap_purge (void)
{
  mi_collect (true);
  return 0;
}
