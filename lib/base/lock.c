/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/lock.h"

#include "base/bug.h"
#include "base/os.h"
#include "base/tuning.h"

/* One bit for each rank that this thread holds; kept in debug builds only. */
static __thread unsigned ranks_held __attribute__ ((tls_model (SY_TLS_MODEL)));

static __thread bool holds_all __attribute__ ((tls_model (SY_TLS_MODEL)));

static void
rank_enter (const struct sy_lock *lock)
{
  if (SY_DEBUG)
    {
      bool many = lock->rank >= SY_RANK_DOMAIN && lock->rank <= SY_RANK_BIN;

      if (ranks_held >> lock->rank != 0 && !(ranks_held >> lock->rank == 1 && many))
        sy_bug ("lock", lock, "taken out of rank order");
      ranks_held |= 1u << lock->rank;
    }
}

static void
rank_leave (const struct sy_lock *lock)
{
  if (SY_DEBUG)
    ranks_held &= ~(1u << lock->rank);
}

void
sy_lock_take (struct sy_lock *lock)
{
  if (SY_UNLIKELY (holds_all))
    return;
  rank_enter (lock);
  for (unsigned tries = 0; tries < SY_LOCK_TRIES; tries++)
    {
      if (pthread_mutex_trylock (&lock->mutex) == 0)
        return;
      SY_RELAX ();
    }
  (void) pthread_mutex_lock (&lock->mutex);
}

bool
sy_lock_try (struct sy_lock *lock)
{
  if (SY_UNLIKELY (holds_all))
    return true;
  if (pthread_mutex_trylock (&lock->mutex) != 0)
    return false;
  rank_enter (lock);
  return true;
}

void
sy_lock_release (struct sy_lock *lock)
{
  if (SY_UNLIKELY (holds_all))
    return;
  rank_leave (lock);
  (void) pthread_mutex_unlock (&lock->mutex);
}

void
sy_lock_hold_all (bool held)
{
  holds_all = held;
}

static void
begin_hold (struct sy_timed_lock *lock)
{
  if (SY_UNLIKELY (holds_all))
    return;
  lock->taken_at_ns
    = AO_load (&lock->acquisitions) % SY_HOLDS_TIMED == 0 ? sy_os_now_ns () : 0;
  sy_own_add (&lock->acquisitions, 1);
}

void
sy_timed_lock_take (struct sy_timed_lock *lock)
{
  if (sy_timed_lock_try (lock))
    return;

  uint64_t asked_ns = sy_os_now_ns ();

  sy_lock_take (&lock->lock);
  sy_own_add (&lock->contention, 1);
  sy_own_add (&lock->wait_ns, (AO_t) (sy_os_now_ns () - asked_ns));
  begin_hold (lock);
}

bool
sy_timed_lock_try (struct sy_timed_lock *lock)
{
  if (!sy_lock_try (&lock->lock))
    return false;
  begin_hold (lock);
  return true;
}

void
sy_timed_lock_release (struct sy_timed_lock *lock)
{
  if (SY_UNLIKELY (lock->taken_at_ns != 0 && !holds_all))
    sy_own_add (&lock->hold_ns,
                (AO_t) (SY_HOLDS_TIMED * (sy_os_now_ns () - lock->taken_at_ns)));
  sy_lock_release (&lock->lock);
}
