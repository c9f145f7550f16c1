/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "epoch/domain.h"

#include <limits.h>
#include <string.h>

#include "base/os.h"

void
sy_domain_open (struct sy_domain *domain, size_t limit,
                void (*free_bag) (void *ctx, struct sy_magazine *bag), void *ctx)
{
  sy_limbo_open (&domain->limbo, limit);
  sy_lock_set_rank (&domain->lock, SY_RANK_DOMAIN);
  domain->free_bag = free_bag;
  domain->ctx = ctx;
}

/* ---- Work on bags: the thread's own, and those of others ---- */

static void
begin_own (struct sy_domain *domain, struct sy_bags *bags)
{
  if (SY_LIKELY (sy_bags_begin (bags)))
    return;
  sy_bags_end (bags);
  /* A taker holds this lock until it is done.  The next one will find the thread at work. */
  sy_lock_take (&domain->lock);
  (void) sy_bags_begin (bags);
  sy_lock_release (&domain->lock);
}

static void
seal_own (struct sy_domain *domain, struct sy_bags *bags)
{
  begin_own (domain, bags);
  (void) sy_bags_seal_all (bags, &domain->limbo);
  sy_bags_end (bags);
}

/* Under the lock, for another thread or one that ends.  Nothing is freed here: a scan that is due
   is left to the next thread that starts a bag. */
static void
seal_and_postpone (struct sy_domain *domain, struct sy_bags *bags)
{
  if (sy_bags_seal_all (bags, &domain->limbo))
    sy_limbo_postpone_scan (&domain->limbo);
}

/* Says which threads' bags are wanted.  False: none. */
static bool
want_bags (struct sy_domain *domain, const struct sy_participant *own, bool all)
{
  bool any = false;

  for (struct sy_participant *other = domain->first; other != NULL; other = other->next)
    /* All: bags without blocks may have credit. */
    if (other != own && (all || other->bags.is_idle))
      {
        AO_store (&other->bags.wanted, 1);
        any = true;
      }
  return any;
}

/* Seals the bags of all other threads that are not at work on them, or only the idle ones. */
static void
take_bags (struct sy_domain *domain, const struct sy_participant *own, bool all)
{
  sy_lock_take (&domain->lock);

  bool any = want_bags (domain, own, all), may_take = any && sy_epoch_barrier ();

  for (struct sy_participant *other = any ? domain->first : NULL; other != NULL;
       other = other->next)
    if (AO_load (&other->bags.wanted) != 0)
      {
        /* acquire: pairs with the release in sy_bags_end. */
        if (may_take && AO_load_acquire (&other->bags.working) == 0)
          seal_and_postpone (domain, &other->bags);
        AO_store_release (&other->bags.wanted, 0);
      }
  sy_lock_release (&domain->lock);
}

/* ---- Participants ---- */

void
sy_domain_join (struct sy_domain *domain, struct sy_participant *own)
{
  own->reader.thread = sy_os_this_thread ();
  sy_lock_take (&domain->lock);
  own->next = domain->first;
  own->link = &domain->first;
  if (domain->first != NULL)
    domain->first->link = &own->next;
  domain->first = own;
  sy_own_add (&domain->participants, 1);
  sy_lock_release (&domain->lock);
}

void
sy_domain_quit (struct sy_domain *domain, struct sy_participant *own)
{
  sy_lock_take (&domain->lock);
  seal_and_postpone (domain, &own->bags);
  *own->link = own->next;
  if (own->next != NULL)
    own->next->link = own->link;
  sy_own_add (&domain->participants, (AO_t) -1);
  sy_lock_release (&domain->lock);
}

AO_t
sy_domain_enter (struct sy_domain *domain)
{
  sy_lock_take (&domain->lock);

  AO_t epoch = sy_reader_enter (&domain->anonymous, &domain->limbo.epoch);

  sy_lock_release (&domain->lock);
  return epoch;
}

