/* SPDX-License-Identifier: MIT */
/*
 * os.h: what we ask of the system.  os.c is the only caller of mmap, mremap, mprotect, madvise, munmap and membarrier.
 *
 * Lengths are whole pages unless said.  Thread-safe; no call changes errno but those that say so.
 */
#ifndef SY_OS_H
#define SY_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Address space without memory, not in core dumps.  NULL where the system refuses. */
void *sy_os_reserve (size_t bytes);

/* Makes reserved pages readable and writable, and a part of core dumps; zero until written.  False where the system refuses: nothing changed. */
bool sy_os_commit (void *start, size_t bytes);

/* Gives the pages' memory back; they stay committed and read as zero.  False where the system refuses: contents as they were. */
bool sy_os_discard (void *start, size_t bytes);

/* Has committed pages in memory before they are touched, one call instead of a fault each; contents stay.  A wish: where the system refuses,
   the faults come.  False: it knows no such call. */
bool sy_os_populate (void *start, size_t bytes);

/* How many bytes of these pages, SY_RESIDENT_BYTES at the most, are in memory; all of them where the system does not say. */
#define SY_RESIDENT_BYTES ((size_t) 1 << 20)
size_t sy_os_resident_bytes (void *start, size_t bytes);

/*
 * Gives committed pages' memory back by mapping them anew: where pages were moved to, this makes one mapping of them and their neighbours
 * again.  False where the system refuses: what is there then is not known.
 */
bool sy_os_remap (void *start, size_t bytes);

/* What became of pages that were to be moved: moved; refused, and all is as it was; lost: the destination must not be used any more. */
enum sy_moved { SY_MOVED, SY_MOVE_REFUSED, SY_MOVE_LOST };

/* Moves pages' contents, without a copy, over clean committed pages; locked ones are refused.  The old pages stay committed and read as zero. */
enum sy_moved sy_os_move (void *from, void *to, size_t bytes);

/* Readable, writable, zero pages.  NULL where the system refuses. */
void *sy_os_map (size_t bytes);

/* The same, of which few will be used: not counted against the system's memory, where that allows it, and not in core dumps. */
void *sy_os_map_sparse (size_t bytes);

/* Gives a mapping or a reservation back whole. */
void sy_os_unmap (void *start, size_t bytes);

/*
 * A barrier on all running threads of the process: what each does after it comes after what the caller did before, and the other way round.
 * False where the system has none or refuses.  Register first, in each process.
 */
bool sy_os_barrier_register (void);
bool sy_os_barrier (void);

/* Waits a little; longer with each round, a millisecond at the most. */
void sy_os_pause (unsigned round);

/* The system's number of the calling thread, and any thread's name, NUL-terminated; empty where there is none. */
long sy_os_thread_id (void);
void sy_os_thread_name (long thread_id, char *name, size_t bytes);

size_t sy_os_page_bytes (void);

/* The process's limits on address space, and on data, which counts what is committed and nothing that is only reserved; SIZE_MAX: none. */
size_t sy_os_address_limit (void);
size_t sy_os_data_limit (void);

/* Processors that are online; at least 1. */
unsigned sy_os_processors (void);

/* Nanoseconds on a clock that never goes back; coarse: to within some milliseconds, and cheap. */
uint64_t sy_os_now_ns (void);
uint64_t sy_os_coarse_ns (void);

#endif
