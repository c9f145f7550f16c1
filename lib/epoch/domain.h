/* SPDX-License-Identifier: MIT */
/*
 * domain.h: an epoch domain: its participants, the blocks that wait for its readers, and when these
 * go.
 *
 * A thread joins a domain before it reads or defers there, and quits it at its end.  Its record, a
 * struct sy_participant, is what others look at: the epoch that its section entered in, and its
 * bags.  A thread without a record may read and defer all the same, under the domain's lock.
 * (After Concurrency Kit's ck_epoch, whose records belong to the epoch too.)
 *
 * Why no reader sees a block that goes:
 *   1. The caller unlinks a block, then defers it.  Its bag is sealed later: it is stamped with the
 *      epoch e, and the epoch moves on to e + 2.
 *   2. A scan moves the epoch on, makes a barrier on all threads, and then reads every record.  A
 *      reader that it does not find inside, or finds with an epoch later than e, entered after the
 *      sealing: it sees what was there after the unlinking.
 *   3. So a bag goes if its stamp is no later than the epoch that was over at the scan, and earlier
 *      than the epoch of the oldest reader that the scan found inside.
 *
 * The caller of these functions holds no lock but the registry's, and is not in the middle of a
 * miss.  Idle threads' bags are taken with the domain's lock held over a barrier.  So joining,
 * quitting, and entering and leaving without a record may wait for one.  `own` is the calling
 * thread's participant, or NULL where it has none.
 */
#ifndef SY_DOMAIN_H
#define SY_DOMAIN_H

#include "epoch/bags.h"

/* A thread's record in a domain. */
struct sy_participant {
  struct sy_reader reader;
  struct sy_bags bags;
  struct sy_participant *next, **link;  /* of the domain's list; under its lock */
};

struct sy_domain {
  struct sy_limbo limbo;
  struct sy_lock lock;         /* guards the following, and what scans note in records */
  /* Joining and quitting are also under a lock of the caller's, the registry's.  So under that one
     the list may be followed too. */
  struct sy_participant *first;
  AO_t participants;           /* how many; read by any thread */
  struct sy_reader anonymous;  /* all threads without a record, together */
  void (*free_bag) (void *ctx, struct sy_magazine *bag);
  void *ctx;
};

/* What a scan found. */
struct sy_scan {
  AO_t over;                     /* the epoch that was over before the scan */
  struct sy_oldest oldest;       /* of the readers inside */
  unsigned participants;
  size_t bag_blocks, bag_bytes;  /* that wait in threads' bags */
  uint64_t since_us;             /* when the oldest of these came; 0: none */
  bool has_idle_bags;            /* bags.h */
};

/*
 * limit: bytes that may wait; 0: the default.  free_bag takes a bag whose blocks may go, and the
 * memory of the bag: a full magazine with a note (limbo.h).  It is called without a lock.
 */
void sy_domain_open (struct sy_domain *domain, size_t limit,
                     void (*free_bag) (void *ctx, struct sy_magazine *bag), void *ctx);

/* Frees all that waits.  No other thread uses the domain. */
void sy_domain_close (struct sy_domain *domain);

/* The record is zero, and the calling thread's. */
void sy_domain_join (struct sy_domain *domain, struct sy_participant *own);

/* Seals the record's bags and ends its section.  The caller may be another thread, if the
   record's own one has ended or the handle is being destroyed. */
void sy_domain_quit (struct sy_domain *domain, struct sy_participant *own);

/* A section of a thread without a record. */
AO_t sy_domain_enter (struct sy_domain *domain);

/* False: no such thread is inside, or number is none that enter returned. */
bool sy_domain_leave (struct sy_domain *domain, uint64_t number);
bool sy_domain_has_anonymous_readers (struct sy_domain *domain);

/* Puts the block into the thread's bags, or into limbo where it has none. */
enum sy_deferral sy_domain_defer (struct sy_domain *domain, struct sy_participant *own,
                                  const struct sy_deferred *deferred);

/*
 * Looks at all records.  over: an epoch that is over.  To free by the result, the caller has made a
 * barrier since it was over (sy_epoch_barrier).  Statistics need none.
 */
void sy_domain_scan (struct sy_domain *domain, AO_t over, struct sy_scan *scan);

/* Frees what may go of what is sealed: a bounded number of bags. */
void sy_domain_reclaim (struct sy_domain *domain, struct sy_participant *own);

/* Seals all bags first, except those that other threads are at work on, and frees all that may go.
   False: no barrier could be made; nothing is known or freed. */
bool sy_domain_reclaim_all (struct sy_domain *domain, struct sy_participant *own,
                            struct sy_scan *scan);

/* For a caller that is out of memory.  True: something waited, and all that may go is freed. */
bool sy_domain_reclaim_for_want (struct sy_domain *domain, struct sy_participant *own);

/* Waits for all readers that are inside now.  False: no barrier could be made. */
bool sy_domain_synchronize (struct sy_domain *domain);

/* In the child of a fork: the only participant left, if any, is the calling thread's. */
void sy_domain_after_fork (struct sy_domain *domain);

/* Calls visit for each block that waits.  No other thread uses the domain. */
void sy_domain_each (const struct sy_domain *domain, void (*visit) (const void *block));

#endif
