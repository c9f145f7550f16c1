/* SPDX-License-Identifier: MIT */
/*
 * gdb.c: a program for gdb.sh to look into.  It has blocks of each kind, and a reader inside, when
 * it comes to `look`.
 *
 *   class 5, 64 bytes      live, in the loaded magazine, and in the slab
 *   class 4, 48 bytes      in a depot
 *   class 9, 128 bytes     in the main thread's bag
 *   class 10, 160 bytes    in limbo: the thread that deferred them has ended
 *   class 43, 24 KiB       in a slab of eight units
 *   class 25, 2048 bytes   its slab is dirty: its handle was destroyed
 *   the heap's             100,000 bytes
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sydra/alloc.h>

#define LIVE 20
#define MANY 4000
#define LONG 20

struct sydra_alloc *handle;
void *live[LIVE], *many[MANY], *longs[LONG], *bagged[3], *sealed[2];
void *freed, *large, *destroyed, *malloced;
long main_id, reader_id;
unsigned long epoch, large_bytes;

static int pipes[2];

/* gdb stops here. */
void __attribute__ ((noinline))
look (void)
{
  __asm__ volatile ("" ::: "memory");
}

static void *
taken (size_t size)
{
  void *block = sydra_malloc (handle, size);

  if (block == NULL)
    exit (1);
  return block;
}

/* Inside twice, for good. */
static void *
reader (void *unused)
{
  (void) unused;
  reader_id = syscall (SYS_gettid);
  epoch = (unsigned long) sydra_epoch_enter (handle);
  (void) sydra_epoch_enter (handle);
  if (write (pipes[1], "", 1) != 1)
    exit (1);
  for (;;)
    (void) pause ();
  return NULL;
}

static void *
writer (void *unused)
{
  (void) unused;
  for (unsigned at = 0; at < 2; at++)
    {
      sealed[at] = taken (160);
      if (sydra_free_deferred (handle, sealed[at]) != 0)
        exit (1);
    }
  return NULL;
}

static void
start_threads (void)
{
  pthread_t thread;
  char byte;

  if (pipe (pipes) != 0 || pthread_create (&thread, NULL, reader, NULL) != 0
      || read (pipes[0], &byte, 1) != 1 || pthread_create (&thread, NULL, writer, NULL) != 0
      || pthread_join (thread, NULL) != 0)
    exit (1);
}

/* The first ones go to the depot, the last ones stay in the thread's magazines. */
static void
fill_depot (void)
{
  for (unsigned at = 0; at < MANY; at++)
    many[at] = taken (48);
  for (unsigned at = 0; at < MANY; at++)
    sydra_free (handle, many[at]);
}

static void
destroy_another (void)
{
  struct sydra_alloc *other = sydra_alloc_create (NULL);

  destroyed = sydra_malloc (other, 2048);
  (void) sydra_alloc_destroy (other);
}

int
main (void)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;

  options.name = "looked at";
  options.max_deferred_bytes = 1 << 20;
  handle = sydra_alloc_create (&options);
  if (handle == NULL)
    return 1;
  main_id = syscall (SYS_gettid);
  malloced = malloc (64);
  for (unsigned at = 0; at < LIVE; at++)
    live[at] = taken (64);
  freed = taken (64);
  sydra_free (handle, freed);
  for (unsigned at = 0; at < LONG; at++)
    longs[at] = taken (24000);
  large = taken (100000);
  large_bytes = sydra_usable_size (handle, large);
  fill_depot ();
  destroy_another ();
  start_threads ();
  for (unsigned at = 0; at < 3; at++)
    {
      bagged[at] = taken (128);
      if (sydra_free_deferred (handle, bagged[at]) != 0)
        return 1;
    }
  look ();
  printf ("the end\n");
  free (malloced);
  return 0;
}
