/* SPDX-License-Identifier: MIT */
/*
 * asymmetric.c: some threads only allocate, the others only free.  Each consumer has a bounded
 * queue.  Blocks travel in batches, so that the queue's lock is little of what is measured.
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "kernel.h"

#define BLOCKS 3000000u /* all producers together */
#define BATCH 64u
#define ROOM 64u /* batches in a queue: about 1.3 MB of blocks */

static struct kernel_option consumers = { "--consumers", "threads that free; the others allocate",
                                          1, 1, KERNEL_THREADS_MAX - 1 };
static struct kernel kernel = {
  .name = "asymmetric",
  .what = "Producers allocate blocks of 16 to 4096 bytes, consumers verify and free them.",
  .threads = 2,
  .options = &consumers,
  .options_used = 1,
};

struct batch {
  unsigned used;
  struct stamped blocks[BATCH];
};

struct queue {
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t changed;
  unsigned oldest, used; /* used <= ROOM */
  bool over;             /* nobody will put any more */
  struct batch batches[ROOM];
} __attribute__ ((__aligned__ (128)));

struct worker {
  struct random random;
  struct tally tally;
  unsigned index; /* consumers come first */
  uint64_t blocks;
} __attribute__ ((__aligned__ (128)));

static struct queue *queues;    /* one for each consumer */
static unsigned producers_left; /* atomic: the last one to end closes the queues */

static void
put (struct queue *q, const struct batch *batch)
{
  pthread_mutex_lock (&q->lock);
  while (q->used == ROOM)
    pthread_cond_wait (&q->changed, &q->lock);
  q->batches[(q->oldest + q->used++) % ROOM] = *batch;
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

static bool
take (struct queue *q, struct batch *batch)
{
  bool any;

  pthread_mutex_lock (&q->lock);
  while (!q->used && !q->over)
    pthread_cond_wait (&q->changed, &q->lock);
  any = q->used;
  if (any)
    {
      *batch = q->batches[q->oldest];
      q->oldest = (q->oldest + 1) % ROOM;
      q->used--;
      pthread_cond_broadcast (&q->changed);
    }
  pthread_mutex_unlock (&q->lock);
  return any;
}

static void
close_queues (void)
{
  for (unsigned i = 0; i < consumers.value; i++)
    {
      pthread_mutex_lock (&queues[i].lock);
      queues[i].over = true;
      pthread_cond_broadcast (&queues[i].changed);
      pthread_mutex_unlock (&queues[i].lock);
    }
}

static void
produce (struct worker *w)
{
  struct batch batch;

  for (uint64_t left = w->blocks; left; left -= batch.used)
    {
      unsigned wanted = left < BATCH ? (unsigned) left : BATCH;

      for (batch.used = 0; batch.used < wanted; batch.used++)
        kernel_new_block (&batch.blocks[batch.used], kernel_server_size (&w->random),
                          random_next (&w->random));
      put (&queues[random_below (&w->random, consumers.value)], &batch);
    }
  /* acq_rel: all that the other producers put comes before what the last one does. */
  if (__atomic_sub_fetch (&producers_left, 1, __ATOMIC_ACQ_REL) == 0)
    close_queues ();
}

static void *
work (void *argument)
{
  struct worker *w = argument;
  struct batch batch;

  if (w->index >= consumers.value)
    produce (w);
  else
    while (take (&queues[w->index], &batch))
      {
        for (unsigned i = 0; i < batch.used; i++)
          kernel_free_block (&batch.blocks[i], &w->tally);
        w->tally.operations += batch.used;
      }
  return NULL;
}

int
main (int count, char **words)
{
  struct worker *workers;
  struct tally all = { 0, 0 };

  kernel_begin (&kernel, count, words);
  if (consumers.value >= kernel.threads)
    die ("of %u threads at most %u can be consumers, not %lu", kernel.threads, kernel.threads - 1,
         consumers.value);
  producers_left = kernel.threads - (unsigned) consumers.value;
  queues = array_new (consumers.value, sizeof *queues);
  for (unsigned i = 0; i < consumers.value; i++)
    {
      pthread_mutex_init (&queues[i].lock, NULL);
      pthread_cond_init (&queues[i].changed, NULL);
    }
  workers = array_new (kernel.threads, sizeof *workers);
  for (unsigned i = 0; i < kernel.threads; i++)
    {
      workers[i].index = i;
      workers[i].random.state = kernel.seed * KERNEL_THREADS_MAX + i;
      workers[i].blocks = kernel_scaled (&kernel, BLOCKS / producers_left);
    }
  kernel_threads (kernel.threads, work, workers, sizeof *workers);
  for (unsigned i = 0; i < consumers.value; i++)
    tally_add (&all, &workers[i].tally);
  array_delete (workers);
  array_delete (queues);
  return kernel_end (&kernel, all);
}
