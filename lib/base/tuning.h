/* SPDX-License-Identifier: MIT */
/*
 * tuning.h: every constant of the library, with its reason.
 *
 * Bytes are size_t, counts are plain integers.  What was measured is in doc/MEASUREMENTS.md.
 */
#ifndef SY_TUNING_H
#define SY_TUNING_H

#include <stdint.h>

#define SY_WORD_BITS (UINTPTR_MAX > 0xffffffffu ? 64 : 32)

/* The alignment that sydra_malloc promises: alignof (max_align_t). */
#define SY_GRANULE_SHIFT 4
#define SY_GRANULE ((size_t) 1 << SY_GRANULE_SHIFT)

/* A unit of the range, and a slab of a small class: 4,096 blocks of the smallest class. */
#define SY_UNIT_SHIFT 16
#define SY_UNIT_BYTES ((size_t) 1 << SY_UNIT_SHIFT)

/* A slab is up to 8 units long, so that at most 3 % of it is lost behind the last block. */
#define SY_SLAB_UNITS_MAX 8u

/* How often a thread tries to take a lock before it sleeps: glibc's adaptive mutex does so at most
   as often. */
#define SY_LOCK_TRIES 100u

/* How long locks are held is known from one hold in so many.  To time each one costs two looks at
   the clock, 40 to 60 ns: more than anything else that a flush of a few blocks does.  Prime, as
   holds may come in pairs, of which one shall not always be passed over. */
#define SY_HOLDS_TIMED 17u

/* ---- Where memory lies, and how much is taken at once ---- */

/* A system's huge page.  Arenas begin in the middle of one. */
#define SY_HUGE_PAGE_BYTES ((size_t) 2 << 20)
/* The smallest gap in the address space that arenas are put into: 160 GiB.  One half is for a
   random place; in the other the rooms of 15 and 64 GiB fit.  On 32 bits no arena asks. */
#define SY_GAP_MIN ((uintptr_t) 5 << (SY_WORD_BITS == 64 ? 35 : 29))
/* How many places an arena tries before it takes a reservation. */
#define SY_PLACE_TRIES 8u
/* The range has room for 4 times the machine's memory, and for 64 GiB at least.  On 32 bits it is a
   reservation of 1 GiB, which is halved until the system grants it, down to 16 MiB. */
#define SY_RANGE_MEMORIES 4u
#define SY_RANGE_LEAST ((size_t) 1 << (SY_WORD_BITS == 64 ? 36 : 30))
#define SY_RANGE_RESERVED_MIN ((size_t) 16 << 20)
/* Under a limit on address space a reserved range takes at most one part in 2, and every other
   reservation one part in 64.  Threads' stacks and the C library need the rest. */
#define SY_RANGE_LIMIT_SHARE 2
#define SY_ARENA_LIMIT_SHARE 64
/*
 * An arena grows by one part in 16 of what it has, within 128 KiB and 64 MiB.  Small steps, because
 * limits and locked memory count what is mapped, and because a small process shall have no huge
 * page that it did not earn.
 */
#define SY_STEP_SHARE 16u
#define SY_STEP_MIN ((size_t) 128 << 10)
#define SY_STEP_MAX ((size_t) 64 << 20)

/* How many bytes the library itself may keep: on 64 bits, what magazines' numbers of 24 bits can
   reach.  A reservation is halved until the system grants it. */
#define SY_METADATA_BYTES (SY_WORD_BITS == 64 ? (size_t) 15 << 30 : (size_t) 64 << 20)
#define SY_METADATA_BYTES_MIN ((size_t) 1 << 22)
/* Memory for the states of slabs is taken a page at a time. */
#define SY_STATES_BYTES ((size_t) 4096)

/*
 * When blocks of new memory are handed out, pages are populated this many at a time.  Only in
 * bins with at least SY_POPULATE_SLABS slabs, so that a small program has no page that it did
 * not ask for.
 */
#define SY_POPULATE_PAGES 4u
#define SY_POPULATE_SLABS 2u

/* The size of a magazine, which has up to 125 rounds on 64 bits.  A power of two, so that a
   magazine is full when the low bits of its top are zero. */
