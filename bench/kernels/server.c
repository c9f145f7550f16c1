/* SPDX-License-Identifier: MIT */
/*
 * server.c: threads that answer requests.  The sizes are as servers request them.  Most blocks live
 * shortly, some long, and some are handed to another thread, which frees them.  A step replaces a
 * random block of the thread's table.
 */
#include "../handover.h"
#include "kernel.h"

#define STEPS 1200000u /* each thread */
#define LIVE 20000u    /* slots of each thread: about 7 MB */
/*
 * Most steps choose among these slots.  So lifetimes are about YOUNG steps or LIVE * OLD_EVERY
 * steps.
 */
#define YOUNG 1000u
#define OLD_EVERY 8u   /* one step in so many chooses from all slots */
#define HAND_EVERY 8u  /* one block in so many is freed by another thread */
#define DRAIN_EVERY 64u
#define DRAIN_MOST 64u

static struct kernel kernel = {
  .name = "server",
  .what = "Threads replace blocks of 16 to 4096 bytes, lifetimes short and long; every eighth is "
          "freed by another thread.",
  .threads = 4,
};
static struct handover *mail;

struct worker {
  struct random random;
  struct tally tally;
  unsigned index;
} __attribute__ ((__aligned__ (128)));

static void
drain (struct worker *w)
{
  struct stamped blocks[DRAIN_MOST];
  unsigned count = handover_take (mail, w->index, blocks, DRAIN_MOST);

  for (unsigned i = 0; i < count; i++)
    kernel_free_block (&blocks[i], &w->tally);
}

/* Hands some blocks to another thread.  Frees the others, and those for which a mailbox is full. */
static void
give_up (struct worker *w, struct stamped *block)
{
  if (kernel.threads > 1 && random_below (&w->random, HAND_EVERY) == 0)
    {
      unsigned other = (w->index + 1 + random_below (&w->random, kernel.threads - 1))
                       % kernel.threads;

      if (handover_put (mail, other, block))
        {
          block->start = NULL;
          return;
        }
    }
  kernel_free_block (block, &w->tally);
}

static void *
serve (void *argument)
{
  struct worker *w = argument;
  struct stamped *live = array_new (LIVE, sizeof *live);
  uint64_t steps = kernel_scaled (&kernel, STEPS);

  for (uint64_t i = 0; i < steps; i++)
    {
      struct stamped *block
        = &live[random_below (&w->random, random_below (&w->random, OLD_EVERY) ? YOUNG : LIVE)];
      size_t size = kernel_server_size (&w->random);

      if (block->start)
        give_up (w, block);
      kernel_new_block (block, size, random_next (&w->random));
      if (i % DRAIN_EVERY == 0)
        drain (w);
    }
  for (uint32_t i = 0; i < LIVE; i++)
    if (live[i].start)
      kernel_free_block (&live[i], &w->tally);
  w->tally.operations = steps;
  array_delete (live);
  return NULL;
}

int
main (int count, char **words)
{
  struct worker *workers;
  struct tally all = { 0, 0 };

  kernel_begin (&kernel, count, words);
  mail = handover_new (kernel.threads);
  workers = array_new (kernel.threads, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    {
      workers[i].index = i;
      workers[i].random.state = kernel.seed * KERNEL_THREADS_MAX + i;
    }
  kernel_threads (kernel.threads, serve, workers, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    {
      struct stamped left;

      while (handover_take (mail, i, &left, 1))
        kernel_free_block (&left, &all);
      tally_add (&all, &workers[i].tally);
    }
  handover_delete (mail);
  array_delete (workers);
  return kernel_end (&kernel, all);
}
