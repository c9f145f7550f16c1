/* SPDX-License-Identifier: MIT */
/*
 * sqlite.c: runs SQLite with all its memory from a handle, and does the same work with the C
 * library's malloc.
 *
 * The functions under "SQLite's memory" connect the two; the work is in sqlite_work.c.  Each
 * measurement is a child process, so that its peak memory is its own.  The two allocators take
 * turns at going first, and both use the same functions.  SQLite's own memory statistics take a
 * lock around every allocation; they are off for both.  Nobody waits for the disk.  Pages of the
 * database are larger than what small_pool serves.  The handle gets those from the C library and
 * counts them as fallback.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sydra/alloc.h>
#include "sqlite_work.h"

#define PATH_BYTES 4096

/* ---- SQLite's memory.  Its functions get no context, so the program has one handle. ---- */

static struct sydra_alloc *handle;

static void *handle_malloc (int size) { return sydra_malloc (handle, (size_t) size); }
static void handle_free (void *block) { sydra_free (handle, block); }
static void *
handle_realloc (void *block, int size)
{
  return sydra_realloc (handle, block, (size_t) size);
}
static int handle_size (void *block) { return (int) sydra_usable_size (handle, block); }
static int handle_roundup (int size) { return (int) sydra_good_size (handle, (size_t) size); }
static int nothing_to_begin (void *data) { (void) data; return SQLITE_OK; }
static void nothing_to_end (void *data) { (void) data; }

static const struct sqlite3_mem_methods handle_memory = { handle_malloc,  handle_free,
                                                          handle_realloc, handle_size,
                                                          handle_roundup, nothing_to_begin,
                                                          nothing_to_end, NULL };

/*
 * The same with the C library.  SQLite's own functions may put each block's size in front of it,
 * depending on how SQLite was built.
 */
static void *libc_malloc (int size) { return malloc ((size_t) size); }
static void *libc_realloc (void *block, int size) { return realloc (block, (size_t) size); }
static int libc_size (void *block) { return (int) malloc_usable_size (block); }
static int libc_roundup (int size) { return (size + 7) & ~7; }

static const struct sqlite3_mem_methods libc_memory = {
  libc_malloc, free, libc_realloc, libc_size, libc_roundup, nothing_to_begin, nothing_to_end, NULL
};

/* ---- One measurement: a child process ---- */

enum allocator { HANDLE, LIBC, ALLOCATORS };

/* A child's result for its parent, in shared memory. */
struct outcome {
  bool done;
  struct times times;
  uint64_t digest;
  size_t kept;                  /* blocks that SQLite did not free */
  struct rusage usage;          /* the parent fills it in */
  size_t text_length;
  char text[32768];             /* the handle's statistics */
};

static int
add_text (void *ctx, const char *text, size_t length)
{
  struct outcome *outcome = ctx;

  if (length > sizeof outcome->text - outcome->text_length)
    return -1;
  memcpy (outcome->text + outcome->text_length, text, length);
  outcome->text_length += length;
  return 0;
}

