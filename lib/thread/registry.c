/* SPDX-License-Identifier: MIT */
#include "thread/registry.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/os.h"

/* Owner of nothing: no handle has its address. */
static struct sy_thread_cache no_cache = { .owner = (AO_t) &no_cache };

__thread struct sy_thread_cache *sy_thread_cache_last __attribute__ ((tls_model (SY_TLS_MODEL))) = &no_cache;

static __thread struct {
  struct sy_thread_cache *caches;  /* the last used first */
  bool being_born;                 /* a cache is; what the C library allocates for that goes without one */
  bool ended;
  unsigned freed_alone;            /* blocks freed without a cache, up to SY_FREES_ALONE */
} this_thread __attribute__ ((tls_model (SY_TLS_MODEL)));

static struct {
  AO_t key_made;                       /* 1: key may be used */
  pthread_key_t key;
  struct sy_arena arena;               /* of caches; under the registry lock, as the following */
  struct sy_thread_cache *unused;      /* linked by next_of_thread */
} threads = { 0, 0, { NULL, 0, 0, 0 }, NULL };

/* ---- Lists, under the registry lock. ---- */

static void
handle_list_insert (struct sydra_alloc *a, struct sy_thread_cache *cache)
{
  cache->next_of_handle = a->caches;
  cache->link_of_handle = &a->caches;
  if (a->caches != NULL)
    a->caches->link_of_handle = &cache->next_of_handle;
  a->caches = cache;
  sy_own_add (&a->cache_count, 1);
}

static void
handle_list_remove (struct sydra_alloc *a, struct sy_thread_cache *cache)
{
  *cache->link_of_handle = cache->next_of_handle;
  if (cache->next_of_handle != NULL)
    cache->next_of_handle->link_of_handle = cache->link_of_handle;
  sy_own_add (&a->cache_count, (AO_t) -1);
}

static struct sy_thread_cache *
cache_memory (void)
{
  struct sy_thread_cache *cache = threads.unused;

  if (cache != NULL)
    {
      threads.unused = cache->next_of_thread;
      return cache;
    }
  if (threads.arena.base == NULL
      && !sy_arena_open (&threads.arena, SY_CACHES_MAX * sizeof (struct sy_thread_cache), SY_ARENA_STEP, SY_ARENA_LIMIT_SHARE))
    return NULL;
  return sy_arena_take (&threads.arena, sizeof *cache);
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

/* What was last read of a count, where it is now read a little too low. */
static AO_t
raise_to (AO_t *last, AO_t count)
{
  return *last - count <= SY_MAGAZINE_SLOTS ? *last : (*last = count);
}

/* A consistent set of a cache's books, hits included.  Its owner may have lost the processor in the middle of a change: it is let run. */
static void
read_cache (struct sy_thread_cache *cache, struct sy_counts *counts, AO_t *pops, AO_t *pushes)
{
  for (unsigned attempt = 0; attempt < SY_READ_TRIES; attempt++)
    {
      if (attempt >= SY_READ_TRIES / 4)
        (void) sched_yield ();

      AO_t changes = AO_load_acquire (&cache->changes); /* pairs with the release in sy_cache_change_end */

      memset (counts, 0, sizeof *counts);
      add_counts (counts, &cache->counts);
      for (unsigned class = 1; class < SY_CLASSES; class++)
        {
          sy_cache_hits (cache, class, &pops[class], &pushes[class]);
          /* Seen in the middle of a change: further apart than any magazine is long. */
          pushes[class] = pushes[class] - pops[class] + SY_MAGAZINE_SLOTS > 2 * SY_MAGAZINE_SLOTS ? pops[class] : pushes[class];
          counts->allocations[class] = AO_load (&cache->allocations_then[class]) + pops[class];
          counts->frees[class] += pushes[class];
        }
      AO_nop_read (); /* pairs with the AO_nop_write in sy_cache_change_begin */
      if (changes % 2 == 0 && AO_load (&cache->changes) == changes)
        break;
    }
  for (unsigned class = 1; class < SY_CLASSES; class++)
    counts->frees[class] = raise_to (&cache->frees_seen[class], counts->frees[class]);
}

static size_t
raised (size_t mark, intptr_t value)
{
  return value > 0 && (size_t) value > mark ? (size_t) value : mark;
}

/* How far above what it has now a thread's blocks were at their most since it last published. */
static void
add_peaks (struct sy_thread_cache *cache, const AO_t *pops, const AO_t *pushes, intptr_t *over)
{
  size_t at_most = 0, popped = 0, pushed = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      intptr_t net = (intptr_t) AO_load (&cache->net[class]), peak = (intptr_t) AO_load (&cache->peak[class]);
      size_t at_once = sy_cache_at_once (class, pops[class]);
      intptr_t most = net + (intptr_t) at_once > peak ? net + (intptr_t) at_once : peak;
      intptr_t now = (intptr_t) ((AO_t) net + pops[class] - pushes[class]);

      over[class] = most - now > over[class] ? most - now : over[class];
      at_most += at_once * sy_size_classes[class].bytes;
      popped += pops[class] * sy_size_classes[class].bytes;
      pushed += pushes[class] * sy_size_classes[class].bytes;
    }

  intptr_t net = (intptr_t) AO_load (&cache->net_bytes), peak = (intptr_t) AO_load (&cache->peak_bytes);
  intptr_t most = net + (intptr_t) at_most > peak ? net + (intptr_t) at_most : peak, now = (intptr_t) ((size_t) net + popped - pushed);

  over[0] = most - now > over[0] ? most - now : over[0];
}

