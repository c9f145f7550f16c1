/* SPDX-License-Identifier: MIT */
/*
 * producer_consumer.c: one thread allocates and writes blocks; another reads and frees them.
 *
 * Workers 0 and 1 share a ring, 2 and 3 the next one, and so on.  The even one produces.  A last
 * worker without a partner does both in turns.  Positions only grow: slot = position mod
 * RING_SLOTS.  Invariant: read <= written <= read + RING_SLOTS.
 */
#include <sched.h>
#include "options.h"
#include "scenario.h"
#include "scenarios.h"

#define RING_SLOTS 4096u
#define BATCH 64u /* blocks published at once, as the ring must not be what is measured */
#define CHUNK 4096u
#define SPINS 100 /* before a waiting thread yields its processor */

struct ring {
  /* The producer stores it with release; the consumer loads it with acquire. */
  uint64_t written __attribute__ ((__aligned__ (128)));
  /* The consumer stores it with release; the producer loads it with acquire. */
  uint64_t read __attribute__ ((__aligned__ (128)));
  /* The producer sets it after its last block, with release; the consumer clears it. */
  bool over __attribute__ ((__aligned__ (128)));
  void *slots[RING_SLOTS] __attribute__ ((__aligned__ (128)));
};

static void
prepare (struct run *run)
{
  run->shared = array_new ((run->threads + 1) / 2, sizeof (struct ring));
}

static void
set_up (struct worker *w)
{
  w->own = (struct ring *) w->run->shared + w->index / 2;
}

static uint32_t *
new_sizes (struct worker *w)
{
  uint32_t *sizes = array_new (CHUNK, sizeof sizes[0]);

  random_sizes (&w->random, sizes, CHUNK, w->run->options->size_min, w->run->options->size_max);
  return sizes;
}

static inline void
wait_a_little (unsigned *spins)
{
  if (++*spins < SPINS)
    {
#if defined __x86_64__ || defined __i386__
      __builtin_ia32_pause ();
#endif
    }
  else
    {
      sched_yield ();
    }
}

KERNEL
fill_batch (struct worker *w, enum memory_api api, struct ring *ring, uint64_t written,
            const uint32_t *sizes)
{
  struct sydra_alloc *a = w->handle;
  void **slots = &ring->slots[written % RING_SLOTS];

  for (unsigned i = 0; i < BATCH; i++)
    slots[i] = block_new (api, a, sizes[i]);
  /*
   * Release: the blocks' addresses and contents are visible before the position.  Pairs with the
   * acquire in consume.
   */
  __atomic_store_n (&ring->written, written + BATCH, __ATOMIC_RELEASE);
}

KERNEL
produce (struct worker *w, enum memory_api api)
{
  struct ring *ring = w->own;
  uint32_t *sizes = new_sizes (w);
  uint64_t written = ring->written, read = 0;
  unsigned spins;

  do
    {
      for (unsigned i = 0; i < CHUNK; i += BATCH)
        {
          /*
           * Acquire: the consumer has emptied the slots.  Pairs with the release in drain_batch.
           */
          for (spins = 0; written + BATCH - read > RING_SLOTS; wait_a_little (&spins))
            if (written + BATCH - (read = __atomic_load_n (&ring->read, __ATOMIC_ACQUIRE))
                <= RING_SLOTS)
              break;
          fill_batch (w, api, ring, written, sizes + i);
          written += BATCH;
        }
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
  __atomic_store_n (&ring->over, true, __ATOMIC_RELEASE);
  array_delete (sizes);
}

/* Frees one batch.  Reads the first byte of each block, as a consumer would. */
KERNEL
drain_batch (struct worker *w, enum memory_api api, struct ring *ring, uint64_t read)
{
  struct sydra_alloc *a = w->handle;
  void **slots = &ring->slots[read % RING_SLOTS];
  unsigned sum = 0;

  for (unsigned i = 0; i < BATCH; i++)
    {
      sum += *(unsigned char *) slots[i];
      block_free (api, a, slots[i]);
    }
  __asm__ volatile ("" : : "r" (sum));
  /* pairs with the acquire in produce */
  __atomic_store_n (&ring->read, read + BATCH, __ATOMIC_RELEASE);
}

KERNEL
consume (struct worker *w, enum memory_api api)
{
  struct ring *ring = w->own;
  uint64_t read = ring->read, written = read;
  unsigned spins = 0;

  for (;;)
    {
      /* Loaded before written: no block follows the last one. */
      bool over = __atomic_load_n (&ring->over, __ATOMIC_ACQUIRE);

      /* pairs with the release in fill_batch */
      written = __atomic_load_n (&ring->written, __ATOMIC_ACQUIRE);
      if (read == written)
        {
          if (over)
            break;
          wait_a_little (&spins);
          continue;
        }
      for (spins = 0; read < written; read += BATCH)
        drain_batch (w, api, ring, read);
    }
  /* for the next loop; the workers meet before that */
  __atomic_store_n (&ring->over, false, __ATOMIC_RELAXED);
}

KERNEL
produce_and_consume (struct worker *w, enum memory_api api)
{
  struct ring *ring = w->own;
  uint32_t *sizes = new_sizes (w);

  do
    {
      uint64_t begin = ring->written;

      for (unsigned i = 0; i < CHUNK; i += BATCH)
        fill_batch (w, api, ring, begin + i, sizes + i);
      for (unsigned i = 0; i < CHUNK; i += BATCH)
        drain_batch (w, api, ring, begin + i);
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
  array_delete (sizes);
}

KERNEL
one_part (struct worker *w, enum memory_api api)
{
  if (w->index % 2)
    consume (w, api);
  else if (w->index + 1 < w->run->threads)
    produce (w, api);
  else
    produce_and_consume (w, api);
}
KERNEL_FOR_BOTH (part, one_part)

static void
finish (struct run *run, struct result *result)
{
  (void) result;
  array_delete (run->shared);
  run->shared = NULL;
}

const struct scenario scenario_producer_consumer = {
  .name = "producer-consumer",
  .what = "one thread of two allocates, the other frees",
  .prepare = prepare,
  .set_up = set_up,
  .work = BOTH (part),
  .finish = finish,
};