static void __attribute__ ((__noreturn__))
be_child (const struct work *work, enum allocator allocator, struct outcome *outcome)
{
  struct sydra_alloc_options named = SYDRA_ALLOC_OPTIONS_INIT;

  named.name = "sqlite";
  if (allocator == HANDLE && (handle = sydra_alloc_create (&named)) == NULL)
    die ("no handle");
  if (sqlite3_config (SQLITE_CONFIG_MALLOC, allocator == HANDLE ? &handle_memory : &libc_memory)
        != SQLITE_OK
      || sqlite3_config (SQLITE_CONFIG_MULTITHREAD) != SQLITE_OK /* threads share no connection */
      || sqlite3_config (SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK
      /* no pool of SQLite's in front of the allocator */
      || sqlite3_config (SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK
      || sqlite3_initialize () != SQLITE_OK)
    die ("SQLite cannot be configured so");
  do_work (work, &outcome->times, &outcome->digest);
  if (allocator == HANDLE && sydra_stats_write (handle, SYDRA_STATS_TEXT, add_text, outcome) != 0)
    die ("the statistics are too long");
  sqlite3_shutdown ();
  if (allocator == HANDLE && (outcome->kept = sydra_alloc_destroy (handle)) != 0)
    die ("SQLite kept %zu blocks", outcome->kept);
  outcome->done = true;
  exit (0);
}

/*
 * The running child; 0: none.  An interrupt kills it, and the parent cleans up as after any
 * failure.
 */
static volatile sig_atomic_t child, interrupted;

static void
interrupt (int signal)
{
  (void) signal;
  interrupted = 1;
  if (child > 0)
    kill ((pid_t) child, SIGKILL);
}

static void
remove_database (const char *path)
{
  static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
  char name[PATH_BYTES + 16];

  for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    {
      snprintf (name, sizeof name, "%s%s", path, suffixes[i]);
      unlink (name);
    }
}

/*
 * Runs the work with the allocator in a directory of its own, and removes that.  Returns false if
 * it failed, after it has said why.
 */
static bool
measure (struct work *work, enum allocator allocator, struct outcome *outcome)
{
  const char *parent = getenv ("TMPDIR");
  char directory[PATH_BYTES - 16], path[PATH_BYTES];
  int status;

  if (snprintf (directory, sizeof directory, "%s/sydra-sqlite-XXXXXX",
                parent != NULL && *parent != '\0' ? parent : "/tmp")
        >= (int) sizeof directory
      || mkdtemp (directory) == NULL)
    {
      fprintf (stderr, "sqlite: cannot make a directory for the database under TMPDIR\n");
      return false;
    }
  snprintf (path, sizeof path, "%s/readings.db", directory);
  work->path = path;
  memset (outcome, 0, sizeof *outcome);
  fflush (stdout);
  child = fork ();
  if (child == 0)
    be_child (work, allocator, outcome);
  if (child < 0)
    fprintf (stderr, "sqlite: no child process\n");
  else
    while (wait4 ((pid_t) child, &status, 0, &outcome->usage) < 0)
      continue;
  outcome->done = child > 0 && WIFEXITED (status) && WEXITSTATUS (status) == 0 && outcome->done;
  if (child > 0 && WIFSIGNALED (status))
    fprintf (stderr, "sqlite: the child ended by signal %d\n", WTERMSIG (status));
  child = 0;
  remove_database (path);
  rmdir (directory);
  return outcome->done && !interrupted;
}

/* ---- The table ---- */

#define ROUNDS_MAX 99

struct row {
  const char *name;
  double values[ALLOCATORS][ROUNDS_MAX];
};

enum { LOAD, QUERY, CHECK, TOTAL, PROCESSOR, PEAK, ROWS };

static struct row table[ROWS] = { [LOAD] = { .name = "load, s" },
                                  [QUERY] = { .name = "query, s" },
                                  [CHECK] = { .name = "check, s" },
                                  [TOTAL] = { .name = "total, s" },
                                  [PROCESSOR] = { .name = "processor time, s" },
                                  [PEAK] = { .name = "peak memory, MiB" } };

static double
in_seconds (struct timeval time)
{
  return (double) time.tv_sec + (double) time.tv_usec / 1e6;
}

static void
note (enum allocator allocator, unsigned round, const struct outcome *outcome)
{
  const struct times *times = &outcome->times;

  table[LOAD].values[allocator][round] = times->load_s;
  table[QUERY].values[allocator][round] = times->query_s;
  table[CHECK].values[allocator][round] = times->check_s;
  table[TOTAL].values[allocator][round] = times->load_s + times->query_s + times->check_s;
  table[PROCESSOR].values[allocator][round] = in_seconds (outcome->usage.ru_utime)
                                              + in_seconds (outcome->usage.ru_stime);
  table[PEAK].values[allocator][round] = (double) outcome->usage.ru_maxrss / 1024;
}

static int
by_value (const void *left, const void *right)
{
  double a = *(const double *) left, b = *(const double *) right;

  return (a > b) - (a < b);
}

static double
median (double *values, unsigned count)
{
  qsort (values, count, sizeof values[0], by_value);
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void
print_table (unsigned rounds)
{
  char name[64] = "sydra ";

  strncat (name, sydra_alloc_mode (), sizeof name - strlen (name) - 1);
  printf ("%-18s %18s %12s %8s\n", rounds > 1 ? "median" : "", name, "libc", "ratio");
  for (unsigned i = 0; i < ROWS; i++)
    {
      double sydra = median (table[i].values[HANDLE], rounds),
             libc = median (table[i].values[LIBC], rounds);

      printf ("%-18s %18.2f %12.2f %8.2f\n", table[i].name, sydra, libc,
              libc > 0 ? sydra / libc : 0);
    }
}

/* ---- The command ---- */

struct options {
  struct work work;
  unsigned rounds;
};

static const char help[]
  = "usage: sqlite [--rows N] [--threads N] [--rounds N] [--seed N]\n"
    "SQLite on a handle's memory, then on the C library's: loads, queries, checks; times and peak memory side by side.\n"
    "  --rows N      readings to load, 1 to 100000000 [1000000]\n"
    "  --threads N   that load and then query, 1 to 64 [4]\n"
    "  --rounds N    measure so often, in turns, and show medians, 1 to 99 [1]\n"
    "  --seed N      of the data and the questions [1]\n"
    "  --help        this\n";

static uint64_t
number (const char *name, uint64_t least, uint64_t most)
{
  char *end = optarg;
  uint64_t value = *optarg >= '0' && *optarg <= '9' ? strtoull (optarg, &end, 10) : 0;

  /* A number that is too long becomes UINT64_MAX, which no option allows. */
  if (end != optarg && *end == '\0' && value >= least && value <= most)
    return value;
  fprintf (stderr, "sqlite: --%s takes a whole number from %llu to %llu, not \"%s\"\n", name,
           (unsigned long long) least, (unsigned long long) most, optarg);
  exit (2);
}

static struct options
read_options (int count, char **words)
{
  static const struct option known[]
    = { { "rows", required_argument, NULL, 'n' },   { "threads", required_argument, NULL, 't' },
        { "rounds", required_argument, NULL, 'r' }, { "seed", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 } };
  struct options o = { .work = { .rows = 1000000, .threads = 4, .seed = 1 }, .rounds = 1 };
  int option;

  opterr = 0;
  while ((option = getopt_long (count, words, "", known, NULL)) != -1)
    switch (option)
      {
      case 'n': o.work.rows = number ("rows", 1, 100000000); break;
      case 't': o.work.threads = (unsigned) number ("threads", 1, THREADS_MAX); break;
      case 'r': o.rounds = (unsigned) number ("rounds", 1, ROUNDS_MAX); break;
      case 's': o.work.seed = number ("seed", 0, UINT64_MAX - 1); break;
      case 'h': fputs (help, stdout); exit (0);
      default:
        fprintf (stderr, "sqlite: %s: no such option, or no value; --help lists them\n",
                 words[optind - 1]);
        exit (2);
      }
  if (optind < count)
    {
      fprintf (stderr, "sqlite: %s: options only; --help lists them\n", words[optind]);
      exit (2);
    }
  return o;
}

int
main (int count, char **words)
{
  static const char *const names[ALLOCATORS] = { "the handle", "libc" };
  struct options o = read_options (count, words);
  struct sigaction action = { .sa_handler = interrupt };
  struct outcome *outcomes = mmap (NULL, ALLOCATORS * sizeof *outcomes, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (outcomes == MAP_FAILED)
    die ("no memory to share with children");
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGHUP, &action, NULL);
  printf ("SQLite %s, %llu rows, %u threads, seed %llu\n", sqlite3_libversion (),
          (unsigned long long) o.work.rows, o.work.threads, (unsigned long long) o.work.seed);
  for (unsigned round = 0; round < o.rounds; round++)
    for (unsigned turn = 0; turn < ALLOCATORS; turn++)
      {
        enum allocator allocator = (enum allocator) ((round + turn) % ALLOCATORS);

        if (!measure (&o.work, allocator, &outcomes[allocator]))
          return 1;
        note (allocator, round, &outcomes[allocator]);
      }
  if (outcomes[HANDLE].digest != outcomes[LIBC].digest)
    die ("the two gave different answers");
  for (unsigned i = 0; i < ALLOCATORS; i++)
    printf ("integrity_check on %s: ok\n", names[i]);
  printf ("the same answers from both\n\n");
  print_table (o.rounds);
  printf ("\n%.*s", (int) outcomes[HANDLE].text_length, outcomes[HANDLE].text);
  return fflush (stdout) == 0 ? 0 : 1;
}
