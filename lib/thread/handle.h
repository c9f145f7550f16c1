/* SPDX-License-Identifier: MIT */
/*
 * handle.h: a handle: its options, its pool, its epoch domain and its ledger.
 *
 * A handle's memory is never given back, so that a stale pointer to one is found out and not
 * followed.  The registry lock guards the list of handles, and the births and deaths of their
 * caches.
 */
#ifndef SY_HANDLE_H
#define SY_HANDLE_H

#include "epoch/domain.h"
#include "heap/fallback.h"
#include "pool/pool.h"
#include "thread/books.h"

struct sydra_stall;

struct sydra_alloc {
  AO_t state;                     /* SY_HANDLE_LIVE, or SY_HANDLE_DEAD */
  unsigned number;                /* no other handle has it; from 1 */
  size_t max_bytes;               /* 0: no limit */
  size_t budget;                  /* bytes that all threads' magazines may grow to hold */
  AO_t charged;                   /* with a limit: bytes that are live or in threads' magazines */
  struct sydra_alloc *next;       /* of all that ever were; under the registry lock */
  struct sydra_alloc *next_free;  /* under the registry lock */
  char name[SY_NAME_BYTES];
  struct sy_pool pool;
  struct sy_ledger ledger;        /* from here on it is long, and not all of it is written to */
  void (*on_stall) (void *ctx, const struct sydra_stall *stall);
  void *on_stall_ctx;
  struct sy_domain domain;        /* each cache of the handle is a participant */
  struct sy_fallback fallback;
} SY_APART;

#define SY_HANDLE_LIVE ((AO_t) 0x53594452u)
#define SY_HANDLE_DEAD ((AO_t) 0x64656164u)

/* A zeroed handle without a backend, not live yet.  NULL: out of memory. */
struct sydra_alloc *sy_handle_take (const char *name, size_t max_bytes);

/*
 * enlist: the backend is open; from here on the handle is live, and a fork takes its locks.
 * withdraw: undoes this before the backend is closed.
 */
void sy_handle_enlist (struct sydra_alloc *a);
void sy_handle_withdraw (struct sydra_alloc *a);

/* Ends one that is not live; the memory is reused for another handle as late as can be. */
void sy_handle_give (struct sydra_alloc *a);

/* Reports a pointer that is no live handle; call names the public call. */
void sy_handle_check (const struct sydra_alloc *a, const char *call);

/* Charges bytes against the handle's limit.  False: over it, nothing charged. */
static inline bool
sy_handle_charge (struct sydra_alloc *a, size_t bytes)
{
  return SY_LIKELY (a->max_bytes == 0) || sy_shared_charge (&a->charged, a->max_bytes, bytes);
}

static inline void
sy_handle_discharge (struct sydra_alloc *a, size_t bytes)
{
  if (a->max_bytes != 0)
    sy_shared_add (&a->charged, (AO_t) 0 - bytes);
}

/* A charged block changed its size; the charge goes over the limit by rounding at the most. */
static inline void
sy_handle_recharge (struct sydra_alloc *a, size_t old_bytes, size_t new_bytes)
{
  if (a->max_bytes != 0)
    sy_shared_add (&a->charged, (AO_t) new_bytes - old_bytes);
}

/* The registry lock.  It guards the handles here, and the births and deaths of caches
   (registry.h). */
struct sy_lock *sy_registry_lock (void);

/* Calls visit for each live handle; the caller holds the registry lock. */
void sy_handle_each (void (*visit) (struct sydra_alloc *a));

#endif
