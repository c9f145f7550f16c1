/* SPDX-License-Identifier: MIT */
/*
 * reclaim_main.c: measures reclaim_peer: the time that a section takes, the rate at which blocks
 * are retired and freed, and the most bytes that wait.
 *
 * The rate is over the time until everything that was retired is freed.  The main thread samples
 * the waiting bytes once a millisecond.  If the library knows its peak, that is reported as well.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arguments.h"
#include "reclaim.h"
#include "reclaim_count.h"
#include "timing.h"

#define THREADS_MAX 1024u
#define SIZE_LEAST 32u
#define SIZE_MOST (1u << 20)
#define SECONDS_MOST 1000.0
#define SECTION_ROUNDS 201
/* short against a time slice, so that most rounds are undisturbed */
#define SECTIONS_A_ROUND 10000u
#define SAMPLE_NS 1000000

struct figures {
  unsigned threads;
  bool apart; /* each thread has slots of its own */
  double section_ns, section_inlined_ns; /* negative: not measured */
  uint64_t operations;
  double seconds, drain_seconds; /* drain_seconds is a part of seconds */
  size_t sampled_peak_bytes, known_peak_bytes;
};

static size_t
waiting_bytes (const struct reclaim_run *run)
{
  return reclaim_peer.waiting_bytes ? reclaim_peer.waiting_bytes ()
                                    : (size_t) reclaim_count_waiting () * run->size;
}

static void
begin_thread (struct reclaim_thread *t)
{
  if (reclaim_peer.thread_begin)
    reclaim_peer.thread_begin (t);
}

static void
end_thread (struct reclaim_thread *t)
{
  if (reclaim_peer.thread_end)
    reclaim_peer.thread_end (t);
}

/* The median over the rounds, in nanoseconds. */
static double
measure_section (struct reclaim_thread *t, void (*section) (struct reclaim_thread *, uint64_t))
{
  double rounds[SECTION_ROUNDS];

  if (!section)
    return -1;
  section (t, SECTIONS_A_ROUND);
  for (int i = 0; i < SECTION_ROUNDS; i++)
    {
      uint64_t begin_ns = clock_ns ();

      section (t, SECTIONS_A_ROUND);
      rounds[i] = (double) (clock_ns () - begin_ns) / SECTIONS_A_ROUND;
    }
  sort_values (rounds, SECTION_ROUNDS);
  return rounds[SECTION_ROUNDS / 2];
}

static void
measure_sections (struct reclaim_run *run, struct figures *figures)
{
  struct reclaim_thread t = { .run = run };

  begin_thread (&t);
  figures->section_ns = measure_section (&t, reclaim_peer.section);
  figures->section_inlined_ns = measure_section (&t, reclaim_peer.section_inlined);
  end_thread (&t);
}

static void *
retire_thread (void *argument)
{
  struct reclaim_thread *t = argument;

  begin_thread (t);
  pthread_barrier_wait (&t->run->meet);
  reclaim_peer.retire[t->run->method](t);
  end_thread (t);
  return NULL;
}

/* Samples the waiting bytes until that time.  Returns their peak. */
static size_t
sample (const struct reclaim_run *run, uint64_t until_ns)
{
  const struct timespec pause = { 0, SAMPLE_NS };
  size_t peak = 0;

  while (clock_ns () < until_ns)
    {
      size_t bytes = waiting_bytes (run);

      peak = bytes > peak ? bytes : peak;
      nanosleep (&pause, NULL);
    }
  return peak;
}

static void
measure_retire (struct reclaim_run *run, double seconds, struct figures *figures)
{
  struct reclaim_thread *threads = array_new (figures->threads, sizeof *threads);
  uint64_t begin_ns, stop_ns;

  for (unsigned i = 0; i < RECLAIM_SLOTS; i++)
    {
      struct reclaim_block *block = run->slot[i] = reclaim_peer.take (run->size);

      if (!block)
        out_of_memory (run->size);
      block->mark = i;
    }
  pthread_barrier_init (&run->meet, NULL, figures->threads + 1);
  for (unsigned i = 0; i < figures->threads; i++)
    {
      threads[i].run = run;
      threads[i].random.state = i + 1;
      threads[i].slots = figures->apart ? RECLAIM_SLOTS / figures->threads : RECLAIM_SLOTS;
      threads[i].first = figures->apart ? i * threads[i].slots : 0;
      if (pthread_create (&threads[i].thread, NULL, retire_thread, &threads[i]) != 0)
        die ("no thread");
    }
  pthread_barrier_wait (&run->meet);
  begin_ns = clock_ns ();
  figures->sampled_peak_bytes = sample (run, begin_ns + (uint64_t) (seconds * 1e9));
  __atomic_store_n (&run->stop, true, __ATOMIC_RELAXED);
  stop_ns = clock_ns ();
  for (unsigned i = 0; i < figures->threads; i++)
    pthread_join (threads[i].thread, NULL);
  if (reclaim_peer.end)
    reclaim_peer.end (run);
  figures->drain_seconds = (double) (clock_ns () - stop_ns) / 1e9;
  figures->seconds = (double) (clock_ns () - begin_ns) / 1e9;
  figures->operations = reclaim_count_retired ();
  if (waiting_bytes (run) != 0)
    die ("retired blocks are left where no thread runs");
  figures->known_peak_bytes = reclaim_peer.peak_bytes ? reclaim_peer.peak_bytes () : 0;
  for (unsigned i = 0; i < RECLAIM_SLOTS; i++)
    reclaim_peer.give (run->slot[i]);
  array_delete (threads);
}

