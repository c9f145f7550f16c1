/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu.h: what liburcu's flavours have in common; included after the flavour's header and the definition of take_part,
 * drop_out, enter and leave.  Three ways to retire: call_rcu with its one thread that frees, with such a thread for each processor, and
 * defer_rcu, whose caller frees.
 */
#ifndef BENCH_RECLAIM_URCU_H
#define BENCH_RECLAIM_URCU_H

#include "reclaim.h"
#include <errno.h>

enum { CALL_RCU, CALL_RCU_CPU, DEFER_RCU };
#define URCU_METHODS { "call_rcu", "call_rcu_cpu", "defer_rcu" }

_Static_assert (sizeof (struct rcu_head) <= offsetof (struct reclaim_block, mark), "it has its place at the start of a block");

static void
free_head (struct rcu_head *head)
{
  reclaim_free (head);
}

static void
retire_call (struct reclaim_thread *t, struct reclaim_block *block)
{
  (void) t;
  call_rcu ((struct rcu_head *) (void *) block->head, free_head);
}

static void
retire_defer (struct reclaim_thread *t, struct reclaim_block *block)
{
  (void) t;
  /* Not from inside a section, which in the qsbr flavour is the whole time of taking part: it may wait for all other threads. */
  drop_out ();
  defer_rcu (reclaim_free, block);
  take_part ();
}

static void
section (struct reclaim_thread *t, uint64_t count)
{
  take_part ();
  reclaim_section_loop (t, count, (struct reclaim_calls) { malloc, enter, leave, retire_call });
  drop_out ();
}

static void
call_loop (struct reclaim_thread *t)
{
  take_part ();
  reclaim_retire_loop (t, (struct reclaim_calls) { malloc, enter, leave, retire_call });
  drop_out ();
}

static void
defer_loop (struct reclaim_thread *t)
{
  take_part ();
  reclaim_retire_loop (t, (struct reclaim_calls) { malloc, enter, leave, retire_defer });
  drop_out ();
}

static void
begin (const struct reclaim_run *run)
{
  if (run->method == CALL_RCU_CPU && create_all_cpu_call_rcu_data (0) != 0)
    reclaim_die ("create_all_cpu_call_rcu_data failed");
}

static void
thread_begin (struct reclaim_thread *t)
{
  rcu_register_thread ();
  drop_out ();
  if (t->run->method == DEFER_RCU && rcu_defer_register_thread () != 0)
    reclaim_die ("rcu_defer_register_thread failed");
}

static void
thread_end (struct reclaim_thread *t)
{
  if (t->run->method == DEFER_RCU)
    rcu_defer_unregister_thread (); /* frees what the thread has deferred */
  rcu_unregister_thread ();
}

static void
end (const struct reclaim_run *run)
{
  if (run->method != DEFER_RCU)
    rcu_barrier ();
  if (run->method == CALL_RCU_CPU)
    free_all_cpu_call_rcu_data ();
}

#define URCU_PEER \
  .methods = URCU_METHODS, .take = malloc, .give = free, .begin = begin, .thread_begin = thread_begin, .section = section, \
  .retire = { call_loop, call_loop, defer_loop }, .thread_end = thread_end, .end = end

#endif
