/* SPDX-License-Identifier: MIT */
/*
 * os.h: what we ask of the system.  os.c is the only caller of mmap, mremap, mprotect, madvise,
 * munmap and membarrier.
 *
 * A page is reserved (addresses only), committed (readable and writable), and has memory or not.
 *
 *   sy_os_reserve   -> reserved                       sy_os_unmap     -> gone
 *   sy_os_commit    reserved -> committed, zero       sy_os_populate  committed -> with memory
 *   sy_os_discard   with memory -> committed, zero    sy_os_map       -> committed, zero
 *
 * Lengths are whole pages.  Any thread may call.  No function here changes errno.
 */
#ifndef SY_OS_H
#define SY_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reserves address space: no memory, and not in core dumps.  NULL: the system refuses. */
void *sy_os_reserve (size_t bytes);

/* Makes reserved pages readable and writable, and includes them in core dumps.  They are zero until
   they are written.  False: the system refuses, and nothing has changed. */
bool sy_os_commit (void *start, size_t bytes);

/* Gives the pages' memory back to the system.  The pages stay committed and read as zero.
   False: the system refuses, and the contents are as they were. */
bool sy_os_discard (void *start, size_t bytes);

/*
 * Gives committed pages their memory before they are touched: one call instead of one fault
 * each.  The contents stay.  If the system refuses, the faults come later.  False: the system
 * has no such call.
 */
bool sy_os_populate (void *start, size_t bytes);

/* How many bytes of these pages have memory; all of them if the system does not say.  `bytes` is at
   most SY_RESIDENT_BYTES. */
#define SY_RESIDENT_BYTES ((size_t) 1 << 20)
size_t sy_os_resident_bytes (void *start, size_t bytes);

/*
 * Gives committed pages' memory back by mapping the pages anew.  If they were moved here, they
 * become one mapping with their neighbours again.  False: the system refuses, and the contents are
 * unknown.
 */
bool sy_os_remap (void *start, size_t bytes);

/* The result of a move: the pages were moved; or the system refused, and nothing has changed; or
   the destination is lost, and must not be used any more. */
enum sy_moved { SY_MOVED, SY_MOVE_REFUSED, SY_MOVE_LOST };

/* Moves the memory of pages, without a copy, to committed pages that have none.  Locked pages are
   refused.  The old pages stay committed and read as zero. */
enum sy_moved sy_os_move (void *from, void *to, size_t bytes);

/* Maps readable, writable pages, which are zero.  NULL: the system refuses. */
void *sy_os_map (size_t bytes);

/* The same for pages of which few will be used.  They do not count against the system's memory,
   if the system allows that, and are not in core dumps. */
void *sy_os_map_sparse (size_t bytes);

/* Unmaps a whole mapping or reservation. */
void sy_os_unmap (void *start, size_t bytes);

/*
 * Makes a memory barrier on all running threads of the process.  What another thread does after it
 * comes after what the caller did before it, and the other way round.  False: the system has no
 * such barrier, or refuses.  Each process must register first.
 */
bool sy_os_barrier_register (void);
bool sy_os_barrier (void);

/* Waits a little: longer in each round, and a millisecond at most. */
void sy_os_pause (unsigned round);

/* The system's number of the calling thread, and the name of any thread.  The name is
   NUL-terminated, and empty if the thread has none. */
long sy_os_thread_id (void);
void sy_os_thread_name (long thread_id, char *name, size_t bytes);

size_t sy_os_page_bytes (void);

/* The process's limits on address space and on data; SIZE_MAX: no limit.  The limit on data counts
   committed memory, and not what is only reserved. */
size_t sy_os_address_limit (void);
size_t sy_os_data_limit (void);

/* How many processors are online; at least 1. */
unsigned sy_os_processors (void);

/* The time in nanoseconds on a clock that never goes back.  The coarse one is cheap, and exact
   to some milliseconds. */
uint64_t sy_os_now_ns (void);
uint64_t sy_os_coarse_ns (void);

#endif
