/* SPDX-License-Identifier: MIT */
/*
 * ingest.c: puts points of time series into a memtable (the skip lists of examples/memtable.h) and
 * reads other points at the same time.
 *
 * Each worker has up to SERIES_EACH series of its own, with --live points together.  A point has as
 * many bytes as --sizes say.  Half of the steps write.  One in two of these adds a point at the end
 * of a series and removes the oldest one; the other gives new bytes to an existing point.  The
 * other half of the steps read series of any worker: three in four read one point, the fourth up to
 * SCAN_POINTS in a row.  The numbers of points and bytes stay the same.
 *
 * With --api handle the memory comes from a handle that lives for one repetition.  Points that are
 * overwritten or removed go to sydra_free_deferred, and readers are in sections.  malloc has no
 * such calls: there readers share a lock, and a writer takes that lock alone once before it frees.
 */
#include <errno.h>
#include <string.h>
#include "../examples/memtable.h"
#include "samples.h"
#include "options.h"
#include "scenario.h"
#include "scenarios.h"
#include "timing.h"

#define CHUNK 1000
#define SERIES_EACH 16u
#define SCAN_POINTS 64u

enum measured { INGEST, MALLOC, REMOVE, READ, SCAN, MEASURED };

static const char *const names[MEASURED] = { "ingest", "malloc", "remove", "read", "scan" };

/*
 * The times of a series' first and last point.  The series' worker writes them and all read them;
 * relaxed: a reader does not find a point that is gone.
 */
struct window {
  int64_t first, last;
};

/* Belongs to one worker. */
struct ingest {
  struct window windows[SERIES_EACH];
  uint32_t series;
  bool warm; /* the untimed chunk is over */
  unsigned char *bytes; /* an array of size_max */
  struct histogram measured[MEASURED];
};

/* For one repetition. */
static struct sydra_alloc *handle;
static pthread_rwlock_t readers_lock; /* for malloc only */

/*
 * For all workers and repetitions of a run.  Merged under the lock; read when the threads have
 * ended.
 */
static pthread_mutex_t totals_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  struct histogram measured[MEASURED];
  uint64_t reclaimed, refused, deferred_peak_bytes;
} totals;

/* Where this thread's allocations are counted; NULL: they are not. */
static __thread struct histogram *malloc_times;

/* ---- The table's memory ---- */

static inline __attribute__ ((__always_inline__)) void *
timed_new (enum memory_api api, struct sydra_alloc *a, size_t size)
{
  uint64_t start = timer_start ();
  void *block = api == API_HANDLE ? sydra_malloc (a, size) : malloc (size);
  uint64_t ticks = timer_stop () - start;

  if (malloc_times)
    histogram_add (malloc_times, ticks);
  return block;
}

static void *
handle_allocate (void *ctx, size_t size)
{
  return timed_new (API_HANDLE, ctx, size);
}

static void *
malloc_allocate (void *ctx, size_t size)
{
  (void) ctx;
  return timed_new (API_MALLOC, NULL, size);
}

static void
malloc_release (void *ctx, void *block)
{
  (void) ctx;
  free (block);
}

/* To hold the lock alone once is enough: a reader that comes later cannot find the block. */
static void
malloc_retire (void *ctx, void *block)
{
  (void) ctx;
  pthread_rwlock_wrlock (&readers_lock);
  pthread_rwlock_unlock (&readers_lock);
  free (block);
}

static uint64_t
malloc_enter (void *ctx)
{
  (void) ctx;
  pthread_rwlock_rdlock (&readers_lock);
  return 0;
}

static void
malloc_leave (void *ctx, uint64_t section)
{
  (void) ctx;
  (void) section;
  pthread_rwlock_unlock (&readers_lock);
}

