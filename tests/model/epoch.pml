/* SPDX-License-Identifier: MIT */
/*
 * epoch.pml: readers enter and leave, a writer unlinks and defers, a collector looks and frees.
 *
 * In the model, and in lib/:
 *
 *   memory[NOW]     sy_epoch.now; begins near its wrap, at 8 bits
 *   memory[RECORD]  sy_reader.epoch, one a reader; sections are not nested
 *   memory[LINK]    the program's pointer to the block in use; each replacement unlinks a block,
 *                   and the next is in use
 *   enter, leave    sy_reader_enter, sy_reader_leave; between the two steps of enter anything may
 *                   happen: a late record
 *   advance         sy_epoch_advance
 *   seal            sy_limbo_seal under limbo.lock: nobody sees a bag between its stamp and its
 *                   place in the queue
 *   stamp[], first  sy_limbo's queue: bags are numbered as their blocks, those below `first` are
 *                   taken and freed
 *   look            scan_and_free: sy_domain_scan, sy_reader_scan; take is sy_limbo_take with
 *                   may_go
 *   synchronize     sy_domain_synchronize, by which the writer frees with -DSYNCHRONIZE
 *
 * Blocks are not used again: who reads a block below `first` reads what may be somebody else's.
 * Shown: no reader does; and once readers are outside, a look leaves nothing behind.  The light
 * fence and membarrier, or with -DFENCES full fences.
 *
 * Seeded errors: BUG_NO_BARRIER, BUG_NO_FENCE (with FENCES), BUG_LOOK_FIRST (the records, then the
 * barrier), BUG_ONE_READER (looked at), BUG_SAME_EPOCH (as old as the stamp will do),
 * BUG_SEALED_LATER (than the epoch left will do), BUG_PLAIN_COMPARE (no wrap), BUG_UNLINKED_LATE
 * (the stamp is no fence), BUG_NO_LEAVE (the record stays).
 */
#define PROCESSES 4
#define WRITER 2
#define COLLECTOR 3
#define STORES 2

#ifndef SECTIONS
# define SECTIONS 2 /* of each reader */
#endif
#ifndef LOOKS
# define LOOKS 1    /* besides the last, when all the others have ended */
#endif
#define BLOCKS 3    /* one is left in use */

#define WORDS 4
#define NOW 0
#define LINK 1
#define RECORD(reader) (2 + (reader))

#include "store_buffer.pml"

#define FIRST_EPOCH 253
#define later(epoch) (((epoch) + 2) & 255)
#ifdef BUG_PLAIN_COMPARE
# define before(epoch, other) ((epoch) < (other))
#else
# define before(epoch, other) ((((epoch) - (other)) & 255) >= 128)
#endif

/* Under limbo.lock. */
byte stamp[BLOCKS], first, sealed;

byte finished;

#ifdef BUG_SEALED_LATER
# define was_sealed_by(left, bag) true
#else
# define was_sealed_by(left, bag) (!before (left, stamp[bag]))
#endif
#ifdef BUG_SAME_EPOCH
# define is_before_readers(bag, oldest) (oldest == 0 || !before (oldest, stamp[bag]))
#else
# define is_before_readers(bag, oldest) (oldest == 0 || before (stamp[bag], oldest))
#endif

inline advance (left)
{
  atomic {
    full_fence ();
    d_step {
      left = memory[NOW];
      memory[NOW] = later (left)
    }
  }
}

inline seal ()
{
  atomic {
#ifndef BUG_UNLINKED_LATE
    full_fence ();
#endif
    d_step {
      stamp[sealed] = memory[NOW];
      memory[NOW] = later (memory[NOW]);
      sealed++
    }
  }
}

inline look_at (reader)
{
  d_step {
    epoch = memory[RECORD (reader)];
    if
    :: epoch != 0 && (oldest == 0 || before (epoch, oldest)) -> oldest = epoch
    :: else
    fi;
    epoch = 0
  }
}

inline look_at_readers ()
{
  look_at (0);
#ifndef BUG_ONE_READER
  look_at (1)
#endif
}

inline take ()
{
  d_step {
    do
    :: first < sealed && was_sealed_by (left, first) && is_before_readers (first, oldest) ->
      stamp[first] = 0;
      first++
    :: else -> break
    od;
    left = 0;
    oldest = 0
  }
}

#ifdef BUG_NO_BARRIER
# define barrier_of_look() true
#else
# define barrier_of_look() heavy_barrier ()
#endif

inline look ()
{
  advance (left);
#ifdef BUG_LOOK_FIRST
  look_at_readers ();
  barrier_of_look ();
#else
  barrier_of_look ();
  look_at_readers ();
#endif
  take ()
}

inline synchronize ()
{
  advance (left);
  barrier_of_look ();
  do
  :: look_at_readers ();
    if
    :: oldest == 0 || before (left, oldest) -> break
    :: else -> oldest = 0
    fi
  od;
  atomic { left = 0; oldest = 0 }
}

proctype reader (byte me)
{
  byte at, section, epoch, block;

  do
  :: section < SECTIONS ->
    load (epoch, NOW);
    atomic { store (RECORD (me), epoch); epoch = 0 };
    light_fence ();
    load (block, LINK);
    d_step { assert (block >= first); block = 0 };
#ifdef BUG_NO_LEAVE
    section++
#else
    atomic { store (RECORD (me), 0); section++ }
#endif
  :: else -> break
  od;
  finished++
}

proctype writer (byte me)
{
  byte at, block, left, epoch, oldest;

  do
  :: block < BLOCKS - 1 ->
    atomic { block++; store (LINK, block) };
#ifdef SYNCHRONIZE
    synchronize ();
    first++
#else
    seal ()
#endif
  :: else -> break
  od;
  finished++
}

init
{
  byte me = COLLECTOR, at, looks, left, epoch, oldest;

  atomic {
    memory[NOW] = FIRST_EPOCH;
    run reader (0);
    run reader (1);
    run writer (WRITER)
  }
  do
  :: looks < LOOKS -> looks++; look ()
  :: else -> break
  od;
  finished == 3 && stores[0].count + stores[1].count + stores[WRITER].count == 0;
  look ();
  assert (first == BLOCKS - 1)
}
