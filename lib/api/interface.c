/* SPDX-License-Identifier: MIT */
/* interface.c: a handle as a value of struct sydra_allocator (after Zig's std.mem.Allocator). */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "sydra/alloc.h"
#include "thread/handle.h"

static void *
value_alloc (void *ctx, size_t size, size_t alignment)
{
  return sydra_aligned_alloc (ctx, alignment, size);
}

static bool
value_resize (void *ctx, void *block, size_t size, size_t alignment, size_t new_size)
{
  (void) size;
  (void) alignment;
  return sydra_resize (ctx, block, new_size);
}

static void *
value_remap (void *ctx, void *block, size_t size, size_t alignment, size_t new_size)
{
  /* Up to here sydra_realloc keeps the alignment by itself. */
  if (alignment <= sizeof (long double))
    return sydra_realloc (ctx, block, new_size);

  size_t room = sydra_usable_size (ctx, block);

  if (new_size <= room && new_size > room / 2)
    return block;

  void *moved = sydra_aligned_alloc (ctx, alignment, new_size);

  if (moved == NULL)
    return new_size <= room ? block : NULL;
  memcpy (moved, block, size < new_size ? size : new_size);
  sydra_free (ctx, block);
  return moved;
}

static void
value_free (void *ctx, void *block, size_t size, size_t alignment)
{
  sydra_free_aligned_sized (ctx, block, alignment, size);
}

SY_EXPORT struct sydra_allocator
sydra_alloc_interface (struct sydra_alloc *a)
{
  struct sydra_allocator value = { a, value_alloc, value_resize, value_remap, value_free };

  sy_handle_check (a, "sydra_alloc_interface");
  return value;
}