void
sy_thread_registry_totals (struct sydra_alloc *a, struct sy_thread_totals *totals)
{
  intptr_t over[SY_CLASSES] = { 0 }; /* entry 0: bytes */
  AO_t pops[SY_CLASSES], pushes[SY_CLASSES];
  struct sy_counts counts;

  memset (totals, 0, sizeof *totals);
  sy_lock_take (sy_registry_lock ());
  add_counts (&totals->counts, &a->retired);
  for (struct sy_thread_cache *cache = a->caches; cache != NULL; cache = cache->next_of_handle)
    {
      read_cache (cache, &counts, pops, pushes);
      add_counts (&totals->counts, &counts);
      add_peaks (cache, pops, pushes, over);
    }
  sy_lock_release (sy_registry_lock ());

  totals->live_bytes = totals->counts.heap_bytes;
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      size_t live = totals->counts.allocations[class] - totals->counts.frees[class];

      totals->live_bytes += live * sy_size_classes[class].bytes;
      totals->high[class] = raised (AO_load (&a->high[class]), (intptr_t) live + over[class]);
    }
  totals->high_bytes = raised (AO_load (&a->high_bytes), (intptr_t) totals->live_bytes + over[0]);
}

/* ---- Readers, and what waits for them ---- */

/* They hold what they held at the last walk, or something old. */
static bool
are_idle (const struct sy_bags *bags, AO_t now_us)
{
  AO_t blocks = AO_load (&bags->blocks), since_us = AO_load (&bags->since_us);

  if (blocks == 0)
    return false;
  return (blocks == bags->blocks_met && AO_load (&bags->bytes) == bags->bytes_met) || now_us - since_us >= SY_LIMBO_OLD_US;
}

void
sy_thread_registry_readers (struct sydra_alloc *a, AO_t left, struct sy_readers *readers)
{
  uint64_t now_ns = sy_os_now_ns ();

  memset (readers, 0, sizeof *readers);
  readers->left = left;
  sy_lock_take (sy_registry_lock ());
  for (struct sy_thread_cache *cache = a->caches; cache != NULL; cache = cache->next_of_handle)
    {
      struct sy_bags *bags = &cache->bags;
      uint64_t since_us = AO_load (&bags->since_us);

      sy_reader_look (&cache->reader, left, now_ns, &readers->oldest);
      readers->threads++;
      readers->bag_blocks += AO_load (&bags->blocks);
      readers->bag_bytes += AO_load (&bags->bytes);
      if (since_us != 0 && (readers->since_us == 0 || since_us < readers->since_us))
        readers->since_us = since_us;
      readers->idle_bags = readers->idle_bags || are_idle (bags, (AO_t) (now_ns / 1000));
      bags->blocks_met = AO_load (&bags->blocks);
      bags->bytes_met = AO_load (&bags->bytes);
    }
  sy_lock_take (&a->limbo.lock);
  sy_reader_look (&a->limbo.anonymous, left, now_ns, &readers->oldest);
  sy_lock_release (&a->limbo.lock);
  sy_lock_release (sy_registry_lock ());
}

/* Under the registry lock nothing is freed: a look that is due is left to the next thread that starts a bag. */
static void
empty_bags (struct sydra_alloc *a, struct sy_thread_cache *cache)
{
  if (sy_bags_empty (&cache->bags, &a->limbo))
    sy_limbo_leave_due (&a->limbo);
}

