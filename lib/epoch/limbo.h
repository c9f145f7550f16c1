/* SPDX-License-Identifier: MIT */
/*
 * limbo.h: sealed bags in the order of their epochs, and the limit on the bytes that may wait.
 *
 * A bag is a magazine of blocks of one class (SY_CLASS_HEAP: of the heap's) with a note in its
 * lowest slots.  A thread fills its bags (bags.h) and seals them in here.  Sealing stamps a bag
 * with the epoch and moves the epoch on.  A sealed bag is a full magazine: when it may go, it goes
 * to a depot whole.
 *
 *   slot[0]           note        NULL         blocks, the first deferred lowest         end
 *   +-----------------------------+------+------------------------------------------------+
 *   | next epoch since bytes class|      | ..., ..., ...                                  |
 *   +-----------------------------+------+------------------------------------------------+
 *
 * Invariants, under the lock:
 *   stamps rise from first to last
 *   charged == bytes of all blocks that wait here, in threads' bags or on their way back
 *              + the threads' credit
 *   blocks, bytes >= those of the bags here; the rest is on its way in or back
 */
#ifndef SY_LIMBO_H
#define SY_LIMBO_H

#include "base/lock.h"
#include "epoch/epoch.h"
#include "pool/magazine.h"
#include "pool/size_class.h"

struct sy_bag_note {
  struct sy_magazine *next;
  AO_t epoch;         /* at the sealing */
  uint64_t since_ns;  /* when its first block came */
  size_t bytes;
  unsigned class;
};

/* Lowest slots that the note takes, and how many blocks fit above it and a NULL. */
#define SY_BAG_NOTE_SLOTS ((sizeof (struct sy_bag_note) + sizeof (void *) - 1) / sizeof (void *))
#define SY_BAG_CAPACITY ((unsigned) (SY_MAGAZINE_SLOTS - SY_BAG_NOTE_SLOTS - 1))

/* Blocks of the class that a bag holds at the most. */
static inline unsigned
sy_bag_capacity (unsigned class)
{
  return class == SY_CLASS_HEAP || sy_size_classes[class].capacity > SY_BAG_CAPACITY
           ? SY_BAG_CAPACITY
           : sy_size_classes[class].capacity;
}

static inline struct sy_bag_note *
sy_bag_note (struct sy_magazine *bag)
{
  return (struct sy_bag_note *) (void *) bag->slot;
}

struct sy_limbo {
  struct sy_epoch epoch;
  struct sy_lock lock;
  struct sy_magazine *first, *last;  /* under the lock, as the following */
  size_t bags;                       /* sealed */
  size_t unscanned_bytes;            /* sealed since the last scan */
  unsigned unscanned_bags;
  AO_t scan_is_pending;              /* 1: a scan is due that its thread did not make; a hint */
  size_t limit;                      /* bytes */
  AO_t scan_bytes;                   /* how many to seal between two scans */
  AO_t charged;
  AO_t blocks, bytes;                /* sealed, and not yet freed */
  AO_t high_bytes;                   /* the most that waited at once, threads' bags included */
  AO_t reclaimed, stalls;            /* blocks freed, and calls refused, ever */
};

/* limit 0: the default. */
void sy_limbo_open (struct sy_limbo *limbo, size_t limit);

/* False: over the limit, nothing charged. */
bool sy_limbo_charge (struct sy_limbo *limbo, size_t bytes);
void sy_limbo_discharge (struct sy_limbo *limbo, size_t bytes);

/* Takes a full or packed bag in.  True: a scan is due; the caller makes it, or leaves it to another
   thread. */
bool sy_limbo_seal (struct sy_limbo *limbo, struct sy_magazine *bag);
void sy_limbo_postpone_scan (struct sy_limbo *limbo);

/* Takes over a scan that was left.  False: none was. */
bool sy_limbo_claim_scan (struct sy_limbo *limbo);

/*
 * Takes out up to `most` bags, chained by their notes: those that were sealed in epoch sealed_by or
 * before, and before the oldest reader entered (0: nobody is inside).  The caller frees their
 * blocks and tells sy_limbo_freed.
 */
struct sy_magazine *sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest,
                                   unsigned most);
void sy_limbo_freed (struct sy_limbo *limbo, unsigned blocks, size_t bytes);

/* Sets scan_bytes for so many threads. */
void sy_limbo_note_threads (struct sy_limbo *limbo, unsigned threads);

/* Notes that so many bytes wait now, threads' bags included.  They were read one after the other
   and may add up to too many. */
void sy_limbo_note_bytes (struct sy_limbo *limbo, size_t bytes);

/* When the first block of the oldest sealed bag came; 0: there is none. */
uint64_t sy_limbo_since_ns (struct sy_limbo *limbo);

/* In the child of a fork: charged anew, with the bytes and the credit of this thread's bags. */
void sy_limbo_after_fork (struct sy_limbo *limbo, size_t own_bytes);

/* The invariants, under the lock.  Run in debug builds whenever bags are taken. */
bool sy_limbo_is_valid (const struct sy_limbo *limbo);

#endif
