/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu_qsbr.c: liburcu, the flavour whose sections cost nothing and whose readers must say now and then that they are in none.
 * Here they say so after each section, and that is part of its cost.
 */
#include <urcu-qsbr.h>
#include "reclaim.h"

static void
take_part (void)
{
  rcu_thread_online ();
}

static void
drop_out (void)
{
  rcu_thread_offline ();
}

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

#include "reclaim_urcu.h"

const struct reclaim_peer reclaim_peer = { .name = "liburcu-qsbr", URCU_PEER };
