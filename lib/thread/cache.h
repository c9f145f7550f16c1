/* SPDX-License-Identifier: MIT */
/*
 * cache.h: what one thread keeps of one handle: two magazines a size class, and its books.
 *
 * malloc pops from the loaded magazine what free pushed on it last: a block that the processor's
 * caches still have.  Neither touches the block, a lock, or a line that another thread writes; but
 * now and then a malloc over SY_TINY_MAX does what a miss does (trim.h).
 * Where the loaded magazine has no block or no room, the previous one takes part (miss.h).
 *
 * Nobody can take blocks out of another thread's magazines, because a pop is not synchronised.  So
 * what an idle thread may hold is bounded in advance: its magazines grow within a budget, an equal
 * share of the handle's among the threads there are.  A thread that goes on comes down to a
 * share that has shrunk (trim.h); one that idles does not.  A class's first magazines may be over
 * the budget, and so may one that comes from a depot larger than the thread's own.
 *
 * A class without a loaded magazine: top points behind a NULL (empty), at a multiple of a
 * magazine's size (full).
 *
 * Only the thread writes, except for owner, books.read_frees and the participant (domain.h).
 * Statistics read the AO_t members at any time (books.h).
 */
#ifndef SY_CACHE_H
#define SY_CACHE_H

#include "epoch/domain.h"
#include "thread/handle.h"

SY_STATIC_ASSERT (SY_CLASSES <= SY_UNIT_LARGE, "a class is no other kind");
SY_STATIC_ASSERT (SY_CLASSES <= 64, "a set of classes is a word");

struct sy_cache {
  AO_t top[SY_KINDS];              /* of the loaded magazines; first, for the shortest addresses.
                                      What is no class never has one */
  AO_t next[SY_CLASSES];           /* what is in the slot below: the block to pop next; 0: none */
  AO_t owner;                      /* the handle, or SY_OWNER_GONE, written by its destroyer */
  struct sy_cache *next_of_thread; /* beside the owner: a thread looks for one of many handles' */
  unsigned tag;                    /* the pool's; a thread's without a cache is no unit's */
  struct sy_books books;

  void **previous[SY_CLASSES];     /* tops of the previous magazines; NULL: none */
  /* The loaded magazine's blocks below this slot were never handed out, and are zero.  For classes
     over SY_TINY_MAX. */
  void **fresh[SY_CLASSES];
  bool popped_fresh;               /* the last block of such a class was one of these */
  unsigned hits_left;              /* hits of such classes in malloc until the next trim */
  unsigned capacity[SY_CLASSES];   /* of the class's next magazine; 0: the class has none */
  size_t budget_used;              /* sum over classes: bytes of two magazines of that capacity */
  bool wants_budget;               /* a class could not grow */
  AO_t last_participants;          /* how many caches the handle had when a class last grew */
  uint64_t missed;                 /* bit n: class n had a miss since the last trim of all */
  uint64_t halved;                 /* bit n: its magazines were halved; no refill since */
  unsigned hand;                   /* the class that was asked last to make room for another */
  AO_t last_calls[SY_CLASSES];     /* calls of each class at the last trim, ... */
  AO_t last_growths;               /* ... sy_range.growths, ... */
  uint64_t last_trim_ns;           /* ... and its time */
  uint64_t quiet_until_ns;         /* nothing is due by the clock before: the process is new */
  long process_id;                 /* the process that the thread was last seen in */
  unsigned home;
  const void *thread;              /* an address that is the thread's own */
  /* apart: others look at it now and then */
  struct sy_participant participant SY_ALIGNED (SY_LINE_BYTES);
} SY_APART;

/* The handle, for the thread itself, whose handle lives. */
static inline struct sydra_alloc *
sy_cache_owner (const struct sy_cache *cache)
{
  return (struct sydra_alloc *) AO_load (&cache->owner);
}

/* The cache that a participant is part of. */
static inline struct sy_cache *
sy_cache_of (struct sy_participant *participant)
{
  return (struct sy_cache *) (void *) ((char *) participant
                                       - offsetof (struct sy_cache, participant));
}

/* The thread's record in the handle's epoch domain; NULL: the thread has no cache. */
static inline struct sy_participant *
sy_cache_participant (struct sy_cache *cache)
{
  return cache == NULL ? NULL : &cache->participant;
}

#endif
