/* SPDX-License-Identifier: MIT */
/*
 * start.h: the handle that serves the process's malloc, and how it is made.
 *
 * Any call may be the first one: from the dynamic linker, from a constructor, or from
 * pthread_atfork with its lock taken.  So nothing that makes the handle calls malloc.  It maps
 * memory, counts processors (where the C library does that, it uses only the stack) and reads the
 * environment.  If the environment is wrong, it writes to standard error.
 *
 * What may allocate comes later.  The fork handlers are registered at load.  A thread's key is made
 * with the thread's cache; until then registry.c works without a cache.
 */
#ifndef SY_MALLOC_START_H
#define SY_MALLOC_START_H

#include "api/backend.h"
#include "sydra/alloc.h"
#include "thread/hits.h"

/* The process's handle, the only one of this copy of the library; 0 before the first call.  Hidden,
   so that it is one load away. */
extern AO_t sy_process_handle SY_HIDDEN;

/* Makes the process's handle. */
struct sydra_alloc *sy_start (void) SY_COLD;

/*
 * Registers the fork handlers, once.  Only one object of a process is initialised before all
 * others.  If that is libsydra-alloc, because the program is linked with it, it calls this
 * function.
 */
void sydra_malloc_load (void);

/*
 * Registers the fork handlers and makes the handle.  It runs at load, before the constructors of
 * other objects where the linker can arrange that.
 */
void sy_load (int argc, char **argv, char **environment);

static inline struct sydra_alloc *
sy_process (void)
{
  /*
   * Relaxed: on its first use of a handle a thread loads the handle's state with acquire
   * (sy_handle_check).
   */
  AO_t handle = AO_load (&sy_process_handle);

  return SY_LIKELY (handle != 0) ? (struct sydra_alloc *) handle : sy_start ();
}

/* A block, if malloc hits; else NULL. */
static inline void *
sy_process_hit_malloc (size_t size)
{
  return SY_LIKELY (size <= SY_TINY_MAX) ? sy_cache_pop (sy_cache_last, sy_class_by_size[size])
                                         : NULL;
}

/* The same for sizes over SY_TINY_MAX. */
static inline void *
sy_process_hit_medium (size_t size)
{
  return size > SY_TINY_MAX && size <= SY_SMALL_MAX ? sy_cache_pop_medium (sy_cache_last, size)
                                                    : NULL;
}

/* The same with an alignment, for sizes but 0.  If that is no power of two, nothing hits. */
static inline void *
sy_process_hit_aligned (size_t alignment, size_t size)
{
  size_t last = sy_last_byte (size, alignment);

  return SY_LIKELY ((alignment & (alignment - 1)) == 0 && last < SY_TINY_MAX)
           ? sy_cache_pop (sy_cache_last, sy_class_by_word[last / 8])
           : NULL;
}

/* Frees a block that is no hit. */
void sy_process_free_slow (void *block);

static inline void
sy_process_free (void *block)
{
  size_t kind;

  if (SY_LIKELY (sy_only_kind (block, &kind) && sy_cache_push_kind (sy_cache_last, kind, block)))
    return;
  if (block != NULL)
    sy_process_free_slow (block);
}

#endif
