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

/* Gives the pages' memory back to the system.  The pages stay committed and read as zero.  False:
   the system refuses all or some, as locked ones.  Each page then has its contents or is zero. */
bool sy_os_discard (void *start, size_t bytes);

/*
 * Gives committed pages their memory before they are touched: one call instead of one fault
 * each.  The contents stay.  If the system refuses, the faults come later.  False: the system
 * has no such call.
 */
bool sy_os_populate (void *start, size_t bytes);

/* Asks for huge pages where these pages get their memory.  They are a mapping of their own then, or
   one with others for which that was asked.  False: the system has none. */
bool sy_os_ask_huge (void *start, size_t bytes);

/* The system shall make no huge pages of these pages. */
void sy_os_refuse_huge (void *start, size_t bytes);

/* How many bytes of these pages have memory.  False: the system does not say.  `bytes` is at most
   SY_RESIDENT_BYTES. */
#define SY_RESIDENT_BYTES ((size_t) 1 << 20)
bool sy_os_ask_resident (void *start, size_t bytes, size_t *resident);

/* The same; all of them if the system does not say. */
size_t sy_os_resident_bytes (void *start, size_t bytes);

/*
 * Moves pages, with their memory and without a copy, to the start of a longer place that is mapped.
 * The place becomes one mapping, and what lies behind the moved pages is zero.  Nothing is mapped
 * at the old place any more.  False: the system refuses.  The old pages are as they were, and the
 * new place may not be mapped any more.
 */
bool sy_os_move (void *from, size_t bytes, void *to, size_t to_bytes);

/*
 * Maps readable, writable, zero pages at this place, and touches no mapping that is there already.
 * Pages right behind others that were mapped so become one mapping with them.  False: the system
 * refuses, or something is mapped there; *taken then says whether it is that.
 */
bool sy_os_map_at (void *start, size_t bytes, bool *taken);

/* The same, in the place of what is mapped there. */
bool sy_os_map_over (void *start, size_t bytes);

/* Maps readable, writable pages, which are zero.  NULL: the system refuses. */
void *sy_os_map (size_t bytes);

/* Unmaps a whole mapping or reservation. */
void sy_os_unmap (void *start, size_t bytes);

/*
 * Makes a memory barrier on all running threads of the process.  What another thread does after it
 * comes after what the caller did before it, and the other way round.  False: the system has no
 * such barrier, or refuses.
 */
bool sy_os_barrier (void);

/* Waits a little: longer in each round, and a millisecond at most. */
void sy_os_pause (unsigned round);

/* A thread, by the system's numbers when it was asked for them; all 0: none. */
struct sy_thread {
  long id, process_id;
};

/* The calling thread. */
struct sy_thread sy_os_this_thread (void);

/* The number of the calling process. */
long sy_os_process_id (void);

/* The number of a thread of this process, or of the one that it was forked from: then only the
   thread that forked is left, and it has another number. */
long sy_os_thread_id (const struct sy_thread *thread);

/* The thread's name.  It is NUL-terminated, and empty if the thread has none. */
void sy_os_thread_name (long thread_id, char *name, size_t bytes);

size_t sy_os_page_bytes (void);

/* How many mappings the process has, up to about `most`; `most` if the system does not say. */
size_t sy_os_mappings (size_t most);

/* The process's limit on address space; SIZE_MAX: none. */
size_t sy_os_address_limit (void);

/* How much memory the machine has. */
size_t sy_os_memory_bytes (void);

/* Sets *low and *high to about where a large unused part of the address space begins and ends.
   What lies there is not known.  False: there is none of SY_GAP_MIN bytes. */
bool sy_os_gap (uintptr_t *low, uintptr_t *high);

/* The same for a process whose heap ends here and whose stack lies there. */
bool sy_os_gap_of (uintptr_t heap, uintptr_t stack, uintptr_t *low, uintptr_t *high);

/* A number that is another one in each program that starts, and that others cannot guess. */
uint64_t sy_os_secret (void);

/* Is the calling thread the process's only one?  False where the C library does not say. */
bool sy_os_is_alone (void);

/* How many processors the calling thread may run on; at least 1. */
unsigned sy_os_processors (void);

/* The time in nanoseconds on a clock that never goes back.  The coarse one is cheap, and exact
   to some milliseconds. */
uint64_t sy_os_now_ns (void);
uint64_t sy_os_coarse_ns (void);

#endif
