/* SPDX-License-Identifier: MIT */
/*
 * memtable.c: several threads load line protocol into a memtable while others read it.  All memory
 * comes from a handle.
 *
 * Each series belongs to one writer, which executes its lines in order.  So the final table does
 * not depend on the number of threads.  Readers check each point against the hash that was stored
 * with it, and check that times rise.  A block that was reused too early would show.
 */
#include "memtable.h"
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "memtable_input.h"

#define THREADS_MAX 64
#define DEFERRED_MAX (UINT32_C (1) << 30)

struct options {
  unsigned writers, readers;
  uint64_t rounds;
  size_t max_deferred_bytes;
  bool dump;
  const char *file;             /* "-": standard input */
};

/* Shared by all threads. */
static struct {
  struct options options;
  struct memtable *table;
  struct input input;
  pthread_barrier_t begin;
  bool loaded;                  /* relaxed: a late answer costs a reader one more round */
} program;

struct worker {
  pthread_t thread;
  unsigned index;
  uint64_t points;              /* the points that a reader saw */
};

void
die (const char *format, ...)
{
  va_list arguments;

  fflush (stdout);
  fputs ("memtable: ", stderr);
  va_start (arguments, format);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  fputc ('\n', stderr);
  exit (1);
}

/* ---- Threads ---- */

static void *
write_all (void *argument)
{
  const struct worker *w = argument;
  const struct input *input = &program.input;

  pthread_barrier_wait (&program.begin);
  for (uint64_t round = 0; round < program.options.rounds; round++)
    for (size_t i = 0; i < input->steps_used; i++)
      {
        const struct step *step = &input->steps[i];

        if (step->series % program.options.writers != w->index)
          continue;
        if (step->fields == NULL)
          memtable_remove (program.table, step->series, step->time);
        else if (memtable_put (program.table, step->series, step->time, step->fields, step->length)
                 != 0)
          die ("out of memory");
      }
  return NULL;
}

struct check {
  uint32_t series;
  bool any;
  int64_t last;
};

static bool
check_point (void *ctx, const struct memtable_point *point)
{
  const struct fields *fields = point->bytes;
  struct check *check = ctx;

  if (point->length < sizeof *fields
      || fields->hash
           != fields_hash (check->series, point->time, fields->text,
                           point->length - sizeof *fields))
    die ("a reader saw a point that nobody wrote, at %lld", (long long) point->time);
  if (check->any && point->time <= check->last)
    die ("a reader saw %lld after %lld", (long long) point->time, (long long) check->last);
  check->any = true;
  check->last = point->time;
  return true;
}

/* Reads every series, whole and between the times of two steps.  Does so at least once. */
static void *
read_all (void *argument)
{
  const struct input *input = &program.input;
  struct worker *w = argument;
  size_t at = w->index;

  pthread_barrier_wait (&program.begin);
  do
    for (uint32_t i = 0; i < input->names_used; i++)
      {
        uint32_t series = (i + w->index) % input->names_used;
        int64_t one = input->steps[at % input->steps_used].time,
                other = input->steps[(at + 7) % input->steps_used].time;

        w->points += memtable_scan (program.table, series, INT64_MIN, INT64_MAX, check_point,
                                    &(struct check){ .series = series });
        w->points += memtable_scan (program.table, series, one < other ? one : other,
                                    one < other ? other : one, check_point,
                                    &(struct check){ .series = series });
        at++;
      }
  while (!__atomic_load_n (&program.loaded, __ATOMIC_RELAXED));
  return NULL;
}

static void
start (struct worker *workers, unsigned count, void *(*work) (void *))
{
  for (unsigned i = 0; i < count; i++)
    {
      int error;

      workers[i].index = i;
      error = pthread_create (&workers[i].thread, NULL, work, &workers[i]);
      if (error != 0)
        die ("no thread: %s", strerror (error));
    }
}

