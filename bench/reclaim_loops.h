/* SPDX-License-Identifier: MIT */
/*
 * reclaim_loops.h: the loops that are timed.
 *
 * A loop is written once and takes the library's calls as a constant.  It is compiled into the
 * library's own file, so that it consists of direct calls and nothing else.
 *
 * One operation of the retire loop: allocate a block, put it into a random slot of a shared table
 * by an atomic exchange, and retire the block that was there.  After every RECLAIM_READ_EVERYth
 * operation the thread enters a section and reads one slot.
 */
#ifndef BENCH_RECLAIM_LOOPS_H
#define BENCH_RECLAIM_LOOPS_H

#include "reclaim.h"
#include "reclaim_count.h"

#define RECLAIM_READ_EVERY 8u
#define RECLAIM_CHUNK 256u /* operations between two looks at run->stop */

/* The library's calls.  A loop gets them as constants, so that it calls them directly. */
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
reclaim_replace (struct reclaim_thread *t, const struct reclaim_calls calls,
                 struct reclaim_count *count, unsigned at)
{
  struct reclaim_block *block = calls.take (t->run->size);

  if (__builtin_expect (!block, 0))
    out_of_memory (t->run->size);
  block->mark = at;
  /*
   * Release: whoever reads the slot sees the new block's mark.  Acquire: this thread sees the old
   * block's contents before it retires the block.
   */
  block = __atomic_exchange_n (&t->run->slot[at], block, __ATOMIC_ACQ_REL);
  calls.retire (t, block);
  reclaim_count_add (&count->retired);
}

RECLAIM_LOOP
reclaim_retire_loop (struct reclaim_thread *t, const struct reclaim_calls calls)
{
  struct reclaim_count *count = reclaim_count_own ();

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