static void
prepare (struct run *run)
{
  struct memtable_memory memory
    = { NULL, malloc_allocate, malloc_release, malloc_retire, malloc_enter, malloc_leave };

  samples_forget ();
  if (run->repetition == 0)
    memset (&totals, 0, sizeof totals);
  if (run->handle)
    {
      struct sydra_alloc_options named = SYDRA_ALLOC_OPTIONS_INIT;

      named.name = "ingest";
      handle = sydra_alloc_create (&named);
      if (!handle)
        die ("no handle: %s", strerror (errno));
      memory = memtable_memory_of (handle);
      memory.allocate = handle_allocate;
    }
  else
    pthread_rwlock_init (&readers_lock, NULL);
  run->shared = memtable_new (&memory);
  if (!run->shared)
    die ("no memtable: %s", strerror (errno));
}

/* ---- Steps ---- */

static void
put (struct worker *w, uint32_t series, int64_t time)
{
  const struct options *o = w->run->options;
  struct ingest *ingest = w->own;
  uint32_t size = random_between (&w->random, o->size_min, o->size_max);
  uint64_t start;

  memset (ingest->bytes, (int) size, size);
  start = timer_start ();
  if (memtable_put (w->run->shared, w->index * SERIES_EACH + series, time, ingest->bytes, size))
    out_of_memory (size);
  histogram_add (&ingest->measured[INGEST], timer_stop () - start);
}

/* Adds a point at the end and removes the first one. */
static void
move_on (struct worker *w, uint32_t series)
{
  struct ingest *ingest = w->own;
  struct window *window = &ingest->windows[series];
  int64_t first = window->first;
  uint64_t start;

  put (w, series, window->last + 1);
  __atomic_store_n (&window->last, window->last + 1, __ATOMIC_RELAXED);
  __atomic_store_n (&window->first, first + 1, __ATOMIC_RELAXED);
  start = timer_start ();
  if (!memtable_remove (w->run->shared, w->index * SERIES_EACH + series, first))
    die ("a point of series %u is lost", w->index * SERIES_EACH + series);
  histogram_add (&ingest->measured[REMOVE], timer_stop () - start);
}

/* Each byte of a point is its length.  Checks the first one and the last one. */
static bool
visit (void *ctx, const struct memtable_point *point)
{
  const unsigned char *bytes = point->bytes;
  uint32_t *left = ctx;

  if (bytes[0] != (unsigned char) point->length
      || bytes[point->length - 1] != (unsigned char) point->length)
    die ("a reader saw a point that nobody wrote");
  return --*left > 0;
}

static void
read_some (struct worker *w, bool scan)
{
  struct worker *other = &w->run->workers[random_below (&w->random, w->run->threads)];
  struct ingest *ingest = w->own, *others = other->own;
  uint32_t series = random_below (&w->random, others->series), left = SCAN_POINTS;
  const struct window *window = &others->windows[series];
  int64_t first = __atomic_load_n (&window->first, __ATOMIC_RELAXED),
          last = __atomic_load_n (&window->last, __ATOMIC_RELAXED);
  int64_t time = first
                 + random_below (&w->random, last < first ? 1 : (uint64_t) (last - first) + 1);
  uint64_t start = timer_start ();

  memtable_scan (w->run->shared, other->index * SERIES_EACH + series, time, scan ? INT64_MAX : time,
                 visit, &left);
  histogram_add (&ingest->measured[scan ? SCAN : READ], timer_stop () - start);
}

static void
one_step (struct worker *w)
{
  struct ingest *ingest = w->own;
  uint32_t choice = random_below (&w->random, 8),
           series = random_below (&w->random, ingest->series);
  const struct window *window = &ingest->windows[series];

  if (choice >= 4)
    read_some (w, choice == 7);
  else if (choice < 2)
    move_on (w, series);
  else
    put (w, series,
         window->first + random_below (&w->random, (uint64_t) (window->last - window->first) + 1));
}

