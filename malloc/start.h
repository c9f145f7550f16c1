/* SPDX-License-Identifier: MIT */
/*
 * start.h: the handle that the process's malloc goes to, and its first moment.
 *
 * Any call may be the first: from the dynamic linker, a constructor, pthread_atfork with its lock taken.  Nothing that makes the handle calls
 * malloc: it maps memory, initialises mutexes, counts processors (which in the C library uses the stack only), reads the environment and,
 * where that is at fault, writes to standard error.  What may allocate comes later: the fork handlers at load, a thread's key when its
 * cache is born (registry.c goes without a cache meanwhile).
 */
#ifndef SY_MALLOC_START_H
#define SY_MALLOC_START_H

#include "api/backend.h"
#include "sydra/alloc.h"
#include "thread/hits.h"

/* The handle; 0 before the first call.  Hidden, so that it is one load away. */
extern AO_t sy_process_handle __attribute__ ((visibility ("hidden")));

/* Makes it. */
struct sydra_alloc *sy_start (void) SY_COLD;

/*
 * Registers the fork handlers, once.  Only one object of a process is initialised before all others; where that is libsydra-alloc, which the
 * program is linked with, it calls this.
 */
void sydra_malloc_load (void);

/* The same, and makes the handle: at load, before the constructors of others where the linker has a way to say so. */
void sy_load (int argc, char **argv, char **environment);

static inline struct sydra_alloc *
sy_process (void)
{
  /* Relaxed: a thread's first use of any handle asks for its state with acquire (sy_handle_check). */
  AO_t handle = AO_load (&sy_process_handle);

  return SY_LIKELY (handle != 0) ? (struct sydra_alloc *) handle : sy_start ();
}

/* A hit, or NULL.  Before the first call there is no handle, and so no hit. */
static inline void *
sy_process_hit_malloc (size_t size)
{
  return sy_hit_malloc ((const struct sydra_alloc *) AO_load (&sy_process_handle), size);
}

/* False: no hit. */
static inline bool
sy_process_hit_usable (const void *block, size_t *bytes)
{
  return sy_hit_usable ((const struct sydra_alloc *) AO_load (&sy_process_handle), block, bytes);
}

/* free for what was no hit. */
void sy_process_free_slow (void *block);

static inline void
sy_process_free (void *block)
{
  if (SY_UNLIKELY (!sy_hit_free ((const struct sydra_alloc *) AO_load (&sy_process_handle), block)))
    sy_process_free_slow (block);
}

#endif
