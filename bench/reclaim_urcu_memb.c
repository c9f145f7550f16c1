/* SPDX-License-Identifier: MIT */
/*
 * reclaim_urcu_memb.c: liburcu's memb flavour.  Its readers need no fence if the system has
 * membarrier.
 */
#define RCU_MEMBARRIER
#include <urcu.h>
#include <urcu/static/urcu-memb.h> /* the inline forms, under other names */
#include "reclaim_urcu.h"

static uint64_t
enter_inlined (struct reclaim_thread *t)
{
  (void) t;
  _urcu_memb_read_lock ();
  return 0;
}

static void
leave_inlined (struct reclaim_thread *t, uint64_t entered)
{
  (void) t;
  (void) entered;
  _urcu_memb_read_unlock ();
}

static void
section_inlined (struct reclaim_thread *t, uint64_t count)
{
  static const struct reclaim_calls calls_inlined = { malloc, enter_inlined, leave_inlined,
                                                      retire_call };

  reclaim_section_loop (t, count, calls_inlined);
}

const struct reclaim_peer reclaim_peer = {
  .name = "liburcu-memb",
  URCU_PEER,
  .section_inlined = section_inlined,
};
