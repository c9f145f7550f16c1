/* SPDX-License-Identifier: MIT */
/*
 * weight.c: weight WHAT NUMBER
 *
 * Counts one thing that a process pays for its allocator, and prints one line: a whole number, or
 * "yes", or what went wrong; or "skip" and the reason why it cannot be counted here.  weight.sh
 * judges.  citizen.h is of the programs that scripts/compare-citizen measures with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../bench/citizen/citizen.h"
#include "../../bench/util.h"

static void skip (const char *format, ...) __attribute__ ((noreturn, format (printf, 1, 2)));

static void
skip (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  fputs ("skip ", stdout);
  (void) vprintf (format, arguments);
  putchar ('\n');
  va_end (arguments);
  exit (0);
}

/* Takes blocks of 64 bytes until there are no more, or so many bytes of them.  Returns how many
   bytes it got.  Does not write to them: limits on addresses and data count all that is mapped. */
static size_t
take_small (size_t most)
{
  size_t got = 0;

  while (got < most)
    {
      /* volatile: the compiler must not see that nobody uses the block. */
      void *volatile block = malloc (64);

      if (!block)
        break;
      got += 64;
    }
  return got;
}

/* Sets the limit, but leaves what it may be raised to.  Returns what it was. */
static rlim_t
set_limit (int resource, rlim_t value)
{
  struct rlimit limit;
  rlim_t old;

  if (getrlimit (resource, &limit))
    die ("getrlimit: %s", strerror (errno));
  old = limit.rlim_cur;
  limit.rlim_cur = value;
  if (setrlimit (resource, &limit))
    skip ("no limit can be set: %s", strerror (errno));
  return old;
}

/* ---- Forks and tables ---- */

enum { FORKS = 21 };

static long
faults (int who)
{
  struct rusage usage;

  if (getrusage (who, &usage))
    die ("getrusage: %s", strerror (errno));
  return usage.ru_minflt;
}

/* Page faults of one fork, in the child, which ends at once, and in the parent until then. */
static long
fork_faults (void)
{
  long before = faults (RUSAGE_SELF) + faults (RUSAGE_CHILDREN);

  fork_and_wait ();
  return faults (RUSAGE_SELF) + faults (RUSAGE_CHILDREN) - before;
}

/* The median of several forks, so that faults that are none of the fork's do not count. */
static size_t
median_of (long (*count) (void))
{
  double each[FORKS];

  for (unsigned at = 0; at < FORKS; at++)
    each[at] = (double) count ();
  sort_values (each, FORKS);
  return (size_t) each[FORKS / 2];
}

/* Page faults of a fork after so many sizes. */
static void
count_fork (size_t sizes)
{
  sizes_use (sizes);
  printf ("%zu\n", median_of (fork_faults));
}

/* How many more they are after so many sizes than before. */
static void
count_fork_more (size_t sizes)
{
  size_t before = median_of (fork_faults), after;

  sizes_use (sizes);
  after = median_of (fork_faults);
  printf ("%zu\n", after > before ? after - before : 0);
}

/* Page faults of a forked child that allocates more than its magazines have. */
static long
child_faults (void)
{
  long before = faults (RUSAGE_CHILDREN);
  pid_t child = fork ();

  if (child == 0)
    {
      (void) take_small (1000 * 64);
      _exit (0);
    }
  if (child < 0 || waitpid (child, NULL, 0) != child)
    die ("no process: %s", strerror (errno));
  return faults (RUSAGE_CHILDREN) - before;
}

/* How many more page faults a child makes when its parent has allocated nothing for so many
   milliseconds.  By then it is time to give memory back. */
static void
count_fork_later (size_t milliseconds)
{
  struct timespec nap = { 0, (long) milliseconds * 1000000 };
  size_t before, after;

  for (unsigned round = 0; round < 100; round++)
    sizes_use (32);
  before = median_of (child_faults);
  (void) nanosleep (&nap, NULL);
  after = median_of (child_faults);
  printf ("%zu\n", after > before ? after - before : 0);
}

/* Mappings after so many sizes. */
static void
count_mappings (size_t sizes)
{
  FILE *file;
  size_t count = 0;

  sizes_use (sizes);
  file = fopen ("/proc/self/maps", "r");
  if (!file)
    skip ("no /proc/self/maps: %s", strerror (errno));
  for (int c; (c = getc (file)) != EOF;)
    count += c == '\n';
  fclose (file);
  printf ("%zu\n", count);
}

