/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "thread/counts.h"

#include <sched.h>
#include <string.h>

/* The most of these mallocs' blocks that can have been in use at once.  Between two settlements
   `top` stays in one magazine: at most as many as that holds. */
static size_t
at_once (unsigned class, size_t mallocs)
{
  return mallocs < sy_size_classes[class].capacity ? mallocs : sy_size_classes[class].capacity;
}

/* ---- The ledger ---- */

/* Adds `net` to live, and raises high by the peak.  Both are signed. */
static void
post (AO_t *live, AO_t *high, AO_t net, AO_t peak)
{
  intptr_t most = (intptr_t) (AO_fetch_and_add (live, net) + peak);

  if (most > 0)
    sy_shared_raise (high, (AO_t) most);
}

static void
publish (AO_t *live, AO_t *high, AO_t *net, AO_t *peak)
{
  /* Most classes of most threads. */
  if ((AO_load (net) | AO_load (peak)) == 0)
    return;
  post (live, high, AO_load (net), AO_load (peak));
  AO_store (net, 0);
  AO_store (peak, 0);
}

static void
publish_class (struct sydra_alloc *a, struct sy_books *books, unsigned class)
{
  publish (&a->ledger.live[class], &a->ledger.high[class], &books->net[class],
           &books->peak[class]);
}

static void
publish_bytes (struct sydra_alloc *a, struct sy_books *books)
{
  publish (&a->ledger.live_bytes, &a->ledger.high_bytes, &books->net_bytes, &books->peak_bytes);
}

void
sy_counts_publish (struct sydra_alloc *a, struct sy_cache *cache, unsigned class)
{
  publish_class (a, &cache->books, class);
  publish_bytes (a, &cache->books);
}

/* ---- A thread's books ---- */

/* `more` more, of them `most` at once, then `less` fewer. */
static void
note_net (AO_t *net, AO_t *peak, size_t more, size_t most, size_t less)
{
  intptr_t before = (intptr_t) AO_load (net);

  if (before + (intptr_t) most > (intptr_t) AO_load (peak))
    AO_store (peak, (AO_t) before + most);
  AO_store (net, (AO_t) before + more - less);
}

/* Do so many more or fewer, of so many bytes each, come to that many bytes? */
static bool
differs_by (const AO_t *net, size_t bytes, intptr_t most)
{
  intptr_t difference = (intptr_t) (AO_load (net) * bytes);

  return difference >= most || difference <= -most;
}

/* cache may be NULL. */
static void
note_bytes (struct sydra_alloc *a, struct sy_cache *cache, size_t allocated, size_t most,
            size_t freed)
{
  if (cache == NULL)
    {
      post (&a->ledger.live_bytes, &a->ledger.high_bytes, allocated - freed, most);
      return;
    }
  note_net (&cache->books.net_bytes, &cache->books.peak_bytes, allocated, most, freed);
  if (differs_by (&cache->books.net_bytes, 1, SY_PUBLISH_BYTES))
    publish_bytes (a, &cache->books);
}

static void
note_blocks (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, size_t allocated,
             size_t most, size_t freed)
{
  struct sy_books *books = &cache->books;
  size_t bytes = sy_size_classes[class].bytes;

  note_net (&books->net[class], &books->peak[class], allocated, most, freed);
  if (differs_by (&books->net[class], bytes, SY_PUBLISH_CLASS_BYTES))
    publish_class (a, books, class);
  note_bytes (a, cache, allocated * bytes, most * bytes, freed * bytes);
}

struct sy_hits
sy_counts_hits (const struct sy_cache *cache, unsigned class)
{
  const struct sy_books *books = &cache->books;
  AO_t allocations, top;
  unsigned tries = 0;

  /* A malloc moves top before it is counted.  A whole malloc between the two loads would make
     the frees too many: then they are repeated. */
  do
    {
      /* acquire, both: the loads come one after the other; the first pairs with the release in
         sy_cache_pop. */
      allocations = AO_load_acquire (&books->counts.allocations[class]);
      top = AO_load_acquire (&cache->top[class]);
    }
  while (AO_load (&books->counts.allocations[class]) != allocations && ++tries < SY_READ_TRIES);

  intptr_t out = (intptr_t) (AO_load (&books->last_top[class]) - top) / (intptr_t) sizeof (void *);
  struct sy_hits hits = { .mallocs = allocations - AO_load (&books->last_allocations[class]) };

  hits.frees = hits.mallocs - (AO_t) out;
  /* Below 0. */
  if (hits.frees > (AO_t) 0 - SY_MAGAZINE_SLOTS - 1)
    hits.frees = 0;
  return hits;
}

