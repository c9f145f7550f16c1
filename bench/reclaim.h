/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h: the interface of a reclamation library that is to be measured.
 *
 * There is one program for each library: reclaim_main.c, and a reclaim_*.c that fills in
 * `reclaim_peer` with the library's calls.  Neither uses the other but by this interface.
 *
 *     file                          uses
 *     reclaim_main.c                reclaim.h, reclaim_count.h
 *     reclaim_sydra.c, _ck.c        reclaim_loops.h
 *     reclaim_urcu_*.c              reclaim_urcu.h, which uses reclaim_loops.h
 *     reclaim_loops.h               reclaim.h, reclaim_count.h
 *     reclaim_count.c               nothing of the above
 */
#ifndef BENCH_RECLAIM_H
#define BENCH_RECLAIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util.h"

#define RECLAIM_SLOTS 1024u
#define RECLAIM_METHODS_MAX 4

struct reclaim_block {
  uintptr_t head[2]; /* the library's, from the moment the block is retired */
  uint64_t mark;
};

struct reclaim_run {
  struct reclaim_block *slot[RECLAIM_SLOTS]; /* all threads exchange them; release and acquire */
  unsigned method;                           /* an index into the peer's methods */
  size_t size;                               /* bytes of a block */
  pthread_barrier_t meet;
  bool stop; /* the main thread writes, all read; relaxed: a late look costs one more chunk */
};

struct reclaim_thread {
  struct reclaim_run *run;
  unsigned first, slots; /* the part of the table in which this thread replaces blocks */
  struct random random;
  uint64_t sum; /* of the marks that it read */
  void *own;    /* the peer's */
  pthread_t thread;
} __attribute__ ((__aligned__ (128)));

/* What a library fills in.  Unless a comment says so, a function is not NULL. */
struct reclaim_peer {
  const char *name;
  const char *methods[RECLAIM_METHODS_MAX]; /* ways to retire a block, the default first */

  /* Allocate and free a block outside the loops. */
  void *(*take) (size_t size);
  void (*give) (void *block);

  /* Called once, before any thread starts. */
  void (*begin) (const struct reclaim_run *run);

  /* Each thread calls these before and after its loops.  Both may be NULL. */
  void (*thread_begin) (struct reclaim_thread *t);
  void (*thread_end) (struct reclaim_thread *t);

  /*
   * Enters and leaves count empty sections.  The second one does it by the library's inline
   * functions; it is NULL if the library does not have both forms.
   */
  void (*section) (struct reclaim_thread *t, uint64_t count);
  void (*section_inlined) (struct reclaim_thread *t, uint64_t count);

  /* The loop that retires blocks, one for each method.  It ends when run->stop is set. */
  void (*retire[RECLAIM_METHODS_MAX]) (struct reclaim_thread *t);

  /* Called once, after all threads have ended.  Frees all that was retired.  May be NULL. */
  void (*end) (const struct reclaim_run *run);

  /* The bytes that are retired and not freed.  NULL: the counts tell. */
  size_t (*waiting_bytes) (void);
  /* The most such bytes at any one time, where the library knows; else NULL. */
  size_t (*peak_bytes) (void);
};

extern const struct reclaim_peer reclaim_peer;

#endif