/* Pages of page tables. */
static void
count_tables (size_t sizes)
{
  sizes_use (sizes);
  printf ("%zu\n", status_kib ("VmPTE") * 1024 / (size_t) sysconf (_SC_PAGESIZE));
}

/* ---- Addresses and limits ---- */

/* KiB of addresses after so many MiB of blocks. */
static void
count_addresses (size_t mib)
{
  for (size_t got = 0; got < mib * MIB; got += 1000)
    block_new (1000);
  printf ("%zu\n", status_kib ("VmSize"));
}

/* MiB to be had under a limit of so many MiB on data, which the program sets itself; or what is not
   to be had when the limit is gone. */
static void
count_data (size_t mib)
{
  size_t got;
  rlim_t old;

  sizes_use (32);
  old = set_limit (RLIMIT_DATA, mib * MIB);
  got = take_small (2 * mib * MIB);
  if (got == 2 * mib * MIB)
    skip ("the limit does not limit");
  (void) set_limit (RLIMIT_DATA, old);
  if (take_small (16 * MIB) < 16 * MIB)
    puts ("no small blocks without the limit");
  else if (!block_try (16 * MIB))
    puts ("no large block without the limit");
  else
    printf ("%zu\n", got / MIB);
}

/* MiB to be had by a program that begins under a limit of so many MiB on addresses.  It asks for
   four fifths, as the pool writes to what it hands out. */
static void
count_space (size_t mib)
{
  struct rlimit limit;
  void *volatile all;
  char word[24];

  if (getrlimit (RLIMIT_AS, &limit))
    die ("getrlimit: %s", strerror (errno));
  if (limit.rlim_cur != mib * MIB)
    {
      (void) set_limit (RLIMIT_AS, mib * MIB);
      (void) snprintf (word, sizeof word, "%zu", mib);
      execl ("/proc/self/exe", program_name, "space", word, (char *) NULL);
      die ("exec: %s", strerror (errno));
    }
  all = malloc (mib * MIB);
  if (all)
    skip ("the limit does not limit");
  printf ("%zu\n", take_small (mib * MIB / 5 * 4) / MIB);
}

/* Returns its argument, or NULL if there is no memory. */
static void *
allocates (void *argument)
{
  return block_try (1000) ? argument : NULL;
}

/* What fails in a program that limits its addresses when it runs already. */
static const char *
fails_under (size_t mib)
{
  void *result;
  pthread_t thread;

  block_new (100);
  (void) set_limit (RLIMIT_AS, mib * MIB);
  if (pthread_create (&thread, NULL, allocates, &result))
    return "no thread";
  if (pthread_join (thread, &result) || !result)
    return "no memory for the thread";
  if (take_small (64 * MIB) < 64 * MIB)
    return "no small blocks";
  return block_try (64 * MIB) ? "yes" : "no large block";
}

static void
ask_later (size_t mib)
{
  puts (fails_under (mib));
}

/* ---- What goes back ---- */

/* As in weight.sh. */
#define HITS_WANTED_KIB 6144

static double
processor_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void
free_30_mib (size_t size)
{
  void **last = NULL;

  for (size_t got = 0; got < 30 * MIB; got += size)
    {
      void **block = block_new (size);

      *block = last;
      last = block;
    }
  while (last)
    {
      void **next = *last;

      free (last);
      last = next;
    }
}

/*
 * KiB of memory above the start, after 30 MiB in blocks of this size were freed and then blocks
 * were taken and freed one at a time.  Ends when it is as little as is wanted, or after a second of
 * the program's own work: others may have the processors.
 */
static void
count_hits (size_t size)
{
  size_t start = status_kib ("VmRSS"), now;
  double end;

  free_30_mib (size);
  end = processor_seconds () + 1;
  do
    {
      for (size_t bytes = 100; bytes < 1100; bytes++)
        free (block_new (bytes));
      now = status_kib ("VmRSS");
    }
  while (now > start + HITS_WANTED_KIB && processor_seconds () < end);
  printf ("%zu\n", now > start ? now - start : 0);
}

/* Forks, and goes on in the child.  The parent ends as the child does. */
static void
go_on_in_child (void)
{
  pid_t child = fork ();
  int status;

  if (child == 0)
    return;
  if (child < 0 || waitpid (child, &status, 0) != child)
    die ("no process: %s", strerror (errno));
  _exit (status == 0 ? 0 : 1);
}