#define SY_MAGAZINE_BYTES ((size_t) 1 << (SY_WORD_BITS == 64 ? 10 : 9))
/* A thread's first magazine of a class has 8 blocks, or as many as 8 KiB hold if those are fewer,
   but at least one.  Each refill doubles it, up to the class's own limit. */
#define SY_CAPACITY_FIRST 8u
#define SY_CAPACITY_FIRST_BYTES ((size_t) 8 << 10)
/* The magazines of one thread may grow to an equal share of SY_BUDGET_ALL among the threads that
   use the handle, and to SY_BUDGET_LEAST in any case.  One thread with all sizes up to 32 KiB needs
   9 MiB.  Of a handle's limit, which counts them, they share one part in 8. */
#define SY_BUDGET_ALL ((size_t) 16 << 20)
#define SY_BUDGET_SHARE 8u
#define SY_BUDGET_LEAST ((size_t) 256 << 10)
/* A full-grown magazine holds 64 KiB of blocks, but at least 16 blocks, or as many as 512 KiB hold
   if those are fewer. */
#define SY_MAGAZINE_BLOCKS_BYTES ((size_t) 1 << 16)
#define SY_CAPACITY_LEAST 16u
#define SY_CAPACITY_LEAST_BYTES ((size_t) 512 << 10)

/* New magazines are made a page at a time. */
#define SY_MAGAZINES_AT_ONCE ((unsigned) (4096 / SY_MAGAZINE_BYTES))
/* Another thread takes what lies deeper than so many among a thread's empty magazines, although no
   look has said yet that it can be spared; bursts of 10^5 blocks of 16 to 256 bytes empty 900. */
#define SY_EMPTIES_KEPT 256u
/* After so many new magazines there is a look at what threads keep, besides that of each reaping:
   a consumer that lacks empty ones need not wait for that. */
#define SY_EMPTIES_LOOK 32u

/*
 * Depots of one class and shard; each thread of the shard is assigned one.  So a thread that
 * empties and fills its magazines in turn gets back its own blocks, which its processor has in
 * its caches, and not its neighbours'.
 */
#define SY_DEPOTS 4u
/* How many bytes of blocks a depot holds before freed blocks go home or to their slabs: 4 MiB of
   classes up to 32 bytes, of which there are many, and of those over 1 KiB, for which a slab has
   few blocks; 1 MiB of the others. */
#define SY_DEPOT_BYTES(block_bytes)                                                                \
  ((size_t) 1 << ((block_bytes) <= 32 || (block_bytes) > 1024 ? 22 : 20))
/*
 * Blocks that were freed here and there come in order of address from slabs, but scattered from a
 * depot.  Once the range has so many bytes, such blocks go to the slabs where the depot holds
 * SY_ORDER_BYTES.  A smaller process fits what a processor's address caches reach: there the order
 * gains less than the slabs' bits cost.  Here and there is if of the last SY_ORDER_LOOKS blocks
 * fewer than one half lie within SY_ORDER_NEAR of the one before.  It is not asked of blocks over
 * 1 KiB: four fill a page.
 */
#define SY_ORDER_RANGE_BYTES ((size_t) 16 << 20)
#define SY_ORDER_BYTES ((size_t) 128 << 10)
#define SY_ORDER_LOOKS 8u
#define SY_ORDER_NEAR ((uintptr_t) 4096)
/*
 * How many shards a thread looks at, its own included, before it takes a new slab: enough to
 * find the shard of a consumer that frees the thread's blocks, and bounded when there are many
 * shards.
 */
#define SY_NEIGHBOURS_MAX 8u
#define SY_SHARDS_MAX 1024u

/*
 * A reaping begins after this time, and gives back what lay unused for so long.  After a quarter
 * of a second a burst finds its memory still there, and a program that shrinks still gives
 * memory back.
 */
#define SY_REAP_NS UINT64_C (250000000)
/* How far a caller's clock may be behind the last step, in units of 2^20 ns: a minute. */
#define SY_PURGE_TIMER_BEHIND ((AO_t) 1 << 16)
/* When memory has grown, how long a thread drains depots. */
#define SY_SHED_NS UINT64_C (2000000)
/* After so many hits of malloc over SY_TINY_MAX a thread trims, at the next one, as if it had
   missed; at each one while memory goes back. */