/* Counts the class's hits since the last settlement. */
static void
settle (struct sy_cache *cache, unsigned class)
{
  struct sy_books *books = &cache->books;
  struct sy_hits hits;

  /* What the heap serves has no magazine. */
  if (class == SY_CLASS_HEAP)
    return;
  hits = sy_counts_hits (cache, class);
  if ((hits.mallocs | hits.frees) == 0)
    return;
  sy_own_add (&books->counts.frees[class], hits.frees);
  AO_store (&books->last_top[class], AO_load (&cache->top[class]));
  AO_store (&books->last_allocations[class], AO_load (&books->counts.allocations[class]));
  note_blocks (sy_cache_owner (cache), cache, class, hits.mallocs, at_once (class, hits.mallocs),
               hits.frees);
}

void
sy_counts_change_begin (struct sy_cache *cache, unsigned class)
{
  cache->books.changing = class;
  AO_store (&cache->books.changes, AO_load (&cache->books.changes) + 1);
  AO_nop_write (); /* before the changes; pairs with AO_nop_read in read_books */
  settle (cache, class);
}

void
sy_counts_change_end (struct sy_cache *cache)
{
  /* release: after the changes; pairs with the acquire in read_books. */
  AO_store_release (&cache->books.changes, AO_load (&cache->books.changes) + 1);
}

void
sy_counts_direct (struct sydra_alloc *a, struct sy_cache *cache, unsigned class, size_t allocations,
                  size_t frees)
{
  size_t bytes = sy_size_classes[class].bytes;

  sy_count (a, cache, allocations[class], allocations);
  sy_count (a, cache, frees[class], frees);
  if (cache == NULL)
    {
      post (&a->ledger.live[class], &a->ledger.high[class], allocations - frees, allocations);
      note_bytes (a, cache, allocations * bytes, allocations * bytes, frees * bytes);
      return;
    }
  sy_own_add (&cache->books.last_allocations[class], allocations);
  note_blocks (a, cache, class, allocations, allocations, frees);
}

void
sy_counts_heap_malloc (struct sydra_alloc *a, struct sy_cache *cache, size_t bytes)
{
  sy_count (a, cache, allocations[SY_CLASS_HEAP], 1);
  sy_count (a, cache, heap_bytes, bytes);
  note_bytes (a, cache, bytes, bytes, 0);
}

void
sy_counts_heap_free (struct sydra_alloc *a, struct sy_cache *cache, size_t bytes)
{
  sy_count (a, cache, frees[SY_CLASS_HEAP], 1);
  sy_count (a, cache, heap_bytes, (AO_t) 0 - bytes);
  note_bytes (a, cache, 0, 0, bytes);
}

void
sy_counts_heap_resize (struct sydra_alloc *a, struct sy_cache *cache, size_t old_bytes,
                       size_t new_bytes)
{
  /* In place: the old bytes and the new ones are never there at once. */
  size_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;

  sy_count (a, cache, heap_bytes, (AO_t) new_bytes - old_bytes);
  note_bytes (a, cache, more, more, old_bytes > new_bytes ? old_bytes - new_bytes : 0);
}

/* ---- Sums ---- */

static void
add_counts (struct sy_counts *to, const struct sy_counts *from)
{
  AO_t *sum = (AO_t *) to;
  const AO_t *term = (const AO_t *) from;

  for (size_t at = 0; at < sizeof *to / sizeof (AO_t); at++)
    sy_shared_add (&sum[at], AO_load (&term[at]));
}

void
sy_counts_retire (struct sydra_alloc *a, const struct sy_cache *cache)
{
  add_counts (&a->ledger.retired, &cache->books.counts);
}

/* A count that is read while its thread runs may be a few frees too low.  Returns the last value
   then, so that a count never falls. */
static AO_t
raise_to (AO_t *last, AO_t count)
{
  return *last - count <= SY_MAGAZINE_SLOTS ? *last : (*last = count);
}

/* What was read of one thread's books. */
struct reading {
  struct sy_counts counts;          /* with the hits since the last settlements */
  struct sy_hits hits[SY_CLASSES];  /* ... which were so many */
};

