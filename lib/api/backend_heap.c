/* SPDX-License-Identifier: MIT */
/* backend_heap.c: the modes in which one heap (heap.h) serves everything, with our books beside it. */
#include <config.h>

#include <errno.h>

#include "api/backend.h"
#include "api/reclaim.h"
#include "base/compiler.h"
#include "heap/heap.h"

const char *const sy_backend_name = sy_heap_name;
const bool sy_backend_has_pool = false;

bool
sy_backend_open (struct sydra_alloc *a)
{
  (void) a;
  return true;
}

void
sy_backend_close (struct sydra_alloc *a)
{
  (void) a;
}

/* Charges the handle; what is deferred gives way. */
static bool
charge (struct sydra_alloc *a, size_t bytes)
{
  return sy_handle_charge (a, bytes) || (sy_reclaim_for_want (a) && sy_handle_charge (a, bytes));
}

/* Takes a new block into the books.  Over the handle's limit: it goes back. */
static void *
admit (struct sydra_alloc *a, void *block, const char *call)
{
  if (SY_UNLIKELY (block == NULL))
    return NULL;

  struct sy_thread_cache *cache = sy_thread_cache_get (a, call);
  size_t bytes = sy_heap_usable (block);

  if (!charge (a, bytes))
    {
      sy_heap_free (block);
      errno = ENOMEM;
      return NULL;
    }
  sy_thread_cache_count_heap_malloc (a, cache, bytes);
  return block;
}

static void
dismiss (struct sydra_alloc *a, const void *block, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_earn (a, call);
  size_t bytes = sy_heap_usable (block);

  sy_handle_discharge (a, bytes);
  sy_thread_cache_count_heap_free (a, cache, bytes);
}

SY_EXPORT void *
sydra_malloc (struct sydra_alloc *a, size_t size)
{
  (void) sy_thread_cache_get (a, "sydra_malloc");
  return admit (a, sy_heap_malloc (size), "sydra_malloc");
}

SY_EXPORT void
sydra_free (struct sydra_alloc *a, void *block)
{
  sy_thread_handle_check (a, "sydra_free");
  if (block == NULL)
    return;
  if (SY_DEBUG)
    sy_handle_check_free (block, "sydra_free");
  dismiss (a, block, "sydra_free");
  sy_heap_free (block);
}

void *
sy_backend_calloc (struct sydra_alloc *a, size_t size)
{
  return admit (a, sy_heap_calloc (size), "sydra_calloc");
}

void *
sy_backend_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  size_t old_bytes = sy_heap_usable (block);

  size_t growth = size > old_bytes ? size - old_bytes : 0;

  /* The limit is asked before the block changes: the old one must stay on failure. */
  if (!charge (a, growth))
    {
      errno = ENOMEM;
      return NULL;
    }

  struct sy_thread_cache *cache = sy_thread_cache_get (a, "sydra_realloc");
  void *moved = sy_heap_realloc (block, size);

  if (moved == NULL)
    {
      sy_handle_discharge (a, growth);
      return NULL;
    }

  size_t bytes = sy_heap_usable (moved);

  sy_handle_recharge (a, old_bytes + growth, bytes);
  if (moved == block)
    sy_thread_cache_count_heap_resize (a, cache, old_bytes, bytes);
  else
    {
      sy_thread_cache_count_heap_malloc (a, cache, bytes);
      sy_thread_cache_count_heap_free (a, cache, old_bytes);
    }
  return moved;
}

void *
sy_backend_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
{
  return admit (a, sy_heap_aligned (alignment, size), "sydra_aligned_alloc");
}

bool
sy_backend_resize (struct sydra_alloc *a, void *block, size_t size)
{
  (void) a;
  return size <= sy_heap_usable (block);
}

size_t
sy_backend_usable_size (struct sydra_alloc *a, const void *block, const char *call)
{
  (void) a;
  (void) call;
  return sy_heap_usable (block);
}

unsigned
sy_backend_class_of (struct sydra_alloc *a, const void *block, const char *call, size_t *bytes)
{
  *bytes = sy_backend_usable_size (a, block, call);
  return 0;
}

size_t
sy_backend_good_size (size_t size)
{
  return sy_heap_good_size (size);
}

bool
sy_backend_owns (struct sydra_alloc *a, const void *pointer)
{
  (void) a;
  (void) pointer;
  return false;
}

size_t
sy_backend_malloc_batch (struct sydra_alloc *a, size_t size, size_t count, void **blocks)
{
  size_t made = 0;

  while (made < count && (blocks[made] = sydra_malloc (a, size)) != NULL)
    made++;
  return made;
}

size_t
sy_backend_collect (struct sydra_alloc *a)
{
  (void) a;
  sy_heap_trim ();
  /* Neither heap says how much that was. */
  return 0;
}
