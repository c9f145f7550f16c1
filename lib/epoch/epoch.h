/* SPDX-License-Identifier: MIT */
/*
 * epoch.h: the epoch counter, and a reader's record.
 *
 * A reader that enters publishes the epoch that it finds, in its record, and then reads.  On
 * leaving it clears the record.  domain.h says why this tells when a block may be freed.
 *
 * | field        | written by          | order                                                    |
 * | now          | sealing, scanning,  | full; a reader's acquire of a later value sees all that  |
 * |              | advancing           | was unlinked before                                      |
 * | reader.epoch | the reader          | set: the reader's fence pairs with sy_epoch_barrier      |
 * |              |                     | cleared: release, pairs with the acquire in              |
 * |              |                     | sy_reader_scan: what it read, it read before             |
 *
 * Where the system makes the barrier (membarrier), the reader's fence only stops the compiler, so
 * that entering costs about a store.  This is asymmetric fencing, as in liburcu's memb flavour.
 * An epoch is odd, moves by 2 and may wrap: 0 is no epoch.
 */
#ifndef SY_EPOCH_H
#define SY_EPOCH_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/os.h"

#define SY_EPOCH_FIRST ((AO_t) 3)

struct sy_epoch {
  AO_t now SY_APART;
} SY_APART;

struct sy_reader {
  AO_t epoch;      /* the one it entered in; 0: outside */
  unsigned depth;  /* of sections inside the outermost; its own */
  struct sy_thread thread;
  /* By sy_reader_scan, under a lock: the epoch of the section that was found last, and when it was
     first found.  The epoch was over then, so no later section has it. */
  AO_t last_epoch;
  uint64_t since_ns;
};

/* The oldest of the readers that were scanned. */
struct sy_oldest {
  AO_t epoch;         /* 0: nobody is inside */
  struct sy_thread thread;
  uint64_t since_ns;  /* when it was first found inside */
};

/* Whether the system makes the barrier and readers need no fence.  Written before the first
   handle is there. */
extern bool sy_epoch_is_light;

/* Asks the system for it, once. */
void sy_epoch_prepare (void);

/* The first epoch. */
void sy_epoch_open (struct sy_epoch *epoch);

/* Moves on; the epoch before. */
static inline AO_t
sy_epoch_advance (struct sy_epoch *epoch)
{
  return AO_fetch_and_add_full (&epoch->now, 2);
}

static inline bool
sy_epoch_before (AO_t epoch, AO_t other)
{
  return (intptr_t) (epoch - other) < 0;
}

/* What callers see of it. */
static inline uint64_t
sy_epoch_number (AO_t epoch)
{
  return epoch >> 1;
}

/* Between a thread's store and its loads that follow, against sy_epoch_barrier in another
   thread. */
static inline void
sy_epoch_fence (void)
{
  if (SY_LIKELY (sy_epoch_is_light))
    AO_compiler_barrier ();
  else
    AO_nop_full ();
}

/* The other side of sy_epoch_fence.  False: the system refuses it now; nothing is known of any
   reader. */
bool sy_epoch_barrier (void);

/* Enters a section.  Returns the epoch of the outermost one. */
static inline AO_t
sy_reader_enter (struct sy_reader *reader, const struct sy_epoch *epoch)
{
  AO_t inside = AO_load (&reader->epoch);

  if (SY_UNLIKELY (inside != 0))
    {
      reader->depth++;
      return inside;
    }

  /* acquire: a reader that enters with a later epoch sees what was unlinked before that. */
  AO_t now = AO_load_acquire (&epoch->now);

  AO_store (&reader->epoch, now);
  sy_epoch_fence ();
  return now;
}

/* False: not inside, or number is none that enter returned. */
static inline bool
sy_reader_leave (struct sy_reader *reader, uint64_t number)
{
  AO_t inside = AO_load (&reader->epoch);

  if (SY_UNLIKELY (inside == 0 || sy_epoch_number (inside) != number))
    return false;
  if (SY_UNLIKELY (reader->depth != 0))
    reader->depth--;
  else
    AO_store_release (&reader->epoch, 0);
  return true;
}

/* Looks whether the reader is inside, and older than *oldest.  over: an epoch that is over. */
void sy_reader_scan (struct sy_reader *reader, AO_t over, uint64_t now_ns,
                     struct sy_oldest *oldest);

#endif
