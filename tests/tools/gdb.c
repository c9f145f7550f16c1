/* SPDX-License-Identifier: MIT */
/*
 * gdb.c: a program for gdb.sh to look into.  It has blocks of each kind, and a reader inside, when
 * it comes to `look`.
 *
 *   class 5, 64 bytes      live, in the loaded magazine, and in the slab
 *   class 4, 48 bytes      in a depot
 *   class 9, 128 bytes     in the main thread's bag
 *   class 10, 160 bytes    in limbo: the thread that deferred them has ended
 *   class 44, 28 KiB       in a slab of four units
 *   class 25, 2048 bytes   its unit is dirty: its handle was destroyed
 *   large                  200,000 bytes, and 5,000 bytes aligned to 2 MiB
 *   the heap's             28,000 bytes, as no more addresses were to be had
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sydra/alloc.h>

#define LIVE 20
#define MANY 4000
#define LONG 20
#define FILLED 2000

struct sydra_alloc *handle;
void *live[LIVE], *many[MANY], *longs[LONG], *bagged[3], *sealed[2];
void *freed, *large, *heaped, *aligned, *destroyed, *malloced;
long main_id, reader_id;
unsigned long epoch, large_bytes, other_bytes;

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

/* Few addresses are left: enough for a page of the handle's books, and not for a unit of the
   range. */
static void
limit_addresses (struct rlimit *limit)
{
  FILE *file = fopen ("/proc/self/statm", "r");
  unsigned long pages = 0, left = 4;

  if (file == NULL || fscanf (file, "%lu", &pages) != 1)
    exit (1);
  (void) fclose (file);
  limit->rlim_cur = (pages + left) * (rlim_t) sysconf (_SC_PAGESIZE);
  (void) setrlimit (RLIMIT_AS, limit);
}

/* Under a limit on addresses the range ends, and the C library has the rest of its own.  Beside the
   drop-in nobody has anything.  In the end no magazine has blocks of this class. */
static void
take_of_the_heap (void)
{
  struct sydra_stats stats = { .size = sizeof stats };
  struct rlimit before, few;
  void *filled[FILLED];
  unsigned count = 0;

  (void) getrlimit (RLIMIT_AS, &before);
  few = before;
  limit_addresses (&few);
  for (; count < FILLED; count++)
    {
      filled[count] = sydra_malloc (handle, 28000);
      (void) sydra_stats_get (handle, &stats);
      if (filled[count] == NULL || stats.class_count == 0 || stats.fallback_heap_allocs != 0)
        break;
    }
  (void) setrlimit (RLIMIT_AS, &before);
  if (count == FILLED)
    exit (1);
  heaped = filled[count];
  while (count != 0)
    sydra_free (handle, filled[--count]);
  (void) sydra_collect (handle);
}

/* It is taken at the end of the range, as no free run is so long.  The units before it stay clean,
   and those behind it are as if never used. */
static void
take_aligned (void)
{
  aligned = sydra_aligned_alloc (handle, 2 << 20, 5000);
  if (aligned == NULL)
    exit (1);
}

/* The first blocks make memory grow, so that later ones find free units and no magazine is trimmed.
   When the depot is filled and the other handle destroyed, nothing takes a free unit any more: so
   theirs are still free, and dirty, however slow the machine is. */
int
main (void)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *other;

  options.name = "looked at";
  options.max_deferred_bytes = 1 << 20;
  handle = sydra_alloc_create (&options);
  if (handle == NULL)
    return 1;
  main_id = syscall (SYS_gettid);
  malloced = malloc (64);
  live[0] = taken (64);
  sydra_free (handle, taken (1 << 20));
  take_of_the_heap ();
  sydra_free (handle, taken (1 << 20));
  for (unsigned at = 1; at < LIVE; at++)
    live[at] = taken (64);
  freed = taken (64);
  sydra_free (handle, freed);
  for (unsigned at = 0; at < LONG; at++)
    longs[at] = taken (28000);
  large = taken (200000);
  large_bytes = sydra_usable_size (handle, large);
  start_threads ();
  for (unsigned at = 0; at < 3; at++)
    {
      bagged[at] = taken (128);
      if (sydra_free_deferred (handle, bagged[at]) != 0)
        return 1;
    }
  other = sydra_alloc_create (NULL);
  destroyed = sydra_malloc (other, 2048);
  fill_depot ();
  (void) sydra_alloc_destroy (other);
  take_aligned ();
  other_bytes = sydra_usable_size (handle, aligned)
                + (heaped == NULL ? 0 : sydra_usable_size (handle, heaped));
  look ();
  printf ("the end\n");
  free (malloced);
  return 0;
}