/* KiB that are left of a block of that size, which is taken and freed so often that its memory
   waits to be taken again.  In a fork's child's child, which then frees other blocks for some
   seconds. */
static void
count_child_waits (size_t size)
{
  const struct timespec nap = { 0, 10000000 };
  size_t start, now = 0;

  sizes_use (32);
  go_on_in_child ();
  sizes_use (32);
  go_on_in_child ();
  start = status_kib ("VmRSS");
  for (unsigned round = 0; round < 5; round++)
    free (block_new (size));
  for (unsigned round = 0; round < 500 && (round == 0 || now > start + HITS_WANTED_KIB); round++)
    {
      free (block_new (MIB));
      (void) nanosleep (&nap, NULL);
      now = status_kib ("VmRSS");
    }
  printf ("%zu\n", now > start ? now - start : 0);
}

/* ---- Locked memory ---- */

/* KiB that are locked. */
static void
count_locked (size_t may_mib)
{
  void *sample = mmap (NULL, may_mib * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1,
                       0);

  if (sample == MAP_FAILED)
    skip ("%zu MiB cannot be locked: %s", may_mib, strerror (errno));
  munmap (sample, may_mib * MIB);
  if (mlockall (MCL_CURRENT | MCL_FUTURE))
    skip ("mlockall: %s", strerror (errno));
  sizes_use (32);
  for (size_t size = 32 * 1024; size <= MIB; size *= 2)
    block_new (size);
  printf ("%zu\n", status_kib ("VmLck"));
}

/* What fails for a user who may lock only so many MiB, and locks all there is. */
static const char *
fails_locked (size_t may_mib)
{
  struct rlimit limit = { may_mib * MIB, may_mib * MIB };

  if (setrlimit (RLIMIT_MEMLOCK, &limit))
    skip ("no limit of %zu MiB: %s", may_mib, strerror (errno));
  /* Who is privileged may lock more. */
  if (geteuid () == 0 && setuid (65534))
    skip ("still a privileged user: %s", strerror (errno));
  if (mlockall (MCL_CURRENT | MCL_FUTURE))
    return "no mlockall";
  for (size_t got = 0; got < MIB; got += 1000)
    if (!block_try (1000))
      return "no blocks";
  return "yes";
}

static void
ask_few_locked (size_t may_mib)
{
  puts (fails_locked (may_mib));
}

/* ---- What is known of large blocks ---- */

/* KiB of memory that the process has of its own.  The system counts this in the page tables; the
   sums in /proc/self/status may be off by some pages a processor. */
static size_t
anonymous_kib (void)
{
  FILE *file = fopen ("/proc/self/smaps_rollup", "r");
  char line[256];
  size_t kib = 0;

  if (!file)
    skip ("no /proc/self/smaps_rollup: %s", strerror (errno));
  while (fgets (line, sizeof line, file))
    if (sscanf (line, "Anonymous: %zu kB", &kib) == 1)
      break;
  fclose (file);
  return kib;
}

/* KiB that large blocks of so many MiB cost, none of which is written. */
static void
count_large (size_t mib)
{
  size_t before;

  (void) anonymous_kib ();
  before = anonymous_kib ();
  for (size_t got = 0; got < mib; got += 4)
    {
      void *volatile block = malloc (4 * MIB);

      if (!block)
        out_of_memory (4 * MIB);
    }
  printf ("%zu\n", anonymous_kib () - before);
}

int
main (int count, char **words)
{
  static const struct {
    const char *name;
    void (*count) (size_t number);
  } whats[] = { { "fork", count_fork },           { "fork-more", count_fork_more },
                { "fork-later", count_fork_later },
                { "mappings", count_mappings },   { "tables", count_tables },
                { "addresses", count_addresses }, { "data", count_data },
                { "space", count_space },         { "later", ask_later },
                { "hits", count_hits },           { "child-waits", count_child_waits },
                { "locked", count_locked },
                { "few-locked", ask_few_locked }, { "large", count_large } };

  program_name = "weight";
  if (sizeof (void *) < 8)
    skip ("on 32 bits addresses are reserved");
  for (size_t at = 0; count == 3 && at < sizeof whats / sizeof *whats; at++)
    if (!strcmp (words[1], whats[at].name))
      {
        whats[at].count (number_of (words[2]));
        return 0;
      }
  die ("usage: weight WHAT NUMBER");
}
