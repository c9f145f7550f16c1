/* SPDX-License-Identifier: MIT */
/*
 * pace.h: when memory goes back, and how much at a time.
 *
 * Every SY_REAP_NS, or when it is asked for, somebody who comes by begins a reaping; it goes in steps, done by whoever comes by, each for
 * a share of the time that has passed since the one before: a busy program's calls are held up for a moment now and then, and an idle
 * one's few still get it done.
 *
 * The owner of the pace sees to it that one thread at a time begins a step; the question whether one is due, and the wish that it be soon,
 * are anybody's, and hints.
 */
#ifndef SY_PACE_H
#define SY_PACE_H

#include "base/atomic.h"
#include "base/os.h"
#include "base/tuning.h"

struct sy_pace {
  AO_t stepped;    /* when the last step began, in nanoseconds shifted right by 20 */
  AO_t under_way;  /* 1: a reaping is */
};

static inline bool
sy_pace_is_due (const struct sy_pace *pace, uint64_t now_ns)
{
  AO_t passed = (AO_t) (now_ns >> 20) - AO_load (&pace->stepped);

  /* The caller's clock may be a little older than the last step. */
  if (passed > (AO_t) 0 - SY_PACE_BEHIND)
    return false;
  return passed >= (AO_load (&pace->under_way) != 0 ? 1 : (AO_t) (SY_REAP_NS >> 20));
}

/* Begins a step; until when it may last.  The first of a reaping is short. */
static inline uint64_t
sy_pace_step (struct sy_pace *pace, uint64_t now_ns)
{
  AO_t now = (AO_t) (now_ns >> 20), passed = now - AO_load (&pace->stepped);
  uint64_t share_ns = ((uint64_t) passed << 20) / SY_REAP_STEP_SHARE;

  if (AO_load (&pace->under_way) == 0 || share_ns < SY_REAP_STEP_NS_MIN)
    share_ns = SY_REAP_STEP_NS_MIN;
  if (share_ns > SY_REAP_STEP_NS_MAX)
    share_ns = SY_REAP_STEP_NS_MAX;
  AO_store (&pace->stepped, now);
  AO_store (&pace->under_way, 1);
  return sy_os_now_ns () + share_ns;
}

/* A reaping is due now, if none is under way, as if its time had come.  By anyone, at any time: a hint that may be lost. */
static inline void
sy_pace_hurry (struct sy_pace *pace, uint64_t now_ns)
{
  if (AO_load (&pace->under_way) == 0)
    AO_store (&pace->stepped, (AO_t) (now_ns >> 20) - (AO_t) (SY_REAP_NS >> 20));
}

/* The reaping is done. */
static inline void
sy_pace_end (struct sy_pace *pace)
{
  AO_store (&pace->under_way, 0);
}

#endif
