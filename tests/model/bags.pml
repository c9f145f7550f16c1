/* SPDX-License-Identifier: MIT */
/*
 * bags.pml: a thread defers into its open bag; two takers, one at a time, seal it in its place.
 *
 * In the model, and in lib/:
 *
 *   memory[WORKING]   sy_bags.working
 *   memory[WANTED]    sy_bags.wanted
 *   memory[BAG]       sy_bags.top: how many blocks are in the bag
 *   memory[LOCK]      sy_domain.lock; taking it is a full fence, releasing it a store
 *   memory[UNLINKED]  the program's: how many blocks the owner has unlinked
 *   owner             sy_domain_defer: sy_bags_begin, the lock if that is refused, sy_bags_push,
 *                     sy_bags_end
 *   taker             take_bags for one thread; seal is sy_bags_seal_all
 *
 * Shown: owner and taker are never both at work; who seals a bag finds every block unlinked for all
 * to see, none lost and none twice.  The light fence and membarrier, or with -DFENCES full fences.
 *
 * Seeded errors: BUG_NO_FENCE (of the owner; with FENCES), BUG_NO_BARRIER (of the taker),
 * BUG_NOT_WANTED (the owner does not ask), BUG_BEGINS_ONCE (having waited it does not ask again),
 * BUG_ENDS_FIRST (the owner's end comes before its push).
 */
#define PROCESSES 3
#define OWNER 0
#define STORES 4

#define DEFERS 3
#define TAKES 2     /* of each taker */

#define WORDS 5
#define WORKING 0
#define WANTED 1
#define BAG 2
#define LOCK 3
#define UNLINKED 4

#include "store_buffer.pml"

byte sealed, finished;
bool owner_works, taker_works;

inline lock ()
{
  atomic { full_fence () && memory[LOCK] == 0 -> memory[LOCK] = 1 }
}

inline unlock ()
{
  store (LOCK, 0)
}

inline begin ()
{
  store (WORKING, 1);
  light_fence ();
#ifdef BUG_NOT_WANTED
  seen = 0
#else
  load (seen, WANTED)
#endif
}

inline end ()
{
  store (WORKING, 0)
}

/* Under the lock nobody wants the bags, and who comes after finds the owner at work. */
inline begin_again ()
{
  if
  :: seen == 0 -> skip
  :: else ->
    end ();
    lock ();
#ifdef BUG_BEGINS_ONCE
    unlock ();
    begin ();
#else
    begin ();
    unlock ();
#endif
    seen = 0
  fi
}

inline push ()
{
  d_step { owner_works = true; assert (!taker_works) };
  load (seen, BAG);
#ifdef BUG_ENDS_FIRST
  end ();
#endif
  atomic { store (BAG, seen + 1); seen = 0 };
  owner_works = false
}

inline seal ()
{
  d_step { taker_works = true; assert (!owner_works) };
  load (seen, BAG);
  d_step { sealed = sealed + seen; seen = 0; assert (sealed <= memory[UNLINKED]) };
  store (BAG, 0);
  taker_works = false
}

proctype owner (byte me)
{
  byte at, seen, defers;

  do
  :: defers < DEFERS ->
    atomic { defers++; store (UNLINKED, defers) };
    begin ();
    begin_again ();
    push ();
#ifndef BUG_ENDS_FIRST
    end ()
#endif
  :: else -> break
  od;
  finished++
}

proctype taker (byte me)
{
  byte at, seen, takes;

  do
  :: takes < TAKES ->
    takes++;
    lock ();
    store (WANTED, 1);
#ifndef BUG_NO_BARRIER
    heavy_barrier ();
#endif
    load (seen, WORKING);
    if
    :: seen == 0 -> seal ()
    :: else -> seen = 0
    fi;
    store (WANTED, 0);
    unlock ()
  :: else -> break
  od;
  finished++
}

init
{
  atomic {
    run owner (OWNER);
    run taker (1);
    run taker (2)
  }
  finished == 3 && stores[0].count + stores[1].count + stores[2].count == 0;
  assert (sealed + memory[BAG] == DEFERS)
}
