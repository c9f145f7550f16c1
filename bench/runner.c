/* SPDX-License-Identifier: MIT */
/*
 * runner.c: starts the threads, lets them meet before the clock starts, and repeats.
 *
 * Each worker has a rate over its own time, and the rate of a repetition is the sum of these.  So
 * if the last chunk of one worker ends late, that does not lengthen the time of the others.
 */
#include "runner.h"
#include <string.h>
#include <errno.h>
#include "progress.h"
#include "rss.h"
#include "options.h"
#include "scenario.h"
#include "timing.h"

#define TICK_NS 100000000      /* between two updates of the progress */
#define SAMPLE_TICK_NS 5000000 /* the same, for a scenario that takes samples */

void *
worker_new_block (struct worker *w, size_t size)
{
  return w->handle ? block_new (API_HANDLE, w->handle, size) : block_new (API_MALLOC, NULL, size);
}

void
worker_free_block (struct worker *w, void *block)
{
  if (w->handle)
    block_free (API_HANDLE, w->handle, block);
  else
    block_free (API_MALLOC, NULL, block);
}

static void
worker_ended (struct run *run)
{
  pthread_mutex_lock (&run->lock);
  if (!--run->working)
    pthread_cond_signal (&run->ended);
  pthread_mutex_unlock (&run->lock);
}

static void *
worker_main (void *argument)
{
  struct worker *w = argument;
  struct run *run = w->run;
  const struct scenario *scenario = run->scenario;
  void (*work) (struct worker *) = scenario->work[run->options->api];

  if (scenario->set_up)
    scenario->set_up (w);
  if (!scenario->cold)
    {
      w->limit = 1;
      pthread_barrier_wait (&run->meet);
      work (w);
    }
  w->operations = 0;
  w->limit = run->options->operations;
  pthread_barrier_wait (&run->meet);
  w->begin_ns = clock_ns ();
  work (w);
  w->end_ns = clock_ns ();
  worker_ended (run);
  pthread_barrier_wait (&run->meet);
  if (scenario->tear_down)
    scenario->tear_down (w);
  return NULL;
}

/* Waits until the loops of all workers are over.  Sets run->stop when the time is over. */
static void
watch (struct run *run)
{
  const struct options *o = run->options;
  uint64_t tick = run->scenario->sample ? SAMPLE_TICK_NS : TICK_NS;
  uint64_t until = run->begin_ns + (uint64_t) (o->seconds * 1e9), now, wake;
  struct timespec t;

  pthread_mutex_lock (&run->lock);
  while (run->working)
    {
      now = clock_ns ();
      if (!o->operations && now >= until)
        __atomic_store_n (&run->stop, true, __ATOMIC_RELAXED);
      wake = now + tick;
      if (!o->operations && now < until && wake > until)
        wake = until;
      t.tv_sec = (time_t) (wake / 1000000000);
      t.tv_nsec = (long) (wake % 1000000000);
      if (run->scenario->sample)
        run->scenario->sample (run);
      pthread_cond_timedwait (&run->ended, &run->lock, &t);
      progress_show (run, now);
    }
  pthread_mutex_unlock (&run->lock);
}

static void
start_workers (struct run *run)
{
  int error;

  run->stop = false;
  run->working = run->threads;
  for (unsigned i = 0; i < run->threads; i++)
    {
      struct worker *w = &run->workers[i];

      memset (w, 0, sizeof *w);
      w->run = run;
      w->handle = run->handle;
      w->index = i;
      w->random.state = run->options->seed + (uint64_t) i * 1000003;
    }
  for (unsigned i = 0; i < run->threads; i++)
    {
      error = pthread_create (&run->workers[i].thread, NULL, worker_main, &run->workers[i]);
      if (error)
        die ("no thread %u of %u: %s", i + 1, run->threads, strerror (error));
    }
}

static void
repeat_once (struct run *run, struct result *result)
{
  double per_second = 0;

  if (run->scenario->prepare)
    run->scenario->prepare (run);
  start_workers (run);
  if (!run->scenario->cold)
    pthread_barrier_wait (&run->meet);
  pthread_barrier_wait (&run->meet);
  run->begin_ns = clock_ns ();
  watch (run);
  pthread_barrier_wait (&run->meet);
  for (unsigned i = 0; i < run->threads; i++)
    {
      struct worker *w = &run->workers[i];

      pthread_join (w->thread, NULL);
      result->operations += w->operations;
      if (w->end_ns > w->begin_ns)
        per_second += (double) w->operations * 1e9 / (double) (w->end_ns - w->begin_ns);
    }
  result->ns[run->repetition] = per_second > 0 ? 1e9 / per_second : 0;
  if (run->scenario->finish)
    run->scenario->finish (run, result);
}

static void
conclude (struct result *result)
{
  unsigned n = result->repeat;

  sort_values (result->ns, n);
  result->min_ns = result->ns[0];
  result->max_ns = result->ns[n - 1];
  result->median_ns = (result->ns[(n - 1) / 2] + result->ns[n / 2]) / 2;
}

void
run_scenario (const struct options *o, const struct scenario *scenario, unsigned threads,
              struct sydra_alloc *handle, struct result *result)
{
  struct run run = { .options = o, .scenario = scenario, .handle = handle, .threads = threads };
  pthread_condattr_t monotonic;

  memset (result, 0, sizeof *result);
  result->scenario = scenario;
  result->threads = threads;
  result->repeat = o->repeat;
  run.workers = array_new (threads, sizeof run.workers[0]);
  pthread_mutex_init (&run.lock, NULL);
  pthread_condattr_init (&monotonic);
  pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init (&run.ended, &monotonic);
  pthread_condattr_destroy (&monotonic);
  pthread_barrier_init (&run.meet, NULL, threads + 1);
  array_bytes_forget ();
  result->rss_before_kib = rss_now ();
  result->peak_is_own = rss_peak_forget ();
  for (run.repetition = 0; run.repetition < o->repeat; run.repetition++)
    repeat_once (&run, result);
  result->rss_peak_kib = rss_peak ();
  result->rss_after_kib = rss_now ();
  result->tables_kib = array_bytes_peak () / 1024;
  progress_end ();
  conclude (result);
  pthread_barrier_destroy (&run.meet);
  pthread_cond_destroy (&run.ended);
  pthread_mutex_destroy (&run.lock);
  array_delete (run.workers);
}

void
result_figure (struct result *result, const char *name, const char *unit, double value)
{
  unsigned i = 0;

  while (i < result->figures_used && strcmp (result->figures[i].name, name))
    i++;
  if (i == FIGURES_MAX)
    die ("more than %d figures of one scenario", FIGURES_MAX);
  if (i == result->figures_used)
    result->figures_used++;
  result->figures[i] = (struct figure) { name, unit, value };
}