/* The table's memory decides which calls are measured.  So one kernel serves both. */
static void
work (struct worker *w)
{
  struct ingest *ingest = w->own;

  do
    {
      for (unsigned i = 0; i < CHUNK; i++)
        one_step (w);
      w->operations += CHUNK;
    }
  while (worker_goes_on (w));
  if (!ingest->warm)
    memset (ingest->measured, 0, sizeof ingest->measured);
  ingest->warm = true;
}

/* ---- Before and after ---- */

static void
set_up (struct worker *w)
{
  const struct options *o = w->run->options;
  struct ingest *ingest = w->own = array_new (1, sizeof *ingest);

  ingest->bytes = array_new (o->size_max, 1);
  ingest->series = o->live < SERIES_EACH ? o->live : SERIES_EACH;
  for (uint32_t i = 0; i < ingest->series; i++)
    {
      struct window *window = &ingest->windows[i];

      window->last = o->live / ingest->series + (i < o->live % ingest->series) - 1;
      for (int64_t time = 0; time <= window->last; time++)
        put (w, i, time);
    }
  malloc_times = &ingest->measured[MALLOC];
}

static void
tear_down (struct worker *w)
{
  struct ingest *ingest = w->own;

  pthread_mutex_lock (&totals_lock);
  for (unsigned i = 0; i < MEASURED; i++)
    histogram_merge (&totals.measured[i], &ingest->measured[i]);
  pthread_mutex_unlock (&totals_lock);
  array_delete (ingest->bytes);
  array_delete (ingest);
}

/* First frees the blocks that still wait.  The peak counts them too. */
static void
end_handle (struct memtable *table)
{
  struct sydra_stats stats = { .size = sizeof stats };
  size_t left;

  sydra_collect (handle);
  if (sydra_stats_get (handle, &stats))
    die ("the handle has no statistics");
  if (stats.deferred_blocks)
    die ("%llu deferred blocks wait for readers, and there is none",
         (unsigned long long) stats.deferred_blocks);
  totals.reclaimed += stats.deferred_reclaimed;
  totals.refused += stats.deferred_stalls;
  if (stats.deferred_high_water_bytes > totals.deferred_peak_bytes)
    totals.deferred_peak_bytes = stats.deferred_high_water_bytes;
  memtable_end (table);
  left = sydra_alloc_destroy (handle);
  if (left)
    die ("%zu blocks were not given back", left);
}

static void
finish (struct run *run, struct result *result)
{
  size_t base_kib = samples_first_tenth_kib (), deviation_kib = samples_deviation_kib ();

  if (run->handle)
    {
      end_handle (run->shared);
      result_figure (result, "deferred_peak_bytes", "bytes waited for readers at once, the most",
                     (double) totals.deferred_peak_bytes);
      result_figure (result, "deferred_reclaimed", "deferred blocks were freed",
                     (double) totals.reclaimed);
      result_figure (result, "deferred_refused", "were refused for a reader",
                     (double) totals.refused);
    }
  else
    {
      memtable_end (run->shared);
      pthread_rwlock_destroy (&readers_lock);
    }
  for (unsigned i = 0; i < MEASURED; i++)
    result->latencies[i] = (struct latency) { names[i], &totals.measured[i] };
  result->latencies_used = MEASURED;
  samples_report (result);
  if (!base_kib)
    return;
  result_figure (result, "rss_first_tenth_kib", "KiB resident after the first tenth",
                 (double) base_kib);
  result_figure (result, "rss_deviation_kib", "KiB, the most after that", (double) deviation_kib);
  result_figure (result, "rss_deviation_percent", "% of what was resident after the first tenth",
                 100 * (double) deviation_kib / (double) base_kib);
}

const struct scenario scenario_ingest = {
  .name = "ingest",
  .what = "time series into skip lists of --live points, half of the steps reads; deferred "
          "frees; calls are timed",
  .prepare = prepare,
  .set_up = set_up,
  .work = { work, work },
  .tear_down = tear_down,
  .finish = finish,
  .sample = samples_take,
};
