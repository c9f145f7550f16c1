/* SPDX-License-Identifier: MIT */
/*
 * readers.h: readers that never see memory reused under them.  Readers load a block from a slot,
 * wait at random, and look at it twice; retirers put new blocks in the slots and defer the old
 * ones.  Each block says which slot it is for, which generation of that slot it is, and a hash of
 * both, and is stamped anew as soon as it is allocated again: a block that is freed under a reader
 * does not keep its stamp.
 *
 * Delays are put in where orders meet: between a reader's load of the epoch and its store of it
 * (some sections are entered step by step, as sy_reader_enter does), between entering and the load
 * of the slot, around the looks at the block, and before and after the barrier.  In those sections
 * the reader's store of its epoch also waits in a store buffer of the test's (late.c) until after
 * the load of the slot, as in a processor, or until the library's barrier lets it arrive: this
 * shows that there is a barrier where one must be, not what the system's barrier does.
 *
 * SYDRA_SOAK=1: a hundred million reads and a million blocks for each test, and a reader that stays
 * inside for a minute.
 *
 * The same sources make the tests that must fail: linked with a library whose barrier does nothing,
 * whose walk over the readers sees nobody, or which is off by one in comparing epochs (-Wl,--wrap),
 * and TEST_FINDS defined, the test passes when a reader has seen a block of another generation.
 * Where the barrier does nothing, it lets no late store arrive, and the library has no magazines:
 * a block is reused as soon as it is freed.
 */
#ifndef SY_TEST_READERS_H
#define SY_TEST_READERS_H

#include "suite.h"
#include "sydra/alloc.h"
#include "thread/registry.h"

extern bool soak;

#ifdef TEST_FINDS
#define FINDS 1
#define READERS 1
#define RETIRERS 1
#define SLOTS 1u
#ifndef DEFERRED_MAX
/* Every call looks for what may go, and frees at once where nobody is seen inside. */
#define DEFERRED_MAX 64u
#endif
/* Until it is found: mostly within one. */
#define SECONDS 100.0
#else
#define FINDS 0
#define READERS 8
#define RETIRERS 2
#define SLOTS 64u                /* even ones are the first retirer's */
#define DEFERRED_MAX (16u << 10)
#define SECONDS (soak ? 1200.0 : TEST_SANITIZED ? 4.0 : 2.0)
#endif

struct block
{
  uint64_t slot, generation, hash;
  uint64_t more[5];
};

extern struct sydra_alloc *a;
extern struct block *slots[SLOTS];
extern bool stop;
extern uint64_t stale, reads, retired;

static inline uint64_t
hash_of (uint64_t slot, uint64_t generation)
{
  uint64_t z = (slot + 1) * 0x9e3779b97f4a7c15u ^ generation * 0xbf58476d1ce4e5b9u;

  return z ^ z >> 29;
}

static inline bool
has_stopped (void)
{
  return __atomic_load_n (&stop, __ATOMIC_RELAXED);
}

/* A stamped block. */
struct block *make_block (uint64_t slot, uint64_t generation);

/* Seconds. */
double now (void);
struct sydra_stats stats_now (void);

/* The handle, whose epochs are counted from there, with a block in each slot; and its end, when all
   threads have stopped. */
void begin (AO_t first_epoch);
void finish (void);

/* Forgets all late stores, and sees whether the library's barrier is one that lets them arrive. */
void late_stores_begin (void);

/* Readers have no fence of their own, and the barrier is wrapped. */
bool stores_may_be_late (void);

/* The reader, below READERS, stores the value later.  It has one such store at a time. */
void late_store (unsigned reader, AO_t *where, AO_t value);

/* The reader's store, if one is late, is seen now; those of all readers. */
void late_store_arrives (unsigned reader);
void late_stores_arrive (void);

/* Each adds a case. */
void readers_add_generations (Suite *suite);
void readers_add_stalled (Suite *suite);

#endif
