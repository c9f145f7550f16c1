/* SPDX-License-Identifier: MIT */
/*
 * lock.h: mutexes with a rank, and a kind that keeps count.
 *
 * A thread takes locks in rising rank only; debug builds check it.  A fork takes every lock in the same order.
 */
#ifndef SY_LOCK_H
#define SY_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/atomic.h"

enum sy_rank {
  SY_RANK_REGISTRY = 1,  /* handles, and which thread has which cache */
  SY_RANK_DOMAIN,        /* a handle's readers and their bags; never two at once but in a fork, as the next three */
  SY_RANK_LIMBO,         /* a handle's sealed bags */
  SY_RANK_FALLBACK,      /* a stripe of a handle's table of fallback blocks */
  SY_RANK_BIN,           /* one class of one shard */
  SY_RANK_REGION,        /* the range's slabs */
  SY_RANK_MAGAZINES,     /* the magazines' arena */
  SY_RANK_PAGES          /* runs of pages for large blocks */
};

struct sy_lock {
  pthread_mutex_t mutex;
  enum sy_rank rank;
};

/* Holders are soon done: who waits spins a little before it sleeps, where the C library has such mutexes and config.h asks for them. */
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
# define SY_MUTEX_INIT PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#else
# define SY_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#endif

#define SY_LOCK_INIT(rank) { SY_MUTEX_INIT, rank }

void sy_lock_init (struct sy_lock *lock, enum sy_rank rank);
void sy_lock_take (struct sy_lock *lock);
bool sy_lock_try (struct sy_lock *lock);
void sy_lock_release (struct sy_lock *lock);

/*
 * For fork, whose caller takes every lock: from now on, or no longer, the calling thread has them all, and taking or releasing one does
 * nothing.  Other libraries' fork handlers that run in between may allocate.
 */
void sy_lock_hold_all (bool held);

/* A lock whose holders note how often and how long; the counts are written under it and read by anyone. */
struct sy_timed_lock {
  struct sy_lock lock;
  uint64_t taken_at_ns;
  AO_t acquisitions, contention, wait_ns, hold_ns;
};

void sy_timed_lock_init (struct sy_timed_lock *lock, enum sy_rank rank);
void sy_timed_lock_take (struct sy_timed_lock *lock);
bool sy_timed_lock_try (struct sy_timed_lock *lock);
void sy_timed_lock_release (struct sy_timed_lock *lock);

#endif
