/* SPDX-License-Identifier: MIT */
/* backend_heap.c: the modes in which one heap (heap.h) serves everything, with our books beside
   it. */
#include <config.h>

#include "api/backend.h"
#include "api/heap_blocks.h"
#include "api/waiting.h"
#include "base/compiler.h"
#include "heap/heap.h"
#include "thread/registry.h"

const char *const sy_backend_name = sy_heap_name;
const bool sy_backend_has_pool = false;

bool
sy_backend_open (struct sydra_alloc *a, unsigned shards)
{
  (void) a;
  (void) shards;
  return true;
}

void
sy_backend_close (struct sydra_alloc *a)
{
  (void) a;
}

SY_EXPORT void *
sydra_malloc (struct sydra_alloc *a, size_t size)
{
  struct sy_cache *cache = sy_cache_get (a, "sydra_malloc");

  return sy_heap_block_malloc (a, cache, SY_GRANULE, size, false);
}

SY_EXPORT void
sydra_free (struct sydra_alloc *a, void *block)
{
  sy_handle_check_fast (a, "sydra_free");
  if (block == NULL)
    return;
  if (SY_DEBUG)
    sy_waiting_check (block, "sydra_free");
  (void) sy_heap_block_free (a, sy_cache_earn (a, "sydra_free"), block);
}

void *
sy_backend_malloc_slow (struct sydra_alloc *a, size_t size)
{
  return sydra_malloc (a, size);
}

void
sy_backend_free_slow (struct sydra_alloc *a, void *block)
{
  sydra_free (a, block);
}

void *
sy_backend_calloc (struct sydra_alloc *a, size_t size)
{
  return sy_heap_block_malloc (a, sy_cache_get (a, "sydra_calloc"), SY_GRANULE, size, true);
}

void *
sy_backend_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  return sy_heap_block_realloc (a, sy_cache_get (a, "sydra_realloc"), block, size);
}

void *
sy_backend_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
{
  return sy_heap_block_malloc (a, sy_cache_get (a, "sydra_aligned_alloc"), alignment, size,
                               false);
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
  return SY_CLASS_HEAP;
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
  sy_heap_purge ();
  /* Neither heap says how much that was. */
  return 0;
}
