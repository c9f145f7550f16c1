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

/* A unit of the range: a slab of a small class, 4,096 blocks of the smallest, and its number is a pointer's high bits. */
#define SY_UNIT_SHIFT 16
#define SY_UNIT_BYTES ((size_t) 1 << SY_UNIT_SHIFT)
/* A slab of a large class is several units long: up to 8, so that at most 3 % of it is no block. */
#define SY_SLAB_UNITS_MAX 8u

/* The range is cut into a zone a size class, so that an address tells its block's class: 64 GiB each on 64 bits, 16 MiB on 32 bits.  Halved
   until the system agrees, down to the longest slab each. */
#define SY_ZONE_SHIFT (SY_WORD_BITS == 64 ? 36 : 24)
#define SY_ZONE_SHIFT_MIN (SY_UNIT_SHIFT + 3)
/*
 * Units that a zone starts behind the one before, modulo one part in so many of a zone.  TLBs and caches choose their sets by the low bits of
 * addresses: an odd number of units spreads the zones' first slabs over all sets of a TLB, where they would share those of one slab; half a
 * page and a line, 2,112 units, does it for what a pool's map says of these slabs, a byte a unit.
 */
#define SY_ZONE_SKEW 2117u
#define SY_ZONE_SKEW_SHARE 16u
/* Under a limit on address space the range takes one part in so many: threads' stacks and the C library need the rest. */
#define SY_RANGE_LIMIT_SHARE 4

/* Under a limit on data a pool's map takes at most one part in so many: each zone is still longer than that limit, and hundreds of handles fit. */
#define SY_MAP_LIMIT_SHARE 512

/* Units at each zone's start whose entries lie together, and are committed from the beginning: 192 KiB, of which few pages are touched. */
#define SY_NEAR_UNITS 8u
/* Units of a zone committed at once: one part in so many of those it has, up to 4 MiB.  Limits on data, locked memory and cores count what is
   committed. */
#define SY_COMMIT_SHARE 8u
#define SY_COMMIT_UNITS 64u

/* Pages of a slab that are populated in one go as the blocks before them are handed out, in bins with so many slabs: a bin with fewer holds
   no page that was never asked for. */
#define SY_POPULATE_PAGES 4u
#define SY_POPULATE_SLABS 2u

/* Arenas of metadata are committed in steps of this many bytes. */
#define SY_ARENA_STEP ((size_t) 1 << 18)
/* ... and each takes at most one part in so many of a limited address space. */
#define SY_ARENA_LIMIT_SHARE 64

/* A magazine: 125 rounds on 64 bits.  A power of two, so that "full" is "the low bits of top are zero". */
#define SY_MAGAZINE_BYTES ((size_t) 1 << (SY_WORD_BITS == 64 ? 10 : 9))
/* A million magazines: the depots' limits for some forty shards.  Where they are used up, blocks go to the slabs without one. */
#define SY_MAGAZINES_MAX ((size_t) 1 << (SY_WORD_BITS == 64 ? 20 : 14))
/* A thread's first magazine of a class: so many blocks or so many bytes, or one block.  Each refill doubles it up to the class's own limit. */
#define SY_CAPACITY_FIRST 8u
#define SY_CAPACITY_FIRST_BYTES ((size_t) 8 << 10)
/* The magazines of one thread may grow to an equal share of this among those that are there, and to so much at least. */
#define SY_BUDGET_ALL ((size_t) 4 << 20)
#define SY_BUDGET_LEAST ((size_t) 256 << 10)
/* Blocks that a full-grown magazine holds in bytes, and how many it holds however large they are. */
#define SY_MAGAZINE_BLOCKS_BYTES ((size_t) 1 << 16)
#define SY_CAPACITY_LEAST 16u
/* Empty magazines a thread keeps for its next exchange, so that most exchanges touch no shared stack of empties. */
#define SY_SPARES_MAX 4u

