/* SPDX-License-Identifier: MIT */
/* twice.c: blocks that are freed twice, and what may happen between the two calls. */
#include <config.h>

#include <pthread.h>

#include "misuse.h"

static void
twice_in_a_row (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40));

  sydra_free (a, block);
  sydra_free (a, block);
}

static void
twice_with_one_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40)), *other = must_malloc (a, 40);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* So many that the block lies in a depot, where debug builds do not look either. */
static void
twice_with_many_between (struct sydra_alloc *a)
{
  enum { OTHERS = 3000 };
  static void *others[OTHERS];
  void *block = tell (must_malloc (a, 16));

  for (unsigned at = 0; at < OTHERS; at++)
    others[at] = must_malloc (a, 16);
  sydra_free (a, block);
  sydra_free_batch (a, OTHERS, others);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_with_a_flush_between (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 100));

  (void) must_malloc (a, 100);  /* keeps the slab */
  sydra_free (a, block);
  (void) sydra_collect (a);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_when_its_slab_is_gone (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 100));

  sydra_free (a, block);
  (void) sydra_collect (a);
  sydra_free (a, block);
}

static void
twice_first_in_another_thread (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  free_in_a_thread (a, block);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

static void
twice_second_in_another_thread (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  sydra_free (a, block);
  (void) sydra_collect (a);
  free_in_a_thread (a, block);
}

static void
twice_in_two_threads (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  (void) must_malloc (a, 64);
  free_in_a_thread (a, block);
  free_in_a_thread (a, block);
}

static void
twice_in_one_batch (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *batch[3] = { block, must_malloc (a, 64), block };

  sydra_free_batch (a, 3, batch);
  (void) sydra_collect (a);
}

static void
twice_of_a_medium_block (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, MEDIUM)), *other = must_malloc (a, MEDIUM);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_collect (a);
}

/* Full magazines of medium blocks are few and soon in the depot, and the depot has soon its
   fill. */
static void
twice_of_a_medium_block_by_frees_alone (struct sydra_alloc *a)
{
  static void *blocks[400];

  for (unsigned at = 0; at < 400; at++)
    blocks[at] = must_malloc (a, MEDIUM);
  sydra_free_batch (a, 300, blocks);
  sydra_free (a, tell (blocks[300]));
  sydra_free (a, blocks[301]);
  sydra_free (a, blocks[300]);
  sydra_free_batch (a, 98, blocks + 302);
  for (unsigned round = 0; round < 50; round++)
    {
      for (unsigned at = 0; at < 400; at++)
        blocks[at] = must_malloc (a, MEDIUM);
      sydra_free_batch (a, 400, blocks);
    }
}

static void
twice_of_a_large_block (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  sydra_free (a, block);
}

static void
freed_then_realloced_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) !sydra_realloc (a, block, 2 * LARGE);
}

static void
freed_then_asked_for_its_size (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  sydra_free (a, block);
  (void) sydra_usable_size (a, block);
}

static void
twice_at_the_end_of_the_handle (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64)), *other = must_malloc (a, 64);

  sydra_free (a, block);
  sydra_free (a, other);
  sydra_free (a, block);
  (void) sydra_alloc_destroy (a);
}

/* No call that flushes: a magazine that the depot has no room for goes to the slabs. */
static void
twice_found_by_frees_alone (struct sydra_alloc *a)
{
  static void *blocks[40000];

  for (unsigned at = 0; at < 40000; at++)
    blocks[at] = must_malloc (a, 256);
  sydra_free_batch (a, 32000, blocks);
  sydra_free (a, tell (blocks[32000]));
  sydra_free (a, blocks[32001]);
  sydra_free (a, blocks[32000]);
  sydra_free_batch (a, 7998, blocks + 32002);
  /* A depot that was emptied meanwhile took it in; it comes back, twice at a time. */
  for (unsigned round = 0; round < 50; round++)
    {
      for (unsigned at = 0; at < 40000; at++)
        blocks[at] = must_malloc (a, 256);
      sydra_free_batch (a, 40000, blocks);
    }
}

