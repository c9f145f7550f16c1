/* SPDX-License-Identifier: MIT */
/*
 * purge_timer.h: when memory goes back to the system, and how much of it at a time.
 *
 * A reaping is a walk that gives memory back.  It begins SY_REAP_NS after the last step of the one
 * before.  It is done in steps, by threads that are inside the allocator anyway.  Each step may
 * last a share of the time since the step before.  So a busy program is held up only for a moment
 * now and then, and in an idle one few calls are enough.
 *
 *   a reaping begins   SY_REAP_NS after the last step of the one before
 *   the next step      is due when 2^20 ns have passed since the last one began
 *   a step lasts       passed / SY_REAP_STEP_SHARE, within SY_REAP_STEP_NS_MIN and _MAX
 *
 * The owner of a timer ensures that only one thread at a time begins a step.  Any thread may ask
 * whether a step is due; the answer is a hint.
 */
#ifndef SY_PURGE_TIMER_H
#define SY_PURGE_TIMER_H

#include "base/atomic.h"
#include "base/os.h"
#include "base/tuning.h"

struct sy_purge_timer {
  AO_t stepped;    /* when the last step began, in nanoseconds shifted right by 20 */
  AO_t under_way;  /* 1: a reaping has begun and is not complete */
};

/* Starts the timer of what has been made now. */
static inline void
sy_purge_timer_start (struct sy_purge_timer *timer, uint64_t now_ns)
{
  AO_store (&timer->stepped, (AO_t) (now_ns >> 20));
}

static inline bool
sy_purge_timer_is_due (const struct sy_purge_timer *timer, uint64_t now_ns)
{
  AO_t passed = (AO_t) (now_ns >> 20) - AO_load (&timer->stepped);

  /* The caller may have read its clock a little before the last step began. */
  if (passed > (AO_t) 0 - SY_PURGE_TIMER_BEHIND)
    return false;
  return passed >= (AO_load (&timer->under_way) != 0 ? 1 : (AO_t) (SY_REAP_NS >> 20));
}

/* Has a reaping begun that is not complete?  A hint. */
static inline bool
sy_purge_timer_is_under_way (const struct sy_purge_timer *timer)
{
  return AO_load (&timer->under_way) != 0;
}

/* Begins a step.  Returns until when it may last, on the clock of sy_os_now_ns.  The first step
   of a reaping is short. */
static inline uint64_t
sy_purge_timer_step (struct sy_purge_timer *timer, uint64_t now_ns)
{
  AO_t now = (AO_t) (now_ns >> 20), passed = now - AO_load (&timer->stepped);
  uint64_t share_ns = ((uint64_t) passed << 20) / SY_REAP_STEP_SHARE;

  if (AO_load (&timer->under_way) == 0 || share_ns < SY_REAP_STEP_NS_MIN)
    share_ns = SY_REAP_STEP_NS_MIN;
  if (share_ns > SY_REAP_STEP_NS_MAX)
    share_ns = SY_REAP_STEP_NS_MAX;
  AO_store (&timer->stepped, now);
  AO_store (&timer->under_way, 1);
  return sy_os_now_ns () + share_ns;
}

/* Ends the reaping. */
static inline void
sy_purge_timer_end (struct sy_purge_timer *timer)
{
  AO_store (&timer->under_way, 0);
}

#endif
