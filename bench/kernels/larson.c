/* SPDX-License-Identifier: MIT */
/*
 * larson.c: after Larson and Krishnan, "Memory allocation for long-running server applications"
 * (1998).  Each of --threads chains has a table of blocks.  A thread replaces random blocks for a
 * while, starts its successor and ends.  The successor takes over the table, and so it frees blocks
 * of threads that have ended.
 */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include "kernel.h"

#define GENERATIONS 60u
#define STEPS 40000u /* each thread */
#define LIVE 5000u   /* blocks of each chain */
#define BLOCK_MIN 16u
#define BLOCK_MAX 512u

static struct kernel kernel = {
  .name = "larson",
  .what = "Chains of threads: each replaces random blocks of a table and ends, its successor "
          "takes the table over.",
  .threads = 4,
};

/* Belongs to the running thread of the chain.  pthread_create passes it on. */
struct chain {
  struct random random;
  struct tally tally;
  struct stamped *live;
  unsigned generation;
  pthread_t predecessor; /* valid from the second generation on; at the end it is the last thread */
  sem_t over;            /* the last thread posts it */
} __attribute__ ((__aligned__ (128)));

static void
replace (struct chain *c, struct stamped *block)
{
  if (block->start)
    kernel_free_block (block, &c->tally);
  kernel_new_block (block, random_between (&c->random, BLOCK_MIN, BLOCK_MAX),
                    random_next (&c->random));
  c->tally.operations++;
}

static void *live_and_die (void *);

static void
start_thread (struct chain *c)
{
  pthread_t thread;
  int error = pthread_create (&thread, NULL, live_and_die, c);

  if (error)
    die ("no thread: %s", strerror (error));
}

static void *
live_and_die (void *argument)
{
  struct chain *c = argument;
  uint64_t steps = kernel_scaled (&kernel, STEPS);

  if (c->generation++)
    pthread_join (c->predecessor, NULL);
  for (uint64_t i = 0; i < steps; i++)
    replace (c, &c->live[random_below (&c->random, LIVE)]);
  c->predecessor = pthread_self ();
  if (c->generation < GENERATIONS)
    start_thread (c);
  else
    sem_post (&c->over);
  return NULL;
}

/* Fills the tables, in the thread that starts the chains. */
static struct chain *
new_chains (void)
{
  struct chain *chains = array_new (kernel.threads, sizeof *chains);

  for (unsigned i = 0; i < kernel.threads; i++)
    {
      struct chain *c = &chains[i];

      c->random.state = kernel.seed * KERNEL_THREADS_MAX + i;
      c->live = array_new (LIVE, sizeof *c->live);
      sem_init (&c->over, 0, 0);
      for (uint32_t slot = 0; slot < LIVE; slot++)
        replace (c, &c->live[slot]);
    }
  return chains;
}

static void
end_chain (struct chain *c, struct tally *all)
{
  while (sem_wait (&c->over))
    ; /* a signal interrupted it */
  pthread_join (c->predecessor, NULL);
  for (uint32_t slot = 0; slot < LIVE; slot++)
    kernel_free_block (&c->live[slot], &c->tally);
  tally_add (all, &c->tally);
  array_delete (c->live);
  sem_destroy (&c->over);
}

int
main (int count, char **words)
{
  struct chain *chains;
  struct tally all = { 0, 0 };

  kernel_begin (&kernel, count, words);
  chains = new_chains ();
  for (unsigned i = 0; i < kernel.threads; i++)
    start_thread (&chains[i]);
  for (unsigned i = 0; i < kernel.threads; i++)
    end_chain (&chains[i], &all);
  array_delete (chains);
  return kernel_end (&kernel, all);
}
