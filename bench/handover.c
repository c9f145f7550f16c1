/* SPDX-License-Identifier: MIT */
/*
 * handover.c: rings with a mutex each.  They are plain, as the blocks are under test and not the
 * rings.  Invariant: used <= SLOTS.
 */
#include "handover.h"
#include <pthread.h>
#include "util.h"

#define SLOTS 1024u

struct queue {
  pthread_mutex_t lock;  /* guards all members */
  unsigned oldest, used; /* the oldest block's slot; how many blocks */
  struct stamped slots[SLOTS];
};

struct handover {
  unsigned queues_count;
  uint64_t waiting, most; /* any thread changes them; relaxed: they order nothing */
  struct queue queues[];
};

struct handover *
handover_new (unsigned queues)
{
  struct handover *handover = array_new (1, sizeof *handover + queues * sizeof handover->queues[0]);

  handover->queues_count = queues;
  for (unsigned i = 0; i < queues; i++)
    pthread_mutex_init (&handover->queues[i].lock, NULL);
  return handover;
}

void
handover_delete (struct handover *handover)
{
  for (unsigned i = 0; i < handover->queues_count; i++)
    pthread_mutex_destroy (&handover->queues[i].lock);
  array_delete (handover);
}

static void
note_one_more (struct handover *handover)
{
  uint64_t waiting = __atomic_add_fetch (&handover->waiting, 1, __ATOMIC_RELAXED);
  uint64_t most = __atomic_load_n (&handover->most, __ATOMIC_RELAXED);

  while (waiting > most
         && !__atomic_compare_exchange_n (&handover->most, &most, waiting, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED))
    ;
}

bool
handover_put (struct handover *handover, unsigned queue, const struct stamped *block)
{
  struct queue *q = &handover->queues[queue];
  bool room;

  pthread_mutex_lock (&q->lock);
  room = q->used < SLOTS;
  if (room)
    {
      q->slots[(q->oldest + q->used++) % SLOTS] = *block;
      note_one_more (handover);
    }
  pthread_mutex_unlock (&q->lock);
  return room;
}

unsigned
handover_take (struct handover *handover, unsigned queue, struct stamped *blocks, unsigned most)
{
  struct queue *q = &handover->queues[queue];
  unsigned taken = 0;

  pthread_mutex_lock (&q->lock);
  for (; q->used && taken < most; q->used--, q->oldest = (q->oldest + 1) % SLOTS)
    blocks[taken++] = q->slots[q->oldest];
  __atomic_sub_fetch (&handover->waiting, taken, __ATOMIC_RELAXED);
  pthread_mutex_unlock (&q->lock);
  return taken;
}

uint64_t
handover_largest_backlog (const struct handover *handover)
{
  return __atomic_load_n (&handover->most, __ATOMIC_RELAXED);
}