/* Depots of one class and shard, dealt to the shard's threads: a thread that empties its magazines and fills them again by turns works on
   blocks that its own processor has, not on its neighbours'. */
#define SY_DEPOTS 4u
/* What a depot holds of one class before freed blocks go back to their slabs: of classes up to 32 bytes, and of those above. */
#define SY_DEPOT_SMALL_BYTES ((size_t) 1 << 22)
#define SY_DEPOT_LARGE_BYTES ((size_t) 1 << 20)
#define SY_DEPOT_BYTES(block_bytes) ((block_bytes) <= 32 ? SY_DEPOT_SMALL_BYTES : SY_DEPOT_LARGE_BYTES)
/* Other shards looked at before a slab is carved: enough to find the consumer's, bounded for many shards. */
#define SY_NEIGHBOURS_MAX 8u
#define SY_SHARDS_MAX 1024u

/* Reaping looks at what lay unused for this long.  A quarter of a second lets bursts come back to warm memory and still follows a program down. */
#define SY_REAP_NS UINT64_C (250000000)
/* How far behind the last step a caller's clock may be, in 2^20 ns: a minute. */
#define SY_PACE_BEHIND ((AO_t) 1 << 16)
/* How long a thread sheds what lies in depots, when memory has grown. */
#define SY_SHED_NS UINT64_C (2000000)
/* Depots and bins with nothing to give that are passed between two looks at the clock. */
#define SY_REAP_LOOKS 64u
/* Each time that the units with memory grow by so many, or by one part in so many, threads look for blocks that they hold for nothing. */
#define SY_GROWTH_UNITS 16u
#define SY_GROWTH_UNITS_SHARE 16u
/* A thread's magazines may hold slabs back where slabs have so many times what a magazine holds. */
#define SY_HOLD_MAGAZINES 4u
/* Slabs to which memory of another class was moved: each is a mapping or two of the 65,530 that the system grants. */
#define SY_MOVED_SLABS_MAX 1024u
/* Units whose pages go back in one go. */
#define SY_REAP_UNITS 16u
/* A step of a reaping takes one part in so many of the time since the last one of its kind, within these bounds: a busy program meets one
   each time the coarse clock ticks, 2 ms of 4, and one that calls a thousand times a second still gives 1 GiB back within a second. */
#define SY_REAP_STEP_SHARE 2u
#define SY_REAP_STEP_NS_MIN UINT64_C (250000)
#define SY_REAP_STEP_NS_MAX UINT64_C (16000000)
/* Slabs of a bin that are looked at for free pages in one go, under its lock, and whose free pages go back in one go. */
#define SY_PURGE_LOOKS 1024u
#define SY_PURGE_SLABS 8u
/* Of a bin a reaping purges so many slabs, and one part in so many of all it has. */
#define SY_PURGE_LEAST 32u
#define SY_PURGE_SHARE 8u
/* Spare units, of all classes, that may wait for their class to need them again while another one takes memory from the system. */
#define SY_SPARE_UNITS 16u

/* A thread tells its handle about its blocks when a magazine comes or goes, and about those that the heap serves once they differ by this
   many bytes, so that the shared count is touched rarely. */
#define SY_PUBLISH_BYTES ((int64_t) 1 << 18)

/* How often statistics read a thread's books until they hold together; from a quarter on the thread is given the processor. */
#define SY_READ_TRIES 200u

/* What may wait in limbo where the handle's options do not say. */
#define SY_LIMBO_BYTES ((size_t) 64 << 20)
/* How much is sealed between two scans: a scan is a barrier on all threads and a walk over their records.  Each takes
   out at most twice the bags that can have come since the last one. */
