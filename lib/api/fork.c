/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "api/fork.h"

#include <pthread.h>

#include "api/waiting.h"
#include "base/metadata.h"
#include "base/os.h"
#include "pages/dirty.h"
#include "pool/reap.h"
#include "thread/registry.h"

static pthread_once_t registered = PTHREAD_ONCE_INIT;
static AO_t refused;

static void
lock_domain (struct sydra_alloc *a)
{
  sy_lock_take (&a->domain.lock);
}

static void
lock_limbo (struct sydra_alloc *a)
{
  sy_lock_take (&a->domain.limbo.lock);
}

static void
lock_fallback (struct sydra_alloc *a)
{
  sy_fallback_lock (&a->fallback);
}

static void
lock_pool (struct sydra_alloc *a)
{
  sy_pool_lock (&a->pool);
}

static void
unlock_handle (struct sydra_alloc *a)
{
  sy_pool_unlock (&a->pool);
  sy_fallback_unlock (&a->fallback);
  sy_lock_release (&a->domain.limbo.lock);
  sy_lock_release (&a->domain.lock);
}

/* In the child. */
static void
forget_threads (struct sydra_alloc *a)
{
  sy_reap_after_fork (&a->pool);
  sy_registry_after_fork (a);
  /* Blocks that still wait.  What an absent thread was deferring or freeing is lost. */
  if (SY_DEBUG)
    sy_domain_each (&a->domain, sy_waiting_add);
}

/*
 * Are the locks taken for a fork?  They are not where the calling thread is the only one: nobody
 * else holds a lock then, and each page that is written to must be copied.
 */
static bool locked;

static void
lock_all (void)
{
  if (sy_os_is_alone ())
    return;
  sy_lock_take (sy_registry_lock ());
  sy_handle_each (lock_domain);
  sy_handle_each (lock_limbo);
  sy_handle_each (lock_fallback);
  sy_waiting_lock ();
  sy_handle_each (lock_pool);
  sy_lock_take (sy_slab_lock ());
  sy_lock_take (&sy_range_lock);
  sy_lock_take (sy_metadata_lock ());
  sy_lock_hold_all (true);
  locked = true;
}

/* All but the registry's. */
static void
unlock_most (void)
{
  sy_lock_hold_all (false);
  sy_lock_release (sy_metadata_lock ());
  sy_lock_release (&sy_range_lock);
  sy_lock_release (sy_slab_lock ());
  sy_waiting_unlock ();
  sy_handle_each (unlock_handle);
}

static void
in_parent (void)
{
  if (!locked)
    return;
  locked = false;
  unlock_most ();
  sy_lock_release (sy_registry_lock ());
}

static void
in_child (void)
{
  bool was_locked = locked;

  if (was_locked)
    {
      locked = false;
      sy_dirty_after_fork ();
      sy_magazine_after_fork ();
      unlock_most ();
    }
  if (SY_DEBUG)
    sy_waiting_forget ();
  sy_handle_each (forget_threads);
  if (was_locked)
    sy_lock_release (sy_registry_lock ());
}

static void
register_handlers (void)
{
  sy_fork_register_module ();
  if (pthread_atfork (lock_all, in_parent, in_child) != 0)
    AO_store (&refused, 1);
}

/* The shared library's constructor. */
void sy_fork_register (void) __attribute__ ((constructor (101)));

void
sy_fork_register (void)
{
  (void) pthread_once (&registered, register_handlers);
}

bool
sy_fork_ready (void)
{
  return AO_load (&refused) == 0;
}
