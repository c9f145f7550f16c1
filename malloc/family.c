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

static void * SY_COLD
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

static inline void *
allocate (size_t size)
{
  void *block = sy_process_hit_malloc (size);

  return SY_LIKELY (block != NULL) ? block : malloc_slow (size);
}

SY_EXPORT void *
malloc (size_t size)
{
  return allocate (size);
}

SY_EXPORT void
free (void *block)
{
  sy_process_free (block);
}

/* Clears a block's first and its last bytes, which may overlap. */
static inline void *
clear_ends (void *block, size_t bytes, size_t at_an_end)
{
  memset (block, 0, at_an_end);
  memset ((char *) block + bytes - at_an_end, 0, at_an_end);
  return block;
}

/* Clears a block of at most CLEARED_INLINE bytes.  It is a multiple of SY_GRANULE long. */
static inline void *
clear (void *block, size_t bytes)
{
  if (bytes <= SY_GRANULE)
    return memset (block, 0, SY_GRANULE);
  if (bytes <= 2 * SY_GRANULE)
    return memset (block, 0, 2 * SY_GRANULE);
  if (bytes <= 4 * SY_GRANULE)
    return clear_ends (block, bytes, 2 * SY_GRANULE);
  return clear_ends (block, bytes, 4 * SY_GRANULE);
}

static void * SY_NOINLINE
calloc_slow (size_t bytes)
{
  return sydra_calloc (sy_process (), 1, bytes);
}

static void * SY_NOINLINE
calloc_longer (size_t bytes)
{
  void *block = sy_process_hit_malloc (bytes);

  return SY_LIKELY (block != NULL) ? memset (block, 0, bytes) : calloc_slow (bytes);
}

SY_EXPORT void *
calloc (size_t count, size_t size)
{
  size_t bytes;
  void *block;

  if (SY_UNLIKELY (__builtin_mul_overflow (count, size, &bytes)))
    return fail (ENOMEM);
  block = bytes <= CLEARED_INLINE ? sy_process_hit_malloc (bytes) : NULL;
  return SY_LIKELY (block != NULL) ? clear (block, bytes) : calloc_longer (bytes);
}

static void * SY_NOINLINE
realloc_slow (void *block, size_t size)
{
  if (SY_LIKELY (size != 0))
    return sydra_realloc (sy_process (), block, size);
  sydra_free (sy_process (), block);
  return NULL;
}

static void * SY_NOINLINE
copy_and_free (void *new, void *block, size_t bytes)
{
  memcpy (new, block, bytes);
  sy_process_free_slow (block);
  return new;
}

/* Moves a block of this kind, a class, to a new one that has `size` bytes. */
static inline void *
move_to (void *new, void *block, size_t size, size_t kind)
{
  size_t bytes = sy_extents[kind].bytes, copied = size < bytes ? size : bytes;

  /* A compiler that knows that it is small makes a `rep movs` of the copy, which is slow. */
  SY_OPAQUE (copied);
  /* Where a free that hits puts the block, it keeps its bytes, and only this thread takes it. */
  return SY_LIKELY (sy_cache_push_kind (sy_cache_last, kind, block))
           ? memcpy (new, block, copied)
           : copy_and_free (new, block, copied);
}

static void * SY_NOINLINE
move_medium (void *block, size_t size, size_t kind)
{
  void *new = sy_extents[kind].bytes != 0 ? sy_process_hit_medium (size) : NULL;

  return SY_LIKELY (new != NULL) ? move_to (new, block, size, kind) : realloc_slow (block, size);
}

/* A block of any kind, which does not stay where it is. */
static void * SY_NOINLINE
move (void *block, size_t size, size_t kind)
{
  void *new = sy_extents[kind].bytes != 0 && size != 0 ? sy_process_hit_malloc (size) : NULL;

  return SY_LIKELY (new != NULL) ? move_to (new, block, size, kind)
                                 : move_medium (block, size, kind);
}

SY_EXPORT void *
realloc (void *block, size_t size)
{
  size_t kind;

  if (SY_UNLIKELY (block == NULL))
    return allocate (size);
  if (SY_UNLIKELY (!sy_only_kind (block, &kind)))
    return realloc_slow (block, size);
  return SY_LIKELY (sy_extent_keeps (kind, size)) ? block : move (block, size, kind);
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

static void * SY_NOINLINE
aligned_slow (size_t alignment, size_t size)
{
  return sydra_aligned_alloc (sy_process (), alignment, size);
}

static inline void *
allocate_aligned (size_t alignment, size_t size)
{
  void *block = sy_process_hit_aligned (alignment, size);

  return SY_LIKELY (block != NULL) ? block : aligned_slow (alignment, size);
}

SY_EXPORT void *
aligned_alloc (size_t alignment, size_t size)
{
  return allocate_aligned (alignment, size);
}

static void * SY_NOINLINE
memalign_rounded (size_t alignment, size_t size)
{
  size_t rounded = 1;

  if (alignment > SIZE_MAX / 2 + 1)
    return fail (EINVAL);
  while (rounded < alignment)
    rounded *= 2;
  return aligned_slow (rounded, size);
}

/* Like the C library, rounds an alignment that is not a power of two up to the next one. */
SY_EXPORT void *
memalign (size_t alignment, size_t size)
{
  void *block = sy_process_hit_aligned (alignment, size);

  return SY_LIKELY (block != NULL) ? block : memalign_rounded (alignment, size);
}

static int SY_NOINLINE
posix_memalign_slow (void **result, size_t alignment, size_t size)
{
  int saved = errno;

  if (!is_power_of_two (alignment) || alignment % sizeof (void *) != 0)
    return EINVAL;

  void *block = aligned_slow (alignment, size);

  errno = saved;
  if (block == NULL)
    return ENOMEM;
  *result = block;
  return 0;
}

SY_EXPORT int
posix_memalign (void **result, size_t alignment, size_t size)
{
  void *block
    = alignment % sizeof (void *) == 0 ? sy_process_hit_aligned (alignment, size) : NULL;

  if (SY_UNLIKELY (block == NULL))
    return posix_memalign_slow (result, alignment, size);
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