bool
sy_domain_leave (struct sy_domain *domain, uint64_t number)
{
  sy_lock_take (&domain->lock);

  bool left = sy_reader_leave (&domain->anonymous, number);

  sy_lock_release (&domain->lock);
  return left;
}

bool
sy_domain_has_anonymous_readers (struct sy_domain *domain)
{
  sy_lock_take (&domain->lock);

  bool has = AO_load (&domain->anonymous.epoch) != 0;

  sy_lock_release (&domain->lock);
  return has;
}

/* ---- Scans, and what goes by them ---- */

/* The bags hold just what they held at the last scan, or something old. */
static bool
are_idle (const struct sy_bags *bags, AO_t now_us)
{
  AO_t blocks = AO_load (&bags->blocks), since_us = AO_load (&bags->since_us);

  if (blocks == 0)
    return false;
  return (blocks == bags->last_blocks && AO_load (&bags->bytes) == bags->last_bytes)
         || now_us - since_us >= SY_LIMBO_OLD_US;
}

static void
scan_bags (struct sy_bags *bags, uint64_t now_ns, struct sy_scan *scan)
{
  uint64_t since_us = AO_load (&bags->since_us);

  scan->bag_blocks += AO_load (&bags->blocks);
  scan->bag_bytes += AO_load (&bags->bytes);
  if (since_us != 0 && (scan->since_us == 0 || since_us < scan->since_us))
    scan->since_us = since_us;
  bags->is_idle = are_idle (bags, (AO_t) (now_ns / 1000));
  scan->has_idle_bags = scan->has_idle_bags || bags->is_idle;
  bags->last_blocks = AO_load (&bags->blocks);
  bags->last_bytes = AO_load (&bags->bytes);
}

void
sy_domain_scan (struct sy_domain *domain, AO_t over, struct sy_scan *scan)
{
  uint64_t now_ns = sy_os_now_ns ();

  memset (scan, 0, sizeof *scan);
  scan->over = over;
  sy_lock_take (&domain->lock);
  for (struct sy_participant *at = domain->first; at != NULL; at = at->next)
    {
      sy_reader_scan (&at->reader, over, now_ns, &scan->oldest);
      scan_bags (&at->bags, now_ns, scan);
      scan->participants++;
    }
  sy_reader_scan (&domain->anonymous, over, now_ns, &scan->oldest);
  sy_lock_release (&domain->lock);
}

static void
free_bags (struct sy_domain *domain, struct sy_magazine *chain)
{
  while (chain != NULL)
    {
      struct sy_magazine *bag = chain;
      size_t bytes = sy_bag_note (bag)->bytes;
      unsigned blocks = bag->rounds;

      chain = sy_bag_note (bag)->next;
      domain->free_bag (domain->ctx, bag);
      sy_limbo_freed (&domain->limbo, blocks, bytes);
    }
}

/* Scans, and frees up to `most` bags.  False: no barrier; nothing is known or freed. */
static bool
scan_and_free (struct sy_domain *domain, unsigned most, struct sy_scan *scan)
{
  struct sy_limbo *limbo = &domain->limbo;
  AO_t over = sy_epoch_advance (&limbo->epoch);

  if (!sy_epoch_barrier ())
    return false;

  size_t sealed_bytes = AO_load (&limbo->bytes);

  sy_domain_scan (domain, over, scan);
  sy_limbo_note_threads (limbo, scan->participants);
  sy_limbo_note_bytes (limbo, sealed_bytes + scan->bag_bytes);
  free_bags (domain, sy_limbo_take (limbo, over, scan->oldest.epoch, most));
  return true;
}

void
sy_domain_reclaim (struct sy_domain *domain, struct sy_participant *own)
{
  struct sy_scan scan;

  if (!scan_and_free (domain, SY_LIMBO_TAKE_BAGS, &scan) || !scan.has_idle_bags)
    return;
  if (own != NULL && AO_load (&own->bags.blocks) != 0
      && (AO_t) (sy_os_now_ns () / 1000) - AO_load (&own->bags.since_us) >= SY_LIMBO_OLD_US)
    seal_own (domain, &own->bags);
  take_bags (domain, own, false);
}

