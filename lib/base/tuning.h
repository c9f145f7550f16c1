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

/* A unit of the range, and a slab of a small class: 4,096 blocks of the smallest class. */
#define SY_UNIT_SHIFT 16
#define SY_UNIT_BYTES ((size_t) 1 << SY_UNIT_SHIFT)
/* A slab of a large class is up to 8 units long, so that at most 3 % of it is lost behind the last
   block. */
#define SY_SLAB_UNITS_MAX 8u

/* The length of a zone of the range: 64 GiB on 64 bits, 16 MiB on 32 bits.  It is halved until the
   system grants the range, down to the length of the longest slab. */
#define SY_ZONE_SHIFT (SY_WORD_BITS == 64 ? 36 : 24)
#define SY_ZONE_SHIFT_MIN (SY_UNIT_SHIFT + 3)
/*
 * Zone number n skips n * SY_ZONE_SKEW units at its start, modulo 1/SY_ZONE_SKEW_SHARE of a zone.
 * TLBs and caches choose their sets by the low bits of addresses.  Without a skew the first slabs
 * of all zones would share the sets of one slab.  The skew is 2,112 + 5 units.  2,112 is half a
 * page and a line: it spreads the bytes of a pool's map for these slabs over the sets of a cache.
 * The sum is odd: it spreads the slabs over all sets of a TLB.
 */
#define SY_ZONE_SKEW 2117u
#define SY_ZONE_SKEW_SHARE 16u
/* Under a limit on address space the range takes at most this share: one part in 4.  Threads'
   stacks and the C library need the rest. */
#define SY_RANGE_LIMIT_SHARE 4

/* Under a limit on data a pool's map takes at most one part in 512.  Then each zone is still longer
   than the limit, and there is room for hundreds of handles. */
#define SY_MAP_LIMIT_SHARE 512

/* The states of the first 8 units of each zone lie together and are committed from the beginning:
   192 KiB, of which most programs touch few pages. */
#define SY_NEAR_UNITS 8u
/*
 * How many units of a zone are committed at once: one part in 8 of those it has, up to 64 units,
 * which is 4 MiB.  Small steps, because limits on data, locked memory and core dumps count what
 * is committed.
 */
#define SY_COMMIT_SHARE 8u
#define SY_COMMIT_UNITS 64u

/*
 * When blocks of new memory are handed out, pages are populated this many at a time.  Only in
 * bins with at least SY_POPULATE_SLABS slabs, so that a small program has no page that it did
 * not ask for.
 */
#define SY_POPULATE_PAGES 4u
#define SY_POPULATE_SLABS 2u

/* Arenas of metadata are committed in steps of this many bytes. */
#define SY_ARENA_STEP ((size_t) 1 << 18)
/* Under a limit on address space each arena takes at most one part in 64. */
#define SY_ARENA_LIMIT_SHARE 64

/* The size of a magazine, which has up to 125 rounds on 64 bits.  A power of two, so that a
   magazine is full when the low bits of its top are zero. */
#define SY_MAGAZINE_BYTES ((size_t) 1 << (SY_WORD_BITS == 64 ? 10 : 9))
/* A million magazines are enough to fill the depots of some forty shards.  When they are used up,
   blocks go to the slabs directly. */
#define SY_MAGAZINES_MAX ((size_t) 1 << (SY_WORD_BITS == 64 ? 20 : 14))
/* A thread's first magazine of a class has 8 blocks, or as many as 8 KiB hold if those are fewer,
   but at least one.  Each refill doubles it, up to the class's own limit. */
#define SY_CAPACITY_FIRST 8u
#define SY_CAPACITY_FIRST_BYTES ((size_t) 8 << 10)
/* The magazines of one thread may grow to an equal share of SY_BUDGET_ALL among the threads that
   use the handle, and to SY_BUDGET_LEAST in any case. */
#define SY_BUDGET_ALL ((size_t) 4 << 20)
#define SY_BUDGET_LEAST ((size_t) 256 << 10)
/* A full-grown magazine holds 64 KiB of blocks, but at least 16 blocks, however large they are. */
#define SY_MAGAZINE_BLOCKS_BYTES ((size_t) 1 << 16)
#define SY_CAPACITY_LEAST 16u
/* Empty magazines that a thread keeps for its next exchanges, so that most exchanges do not
   touch the shared stack of empty magazines. */
#define SY_EMPTY_MAX 4u

/*
 * Depots of one class and shard; each thread of the shard is assigned one.  So a thread that
 * empties and fills its magazines in turn gets back its own blocks, which its processor has in
 * its caches, and not its neighbours'.
 */
#define SY_DEPOTS 4u
/* How many bytes of blocks a depot holds before freed blocks go back to their slabs: for classes
   up to 32 bytes, and for larger ones. */
#define SY_DEPOT_SMALL_BYTES ((size_t) 1 << 22)
#define SY_DEPOT_LARGE_BYTES ((size_t) 1 << 20)
#define SY_DEPOT_BYTES(block_bytes)                                                                \
  ((block_bytes) <= 32 ? SY_DEPOT_SMALL_BYTES : SY_DEPOT_LARGE_BYTES)
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
/* How many slabs may have memory that was moved from another class.  Each takes one or two of the
   65,530 mappings that the system grants. */
