/* SPDX-License-Identifier: MIT */
/* memory_returns.c: memory that the program freed leaves the process. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "tap.h"

#define MIB ((size_t) 1 << 20)
#define BLOCKS 200000

static void *block[BLOCKS];
static size_t sizes[BLOCKS];

static size_t
some_size (void)
{
  size_t kind = tap_below (100);

  return kind < 80   ? 16 + tap_below (497)
         : kind < 98 ? 512 + tap_below (3500)
                     : 8192 + tap_below (60000);
}

/* Makes all blocks, and frees them but for the first in a hundred; the bytes that are live then. */
static size_t
grow_and_free (size_t *grown)
{
  size_t live = 0;

  for (unsigned at = 0; at < BLOCKS; at++)
    {
      sizes[at] = some_size ();
      block[at] = malloc (sizes[at]);
      memset (block[at], 1, sizes[at]);
    }
  *grown = tap_resident ();
  for (unsigned at = BLOCKS / 100; at < BLOCKS; at++)
    free (block[at]);
  for (unsigned at = 0; at < BLOCKS / 100; at++)
    live += sizes[at];
  return live;
}

static void
free_the_rest (void)
{
  for (unsigned at = 0; at < BLOCKS / 100; at++)
    free (block[at]);
}

/* base: what was resident before, with which the process had begun. */
static void
judge (const char *fact, size_t base, size_t grown, size_t live)
{
  size_t now = tap_resident ();

  printf ("# grown to %zu MiB, then %zu MiB, with %zu MiB live and %zu MiB before\n", grown / MIB,
          now / MIB, live / MIB, base / MIB);
  tap (now <= base + live + live / 2 + 16 * MIB, fact);
}

/* Is the heap under test that of this mode?  The drop-in's only in small_pool mode. */
static bool
whose (const char *mode)
{
  const char *built = getenv ("allocator_mode");

  return !tap_is_c_library () && built != NULL && strcmp (built, mode) == 0;
}

static void
test_trim (size_t base)
{
  const char *fact = "after malloc_trim (0), of what was freed 16 MiB are left at most";
  size_t grown, live = grow_and_free (&grown);

  (void) malloc_trim (0);
  if (whose ("mimalloc"))
    tap_skip (fact, "mimalloc keeps what it sees fit");
  else
    judge (fact, base, grown, live);
  free_the_rest ();
}

/* Of the process's own work: other programs may have the processors. */
static double
seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* How long the system itself takes to take so many bytes back, of which it is given a sample:
   tens of milliseconds, or far more where it runs under another. */
