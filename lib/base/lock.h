/* SPDX-License-Identifier: MIT */
/*
 * lock.h: mutexes with a rank, and timed ones that also count waits.
 *
 *   rank of the lock that a thread takes  >  ranks of all locks that it holds
 *
 * A fork takes every lock in the order of the ranks, and so holds several locks of one rank.  Debug
 * builds check the order at each lock.
 *
 * A lock whose memory is zero is open: the many that a process has and never takes cost it nothing.
 */
#ifndef SY_LOCK_H
#define SY_LOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/atomic.h"

enum sy_rank {
  SY_RANK_REGISTRY = 1,  /* handles, and which thread has which cache */
  SY_RANK_DOMAIN,        /* a handle's readers and their bags; only a fork holds several */
  SY_RANK_LIMBO,         /* a handle's sealed bags; only a fork holds several */
  SY_RANK_FALLBACK,      /* a stripe of a handle's fallback blocks; only a fork holds several */
  SY_RANK_BIN,           /* one class of one shard; only a fork holds several */
  SY_RANK_SLABS,         /* states of slabs that are not in use */
  SY_RANK_RANGE,         /* the range and its book */
  SY_RANK_METADATA       /* the library's own memory */
};

struct sy_lock {
  pthread_mutex_t mutex;
  enum sy_rank rank;
};

/* PTHREAD_MUTEX_INITIALIZER is zero in every C library that there is for Linux; lock_test looks. */
#define SY_LOCK_INIT(rank) { PTHREAD_MUTEX_INITIALIZER, rank }

/* Gives a lock in zero memory its rank, which only debug builds have a use for. */
static inline void
sy_lock_set_rank (struct sy_lock *lock, enum sy_rank rank)
{
  if (SY_DEBUG)
    lock->rank = rank;
}

/* Locks are held for a short time.  So a waiting thread tries a little before it sleeps. */
void sy_lock_take (struct sy_lock *lock);
bool sy_lock_try (struct sy_lock *lock);
void sy_lock_release (struct sy_lock *lock);

/*
 * For fork, whose caller takes every lock.  After sy_lock_hold_all (true) the calling thread counts
 * as the holder of all locks: to take or release one does nothing.  So fork handlers of other
 * libraries, which run in between, may allocate.
 */
void sy_lock_hold_all (bool held);

/* A lock that counts how often and how long threads wait for it and hold it.  The counts are
   written under the lock, and read by any thread.  hold_ns is an estimate: one hold in
   SY_HOLDS_TIMED is timed, the first one among them, and counts for all of them. */
struct sy_timed_lock {
  struct sy_lock lock;
  uint64_t taken_at_ns;  /* 0: this hold is not timed */
  AO_t acquisitions, contention, wait_ns, hold_ns;
};

void sy_timed_lock_take (struct sy_timed_lock *lock);
bool sy_timed_lock_try (struct sy_timed_lock *lock);
void sy_timed_lock_release (struct sy_timed_lock *lock);

#endif
