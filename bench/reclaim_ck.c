/* SPDX-License-Identifier: MIT */
/*
 * reclaim_ck.c: the epochs of Concurrency Kit, whose calls are all inline.  A thread polls after
 * every POLL_EVERYth block that it retires.
 */
#include <ck_epoch.h>
#include "reclaim_loops.h"

#define POLL_EVERY 64u

_Static_assert(sizeof (ck_epoch_entry_t) <= offsetof (struct reclaim_block, mark),
               "it has its place at the start of a block");

struct own {
  ck_epoch_record_t record; /* ck keeps it for ever */
  unsigned calls;
};

static ck_epoch_t epochs;

static uint64_t
enter (struct reclaim_thread *t)
{
  ck_epoch_begin (&((struct own *) t->own)->record, NULL);
  return 0;
}

static void
leave (struct reclaim_thread *t, uint64_t entered)
{
  (void) entered;
  (void) ck_epoch_end (&((struct own *) t->own)->record, NULL);
}

static void
free_entry (ck_epoch_entry_t *entry)
{
  reclaim_free (entry);
}

static void
retire (struct reclaim_thread *t, struct reclaim_block *block)
{
  struct own *own = t->own;

  ck_epoch_call (&own->record, (ck_epoch_entry_t *) (void *) block->head, free_entry);
  if (++own->calls % POLL_EVERY == 0)
    (void) ck_epoch_poll (&own->record);
}

static const struct reclaim_calls calls = { malloc, enter, leave, retire };

static void
section (struct reclaim_thread *t, uint64_t count)
{
  reclaim_section_loop (t, count, calls);
}

static void
retire_loop (struct reclaim_thread *t)
{
  reclaim_retire_loop (t, calls);
}

static void
begin (const struct reclaim_run *run)
{
  (void) run;
  ck_epoch_init (&epochs);
}

static void
thread_begin (struct reclaim_thread *t)
{
  if (posix_memalign (&t->own, 128, sizeof (struct own)) != 0)
    out_of_memory (sizeof (struct own));
  ((struct own *) t->own)->calls = 0;
  ck_epoch_register (&epochs, &((struct own *) t->own)->record, NULL);
}

static void
thread_end (struct reclaim_thread *t)
{
  ck_epoch_barrier (&((struct own *) t->own)->record);
  ck_epoch_unregister (&((struct own *) t->own)->record);
}

const struct reclaim_peer reclaim_peer = {
  .name = "ck",
  .methods = { "ck_epoch_call" },
  .take = malloc,
  .give = free,
  .begin = begin,
  .thread_begin = thread_begin,
  .section = section,
  .retire = { retire_loop },
  .thread_end = thread_end,
};
