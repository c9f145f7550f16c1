/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu.h: fills in a peer by the calls that all flavours of liburcu have.
 *
 * liburcu's headers map those calls to one flavour.  So a file includes the flavour's header first.
 * In some flavours a reader need not say when it is online; there the calls for that do nothing.
 *
 * There are three ways to retire a block: call_rcu with one thread that frees, call_rcu with such a
 * thread for each processor, and defer_rcu, where the calling thread frees.
 */
#ifndef BENCH_RECLAIM_URCU_H
#define BENCH_RECLAIM_URCU_H

#include "reclaim_loops.h"

enum { CALL_RCU, CALL_RCU_CPU, DEFER_RCU };
#define URCU_METHODS { "call_rcu", "call_rcu_cpu", "defer_rcu" }

_Static_assert(sizeof (struct rcu_head) <= offsetof (struct reclaim_block, mark),
               "it has its place at the start of a block");

static uint64_t
enter (struct reclaim_thread *t)
{
  (void) t;
  rcu_read_lock ();
  return 0;
}

static void
leave (struct reclaim_thread *t, uint64_t entered)
{
  (void) t;
  (void) entered;
  rcu_read_unlock ();
  rcu_quiescent_state ();
}

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
  /*
   * defer_rcu may wait until all threads have left their sections.  So it must not be called inside
   * of one.  In the qsbr flavour an online thread counts as inside.
   */
  rcu_thread_offline ();
  defer_rcu (reclaim_free, block);
  rcu_thread_online ();
}

static const struct reclaim_calls calls = { malloc, enter, leave, retire_call };
static const struct reclaim_calls calls_deferring = { malloc, enter, leave, retire_defer };

static void
section (struct reclaim_thread *t, uint64_t count)
{
  rcu_thread_online ();
  reclaim_section_loop (t, count, calls);
  rcu_thread_offline ();
}

static void
call_loop (struct reclaim_thread *t)
{
  rcu_thread_online ();
  reclaim_retire_loop (t, calls);
  rcu_thread_offline ();
}

static void
defer_loop (struct reclaim_thread *t)
{
  rcu_thread_online ();
  reclaim_retire_loop (t, calls_deferring);
  rcu_thread_offline ();
}

static void
begin (const struct reclaim_run *run)
{
  if (run->method == CALL_RCU_CPU && create_all_cpu_call_rcu_data (0) != 0)
    die ("create_all_cpu_call_rcu_data failed");
}

static void
thread_begin (struct reclaim_thread *t)
{
  rcu_register_thread ();
  rcu_thread_offline ();
  if (t->run->method == DEFER_RCU && rcu_defer_register_thread () != 0)
    die ("rcu_defer_register_thread failed");
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

#define URCU_PEER                                                                                  \
  .methods = URCU_METHODS, .take = malloc, .give = free, .begin = begin,                           \
  .thread_begin = thread_begin, .section = section,                                                \
  .retire = { call_loop, call_loop, defer_loop }, .thread_end = thread_end, .end = end

#endif
