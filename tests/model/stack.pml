/* SPDX-License-Identifier: MIT */
/*
 * stack.pml: a depot, the lock-free stack of magazines: three threads pop and push.
 *
 * In the model, and in lib/pool/magazine.c:
 *
 *   number, tag       the depot's head: one word, or with -DTWO_WORDS two, loaded one after the
 *                     other and changed at once
 *   below[], depth[]  sy_magazine.below, sy_magazine.depth; magazines are numbered from 1
 *   change            head_change: its compare-and-swap waits for the stores before it, so that no
 *                     store waits in a buffer here
 *   pop, push         sy_depot_pop, sy_depot_push
 *
 * Shown: what is popped was in the depot and is nobody else's; a magazine's depth is how many there
 * are from it down; in the end each is in the depot once.  The tag does not come round here.
 *
 * Seeded errors: BUG_TAG (it does not change), BUG_BELOW_LATE (the link is written when the
 * magazine is in already).
 */
#ifndef THREADS
# define THREADS 3
#endif
#ifndef ROUNDS
# define ROUNDS 1    /* of each thread */
#endif
#define MAGAZINES 3

byte number, tag;
byte below[MAGAZINES + 1], depth[MAGAZINES + 1];

/* Whose each magazine is, 0: the depot's; how many are there. */
byte owner[MAGAZINES + 1], inside;

byte finished;

inline load_head ()
{
#ifdef TWO_WORDS
  seen_tag = tag;
  seen_number = number
#else
  atomic { seen_tag = tag; seen_number = number }
#endif
}

/* Lets go of what was seen. */
inline change (next, goes_in)
{
  atomic {
    swapped = (number == seen_number && tag == seen_tag);
    if
    :: swapped ->
      number = next;
#ifndef BUG_TAG
      tag++;
#endif
      if
      :: goes_in ->
        owner[magazine] = 0;
        inside++;
        assert (depth[magazine] == inside)
      :: else ->
        assert (owner[magazine] == 0);
        owner[magazine] = _pid;
        inside--
      fi
    :: else
    fi;
    seen_number = 0;
    seen_tag = 0
  }
}

inline pop ()
{
  do
  :: load_head ();
    if
    :: seen_number == 0 -> seen_tag = 0; break
    :: else
    fi;
    magazine = seen_number;
    link = below[magazine];
    change (link, false);
    link = 0;
    if
    :: swapped -> swapped = false; break
    :: else -> magazine = 0
    fi
  od
}

inline push ()
{
  do
  :: load_head ();
#ifndef BUG_BELOW_LATE
    below[magazine] = seen_number;
#else
    link = seen_number;
#endif
    if
    :: seen_number == 0 -> depth[magazine] = 1
    :: else -> depth[magazine] = depth[seen_number] + 1
    fi;
    change (magazine, true);
#ifdef BUG_BELOW_LATE
    below[magazine] = link;
    link = 0;
#endif
    if
    :: swapped -> swapped = false; break
    :: else
    fi
  od
}

/* Pops one or two, and pushes them in the order that they came or the other. */
proctype thread ()
{
  byte seen_number, seen_tag, magazine, link, other, round;
  bool swapped;

  do
  :: round < ROUNDS ->
    round++;
    pop ();
    if
    :: magazine != 0 ->
      atomic { other = magazine; magazine = 0 };
      pop ()
    :: true
    fi;
    if
    :: atomic { other != 0 -> link = magazine; magazine = other; other = link; link = 0 }
    :: true
    fi;
    if
    :: magazine != 0 -> push ()
    :: else
    fi;
    atomic { magazine = other; other = 0 };
    if
    :: magazine != 0 -> push (); magazine = 0
    :: else
    fi
  :: else -> break
  od;
  finished++
}

init
{
  byte at, count;

  d_step {
    do
    :: at < MAGAZINES ->
      at++;
      below[at] = number;
      depth[at] = at;
      number = at
    :: else -> break
    od;
    inside = MAGAZINES;
    at = 0
  }
  atomic {
    do
    :: at < THREADS -> run thread (); at++
    :: else -> break
    od
  }
  finished == THREADS;
  at = number;
  do
  :: at != 0 && count <= MAGAZINES -> count++; at = below[at]
  :: else -> break
  od;
  assert (count == MAGAZINES && inside == MAGAZINES)
}