static double
now_s (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* Returns the seconds that the writers took.  *seen is the number of points that readers saw. */
static double
load (uint64_t *seen)
{
  static struct worker writers[THREADS_MAX], readers[THREADS_MAX];
  const struct options *o = &program.options;
  double seconds;

  pthread_barrier_init (&program.begin, NULL, o->writers + o->readers + 1);
  start (writers, o->writers, write_all);
  start (readers, o->readers, read_all);
  pthread_barrier_wait (&program.begin);
  seconds = now_s ();
  for (unsigned i = 0; i < o->writers; i++)
    pthread_join (writers[i].thread, NULL);
  seconds = now_s () - seconds;
  __atomic_store_n (&program.loaded, true, __ATOMIC_RELAXED);
  *seen = 0;
  for (unsigned i = 0; i < o->readers; i++)
    {
      pthread_join (readers[i].thread, NULL);
      *seen += readers[i].points;
    }
  pthread_barrier_destroy (&program.begin);
  return seconds;
}

/* ---- The content, in order ---- */

struct digest {
  const char *series;
  uint64_t checksum, points;
};

static bool
digest_point (void *ctx, const struct memtable_point *point)
{
  const struct fields *fields = point->bytes;
  struct digest *digest = ctx;
  char time[32];

  snprintf (time, sizeof time, "%lld", (long long) point->time);
  if (program.options.dump)
    printf ("%s %.*s %s\n", digest->series, (int) (point->length - sizeof *fields), fields->text,
            time);
  /* The hash of each part goes into the sum in its turn. */
  digest->checksum = digest->checksum * 31 + text_hash (digest->series, strlen (digest->series));
  digest->checksum = digest->checksum * 31 + text_hash (time, strlen (time));
  digest->checksum = digest->checksum * 31
                     + text_hash (fields->text, point->length - sizeof *fields);
  digest->points++;
  return true;
}

static int
by_name (const void *left, const void *right)
{
  return strcmp (program.input.names[*(const uint32_t *) left],
                 program.input.names[*(const uint32_t *) right]);
}

/* Returns how many series have points. */
static unsigned
digest_all (struct sydra_alloc *a, struct digest *digest)
{
  const struct input *input = &program.input;
  uint32_t *order = sydra_malloc (a, input->names_used * sizeof order[0]);
  unsigned series = 0;

  if (order == NULL)
    die ("out of memory");
  for (uint32_t i = 0; i < input->names_used; i++)
    order[i] = i;
  if (input->names_used > 0)
    qsort (order, input->names_used, sizeof order[0], by_name);
  for (uint32_t i = 0; i < input->names_used; i++)
    {
      digest->series = input->names[order[i]];
      series += memtable_scan (program.table, order[i], INT64_MIN, INT64_MAX, digest_point, digest)
                > 0;
    }
  sydra_free (a, order);
  return series;
}

/* ---- The report ---- */

static struct sydra_stats
statistics (struct sydra_alloc *a)
{
  struct sydra_stats stats = { .size = sizeof stats };

  if (sydra_stats_get (a, &stats) != 0)
    die ("the handle has no statistics");
  return stats;
}

static void
report (struct sydra_alloc *a, double seconds, uint64_t seen)
{
  struct digest digest = { NULL, 0, 0 };
  unsigned series = digest_all (a, &digest);
  struct sydra_stats before = statistics (a), after;

  memtable_sweep (program.table);
  sydra_collect (a);
  after = statistics (a);
  printf ("lines %llu, bad %llu\n", (unsigned long long) program.input.lines,
          (unsigned long long) program.input.bad);
  printf ("points %llu, series %u\n", (unsigned long long) digest.points, series);
  printf ("checksum %016llx\n", (unsigned long long) digest.checksum);
  printf ("loaded in %.6f s, %u writers, %u readers saw %llu points\n", seconds,
          program.options.writers, program.options.readers, (unsigned long long) seen);
  printf ("deferred blocks: %llu after loading, %llu after sydra_collect\n",
          (unsigned long long) before.deferred_blocks, (unsigned long long) after.deferred_blocks);
  printf ("deferred bytes, the most: %llu\n", (unsigned long long) after.deferred_high_water_bytes);
  printf ("deferred and freed: %llu\n", (unsigned long long) after.deferred_reclaimed);
  printf ("refused for a reader: %llu\n", (unsigned long long) after.deferred_stalls);
  printf ("epoch: %llu, %llu advances, by %s\n", (unsigned long long) after.epoch_current,
          (unsigned long long) after.epoch_advances, after.epoch_barrier);
  if (after.deferred_blocks != 0)
    die ("blocks wait for readers, and there is none");
}

/* ---- The command ---- */

static const char help[]
  = "usage: memtable [OPTION]... [FILE]\n"
    "Loads points of time series in line protocol from FILE (none or -: standard input) into a table that is read meanwhile.\n"
    "  --writers N           threads that load, 1 to 64 [4]\n"
    "  --readers N           threads that read meanwhile, 0 to 64 [4]\n"
    "  --rounds N            load the lines so often, 1 to 1000000 [1]\n"
    "  --max-deferred BYTES  that may wait for readers, 1 to 1073741824 [67108864]\n"
    "  --dump                print the points, in order, as line protocol before the summary\n"
    "  --help                this\n"
    "  --version             the library's version\n"
    "A line sets a point or takes one out:\n"
    "  measurement,tag=v,tag2=v field=1.5,other=2i 1465839830100400200\n"
    "  !delete measurement,tag=v,tag2=v 1465839830100400200\n"
    "Exit status: 0; 1: a line was bad, the rest is loaded all the same, or something failed; 2: the command line cannot be.\n";

static uint64_t
number (const char *name, uint64_t least, uint64_t most)
{
  char *end = optarg;
  uint64_t value = *optarg >= '0' && *optarg <= '9' ? strtoull (optarg, &end, 10) : 0;

  /* A number that is too long becomes UINT64_MAX, which no option allows. */
  if (end != optarg && *end == '\0' && value >= least && value <= most)
    return value;
  fprintf (stderr, "memtable: --%s takes a whole number from %llu to %llu, not \"%s\"\n", name,
           (unsigned long long) least, (unsigned long long) most, optarg);
  exit (2);
}

static struct options
read_options (int count, char **words)
{
  static const struct option known[] = {
    { "writers", required_argument, NULL, 'w' }, { "readers", required_argument, NULL, 'r' },
    { "rounds", required_argument, NULL, 'n' },  { "max-deferred", required_argument, NULL, 'm' },
    { "dump", no_argument, NULL, 'd' },          { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },       { NULL, 0, NULL, 0 }
  };
  struct options o = { .writers = 4, .readers = 4, .rounds = 1, .file = "-" };
  int option;

  opterr = 0;
  while ((option = getopt_long (count, words, "", known, NULL)) != -1)
    switch (option)
      {
      case 'w': o.writers = (unsigned) number ("writers", 1, THREADS_MAX); break;
      case 'r': o.readers = (unsigned) number ("readers", 0, THREADS_MAX); break;
      case 'n': o.rounds = number ("rounds", 1, 1000000); break;
      case 'm': o.max_deferred_bytes = (size_t) number ("max-deferred", 1, DEFERRED_MAX); break;
      case 'd': o.dump = true; break;
      case 'h': fputs (help, stdout); exit (fflush (stdout) == 0 ? 0 : 1);
      case 'V':
        printf ("memtable (sydra-alloc) %s\n", sydra_alloc_version ());
        exit (fflush (stdout) == 0 ? 0 : 1);
      default:
        fprintf (stderr, "memtable: %s: no such option, or no value; --help lists them\n",
                 words[optind - 1]);
        exit (2);
      }
  if (optind < count)
    o.file = words[optind++];
  if (optind < count)
    {
      fprintf (stderr, "memtable: %s: one file only; --help says more\n", words[optind]);
      exit (2);
    }
  return o;
}

static void
read_file (const char *name)
{
  bool is_stdin = strcmp (name, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen (name, "r");

  if (file == NULL || !input_read (&program.input, file, is_stdin ? "standard input" : name))
    die ("%s: %s", name, strerror (errno));
  if (!is_stdin)
    fclose (file);
}

int
main (int count, char **words)
{
  struct sydra_alloc_options named = SYDRA_ALLOC_OPTIONS_INIT;
  struct memtable_memory memory;
  struct sydra_alloc *a;
  uint64_t seen;
  double seconds;
  size_t left;

  program.options = read_options (count, words);
  named.name = "memtable";
  named.max_deferred_bytes = program.options.max_deferred_bytes;
  if ((a = sydra_alloc_create (&named)) == NULL)
    die ("no handle: %s", strerror (errno));
  program.input.a = a;
  read_file (program.options.file);
  memory = memtable_memory_of (a);
  if ((program.table = memtable_new (&memory)) == NULL)
    die ("out of memory");
  seconds = load (&seen);
  report (a, seconds, seen);
  memtable_end (program.table);
  input_end (&program.input);
  if ((left = sydra_alloc_destroy (a)) != 0)
    die ("%zu blocks were not given back", left);
  if (fflush (stdout) != 0 || ferror (stdout))
    die ("cannot write the report: %s", strerror (errno));
  return program.input.bad == 0 ? 0 : 1;
}