/* ---- The command line and the report ---- */

static unsigned
method_option (void)
{
  for (unsigned i = 0; i < RECLAIM_METHODS_MAX && reclaim_peer.methods[i]; i++)
    if (!strcmp (reclaim_peer.methods[i], optarg))
      return i;
  refuse ("--method takes one of those that --help lists, not \"%s\"", optarg);
}

static void __attribute__ ((__noreturn__))
help (void)
{
  printf (
    "usage: %s [--threads N] [--seconds S] [--size BYTES] [--method NAME] [--apart] [--json]\n",
    program_name);
  printf ("  --threads N    threads that retire [1]\n  --seconds S    how long they do [1]\n");
  printf ("  --size BYTES   of a block, 32 to 1048576 [64]\n");
  printf (
    "  --apart        each thread replaces in its own part of the table: no exchange meets another\n");
  printf ("  --json         one JSON object instead of a line for each figure\n  --method NAME ");
  for (unsigned i = 0; i < RECLAIM_METHODS_MAX && reclaim_peer.methods[i]; i++)
    printf (" %s%s", reclaim_peer.methods[i], i == 0 ? " [the default]" : "");
  printf ("\n");
  exit (0);
}

static void
read_options (struct reclaim_run *run, struct figures *figures, double *seconds, bool *json,
              int count, char **words)
{
  static const struct option options[] = {
    { "threads", required_argument, NULL, 't' }, { "seconds", required_argument, NULL, 's' },
    { "size", required_argument, NULL, 'b' },    { "method", required_argument, NULL, 'm' },
    { "json", no_argument, NULL, 'j' },          { "help", no_argument, NULL, 'h' },
    { "apart", no_argument, NULL, 'a' },         { NULL, 0, NULL, 0 },
  };
  int option;

  while ((option = getopt_long (count, words, "h", options, NULL)) != -1)
    switch (option)
      {
      case 't':
        figures->threads = (unsigned) whole_number ("--threads", optarg, 1, THREADS_MAX);
        break;
      case 's': *seconds = number_over_zero ("--seconds", optarg, SECONDS_MOST); break;
      case 'b': run->size = (size_t) whole_number ("--size", optarg, SIZE_LEAST, SIZE_MOST); break;
      case 'm': run->method = method_option (); break;
      case 'a': figures->apart = true; break;
      case 'j': *json = true; break;
      case 'h': help ();
      default: exit (2);
      }
  if (optind < count)
    refuse ("\"%s\" is no option; --help lists them", words[optind]);
}

static void
report_json (const struct reclaim_run *run, const struct figures *f)
{
  printf (
    "{\"library\": \"%s\", \"method\": \"%s\", \"threads\": %u, \"size\": %zu, \"apart\": %s, ",
    reclaim_peer.name, reclaim_peer.methods[run->method], f->threads, run->size,
    f->apart ? "true" : "false");
  printf ("\"section_ns\": %.3f, \"section_inlined_ns\": ", f->section_ns);
  if (f->section_inlined_ns < 0)
    printf ("null");
  else
    printf ("%.3f", f->section_inlined_ns);
  printf (
    ", \"operations\": %llu, \"seconds\": %.6f, \"drain_seconds\": %.6f, \"retired_per_second\": %.0f, \"sampled_peak_bytes\": %zu, ",
    (unsigned long long) f->operations, f->seconds, f->drain_seconds,
    (double) f->operations / f->seconds, f->sampled_peak_bytes);
  if (reclaim_peer.peak_bytes)
    printf ("\"known_peak_bytes\": %zu}\n", f->known_peak_bytes);
  else
    printf ("\"known_peak_bytes\": null}\n");
}

static void
report_text (const struct reclaim_run *run, const struct figures *f)
{
  printf ("%s, %s, %u threads, blocks of %zu bytes%s\n", reclaim_peer.name,
          reclaim_peer.methods[run->method], f->threads, run->size, f->apart ? ", apart" : "");
  printf ("section           %10.2f ns\n", f->section_ns);
  if (f->section_inlined_ns >= 0)
    printf ("section, inlined  %10.2f ns\n", f->section_inlined_ns);
  printf ("retired and freed %10.2f million a second, of %.3f s, %.3f s of them to free the rest\n",
          (double) f->operations / f->seconds / 1e6, f->seconds, f->drain_seconds);
  printf ("peak, sampled     %10.0f KiB\n", (double) f->sampled_peak_bytes / 1024);
  if (reclaim_peer.peak_bytes)
    printf ("peak, known       %10.0f KiB\n", (double) f->known_peak_bytes / 1024);
}

int
main (int count, char **words)
{
  static struct reclaim_run run = { .size = 64 };
  struct figures figures = { .threads = 1 };
  double seconds = 1;
  bool json = false;
  char name[64];

  snprintf (name, sizeof name, "reclaim-%s", reclaim_peer.name);
  program_name = name;
  read_options (&run, &figures, &seconds, &json, count, words);
  reclaim_peer.begin (&run);
  measure_sections (&run, &figures);
  measure_retire (&run, seconds, &figures);
  (json ? report_json : report_text) (&run, &figures);
  return 0;
}