/* Says that the bags are wanted.  False: there is nothing to want. */
static bool
want_bags (struct sy_thread_cache *cache, bool all, AO_t now_us)
{
  struct sy_bags *bags = &cache->bags;

  /* All: those without blocks may have room that is charged. */
  if (cache->thread == &this_thread || !(all || are_idle (bags, now_us)))
    return false;
  AO_store (&bags->wanted, 1);
  return true;
}

void
sy_thread_registry_take_bags (struct sydra_alloc *a, bool all)
{
  AO_t now_us = (AO_t) (sy_os_now_ns () / 1000);
  bool any = false;

  sy_lock_take (sy_registry_lock ());
  for (struct sy_thread_cache *cache = a->caches; cache != NULL; cache = cache->next_of_handle)
    any = want_bags (cache, all, now_us) || any;

  bool may_look = any && sy_epoch_barrier ();

  for (struct sy_thread_cache *cache = any ? a->caches : NULL; cache != NULL; cache = cache->next_of_handle)
    if (AO_load (&cache->bags.wanted) != 0)
      {
        /* acquire: pairs with the release in sy_bags_end. */
        if (may_look && AO_load_acquire (&cache->bags.working) == 0)
          empty_bags (a, cache);
        AO_store_release (&cache->bags.wanted, 0);
      }
  sy_lock_release (sy_registry_lock ());
}

void
sy_thread_registry_begin (struct sy_thread_cache *cache)
{
  if (SY_LIKELY (sy_bags_begin (&cache->bags)))
    return;
  sy_bags_end (&cache->bags);
  /* Whoever wants them holds this lock until they are taken; the next one will find the thread at work. */
  sy_lock_take (sy_registry_lock ());
  (void) sy_bags_begin (&cache->bags);
  sy_lock_release (sy_registry_lock ());
}

void
sy_thread_registry_seal_all (struct sydra_alloc *a)
{
  sy_lock_take (sy_registry_lock ());
  for (struct sy_thread_cache *cache = a->caches; cache != NULL; cache = cache->next_of_handle)
    (void) sy_bags_empty (&cache->bags, &a->limbo);
  sy_lock_release (sy_registry_lock ());
}

/* ---- Deaths ---- */

/* Hands in a cache's blocks and counts; a section that its thread is in ends.  Under the registry lock. */
static void
retire (struct sydra_alloc *a, struct sy_thread_cache *cache)
{
  empty_bags (a, cache);
  sy_thread_cache_flush (cache);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    if (cache->counts.refills[class] != 0)
      sy_pool_leave (&a->pool, cache->home, class);
  add_counts (&a->retired, &cache->counts);
  handle_list_remove (a, cache);
}

static void
end_thread (void)
{
  struct sy_thread_cache *cache;

  sy_thread_cache_last = &no_cache;
  this_thread.ended = true;
  sy_lock_take (sy_registry_lock ());
  while ((cache = this_thread.caches) != NULL)
    {
      struct sydra_alloc *a = (struct sydra_alloc *) AO_load (&cache->owner);

      this_thread.caches = cache->next_of_thread;
      if ((AO_t) a != SY_OWNER_GONE)
        retire (a, cache);
      cache->next_of_thread = threads.unused;
      threads.unused = cache;
    }
  sy_lock_release (sy_registry_lock ());
}

/* At its first call: a thread that came to the allocator in a late pass has no later one.  Destructors that follow go without a cache. */
static void
key_destructor (void *value)
{
  (void) value;
  end_thread ();
}

void
sy_thread_registry_detach (struct sydra_alloc *a)
{
  sy_lock_take (sy_registry_lock ());
  while (a->caches != NULL)
    {
      struct sy_thread_cache *cache = a->caches;

      retire (a, cache);
      /* Relaxed: its thread learns of the handle's end from the caller, or finds another owner than it looks for. */
      AO_store (&cache->owner, SY_OWNER_GONE);
    }
  sy_lock_release (sy_registry_lock ());
}

/* For debug builds: adds the blocks from top down to those that wait. */
static void
note_bag (void **top)
{
  for (; top != NULL && !sy_magazine_is_empty (top); top--)
    sy_fallback_add (&sy_deferred, top[-1]);
}

/* What waits in a handle.  Not what an absent thread was deferring or freeing: that memory may be another block's one day. */
static void
note_deferred (const struct sydra_alloc *a)
{
  for (struct sy_magazine *bag = a->limbo.first; bag != NULL; bag = sy_bag_note (bag)->next)
    note_bag (sy_magazine_end (bag));
  for (unsigned class = 0; a->caches != NULL && class < SY_CLASSES; class++)
    note_bag ((void **) AO_load (&a->caches->bags.top[class]));
}

