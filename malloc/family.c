/* SPDX-License-Identifier: MIT */
/*
 * family.c: malloc and its relatives.  They behave as the C library's do, and take memory from the
 * process's handle.
 */
#include <config.h>

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "start.h"

/* C23; some <stdlib.h> do not declare them. */
void free_sized (void *block, size_t size);
void free_aligned_sized (void *block, size_t alignment, size_t size);

/* So many bytes are cleared without a call of memset. */
#define CLEARED_INLINE (8 * SY_GRANULE)

static bool
is_power_of_two (size_t number)
{
  return number != 0 && (number & (number - 1)) == 0;
}

static void *
fail (int error)
{
  errno = error;
  return NULL;
}

static void * SY_NOINLINE
malloc_slow (size_t size)
{
  void *block = sy_process_hit_medium (size);

  if (block != NULL)
    return block;
  return sy_backend_malloc_slow (sy_process (), size);
}

SY_EXPORT void *
malloc (size_t size)
{
  void *block = sy_process_hit_malloc (size);

  return SY_LIKELY (block != NULL) ? block : malloc_slow (size);
}

SY_EXPORT void
free (void *block)
{
  sy_process_free (block);
}

/* Clears so many granules from the block's start and as many before its end; these may overlap. */
static inline void *
clear_ends (void *block, size_t bytes, size_t granules)
{
  char *end = (char *) block + ((bytes + SY_GRANULE - 1) & ~(SY_GRANULE - 1));

  memset (block, 0, granules * SY_GRANULE);
  memset (end - granules * SY_GRANULE, 0, granules * SY_GRANULE);
  return block;
}

/* Clears a block that a malloc hit returned.  Its class is a multiple of 16 bytes long. */
static inline void *
clear (void *block, size_t bytes)
{
  if (bytes <= SY_GRANULE)
    {
      memset (block, 0, SY_GRANULE);
      return block;
    }
  if (bytes <= 2 * SY_GRANULE)
    return clear_ends (block, bytes, 1);
  if (bytes <= 4 * SY_GRANULE)
    return clear_ends (block, bytes, 2);
  if (bytes <= CLEARED_INLINE)
    return clear_ends (block, bytes, 4);
  return memset (block, 0, bytes);
}

static void * SY_NOINLINE
calloc_slow (size_t count, size_t size)
{
  return sydra_calloc (sy_process (), count, size);
}

SY_EXPORT void *
calloc (size_t count, size_t size)
{
  size_t bytes;
  void *block;

  if (SY_UNLIKELY (__builtin_mul_overflow (count, size, &bytes)))
    return calloc_slow (count, size);
  block = sy_process_hit_malloc (bytes);
  return SY_LIKELY (block != NULL) ? clear (block, bytes) : calloc_slow (count, size);
}

static void * SY_NOINLINE
realloc_slow (void *block, size_t size)
{
  if (SY_LIKELY (block == NULL || size != 0))
    return sydra_realloc (sy_process (), block, size);
  sydra_free (sy_process (), block);
  return NULL;
}

SY_EXPORT void *
realloc (void *block, size_t size)
{
  size_t bytes = sy_only_usable (block);

  /* A part of those that stay (pool_realloc in backend_small_pool.c), for which no size's class
     must be looked up. */
  return SY_LIKELY (size <= bytes && size > bytes / 2) ? block : realloc_slow (block, size);
}

SY_EXPORT void *
reallocarray (void *block, size_t count, size_t size)
{
  size_t bytes;

  if (__builtin_mul_overflow (count, size, &bytes))
    return fail (ENOMEM);
  return realloc (block, bytes);
}

/* Programs often pass a wrong size here.  So only debug builds check the size. */
SY_EXPORT void
free_sized (void *block, size_t size)
{
  if (SY_DEBUG)
    sydra_free_sized (sy_process (), block, size);
  else
    sy_process_free (block);
}

SY_EXPORT void
free_aligned_sized (void *block, size_t alignment, size_t size)
{
  if (SY_DEBUG)
    sydra_free_aligned_sized (sy_process (), block, alignment, size);
  else
    sy_process_free (block);
}

SY_EXPORT void *
aligned_alloc (size_t alignment, size_t size)
{
  return sydra_aligned_alloc (sy_process (), alignment, size);
}

/* Like the C library, rounds an alignment that is not a power of two up to the next one. */
SY_EXPORT void *
memalign (size_t alignment, size_t size)
{
  size_t rounded = 1;

  if (alignment > SIZE_MAX / 2 + 1)
    return fail (EINVAL);
  while (rounded < alignment)
    rounded *= 2;
  return sydra_aligned_alloc (sy_process (), rounded, size);
}

SY_EXPORT int
posix_memalign (void **result, size_t alignment, size_t size)
{
  int saved = errno;

  if (!is_power_of_two (alignment) || alignment % sizeof (void *) != 0)
    return EINVAL;

  void *block = sydra_aligned_alloc (sy_process (), alignment, size);

  errno = saved;
  if (block == NULL)
    return ENOMEM;
  *result = block;
  return 0;
}

SY_EXPORT void *
valloc (size_t size)
{
  return sydra_aligned_alloc (sy_process (), (size_t) sysconf (_SC_PAGESIZE), size);
}

SY_EXPORT void *
pvalloc (size_t size)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);

  if (size > SIZE_MAX - (page - 1))
    return fail (ENOMEM);
  return sydra_aligned_alloc (sy_process (), page, (size + page - 1) & ~(page - 1));
}