#define SY_TRIM_HITS 32u
/* How many depots and bins with nothing to give a reaping passes between two looks at the clock. */
#define SY_REAP_LOOKS 64u
/* Memory has grown when the units with memory are 16 more, or one part in 16 more, whichever is
   later.  Each time threads look for blocks that they hold without need. */
#define SY_GROWTH_UNITS 16u
#define SY_GROWTH_UNITS_SHARE 16u
/*
 * When memory has grown, a thread gives up its blocks of a class if the slabs of the class have
 * at least this many times the blocks that a magazine holds: then the thread's blocks may be
 * what keeps slabs from becoming empty.
 */
#define SY_HOLD_MAGAZINES 4u
/*
 * A step of a reaping may last one half of the time since the last step of its kind, within
 * these bounds.  A busy program has a step at each tick of the coarse clock: 1 ms of 4.  A
 * program that calls a thousand times a second still gives 1 GiB back within a second.
 */
#define SY_REAP_STEP_SHARE 2u
#define SY_REAP_STEP_NS_MIN UINT64_C (250000)
#define SY_REAP_STEP_NS_MAX UINT64_C (1000000)
/* How many slabs of a bin are looked at for free pages in one go, under its lock, and how many
   slabs' free pages go back in one go. */
#define SY_PURGE_LOOKS 1024u
#define SY_PURGE_SLABS 8u
/* How many slabs of a bin a reaping purges: 32, and one part in 8 of all that it has. */
#define SY_PURGE_LEAST 32u
#define SY_PURGE_SHARE 8u
/* A thread tells the handle how much it has in use when that has changed by so many bytes: of a
   class, and in all.  So it rarely writes to the shared counts. */
#define SY_PUBLISH_CLASS_BYTES ((intptr_t) 1 << 17)
#define SY_PUBLISH_BYTES ((intptr_t) 1 << 18)

/* How often statistics try to read a consistent set of a thread's counters of a class before they
   give up the processor, so that the thread can finish its change; and how often they do that for
   one thread. */
#define SY_READ_TRIES 200u
#define SY_READ_YIELDS 150u

/* How many bytes may wait in limbo if the handle's options do not say. */
#define SY_LIMBO_BYTES ((size_t) 64 << 20)
/*
 * How many bytes or bags are sealed before a thread scans for bags to free.  A scan costs a
 * barrier on all threads and a walk over their records.  Each scan takes out at most twice the
 * bags that can have come since the last one.
 */
#define SY_LIMBO_SCAN_BYTES ((size_t) 32 << 10)  /* for each thread */
/* Counts at most this many threads.  With several threads the barrier interrupts processors. */
#define SY_LIMBO_SCAN_THREADS 4u
#define SY_LIMBO_SCAN_BAGS 64u
#define SY_LIMBO_TAKE_BAGS (2 * SY_LIMBO_SCAN_BAGS)
/* How many bytes a thread charges at once, so that most deferred frees touch nothing shared; at
   most one part in 64 of the limit. */
#define SY_LIMBO_CREDIT_BYTES ((size_t) 16 << 10)
#define SY_LIMBO_SHARE 64u
/* A bag that was begun this long ago is closed even if its thread is busy: the thread may defer
   blocks of this class rarely. */
#define SY_LIMBO_OLD_US 250000u
/* At the limit: how often a deferred free scans again, and for how long at most a reader may
   have been inside to be waited for. */
#define SY_LIMBO_TRIES 4u
#define SY_LIMBO_WAIT_NS UINT64_C (1000000)

/* The set of the fallback blocks: how many stripes, each with a lock, and how many entries a
   stripe's first table has (one page on 64 bits). */
#define SY_FALLBACK_STRIPES 16u
#define SY_FALLBACK_FIRST 512u

/* How many handles a process may have at once, and how many it makes before it uses the memory of a
   dead one again. */
#define SY_HANDLES_MAX 65536u
#define SY_HANDLES_FRESH 64u
#define SY_NAME_BYTES 32u

/* A thread that never allocated frees this many blocks without a cache, each to its slab.  To
   make a cache costs 5 KiB, and as much time as some 20 of these frees. */
#define SY_FREES_ALONE 16u

/* ---- Free units, and large blocks ---- */