#define SY_MOVED_SLABS_MAX 1024u
/* How many units' pages go back to the system in one go, between two looks at the clock. */
#define SY_REAP_UNITS 16u
/*
 * A step of a reaping may last one half of the time since the last step of its kind, within
 * these bounds.  A busy program has a step at each tick of the coarse clock: 2 ms of 4.  A
 * program that calls a thousand times a second still gives 1 GiB back within a second.
 */
#define SY_REAP_STEP_SHARE 2u
#define SY_REAP_STEP_NS_MIN UINT64_C (250000)
#define SY_REAP_STEP_NS_MAX UINT64_C (16000000)
/* How many slabs of a bin are looked at for free pages in one go, under its lock, and how many
   slabs' free pages go back in one go. */
#define SY_PURGE_LOOKS 1024u
#define SY_PURGE_SLABS 8u
/* How many slabs of a bin a reaping purges: 32, and one part in 8 of all that it has. */
#define SY_PURGE_LEAST 32u
#define SY_PURGE_SHARE 8u
/* How many dirty units of all classes may wait for their own class while another class takes memory
   from the system. */
#define SY_DIRTY_UNITS 16u

/*
 * A thread publishes its counts to the handle when it exchanges a magazine.  Its count of the
 * heap's blocks it publishes when that has changed by this many bytes, so that it rarely touches
 * the shared count.
 */
#define SY_PUBLISH_BYTES ((int64_t) 1 << 18)

/* How often statistics try to read a consistent set of a thread's counters.  After a quarter of the
   tries they give up the processor, so that the thread can finish its change. */
#define SY_READ_TRIES 200u

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

/* How many handles a process may have at once.  Each costs about two pages until it is used. */
#define SY_HANDLES_MAX 65536u
#define SY_NAME_BYTES 32u

/* A thread that never allocated frees this many blocks without a cache, each to its slab.  To
   make a cache costs 5 KiB, and as much time as some 20 of these frees. */
#define SY_FREES_ALONE 16u

/* How many caches there may be at once; a cache is one thread's of one handle. */
#define SY_CACHES_MAX ((size_t) 1 << (SY_WORD_BITS == 64 ? 20 : 14))

/* ---- Large blocks (page_heap.c), in pages ---- */

/* The length of the range for them.  It is halved until the system grants it, down to 4 GiB.  On 32
   bits there is no range. */
#define SY_PAGES_SHIFT (SY_WORD_BITS == 64 ? 40 : 30)
#define SY_PAGES_SHIFT_MIN (SY_WORD_BITS == 64 ? 32 : 30)
/* If the system refuses the range, the C library serves this many large blocks before the system is
   asked again. */
#define SY_PAGES_ASK_AGAIN 256u
/* The smallest page, and the largest, of any system.  A block wastes half a page on average, and
   each page has an entry of 32 bytes. */
#define SY_PAGE_SHIFT 12
#define SY_PAGE_MAX ((size_t) 1 << 16)
/* The C library serves blocks up to this size.  The heap gets such a request only if the pool
   has no room. */
#define SY_LARGE_MIN ((size_t) 32 << 10)
/* How many bytes are committed at once, by one mprotect.  Neighbouring parts become one mapping. */
#define SY_PAGES_STEP ((size_t) 4 << 20)
/* Each length below SY_RUN_EXACT pages has its own list of free runs; above it there are eight
   lists to a doubling.  A search looks at up to SY_RUN_LOOKS runs of one list. */
#define SY_RUN_EXACT 64u
#define SY_RUN_LISTS 256u
#define SY_RUN_LOOKS 8u
/* How many bytes of free pages may wait for reuse: this many, or one part in 4 of what is live
   if that is more. */
#define SY_PAGES_DIRTY_BYTES ((size_t) 64 << 20)
#define SY_PAGES_DIRTY_SHARE 4u
/* From this size on calloc asks the system which pages of a free block are in memory.  The question
   costs as much as clearing a few pages. */
#define SY_CLEAR_LEAST ((size_t) 128 << 10)
/* How many bytes go back to the system in one go. */
#define SY_PAGES_REAP_BYTES ((size_t) 2 << 20)
/* A block that grew gets one half of its size as room for more growth.  The room is only
   addresses; it takes memory when it is written. */
#define SY_GROWTH_SHARE 2u
/* From this size on pages are moved, not copied. */
#define SY_MOVE_BYTES ((size_t) 128 << 10)
/* A block that grows by one part in 4 or more is copied to free pages that have memory, if there
   are any: a new page costs more than a copied one. */
#define SY_COPY_SHARE 4u
/* How many moved mappings all live blocks may have.  Each takes one or two of the 65,530 mappings
   that the system grants. */
#define SY_MOVED_MAX 8192u

/* What a freed block is filled with in debug builds. */
#define SY_POISON 0xdf

#endif
