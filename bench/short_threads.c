/* SPDX-License-Identifier: MIT */
/*
 * short_threads.c: each worker starts threads, one after another.  Each thread allocates and frees
 * some thousand blocks, of which it holds a few hundred at once, and then ends.  The time includes
 * starting the thread and waiting for its end.
 *
 * A thread leaves LEFT blocks behind, and the next thread frees them.  Memory must not be lost with
 * the thread that allocated it.
 */
#include <string.h>
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define HELD 512u /* blocks at once */
#define ROUNDS 4u
#define THREAD_OPERATIONS (ROUNDS * HELD)
#define LEFT 64u

/*
 * Belongs to a worker, which lends it to one thread at a time.  pthread_create and pthread_join
 * order the accesses.
 */
struct life {
  struct worker *worker;
  uint32_t sizes[THREAD_OPERATIONS];
  void *left[LEFT];
};

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct life *life = w->own = array_new (1, sizeof *life);

  life->worker = w;
  random_sizes (&w->random, life->sizes, THREAD_OPERATIONS, o->size_min, o->size_max);
  for (unsigned i = 0; i < LEFT; i++)
    life->left[i] = worker_new_block (w, life->sizes[i]);
}

KERNEL
live_and_die (struct life *life, enum memory_api api)
{
  struct sydra_alloc *a = life->worker->handle;
  const uint32_t *sizes = life->sizes;
  void *blocks[HELD];

  for (unsigned i = 0; i < LEFT; i++)
    block_free (api, a, life->left[i]);
  for (unsigned round = 0; round < ROUNDS; round++, sizes += HELD)
    {
      unsigned kept = round + 1 < ROUNDS ? 0 : LEFT;

      for (unsigned i = 0; i < HELD; i++)
        blocks[i] = block_new (api, a, sizes[i]);
      for (unsigned i = kept; i < HELD; i++)
        block_free (api, a, blocks[i]);
    }
  memcpy (life->left, blocks, sizeof life->left);
}

static void *
short_life_handle (void *life)
{
  live_and_die (life, API_HANDLE);
  return NULL;
}

static void *
short_life_malloc (void *life)
{
  live_and_die (life, API_MALLOC);
  return NULL;
}

KERNEL
one_after_another (struct worker *w, enum memory_api api)
{
  pthread_t thread;
  int error;

  do
    {
      error = pthread_create (&thread, NULL,
                              api == API_HANDLE ? short_life_handle : short_life_malloc, w->own);
      if (error)
        die ("no short-lived thread: %s", strerror (error));
      pthread_join (thread, NULL);
      w->operations += THREAD_OPERATIONS;
    }
  while (worker_goes_on (w));
}
KERNEL_FOR_BOTH (short_threads, one_after_another)

static void
tear_down (struct worker *w)
{
  struct life *life = w->own;

  for (unsigned i = 0; i < LEFT; i++)
    worker_free_block (w, life->left[i]);
  array_delete (life);
}

/* Reports the mean over the repetitions so far. */
static void
finish (struct run *run, struct result *result)
{
  double sum = 0;

  for (unsigned i = 0; i <= run->repetition; i++)
    if (result->ns[i] > 0)
      sum += 1e9 / result->ns[i] / THREAD_OPERATIONS;
  result_figure (result, "threads_per_second", "threads made and ended in a second",
                 sum / (run->repetition + 1));
}

const struct scenario scenario_short_threads = {
  .name = "short-threads",
  .what = "threads that allocate and free some thousand blocks, and end",
  .set_up = set_up,
  .work = BOTH (short_threads),
  .tear_down = tear_down,
  .finish = finish,
};
