/* SPDX-License-Identifier: MIT */
/* alloc.c: the public calls on handles and memory, but the two hottest: what is asked of
   arguments, and errno. */
#include <config.h>

#include "sydra/alloc.h"

#include <errno.h>
#include <pthread.h>

#include "api/backend.h"
#include "api/defer.h"
#include "api/fork.h"
#include "api/waiting.h"
#include "base/bug.h"
#include "base/compiler.h"
#include "thread/hits.h"

static bool
is_too_big (size_t size)
{
  if (SY_LIKELY (size <= (size_t) PTRDIFF_MAX))
    return false;
  errno = ENOMEM;
  return true;
}

/* ---- Handles ---- */

static struct {
  pthread_once_t once;
  AO_t handle;
} process = { PTHREAD_ONCE_INIT, 0 };

static struct sydra_alloc *
create (const struct sydra_alloc_options *options)
{
  sy_epoch_prepare ();

  const char *name = options->name == NULL ? "alloc" : options->name;
  struct sydra_alloc *a = sy_fork_ready () ? sy_handle_take (name, options->max_bytes) : NULL;

  if (a != NULL && !sy_backend_open (a, sydra_alloc_shards ()))
    {
      sy_handle_give (a);
      a = NULL;
    }
  if (a == NULL)
    {
      errno = ENOMEM;
      return NULL;
    }
  sy_defer_open (a, options->max_deferred_bytes);
  a->on_stall = options->on_stall;
  a->on_stall_ctx = options->on_stall_ctx;
  sy_handle_enlist (a);
  return a;
}

SY_EXPORT struct sydra_alloc *
sydra_alloc_create (const struct sydra_alloc_options *options)
{
  static const struct sydra_alloc_options defaults = SYDRA_ALLOC_OPTIONS_INIT;
  /* The first version's options end with on_stall_ctx. */
  const size_t least = offsetof (struct sydra_alloc_options, on_stall_ctx)
                       + sizeof options->on_stall_ctx;

  if (options == NULL)
    return create (&defaults);
  if (options->size < least)
    {
      errno = EINVAL;
      return NULL;
    }
  return create (options);
}

SY_EXPORT size_t
sydra_alloc_destroy (struct sydra_alloc *a)
{
  size_t live = 0;

  sy_handle_check (a, "sydra_alloc_destroy");
  if ((AO_t) a == AO_load (&process.handle))
    sy_bug ("sydra_alloc_destroy", a, "the default handle is never destroyed");
  sy_domain_close (&a->domain);
  sy_registry_detach (a);
  for (unsigned class = 0; class < SY_CLASSES; class++)
    live += AO_load (&a->ledger.retired.allocations[class])
            - AO_load (&a->ledger.retired.frees[class]);
  sy_handle_withdraw (a);
  sy_backend_close (a);
  sy_handle_give (a);
  return live;
}

static void
make_default (void)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  options.name = "default";

  struct sydra_alloc *a = create (&options);

  if (a == NULL)
    sy_bug ("sydra_alloc_default", a, "no memory for the process's own handle");
  /* release: pairs with the acquire in sydra_alloc_default. */
  AO_store_release (&process.handle, (AO_t) a);
}

SY_EXPORT struct sydra_alloc *
sydra_alloc_default (void)
{
  AO_t handle = AO_load_acquire (&process.handle);

  if (SY_UNLIKELY (handle == 0))
    {
      int saved = errno;

      (void) pthread_once (&process.once, make_default);
      handle = AO_load_acquire (&process.handle);
      errno = saved;
    }
  return (struct sydra_alloc *) handle;
}

/* ---- Memory ---- */

SY_EXPORT void *
sydra_calloc (struct sydra_alloc *a, size_t count, size_t size)
{
  size_t bytes;

  sy_handle_check_fast (a, "sydra_calloc");
  if (__builtin_mul_overflow (count, size, &bytes))
    bytes = SIZE_MAX;
  return is_too_big (bytes) ? NULL : sy_backend_calloc (a, bytes);
}

