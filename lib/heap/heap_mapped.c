/* SPDX-License-Identifier: MIT */
/*
 * heap_mapped.c: the heap behind the drop-in's pool.
 *
 * Large blocks are runs of pages of our own range (page_heap.h).  The C library's own heap serves
 * small blocks that the pool has no room for, and large blocks if the range does not exist or is
 * full.  The address of a block tells which of the two it came from.
 */
#include <config.h>

#include "heap/heap.h"

#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "base/os.h"
#include "base/tuning.h"
#include "heap/libc_heap.h"
#include "pages/page_heap.h"
#include "pages/page_range.h"

const char sy_heap_name[] = "mapped";

static bool
beyond_range (size_t size)
{
  if (size <= (size_t) PTRDIFF_MAX - SY_PAGE_MAX)
    return false;
  errno = ENOMEM;
  return true;
}

static bool
is_large (size_t size)
{
  return size > SY_LARGE_MIN || !sy_libc_heap_is_there ();
}

/* The size of a block.  A block of the C library's heap is as long as one of our own would be,
   so that sy_heap_good_size is right for both. */
static size_t
rounded (size_t size)
{
  size_t step = size > SY_LARGE_MIN ? sy_pages_page_bytes () : 16;

  return size == 0 ? step : (size + step - 1) & ~(step - 1);
}

/* Clears a run.  Parts of which few pages are in memory are given back to the system, which
   makes them zero without memory. */
static void
clear (char *start, size_t bytes)
{
  for (size_t at = 0; at < bytes; at += SY_RESIDENT_BYTES)
    {
      size_t part = bytes - at < SY_RESIDENT_BYTES ? bytes - at : SY_RESIDENT_BYTES;

      if (part < SY_CLEAR_LEAST || sy_os_resident_bytes (start + at, part) > part / 2
          || !sy_os_discard (start + at, part))
        memset (start + at, 0, part);
    }
}

static void *
pages_take (size_t alignment, size_t size, size_t room, bool zeroed)
{
  bool zero;
  void *block = sy_pages_take (alignment, size, room, &zero);

  if (block != NULL && zeroed && !zero)
    clear (block, rounded (size));
  return block;
}

void *
sy_heap_malloc (size_t size)
{
  void *block;

  if (beyond_range (size))
    return NULL;
  block = is_large (size) ? pages_take (1, size, 0, false) : NULL;
  return block != NULL ? block : sy_libc_heap_malloc (rounded (size));
}

void *
sy_heap_calloc (size_t size)
{
  void *block;

  if (beyond_range (size))
    return NULL;
  block = is_large (size) ? pages_take (1, size, 0, true) : NULL;
  return block != NULL ? block : sy_libc_heap_calloc (rounded (size));
}

void *
sy_heap_aligned (size_t alignment, size_t size)
{
  void *block;

  if (beyond_range (size) || beyond_range (alignment))
    return NULL;
  block = is_large (size) || is_large (alignment) ? pages_take (alignment, size, 0, false) : NULL;
  return block != NULL ? block : sy_libc_heap_aligned (alignment, rounded (size));
}

/* Copies the block to a new one, with room for more growth if it grows. */
static void *
copy (void *block, size_t old_size, size_t size)
{
  bool grows = size > old_size && is_large (size);
  void *moved = grows ? pages_take (1, size, size / SY_GROWTH_SHARE, false) : sy_heap_malloc (size);

  if (moved == NULL && grows)
    moved = sy_heap_malloc (size);
  if (moved != NULL)
    {
      memcpy (moved, block, old_size < size ? old_size : size);
      sy_heap_free (block);
    }
  return moved;
}

void *
sy_heap_realloc (void *block, size_t size)
{
  void *moved;

  if (beyond_range (size))
    return NULL;
  if (!sy_pages_has (block))
    {
      moved = is_large (size) ? copy (block, sy_libc_heap_usable (block), size) : NULL;
      return moved != NULL ? moved : sy_libc_heap_realloc (block, rounded (size));
    }
  if (sy_pages_resize (block, size, "realloc"))
    return block;
  moved = sy_pages_move (block, size, "realloc");
  return moved != NULL ? moved : copy (block, sy_pages_usable (block, "realloc"), size);
}

void
sy_heap_free (void *block)
{
  int saved = errno;

  if (sy_pages_has (block))
    sy_pages_give (block, "free");
  else if (block != NULL)
    sy_libc_heap_free (block);
  errno = saved;
}

size_t
sy_heap_usable (const void *block)
{
  return sy_pages_has (block) ? sy_pages_usable (block, "malloc_usable_size")
         : block == NULL      ? 0
                              : sy_libc_heap_usable (block);
}

size_t
sy_heap_good_size (size_t size)
{
  return size > (size_t) PTRDIFF_MAX - SY_PAGE_MAX ? size : rounded (size);
}

size_t
sy_heap_purge (void)
{
  if (SY_DEBUG && !sy_page_range_is_valid ())
    sy_bug ("collect", NULL, "the book of large blocks' pages does not add up");
  /* The C library serves little here, so its heap is not trimmed. */
  return sy_page_range_trim ();
}

void
sy_heap_reap (uint64_t now_ns)
{
  sy_page_range_reap (now_ns);
}

void
sy_heap_reap_soon (uint64_t now_ns)
{
  sy_page_range_reap_soon (now_ns);
}

size_t
sy_heap_held_bytes (void)
{
  return sy_page_range_held_bytes ();
}

void
sy_heap_fork_lock (void)
{
  sy_lock_take (&sy_page_range.lock);
}

void
sy_heap_fork_unlock (void)
{
  sy_lock_release (&sy_page_range.lock);
}