/* Each length below SY_RUN_EXACT units has its own list of free runs; above it there are eight
   lists to a doubling.  A search looks at up to SY_RUN_LOOKS runs of a list; at all of them before
   a request fails. */
#define SY_RUN_EXACT 64u
#define SY_RUN_LISTS 256u
#define SY_RUN_LOOKS 8u
/* How often a request that finds no units tries again while other threads give memory back: for
   about a second. */
#define SY_TAKE_TRIES 1000u
/* Free memory that waits for reuse is at most one part in 4 of what is in use, or 1 MiB if that is
   more; or more than that, as units.h says. */
#define SY_DIRTY_SHARE 4u
#define SY_DIRTY_LEAST ((uint32_t) ((1 << 20) / SY_UNIT_BYTES))
/* So much may wait because the program has shown to want it back, as with glibc's malloc.  More
   only as far as it was in use at once within two times of SY_REAP_NS: it stays for ever if the
   program makes nothing but hits of up to SY_TINY_MAX from then on.  A single run of so much
   never waits: who frees it may never need so much again.  glibc, jemalloc and mimalloc give it
   back at once too. */
#define SY_DIRTY_WANTED ((uint32_t) ((32 << 20) / SY_UNIT_BYTES))
/* How much goes back to the system in one go, between two looks at the clock, and how much of
   others' a call takes along that frees more than may wait: each less than a millisecond's work. */
#define SY_PURGE_UNITS ((uint32_t) ((2 << 20) / SY_UNIT_BYTES))
/*
 * Runs of fewer units cost more to give back.  Linux flushes up to 33 pages one by one from the
 * processors' address caches, and more of them all at once.  Where the system runs in a virtual
 * machine with shadow page tables, 64 KiB took 470 us so, 128 KiB 930 us, and 256 KiB 150 us.
 */
#define SY_PURGE_LONG 3u
/* From this size on calloc asks the system which pages of a free block are in memory.  The question
   costs as much as clearing a few pages. */
#define SY_CLEAR_LEAST ((size_t) 128 << 10)
/* A block that grew gets one half of its size as room for more growth.  The room is only
   addresses; it takes memory when it is written. */
#define SY_GROWTH_SHARE 2u
/* A block that grows by one part in 4 or more is copied to free units that have memory, if there
   are any: a new page costs more than a copied one. */
#define SY_COPY_SHARE 4u
/* From so many mappings on none is made by a move or for huge pages, and what goes back to the
   system is mapped anew, which joins mappings.  The system grants 65,530.  After each so many new
   ones it is asked how many there are: 10 us, or 8 ms with 16,384. */
#define SY_MAPPINGS_MAX 16384u
#define SY_MAPPINGS_LOOK 2048u
/* Large blocks from this length on have huge pages, where blocks have shown to be written to as a
   whole, in the last SY_HUGE_PROOFS looks at them; but blocks more than SY_HUGE_STEP times as long
   as the last one looked at have none.  So that there is more to look at, one new block in
   SY_HUGE_PROBES has small pages all the same. */
#define SY_HUGE_UNITS ((uint32_t) (SY_HUGE_PAGE_BYTES / SY_UNIT_BYTES))
#define SY_HUGE_PROOFS 4u
#define SY_HUGE_STEP 4u
#define SY_HUGE_PROBES 16u
/* Slabs and shorter blocks lie in huge pages from so many units on, if the last SY_AHEAD_PROOFS
   looks at 2 MiB found so many of SY_AHEAD_PARTS in memory. */
#define SY_AHEAD_UNITS ((uint32_t) ((16 << 20) / SY_UNIT_BYTES))
#define SY_AHEAD_PROOFS 3u
#define SY_AHEAD_PARTS 16u
#define SY_AHEAD_FILLED 14u
/* A part of a huge page waits for more than so many ticks of SY_REAP_NS before it goes back: that
   breaks the page up.  To find what may go, up to so many runs are passed by that may not. */
#define SY_AHEAD_TICKS 8u
#define SY_AHEAD_LOOKS 256u
/* A look at a block is one at so many places in it, each of so many pages. */
#define SY_LOOK_PLACES 4u
#define SY_LOOK_PAGES 8u

/* What a freed block is filled with in debug builds. */
#define SY_POISON 0xdf

#endif