static void
read_class_once (const struct sy_cache *cache, unsigned class, struct reading *reading)
{
  struct sy_hits *hits = &reading->hits[class];

  *hits = sy_counts_hits (cache, class);
  /* Read in the middle of a change: the difference is larger than any magazine. */
  if (hits->frees - hits->mallocs + SY_MAGAZINE_SLOTS > 2 * SY_MAGAZINE_SLOTS)
    hits->frees = hits->mallocs;
  reading->counts.allocations[class] = AO_load (&cache->books.last_allocations[class])
                                       + hits->mallocs;
  reading->counts.frees[class] = AO_load (&cache->books.counts.frees[class]) + hits->frees;
}

/*
 * A consistent set of one class's counts.  The thread may have lost the processor in the middle of
 * a change: then it is let run.  *yields counts how often that was done, for all classes.
 */
static void
read_class (const struct sy_cache *cache, unsigned class, struct reading *reading,
            unsigned *yields)
{
  for (unsigned tries = 1;; tries++)
    {
      /* pairs with the release in sy_counts_change_end */
      AO_t changes = AO_load_acquire (&cache->books.changes);

      read_class_once (cache, class, reading);
      AO_nop_read (); /* pairs with the AO_nop_write in sy_counts_change_begin */
      if ((changes % 2 == 0 && AO_load (&cache->books.changes) == changes)
          || *yields == SY_READ_YIELDS)
        return;
      if (tries % SY_READ_TRIES == 0)
        {
          ++*yields;
          (void) sched_yield ();
        }
    }
}

/*
 * A class at a time: where each call changes the books, as without magazines, there is a moment
 * between two changes for one class, and hardly ever for all of them.
 */
static void
read_books (struct sy_cache *cache, struct reading *reading)
{
  unsigned yields = 0;

  memset (&reading->counts, 0, sizeof reading->counts);
  add_counts (&reading->counts, &cache->books.counts);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      read_class (cache, class, reading, &yields);
      reading->counts.frees[class] = raise_to (&cache->books.read_frees[class],
                                               reading->counts.frees[class]);
    }
}

/* How far a thread's peak since its last publication lies above its count now.  Raises *over to
   that. */
static void
raise_over (intptr_t *over, const AO_t *net, const AO_t *peak, size_t most_since, size_t more_since)
{
  intptr_t published = (intptr_t) AO_load (net), most = published + (intptr_t) most_since;

  if (most < (intptr_t) AO_load (peak))
    most = (intptr_t) AO_load (peak);
  most -= published + (intptr_t) more_since;
  if (most > *over)
    *over = most;
}

/* Entry SY_CLASS_HEAP of over: bytes. */
static void
add_peaks (const struct sy_books *books, const struct reading *reading, intptr_t *over)
{
  size_t most_bytes = 0, more_bytes = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t most = at_once (class, reading->hits[class].mallocs),
             more = reading->hits[class].mallocs - reading->hits[class].frees;

      raise_over (&over[class], &books->net[class], &books->peak[class], most, more);
      most_bytes += most * sy_size_classes[class].bytes;
      more_bytes += more * sy_size_classes[class].bytes;
    }
  raise_over (&over[SY_CLASS_HEAP], &books->net_bytes, &books->peak_bytes, most_bytes, more_bytes);
}

static size_t
raised (size_t mark, intptr_t value)
{
  return value > 0 && (size_t) value > mark ? (size_t) value : mark;
}

void
sy_counts_totals (struct sydra_alloc *a, struct sy_totals *totals)
{
  intptr_t over[SY_CLASSES] = { 0 };
  struct reading reading;

  memset (totals, 0, sizeof *totals);
  sy_lock_take (sy_registry_lock ());
  add_counts (&totals->counts, &a->ledger.retired);
  /* The list may be followed under this lock (domain.h). */
  for (struct sy_participant *at = a->domain.first; at != NULL; at = at->next)
    {
      struct sy_cache *cache = sy_cache_of (at);

      read_books (cache, &reading);
      add_counts (&totals->counts, &reading.counts);
      add_peaks (&cache->books, &reading, over);
    }
  sy_lock_release (sy_registry_lock ());

  totals->live_bytes = totals->counts.heap_bytes;
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t live = totals->counts.allocations[class] - totals->counts.frees[class];

      totals->live_bytes += live * sy_size_classes[class].bytes;
      totals->high[class] = raised (AO_load (&a->ledger.high[class]),
                                    (intptr_t) live + over[class]);
    }
  totals->high_bytes = raised (AO_load (&a->ledger.high_bytes),
                               (intptr_t) totals->live_bytes + over[SY_CLASS_HEAP]);
}
