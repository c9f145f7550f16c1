/* SPDX-License-Identifier: MIT */
/* sections.h: for tests of sections and deferred frees: a guest in a section, and what waits. */
#ifndef SY_TEST_SECTIONS_H
#define SY_TEST_SECTIONS_H

#include <unistd.h>

#include "contract.h"
#include "threads.h"

/* A thread that enters a section, stays until it is told to go, and may end inside. */
struct guest
{
  struct sydra_alloc *handle;
  pthread_t thread;
  pthread_barrier_t inside;
  bool go, ends_inside;
  uint64_t epoch;
};

static inline void *
visit (void *argument)
{
  struct guest *guest = argument;

  guest->epoch = sydra_epoch_enter (guest->handle);
  pthread_barrier_wait (&guest->inside);
  while (!__atomic_load_n (&guest->go, __ATOMIC_ACQUIRE))
    usleep (200);
  if (!guest->ends_inside)
    sydra_epoch_leave (guest->handle, guest->epoch);
  return NULL;
}

static inline void
guest_come (struct guest *guest, struct sydra_alloc *handle)
{
  *guest = (struct guest) { .handle = handle };
  ck_assert_int_eq (pthread_barrier_init (&guest->inside, NULL, 2), 0);
  guest->thread = thread_start (visit, guest);
  pthread_barrier_wait (&guest->inside);
}

static inline void
guest_go (struct guest *guest)
{
  __atomic_store_n (&guest->go, true, __ATOMIC_RELEASE);
  (void) thread_join (guest->thread);
  pthread_barrier_destroy (&guest->inside);
}

static inline void *
must_malloc (struct sydra_alloc *handle, size_t size)
{
  void *block = sydra_malloc (handle, size);

  ck_assert_ptr_nonnull (block);
  return block;
}

static inline void
must_defer (struct sydra_alloc *handle, void *block)
{
  ck_assert_int_eq (sydra_free_deferred (handle, block), 0);
}

static inline uint64_t
deferred (struct sydra_alloc *handle)
{
  return contract_stats (handle).deferred_blocks;
}

#endif