SY_EXPORT void *
sydra_realloc (struct sydra_alloc *a, void *block, size_t size)
{
  sy_handle_check_fast (a, "sydra_realloc");
  if (block == NULL)
    return sydra_malloc (a, size);
  if (SY_DEBUG)
    sy_waiting_check (block, "sydra_realloc");
  return is_too_big (size) ? NULL : sy_backend_realloc (a, block, size);
}

SY_EXPORT void *
sydra_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
{
  sy_handle_check_fast (a, "sydra_aligned_alloc");
  if (alignment == 0 || (alignment & (alignment - 1)) != 0)
    {
      errno = EINVAL;
      return NULL;
    }
  if (is_too_big (size) || is_too_big (alignment) || is_too_big (size + alignment))
    return NULL;
  return sy_backend_aligned_alloc (a, alignment, size);
}

static void
check_size (struct sydra_alloc *a, const void *block, size_t size, const char *call)
{
  sy_handle_check_fast (a, call);
  if (block != NULL && size > sy_backend_usable_size (a, block, call))
    sy_bug (call, block, "the block is smaller than the size given");
}

SY_EXPORT void
sydra_free_sized (struct sydra_alloc *a, void *block, size_t size)
{
  check_size (a, block, size, "sydra_free_sized");
  sydra_free (a, block);
}

SY_EXPORT void
sydra_free_aligned_sized (struct sydra_alloc *a, void *block, size_t alignment, size_t size)
{
  check_size (a, block, size, "sydra_free_aligned_sized");
  if (block == NULL)
    return;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0
      || ((uintptr_t) block & (alignment - 1)) != 0)
    sy_bug ("sydra_free_aligned_sized", block, "the block cannot have the alignment given");
  sydra_free (a, block);
}

SY_EXPORT bool
sydra_resize (struct sydra_alloc *a, void *block, size_t size)
{
  sy_handle_check_fast (a, "sydra_resize");
  if (block == NULL)
    sy_bug ("sydra_resize", block, "the block is NULL");
  return size <= (size_t) PTRDIFF_MAX && sy_backend_resize (a, block, size);
}

static size_t SY_NOINLINE
usable_size_slow (struct sydra_alloc *a, const void *block)
{
  sy_handle_check (a, "sydra_usable_size");
  return block == NULL ? 0 : sy_backend_usable_size (a, block, "sydra_usable_size");
}

SY_EXPORT size_t
sydra_usable_size (struct sydra_alloc *a, const void *block)
{
  struct sy_cache *cache = sy_cache_last;
  size_t bytes;

  return SY_LIKELY (sy_holds (&cache->owner, (AO_t) a) && sy_cache_usable (cache, block, &bytes))
           ? bytes
           : usable_size_slow (a, block);
}

SY_EXPORT size_t
sydra_good_size (struct sydra_alloc *a, size_t size)
{
  sy_handle_check_fast (a, "sydra_good_size");
  return sy_backend_good_size (size);
}

SY_EXPORT bool
sydra_owns (struct sydra_alloc *a, const void *pointer)
{
  sy_handle_check_fast (a, "sydra_owns");
  return sy_backend_owns (a, pointer);
}

SY_EXPORT size_t
sydra_malloc_batch (struct sydra_alloc *a, size_t size, size_t count, void **blocks)
{
  sy_handle_check_fast (a, "sydra_malloc_batch");
  return is_too_big (size) ? 0 : sy_backend_malloc_batch (a, size, count, blocks);
}

SY_EXPORT void
sydra_free_batch (struct sydra_alloc *a, size_t count, void **blocks)
{
  sy_handle_check_fast (a, "sydra_free_batch");
  for (size_t at = 0; at < count; at++)
    sydra_free (a, blocks[at]);
}