static double
seconds_of_discarding (size_t bytes)
{
  enum { SAMPLE = 32 << 20, STEP = 1 << 16 };
  char *sample = mmap (NULL, SAMPLE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  double taken;

  if (sample == MAP_FAILED)
    abort ();
  memset (sample, 1, SAMPLE);
  taken = seconds ();
  for (size_t at = 0; at < SAMPLE; at += STEP)
    if (madvise (sample + at, STEP, MADV_DONTNEED) != 0)
      abort ();
  taken = seconds () - taken;
  munmap (sample, SAMPLE);
  return taken * (double) bytes / SAMPLE;
}

static void
test_activity (size_t base)
{
  const char *fact
    = "after a second of work with a few blocks, and what the system needs, of what was freed 16 MiB are left at most";
  double system;
  size_t grown, live;
  void *few[64] = { NULL };

  if (!whose ("small_pool"))
    {
      tap_skip (fact, "the C library and mimalloc keep what they see fit");
      return;
    }
  live = grow_and_free (&grown);
  /* Half of the time is the program's own. */
  system = 2 * seconds_of_discarding (grown - base);
  printf ("# the system needs %.2f s\n", system);
  for (double end = seconds () + 1 + system; seconds () < end;)
    for (unsigned round = 0; round < 64; round++)
      {
        free (few[round]);
        few[round] = malloc (some_size ());
        if (few[round] == NULL)
          abort ();
        memset (few[round], 1, 16);
      }
  judge (fact, base, grown, live);
  for (unsigned round = 0; round < 64; round++)
    free (few[round]);
  free_the_rest ();
}

/* Survivors far apart, and what lies between them allocated and freed again and again: it goes
   back every time. */
static void
test_again (size_t base)
{
  enum { SIZE = 256, APART = 256 };
  const char *fact = "what is freed between survivors goes back the third time as the first";
  size_t grown = 0;

  if (!whose ("small_pool"))
    {
      tap_skip (fact, "the C library and mimalloc keep what they see fit");
      return;
    }
  for (unsigned round = 0; round < 3; round++)
    {
      for (unsigned at = 0; at < BLOCKS; at++)
        if (round == 0 || at % APART != 0)
          memset (block[at] = malloc (SIZE), 1, SIZE);
      grown = tap_resident ();
      for (unsigned at = 0; at < BLOCKS; at++)
        if (at % APART != 0)
          free (block[at]);
      (void) malloc_trim (0);
    }
  judge (fact, base, grown, (size_t) BLOCKS / APART * SIZE);
  for (unsigned at = 0; at < BLOCKS; at += APART)
    free (block[at]);
}

static uint64_t
wall_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* Large blocks are freed, and small ones follow at once: they need not wait for the time in
   which free large ones go back. */
static void
test_large_makes_way (size_t base)
{
  enum { LARGE = 48, SIZE = 320, WHILE_MS = 180 };
  const char *fact = "free large blocks go back as small ones take memory";
  size_t live = (size_t) BLOCKS * SIZE, now;
  uint64_t start_ns;

  if (!whose ("small_pool"))
    {
      tap_skip (fact, "the C library and mimalloc keep what they see fit");
      return;
    }
  for (unsigned at = 0; at < LARGE; at++)
    memset (block[at] = malloc (MIB), 1, MIB);
  for (unsigned at = 0; at < LARGE; at++)
    free (block[at]);
  start_ns = wall_ns ();
  for (unsigned at = 0; at < BLOCKS; at++)
    {
      memset (block[at] = malloc (SIZE), 1, SIZE);
      /* It takes a while, less than the quarter of a second after which they go back whatever
         happens. */
      while (at % 64 == 0 && wall_ns () - start_ns < UINT64_C (1000000) * WHILE_MS * at / BLOCKS)
        ;
    }
  now = tap_resident ();
  printf ("# %zu MiB of small blocks, %zu MiB in all, %zu MiB before\n", live / MIB, now / MIB,
          base / MIB);
  tap (now <= base + live + live / 8 + 16 * MIB, fact);
  for (unsigned at = 0; at < BLOCKS; at++)
    free (block[at]);
}

/* ---- Threads ---- */

static void *
allocate_some (void *argument)
{
  uint64_t state = (uintptr_t) argument;
  void *some[100];

  for (unsigned at = 0; at < 100; at++)
    {
      size_t size = 16 + (size_t) (tap_next (&state) % 1000);

      some[at] = malloc (size);
      memset (some[at], 1, size);
    }
  for (unsigned at = 0; at < 100; at++)
    free (some[at]);
  return NULL;
}

static void
run_threads (unsigned count)
{
  pthread_t thread;

  for (unsigned at = 0; at < count; at++)
    if (pthread_create (&thread, NULL, allocate_some,
                        (void *) (uintptr_t) (tap_next (&tap_state) | 1))
          != 0
        || pthread_join (thread, NULL) != 0)
      abort ();
}

static void
test_short_threads (void)
{
  size_t before, after;

  run_threads (2000);
  before = tap_resident ();
  run_threads (8000);
  after = tap_resident ();
  printf ("# %zu KiB after 2000 threads, %zu KiB after 10000\n", before / 1024, after / 1024);
  tap (after <= before + before / 20 + MIB / 2, "ten thousand short threads leave nothing behind");
}

/* What goes from the thread that allocates to the one that frees: a place for one batch. */
enum { BATCH = 2000, BATCHES = 300 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void **batch;

static void
hand_over (void **blocks, bool take, void ***taken)
{
  pthread_mutex_lock (&lock);
  while ((batch != NULL) != take)
    pthread_cond_wait (&changed, &lock);
  if (take)
    *taken = batch;
  batch = take ? NULL : blocks;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
}

static void *
free_all_that_comes (void *argument)
{
  for (unsigned round = 0; round < BATCHES; round++)
    {
      void **blocks = NULL;

      hand_over (NULL, true, &blocks);
      for (unsigned at = 0; at < BATCH; at++)
        free (blocks[at]);
      free (blocks);
    }
  return argument;
}

static void
test_only_frees (void)
{
  size_t base = tap_resident (), most = 0;
  pthread_t thread;

  if (pthread_create (&thread, NULL, free_all_that_comes, NULL) != 0)
    abort ();
  for (unsigned round = 0; round < BATCHES; round++)
    {
      void **blocks = malloc (BATCH * sizeof *blocks);
      size_t now;

      for (unsigned at = 0; at < BATCH; at++)
        {
          size_t size = 16 + tap_below (1000);

          blocks[at] = malloc (size);
          memset (blocks[at], 1, size);
        }
      hand_over (blocks, false, NULL);
      now = tap_resident ();
      most = now > most ? now : most;
    }
  pthread_join (thread, NULL);
  printf ("# at most %zu MiB above what was before\n", most > base ? (most - base) / MIB : 0);
  /* Two or three batches of a megabyte each are live; 300 went by. */
  tap (most <= base + 38 * MIB, "a thread that only frees does not hoard");
}

int
main (void)
{
  size_t base;

  tap_seed ();
  base = tap_resident ();
  test_short_threads ();
  test_only_frees ();
  test_trim (base);
  test_activity (base);
  test_again (base);
  test_large_makes_way (base);
  return tap_end ();
}
