/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h: what a reclamation library is measured by, and the loops that measure it.
 *
 * One program a library: reclaim_main.c and one reclaim_*.c that defines `reclaim_peer`.  The loops are written once, take the
 * library's calls as a constant and are compiled into that file, so that they hold direct calls and nothing else.
 *
 * An operation of the retire loop: a block is allocated, put into a random slot of a shared table by an atomic exchange, and what was
 * there is retired; every READ_EVERYth operation enters a section and reads one slot.  A block has two words at its start for the library.
 */
#ifndef BENCH_RECLAIM_H
#define BENCH_RECLAIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "util.h"

#define RECLAIM_SLOTS 1024u
#define RECLAIM_READ_EVERY 8u
#define RECLAIM_CHUNK 256u /* operations between two looks at the clock's flag */

struct reclaim_block {
  uintptr_t head[2];
  uint64_t mark;
};

/* One thread writes, the sampler reads; relaxed: a sum of them is a guess while threads run. */
struct reclaim_count {
  uint64_t retired, freed; /* blocks */
} __attribute__ ((__aligned__ (128)));

struct reclaim_run {
  struct reclaim_block *slot[RECLAIM_SLOTS]; /* exchanged by all; release and acquire */
  unsigned method;                           /* of the peer's */
  size_t size;                               /* of a block */
  pthread_barrier_t meet;
  bool stop; /* written by the main thread, read by all; relaxed: a late look costs one more chunk */
};

struct reclaim_thread {
  struct reclaim_run *run;
  unsigned first, slots; /* those of the table that it replaces in */
  struct random random;
  uint64_t sum; /* of what was read */
  void *own;    /* the peer's */
  pthread_t thread;
} __attribute__ ((__aligned__ (128)));

#define RECLAIM_METHODS_MAX 4

struct reclaim_peer {
  const char *name;
  const char *methods[RECLAIM_METHODS_MAX]; /* ways to retire; the first is the default */
  void *(*take) (size_t size);              /* a block, outside the loops */
  void (*give) (void *block);
  void (*begin) (const struct reclaim_run *run);
  void (*thread_begin) (struct reclaim_thread *t);
  void (*section) (struct reclaim_thread *t, uint64_t count);         /* so many sections, empty, by the library's plain calls */
  void (*section_inlined) (struct reclaim_thread *t, uint64_t count); /* by inline functions where it has both; else NULL */
  void (*retire[RECLAIM_METHODS_MAX]) (struct reclaim_thread *t);     /* the loop, until run->stop */
  void (*thread_end) (struct reclaim_thread *t);
  void (*end) (const struct reclaim_run *run); /* after thread_end of all, all that was retired is freed on return */
  size_t (*waiting_bytes) (void);              /* retired and not freed; NULL: by the counts */
  size_t (*peak_bytes) (void);                 /* the most of them at once, where the library knows; else NULL */
};
extern const struct reclaim_peer reclaim_peer;

extern __thread struct reclaim_count *reclaim_count; /* NULL: none yet */
struct reclaim_count *reclaim_new_count (void);      /* sets it; lives as long as the process */

static inline struct reclaim_count *
reclaim_own_count (void)
{
  return __builtin_expect (reclaim_count != NULL, 1) ? reclaim_count : reclaim_new_count ();
}

/* The only writer. */
static inline void
reclaim_add_one (uint64_t *count)
{
  __atomic_store_n (count, __atomic_load_n (count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* What a peer calls when a block has had its turn. */
static inline void
reclaim_free (void *block)
{
  free (block);
  reclaim_add_one (&reclaim_own_count ()->freed);
}

/* One line on standard error, exit status 1. */
void reclaim_die (const char *what) __attribute__ ((__noreturn__, __cold__));

/* The library's calls, constant in each loop. */
struct reclaim_calls {
  void *(*take) (size_t size);
  uint64_t (*enter) (struct reclaim_thread *t);
  void (*leave) (struct reclaim_thread *t, uint64_t entered);
  void (*retire) (struct reclaim_thread *t, struct reclaim_block *block);
};

#define RECLAIM_LOOP static inline __attribute__ ((__always_inline__)) void

RECLAIM_LOOP
reclaim_section_loop (struct reclaim_thread *t, uint64_t count, const struct reclaim_calls calls)
{
  for (uint64_t i = 0; i < count; i++)
    {
      uint64_t entered = calls.enter (t);

      __asm__ volatile ("" : : : "memory");
      calls.leave (t, entered);
    }
}

RECLAIM_LOOP
reclaim_read (struct reclaim_thread *t, const struct reclaim_calls calls, unsigned at)
{
  uint64_t entered = calls.enter (t);

  t->sum += __atomic_load_n (&t->run->slot[at], __ATOMIC_ACQUIRE)->mark;
  calls.leave (t, entered);
}

RECLAIM_LOOP
reclaim_replace (struct reclaim_thread *t, const struct reclaim_calls calls, struct reclaim_count *count, unsigned at)
{
  struct reclaim_block *block = calls.take (t->run->size);

  if (__builtin_expect (!block, 0))
    reclaim_die ("out of memory");
  block->mark = at;
  /* release: its mark is visible to readers; acquire: what becomes of the old block comes after it was put there */
  block = __atomic_exchange_n (&t->run->slot[at], block, __ATOMIC_ACQ_REL);
  calls.retire (t, block);
  reclaim_add_one (&count->retired);
}

RECLAIM_LOOP
reclaim_retire_loop (struct reclaim_thread *t, const struct reclaim_calls calls)
{
  struct reclaim_count *count = reclaim_own_count ();

  while (!__atomic_load_n (&t->run->stop, __ATOMIC_RELAXED))
    for (unsigned i = 0; i < RECLAIM_CHUNK; i++)
      {
        unsigned at = t->first + random_below (&t->random, t->slots);

        reclaim_replace (t, calls, count, at);
        if (i % RECLAIM_READ_EVERY == 0)
          reclaim_read (t, calls, (at + 1) % RECLAIM_SLOTS);
      }
}

#endif