void
sy_thread_registry_after_fork (struct sydra_alloc *a)
{
  for (struct sy_thread_cache *cache = a->caches, *next; cache != NULL; cache = next)
    {
      next = cache->next_of_handle;
      if (cache->thread == &this_thread)
        continue;
      sy_thread_cache_abandon (cache);
      retire (a, cache);
      AO_store (&cache->owner, SY_OWNER_GONE);
      cache->next_of_thread = threads.unused;
      threads.unused = cache;
    }
  /* What is left is this thread's own; the system has another number for it here. */
  if (a->caches != NULL)
    a->caches->reader.thread_id = sy_os_thread_id ();
  sy_limbo_after_fork (&a->limbo, a->caches == NULL ? 0 : AO_load (&a->caches->bags.bytes) + a->caches->bags.room);
  if (SY_DEBUG)
    note_deferred (a);
}

/* ---- Births ---- */

/* False while the process's keys are used up; a later birth tries again. */
static bool
key_is_made (void)
{
  /* acquire: pairs with the release below, so that the key is the one that was made. */
  if (AO_load_acquire (&threads.key_made))
    return true;
  sy_lock_take (sy_registry_lock ());
  if (!AO_load (&threads.key_made) && pthread_key_create (&threads.key, key_destructor) == 0)
    AO_store_release (&threads.key_made, 1);

  bool made = AO_load (&threads.key_made) != 0;

  sy_lock_release (sy_registry_lock ());
  return made;
}

/* Takes the thread's cache of this handle out of its list, and those of handles that ended. */
static struct sy_thread_cache *
find_and_prune (const struct sydra_alloc *a)
{
  struct sy_thread_cache **link = &this_thread.caches, *found = NULL, *cache;

  while (found == NULL && (cache = *link) != NULL)
    {
      AO_t owner = AO_load (&cache->owner);

      if (owner != (AO_t) a && owner != SY_OWNER_GONE)
        {
          link = &cache->next_of_thread;
          continue;
        }
      *link = cache->next_of_thread;
      if (owner != SY_OWNER_GONE)
        found = cache;
      else
        {
          sy_lock_take (sy_registry_lock ());
          cache->next_of_thread = threads.unused;
          threads.unused = cache;
          sy_lock_release (sy_registry_lock ());
        }
    }
  return found;
}

static struct sy_thread_cache *
give_birth (struct sydra_alloc *a)
{
  int saved = errno;

  /* pthread_setspecific allocates where 32 keys were made before ours, and in a program that we are the malloc of that comes back here. */
  this_thread.being_born = true;

  bool ends_well = key_is_made () && pthread_setspecific (threads.key, &this_thread) == 0;

  this_thread.being_born = false;
  errno = saved;
  if (!ends_well)
    return NULL;
  sy_lock_take (sy_registry_lock ());

  struct sy_thread_cache *cache = cache_memory ();

  if (cache != NULL)
    {
      sy_thread_cache_start (cache, a);
      cache->thread = &this_thread;
      handle_list_insert (a, cache);
    }
  sy_lock_release (sy_registry_lock ());
  return cache;
}

/* The one that the thread uses now. */
static struct sy_thread_cache *
use (struct sy_thread_cache *cache)
{
  if (cache == NULL)
    return NULL;
  cache->next_of_thread = this_thread.caches;
  this_thread.caches = cache;
  sy_thread_cache_last = cache;
  return cache;
}

struct sy_thread_cache *
sy_thread_cache_look (struct sydra_alloc *a, const char *call)
{
  sy_handle_check (a, call);
  if (this_thread.caches == NULL || this_thread.being_born)
    return NULL;

  /* What it points to may be pruned and be another thread's in a moment. */
  sy_thread_cache_last = &no_cache;
  return use (find_and_prune (a));
}

struct sy_thread_cache *
sy_thread_cache_of (struct sydra_alloc *a, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_look (a, call);

  if (cache != NULL || this_thread.ended || this_thread.being_born)
    return cache;
  return use (give_birth (a));
}

struct sy_thread_cache *
sy_thread_cache_earned (struct sydra_alloc *a, const char *call)
{
  struct sy_thread_cache *cache = sy_thread_cache_look (a, call);

  if (cache != NULL || this_thread.freed_alone++ < SY_FREES_ALONE)
    return cache;
  this_thread.freed_alone = SY_FREES_ALONE;
  return sy_thread_cache_of (a, call);
}