#define SY_LIMBO_SCAN_BYTES ((size_t) 32 << 10)  /* for each thread ... */
#define SY_LIMBO_SCAN_THREADS 4u                 /* ... of so many at the most: among several the barrier interrupts processors */
#define SY_LIMBO_SCAN_BAGS 64u
#define SY_LIMBO_TAKE_BAGS (2 * SY_LIMBO_SCAN_BAGS)
/* What a thread charges at once, so that most deferred frees touch nothing shared; at most one part in so many of the limit. */
#define SY_LIMBO_CREDIT_BYTES ((size_t) 16 << 10)
#define SY_LIMBO_SHARE 64u
/* A bag that was begun this long ago is closed whatever its thread does: a class that a busy thread seldom frees. */
#define SY_LIMBO_OLD_US 250000u
/* At the limit: how often a deferred free scans again, and how long ago a reader may have been found inside to be worth it. */
#define SY_LIMBO_TRIES 4u
#define SY_LIMBO_WAIT_NS UINT64_C (1000000)

/* Tables of the fallback blocks: locks to spread threads over, and the first table's entries (one page on 64 bits). */
#define SY_FALLBACK_STRIPES 16u
#define SY_FALLBACK_FIRST 512u

/* Handles at once; each costs about two pages until it is used. */
#define SY_HANDLES_MAX 65536u
#define SY_NAME_BYTES 32u

/* A thread that never allocated frees so many blocks without a cache, each to its slab: a cache costs a birth and 5 KiB, as much as some 20 of
   these frees. */
#define SY_FREES_ALONE 16u

/* Caches: threads times handles at once. */
#define SY_CACHES_MAX ((size_t) 1 << (SY_WORD_BITS == 64 ? 20 : 14))

/* ---- Large blocks (page_heap.c), in units of pages ---- */

/* The range for them: halved until the system agrees, down to 4 GiB.  None on 32 bits. */
#define SY_PAGES_SHIFT (SY_WORD_BITS == 64 ? 40 : 30)
#define SY_PAGES_SHIFT_MIN (SY_WORD_BITS == 64 ? 32 : 30)
/* Where the range cannot be had, so many large blocks are the C library's before the system is asked again. */
#define SY_PAGES_ASK_AGAIN 256u
/* A unit; a page where pages are larger.  A block wastes half of one on average, each has an entry of 32 bytes. */
#define SY_PAGE_UNIT_SHIFT 12
#define SY_PAGE_UNIT_MAX ((size_t) 1 << 16)  /* the largest page of any system */
/* Up to this size a block is the C library's: the pool has none left when such a request comes. */
#define SY_LARGE_MIN ((size_t) 32 << 10)
/* Committed at once: one mprotect, and neighbours merge. */
#define SY_PAGES_STEP ((size_t) 4 << 20)
/* Lengths in units with a list of their own, above them eight lists a doubling; and runs looked at in one list for the best. */
#define SY_RUN_EXACT 64u
#define SY_RUN_LISTS 256u
#define SY_RUN_LOOKS 8u
/* Free pages that may wait for reuse whatever happens, and one part in so many of what is live. */
#define SY_PAGES_DIRTY_BYTES ((size_t) 64 << 20)
#define SY_PAGES_DIRTY_SHARE 4u
/* From this size on calloc asks what of a free block is in memory at all: that costs as much as to clear a few pages. */
#define SY_CLEAR_LEAST ((size_t) 128 << 10)
/* What goes back in one go. */
#define SY_PAGES_REAP_BYTES ((size_t) 2 << 20)
/* A block that grew gets one part in so many of its size as room to grow on: addresses, no memory until they are written. */
#define SY_GROWTH_SHARE 2u
/* From this size on pages are moved, not copied. */
#define SY_MOVE_BYTES ((size_t) 128 << 10)
/* ... but a block that grows by one part in so many or more is copied to free pages that are there: a new page costs more than a copied one. */
#define SY_COPY_SHARE 4u
/* Moved pieces in all live blocks: each is a mapping or two of the 65,530 that the system grants. */
#define SY_MOVED_MAX 8192u

/* What a freed block is filled with in debug builds. */
#define SY_POISON 0xdf

#endif