bool
sy_domain_reclaim_all (struct sy_domain *domain, struct sy_participant *own, struct sy_scan *scan)
{
  if (own != NULL)
    seal_own (domain, &own->bags);
  take_bags (domain, own, true);
  return scan_and_free (domain, UINT_MAX, scan);
}

bool
sy_domain_reclaim_for_want (struct sy_domain *domain, struct sy_participant *own)
{
  struct sy_scan scan;

  return AO_load (&domain->limbo.charged) != 0 && sy_domain_reclaim_all (domain, own, &scan);
}

void
sy_domain_close (struct sy_domain *domain)
{
  sy_lock_take (&domain->lock);
  for (struct sy_participant *at = domain->first; at != NULL; at = at->next)
    (void) sy_bags_seal_all (&at->bags, &domain->limbo);
  sy_lock_release (&domain->lock);
  free_bags (domain,
             sy_limbo_take (&domain->limbo, AO_load (&domain->limbo.epoch.now), 0, UINT_MAX));
}

bool
sy_domain_synchronize (struct sy_domain *domain)
{
  AO_t over = sy_epoch_advance (&domain->limbo.epoch);
  struct sy_scan scan;

  if (!sy_epoch_barrier ())
    return false;
  sy_domain_scan (domain, over, &scan);
  for (unsigned round = 0; scan.oldest.epoch != 0 && !sy_epoch_before (over, scan.oldest.epoch);
       round++)
    {
      sy_os_pause (round);
      sy_domain_scan (domain, over, &scan);
    }
  return true;
}

/* ---- Deferring ---- */

static enum sy_deferral
defer_into (struct sy_domain *domain, struct sy_bags *bags, const struct sy_deferred *deferred)
{
  return sy_bags_charge (bags, &domain->limbo, deferred->bytes)
           ? sy_bags_push (bags, &domain->limbo, deferred)
           : SY_DEFER_OVER_LIMIT;
}

/* For a thread without a record: bags for this one call. */
static enum sy_deferral
defer_anonymously (struct sy_domain *domain, const struct sy_deferred *deferred)
{
  struct sy_bags bags = { .credit = 0 };
  enum sy_deferral result = defer_into (domain, &bags, deferred);

  return sy_bags_seal_all (&bags, &domain->limbo) ? SY_DEFERRED_SCAN_IS_DUE : result;
}

enum sy_deferral
sy_domain_defer (struct sy_domain *domain, struct sy_participant *own,
                 const struct sy_deferred *deferred)
{
  if (SY_UNLIKELY (own == NULL))
    return defer_anonymously (domain, deferred);
  begin_own (domain, &own->bags);

  enum sy_deferral result = defer_into (domain, &own->bags, deferred);

  sy_bags_end (&own->bags);
  return result;
}

/* ---- Forks ---- */

void
sy_domain_after_fork (struct sy_domain *domain)
{
  struct sy_participant *own = domain->first;

  sy_limbo_after_fork (&domain->limbo,
                       own == NULL ? 0 : AO_load (&own->bags.bytes) + own->bags.credit);
  if (AO_load (&domain->anonymous.epoch) != 0)
    domain->anonymous = (struct sy_reader) { .depth = 0 };
}

static void
each_of_bag (void **top, void (*visit) (const void *block))
{
  for (; top != NULL && !sy_magazine_is_empty (top); top--)
    visit (top[-1]);
}

void
sy_domain_each (const struct sy_domain *domain, void (*visit) (const void *block))
{
  for (struct sy_magazine *bag = domain->limbo.first; bag != NULL; bag = sy_bag_note (bag)->next)
    each_of_bag (sy_magazine_end (bag), visit);
  for (const struct sy_participant *at = domain->first; at != NULL; at = at->next)
    for (unsigned class = 0; class < SY_CLASSES; class++)
      each_of_bag ((void **) AO_load (&at->bags.top[class]), visit);
}