static void
twice_by_a_sized_free (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 64));

  sydra_free (a, block);
  sydra_free_sized (a, block, 64);
}

static void
twice_by_realloc (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, 40));

  if (sydra_realloc (a, block, 200) == block)
    _exit (6);
  sydra_free (a, block);
}

static void
twice_by_realloc_large (struct sydra_alloc *a)
{
  void *block = tell (must_malloc (a, LARGE));

  if (sydra_realloc (a, block, 40) == block)
    _exit (6);
  sydra_free (a, block);
}

static pthread_key_t key;
static struct sydra_alloc *key_handle;
static void *key_block;
static unsigned key_passes;

/* Frees the block in the first pass and in the last that tools leave us, when the library has
   taken leave of the thread. */
static void
free_in_the_last_pass (void *value)
{
  key_passes++;
  if (key_passes == 1 || key_passes == (SY_THREAD_SANITIZER ? 3 : 4))
    sydra_free (key_handle, key_block);
  (void) pthread_setspecific (key, value);
}

static void *
set_the_key (void *value)
{
  key_block = tell (must_malloc (key_handle, 64));
  (void) must_malloc (key_handle, 64);  /* keeps the slab */
  (void) pthread_setspecific (key, value);
  return NULL;
}

static void
twice_in_a_destructor (struct sydra_alloc *a)
{
  pthread_t thread;

  key_handle = a;
  if (pthread_key_create (&key, free_in_the_last_pass) != 0
      || pthread_create (&thread, NULL, set_the_key, &key) != 0 || pthread_join (thread, NULL) != 0)
    _exit (5);
}

static const struct misuse misuses[] = {
  { "freed twice in a row", twice_in_a_row, "sydra_free", TWICE, false },
  { "freed twice, another block between", twice_with_one_between, LATER, TWICE, false },
  { "freed twice, many blocks between", twice_with_many_between, "free", TWICE, false },
  { "freed twice, a flush between", twice_with_a_flush_between, LATER, TWICE, false },
  { "freed twice, its slab empty", twice_when_its_slab_is_gone, "sydra_free", EMPTY, false },
  { "freed twice, first in another thread", twice_first_in_another_thread, LATER, TWICE, false },
  { "freed twice, then in another thread", twice_second_in_another_thread, LATER, TWICE, false },
  { "freed twice in two threads", twice_in_two_threads, LATER, TWICE, false },
  { "freed twice in one batch", twice_in_one_batch, LATER, TWICE, false },
  { "freed twice, medium", twice_of_a_medium_block, LATER, TWICE, false },
  { "freed twice, medium, found by frees alone", twice_of_a_medium_block_by_frees_alone, LATER,
    TWICE, false },
  { "freed twice, large", twice_of_a_large_block, "sydra_free", EMPTY, false },
  { "freed and realloced, large", freed_then_realloced_large, "sydra_realloc", EMPTY, false },
  { "freed and asked for its size, large", freed_then_asked_for_its_size, "sydra_usable_size",
    EMPTY, false },
  { "freed twice, the handle destroyed", twice_at_the_end_of_the_handle, LATER, TWICE, false },
  { "freed twice, frees alone", twice_found_by_frees_alone, LATER, TWICE, false },
  { "freed twice, with a size", twice_by_a_sized_free, "sydra_free", TWICE, false },
  { "moved by realloc and freed", twice_by_realloc, "sydra_free", TWICE, false },
  { "moved by realloc and freed, large", twice_by_realloc_large, "sydra_free", EMPTY, false },
  { "freed twice, in the last pass of destructors", twice_in_a_destructor, LATER, TWICE, false }
};

void
misuse_add_twice (Suite *suite)
{
  misuse_add (suite, "blocks freed twice", misuses, sizeof misuses / sizeof misuses[0]);
}
