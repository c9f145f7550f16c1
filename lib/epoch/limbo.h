/* SPDX-License-Identifier: MIT */
/*
 * limbo.h: where deferred blocks wait: sealed bags in the order of their epochs, and the bytes that may wait at once.
 *
 * A bag is a magazine of blocks of one class (class 0: of the heap's) with a note in its lowest slots.  A thread fills its bags (bags.h) and
 * seals them in here.  Sealing stamps a bag with the epoch and moves that on, so a bag may go when every reader inside entered later than
 * its stamp says.  It is a full magazine then and goes to a depot whole.
 *
 * Invariant, under the lock: the stamps rise from first to last; `charged` is the bytes of all blocks that wait, here or in threads' bags or
 * on their way back, and of what threads may still defer without asking.
 */
#ifndef SY_LIMBO_H
#define SY_LIMBO_H

#include "base/lock.h"
#include "epoch/epoch.h"
#include "pool/magazine.h"
#include "pool/size_class.h"

struct sy_bag_note {
  struct sy_magazine *next;
  AO_t epoch;          /* at the sealing */
  uint64_t since_ns;   /* when its first block came */
  size_t bytes;
  unsigned class;
};

/* Lowest slots that the note takes, and how many blocks fit above it and a NULL. */
#define SY_BAG_NOTE_SLOTS ((sizeof (struct sy_bag_note) + sizeof (void *) - 1) / sizeof (void *))
#define SY_BAG_ROUNDS ((unsigned) (SY_MAGAZINE_SLOTS - SY_BAG_NOTE_SLOTS - 1))

/* Blocks of the class that a bag holds at the most. */
static inline unsigned
sy_bag_rounds (unsigned class)
{
  return class == 0 || sy_size_classes[class].rounds > SY_BAG_ROUNDS ? SY_BAG_ROUNDS : sy_size_classes[class].rounds;
}

static inline struct sy_bag_note *
sy_bag_note (struct sy_magazine *bag)
{
  return (struct sy_bag_note *) (void *) bag->slot;
}

struct sy_limbo {
  struct sy_epoch epoch;
  struct sy_lock lock;
  struct sy_magazine *first, *last;   /* under the lock, as unlooked_* and anonymous */
  size_t bags;                        /* sealed */
  size_t unlooked_bytes;              /* sealed since somebody last looked for what may go */
  unsigned unlooked_bags;
  AO_t left_due;                      /* 1: who should have looked could not; the next to start a bag does */
  struct sy_reader anonymous;         /* all threads that have no record of their own, together */
  size_t limit;                       /* bytes */
  AO_t look_bytes;                    /* how many to seal between two looks */
  AO_t charged;
  AO_t blocks, bytes;                 /* sealed, and not yet freed */
  AO_t high_bytes;                    /* the most that waited at once, threads' bags included */
  AO_t reclaimed, stalls;             /* blocks freed, and calls refused, ever */
};

/* limit 0: the default. */
void sy_limbo_open (struct sy_limbo *limbo, size_t limit);

/* False: over the limit, nothing charged. */
bool sy_limbo_charge (struct sy_limbo *limbo, size_t bytes);
void sy_limbo_discharge (struct sy_limbo *limbo, size_t bytes);

/* Takes a closed bag in.  True: so much has come that the caller should look for what may go, or leave that to another thread. */
bool sy_limbo_seal (struct sy_limbo *limbo, struct sy_magazine *bag);
void sy_limbo_leave_due (struct sy_limbo *limbo);

/* Whether a look was left to others; the caller looks then. */
bool sy_limbo_was_left_due (struct sy_limbo *limbo);

/*
 * Takes out up to `most` bags, chained by their notes: those that were sealed in that epoch or before, and before the oldest reader entered
 * (0: nobody is inside).  The caller frees their blocks and tells sy_limbo_freed.
 */
struct sy_magazine *sy_limbo_take (struct sy_limbo *limbo, AO_t sealed_by, AO_t oldest, unsigned most);
void sy_limbo_freed (struct sy_limbo *limbo, unsigned blocks, size_t bytes);

/* Looks come by so many threads' worth of bytes. */
void sy_limbo_note_threads (struct sy_limbo *limbo, unsigned threads);

/* Notes that so many bytes wait now, threads' bags included: read one after the other, they may add up to too many. */
void sy_limbo_note_bytes (struct sy_limbo *limbo, size_t bytes);

/* When the first block of the oldest sealed bag came; 0: there is none. */
uint64_t sy_limbo_since_ns (struct sy_limbo *limbo);

/* Enter and leave for threads without a record. */
AO_t sy_limbo_enter (struct sy_limbo *limbo);
bool sy_limbo_leave (struct sy_limbo *limbo, uint64_t number);
bool sy_limbo_has_readers (struct sy_limbo *limbo);

/* In the child of a fork: charged anew, with what this thread's bags hold and may hold; threads without a record are not there. */
void sy_limbo_after_fork (struct sy_limbo *limbo, size_t own_bytes);

#endif
