/* SPDX-License-Identifier: MIT */
/*
 * sydra/alloc.h: one allocator for a multithreaded program, chosen when the library is built.
 *
 * Every call takes its handle first.  A handle is made by sydra_alloc_create, or is the process's own, sydra_alloc_default.  All calls
 * on one handle may run in any number of threads at once, and a block may be freed by any thread; only sydra_alloc_destroy wants the
 * handle to itself.  No call here is async-signal-safe.
 *
 * Errors.  What allocates returns NULL and sets errno: ENOMEM when memory, the address space or the handle's max_bytes is used up or a
 * size is over PTRDIFF_MAX, EINVAL for an alignment that is no power of two.  What only works returns 0 or an errno value.  Misuse that
 * is found (a NULL or destroyed handle, a block freed twice, a pointer that is no block, a block of another handle) is reported in one
 * line on standard error and ends the process with abort().
 */
#ifndef SYDRA_ALLOC_H
#define SYDRA_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined __GNUC__ || defined __clang__
# define SYDRA_ATTR_(list) __attribute__ (list)
#else
# define SYDRA_ATTR_(list)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Identity: the same in all threads, never changes while the process runs. ---- */

/* The library's version, "MAJOR.MINOR.PATCH".  A static string. */
const char *sydra_alloc_version(void);

/* How the library was built: "default", "mimalloc" or "small_pool".  A static string. */
const char *sydra_alloc_mode(void);

/* Whether sydra_alloc_mode() is "mimalloc". */
bool sydra_alloc_is_mimalloc(void);

/* Whether sydra_alloc_mode() is "small_pool". */
bool sydra_alloc_is_small_pool(void);

/* How many shards a handle's pool has.  0: the pool has none (one lock a size class), or the mode has no pool. */
unsigned sydra_alloc_shards(void);

/* ---- Handles ---- */

/* An allocator: its blocks, its limits, its statistics. */
struct sydra_alloc;

/* A reader that holds reclamation up; what on_stall is told.  Valid during the call only. */
struct sydra_stall {
  size_t size;               /* sizeof (struct sydra_stall), in bytes, as the library knows it */
  long thread_id;            /* the system's number of the reader's thread; 0: a thread past its end, or several */
  char thread_name[16];      /* its name, NUL-terminated; empty where the system has none */
  uint64_t epoch;            /* the epoch that the reader entered in */
  uint64_t inside_ns;        /* how long it has been inside at the least, in nanoseconds: since reclamation first met it there */
  uint64_t deferred_bytes;   /* what waits for it, in bytes */
};

/* What a handle is made with.  Zero means the default of each member; start from SYDRA_ALLOC_OPTIONS_INIT. */
struct sydra_alloc_options {
  size_t size;                /* sizeof (struct sydra_alloc_options), in bytes; a program built against fewer members still runs */
  const char *name;           /* shown in statistics; copied, as many whole characters of UTF-8 as fit in 31 bytes.  NULL: "alloc" */
  size_t max_bytes;           /* live bytes past which allocation fails with ENOMEM; blocks that wait in threads' magazines count.  0: no limit */
  size_t max_deferred_bytes;  /* bytes that may wait for readers; past it sydra_free_deferred refuses.  0: 64 MiB */
  /* Told who holds reclamation up, by the thread whose sydra_free_deferred is refused; may call anything on the handle.  NULL: nobody is told. */
  void (*on_stall)(void *ctx, const struct sydra_stall *stall);
  void *on_stall_ctx;         /* given to on_stall */
};

/* Every member at its default. */
#define SYDRA_ALLOC_OPTIONS_INIT { sizeof (struct sydra_alloc_options), 0, 0, 0, 0, 0 }

/*
 * Makes a handle with the given options (NULL: all defaults; read during the call only).  The caller owns it and ends it with
 * sydra_alloc_destroy.  NULL and errno on failure: ENOMEM, or EINVAL where options->size is no size of any version.  Thread-safe.
 */
struct sydra_alloc *sydra_alloc_create(const struct sydra_alloc_options *options);

/*
 * Ends a handle and returns how many of its blocks were still live.  In small_pool mode all memory that it served goes back with it;
 * in the other modes blocks that are still live stay allocated in the C library or mimalloc, where nobody can free them any more.
 * No other thread may be inside a call on it or use it or its blocks afterwards.  Destroying sydra_alloc_default() is misuse.
 */
size_t sydra_alloc_destroy(struct sydra_alloc *a);

/* The process's own handle: made at the first call, never destroyed.  Thread-safe.  Ends the process where not even that fits in memory. */
struct sydra_alloc *sydra_alloc_default(void);

/* ---- Memory: as C's functions of the same name, except where said.  Blocks are the caller's until freed. ---- */

/* A block of at least size bytes, aligned for any object (alignof (max_align_t)).  Size 0: a unique pointer that can be freed.  NULL and ENOMEM. */
void *sydra_malloc(struct sydra_alloc *a, size_t size) SYDRA_ATTR_((__malloc__, __warn_unused_result__));

/* A block for count objects of size bytes each, all bytes zero.  NULL and ENOMEM, also where the product overflows. */
void *sydra_calloc(struct sydra_alloc *a, size_t count, size_t size) SYDRA_ATTR_((__malloc__, __warn_unused_result__));

/*
 * The block with room for size bytes and its old contents, up to the smaller of the two sizes; it may have moved, and the old pointer is
 * then gone.  block NULL: sydra_malloc.  Size 0: shrinks to the smallest block and never frees.  NULL and ENOMEM: the old block is
 * untouched and still the caller's.  The result is aligned as sydra_malloc's, whatever the old block's alignment was.
 */
void *sydra_realloc(struct sydra_alloc *a, void *block, size_t size) SYDRA_ATTR_((__warn_unused_result__));

/* A block of at least size bytes (0 too) at a multiple of alignment bytes: any power of two.  NULL and EINVAL for another alignment, ENOMEM. */
void *sydra_aligned_alloc(struct sydra_alloc *a, size_t alignment, size_t size) SYDRA_ATTR_((__malloc__, __warn_unused_result__));

/* Gives a block back.  NULL: nothing.  Keeps errno.  Any thread may free any block of the handle. */
void sydra_free(struct sydra_alloc *a, void *block);

/* sydra_free for a caller that knows the size in bytes that it asked for; a size that the block cannot have is misuse. */
void sydra_free_sized(struct sydra_alloc *a, void *block, size_t size);

/* sydra_free_sized for a block of sydra_aligned_alloc; alignment as it was asked for. */
void sydra_free_aligned_sized(struct sydra_alloc *a, void *block, size_t alignment, size_t size);

/* Makes the block's size the given one in place: true, or false and nothing changed.  Never moves, never sets errno.  block is not NULL. */
bool sydra_resize(struct sydra_alloc *a, void *block, size_t size);

/* How many bytes of the block the caller may use, all of them writable; at least what was asked for.  NULL: 0. */
size_t sydra_usable_size(struct sydra_alloc *a, const void *block);

/* What a request of size bytes would really get, in bytes; size itself where no such block can be. */
size_t sydra_good_size(struct sydra_alloc *a, size_t size);

/* Whether the pointer lies in a live slab of this handle's pool; any value may be asked about.  False in modes without a pool. */
bool sydra_owns(struct sydra_alloc *a, const void *pointer);

/*
 * Allocates up to count blocks of at least size bytes each into blocks[0..] and returns how many; fewer than count only where memory is
 * short, with errno ENOMEM.  The blocks are freed like any others.
 */
size_t sydra_malloc_batch(struct sydra_alloc *a, size_t size, size_t count, void **blocks);

/* Frees blocks[0] .. blocks[count - 1], of any sizes; NULLs among them are skipped.  Keeps errno.  The array itself stays as it is. */
void sydra_free_batch(struct sydra_alloc *a, size_t count, void **blocks);

/* ---- An allocator as a value (after Zig's std.mem.Allocator), for libraries that take any. ---- */

/*
 * Alignments are powers of two in bytes, sizes are bytes; size is what the block was last asked for.  alloc: NULL and errno on failure.
 * resize: in place, or false.  remap: may move, NULL and nothing changed on failure.  Thread-safe where ctx is a handle's.
 */
struct sydra_allocator {
  void *ctx;
  void *(*alloc)(void *ctx, size_t size, size_t alignment);
  bool (*resize)(void *ctx, void *block, size_t size, size_t alignment, size_t new_size);
  void *(*remap)(void *ctx, void *block, size_t size, size_t alignment, size_t new_size);
  void (*free)(void *ctx, void *block, size_t size, size_t alignment);
};

/* The handle as such a value; good for as long as the handle. */
struct sydra_allocator sydra_alloc_interface(struct sydra_alloc *a);

/* ---- Reclamation: blocks that readers may still look at.  Every mode; each handle's epochs are its own. ---- */

/*
 * Enters a section: no block that is deferred from here on is freed before the matching sydra_epoch_leave.  Returns what that call is to be
 * given, the epoch.  Sections nest, and the outermost one counts; a thread may be in sections of several handles.  Costs about a store, never
 * waits, never fails.  A section ends with its thread, but one that a destructor enters after that end must be left.
 */
uint64_t sydra_epoch_enter(struct sydra_alloc *a);

/* Leaves a section; observed is what the matching sydra_epoch_enter of this thread returned.  Anything else is misuse. */
void sydra_epoch_leave(struct sydra_alloc *a, uint64_t observed);

/* Moves the epoch on, and returns the one that is current then.  Never waits.  Deferred frees do not need it: they move it themselves. */
uint64_t sydra_epoch_advance(struct sydra_alloc *a);

/*
 * Waits until every reader that is inside at the call has left.  0, EDEADLK from inside a section of the same handle (it would wait for
 * itself), or EAGAIN where the system has begun to refuse the barrier that readers are held back by.
 */
int sydra_epoch_synchronize(struct sydra_alloc *a);

/*
 * Frees a block once no reader can see it: the caller has taken it out of reach before, and readers who are inside a section now may still
 * look at it.  The block is not written to until then, and counts as in use.  NULL: nothing.  0: the block is the handle's.  Otherwise it is
 * untouched and still the caller's: EAGAIN where max_deferred_bytes would be passed and readers hold up what waits (threads that defer at
 * the same moment may have a share of the limit unused, up to 1/64 or 16 KiB each) or may do so, as the system refuses the barrier; ENOMEM.
 * Keeps errno.  Once in a while a call frees what has had its turn, of any thread.  Thread-safe.
 */
int sydra_free_deferred(struct sydra_alloc *a, void *block);

/* ---- Giving memory back ---- */

/*
 * Frees all deferred blocks that no reader can see, hands in the calling thread's magazines, empties the depots, and returns every page that
 * no block needs to the system.  Returns how many bytes went back.  Thread-safe; other threads' magazines are left alone.
 */
size_t sydra_collect(struct sydra_alloc *a);

/* ---- Statistics ---- */

#define SYDRA_STATS_CLASSES_MAX 64
#define SYDRA_STATS_FALLBACK_BOUNDS 9  /* 64 128 256 512 1024 2048 4096 8192, and above */

/* One size class of the pool. */
struct sydra_class_stats {
  size_t size;                /* of its blocks, in bytes */
  uint64_t allocations;       /* blocks handed out, ever */
  uint64_t frees;             /* blocks given back, ever */
  uint64_t refills;           /* times that a thread's magazine was filled, from a depot or from slabs */
  uint64_t in_use;            /* blocks that are the program's now */
  uint64_t high_water;        /* the most at once; exact to within the blocks of two magazines a thread */
  uint64_t slabs;             /* slabs that serve the class now */
  uint64_t free_blocks;       /* blocks of those slabs that are not in use: in slabs, depots and magazines */
  uint64_t lock_acquisitions; /* of the locks over its slabs */
  uint64_t lock_contention;   /* of these, how many had to wait */
  uint64_t lock_wait_ns;      /* spent waiting for them, in nanoseconds */
  uint64_t lock_hold_ns;      /* spent holding them, in nanoseconds */
};

/* One handle.  Counts are since it was made. */
struct sydra_stats {
  size_t size;                       /* set by the caller to sizeof (struct sydra_stats) */
  const char *mode;                  /* sydra_alloc_mode() */
  unsigned shards;                   /* sydra_alloc_shards() */
  uint64_t allocations, frees;       /* blocks handed out and given back, whoever served them; a block that realloc moves counts as both */
  uint64_t in_use, in_use_bytes;     /* blocks that are the program's now, and their usable bytes */
  uint64_t high_water_bytes;         /* the most usable bytes at once; exact to within two magazines a class and 256 KiB of others a thread */
  uint64_t shard_hits;               /* requests of pool size that the pool served */
  uint64_t shard_misses;             /* requests of pool size that it could not serve */
  uint64_t cross_shard_frees;        /* freed blocks that came back through another shard than the one they were carved from */
  uint64_t deferred_blocks, deferred_bytes;     /* that wait for readers now, in bytes usable */
  uint64_t deferred_high_water_bytes;           /* the most at once, as seen whenever blocks were about to be freed */
  uint64_t epoch_current, epoch_min; /* the epoch, and the oldest that a reader is inside with; the same where nobody is inside */
  uint64_t fallback_allocs, fallback_frees;     /* blocks that the pool left to the C library */
  uint64_t fallback_resizes, fallback_remaps;   /* of such blocks, in place and by moving */
  uint64_t fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS];  /* fallback_allocs but for remaps, by the size asked for, in bytes: up to 64, 128, ... 8192, and above */
  uint64_t reserved_bytes;           /* address space set aside for the pools of all handles */
  uint64_t committed_bytes;          /* of this handle's slabs and the spare ones that all handles share */
  unsigned class_count;              /* how many of the following are filled in; 0 in modes without a pool */
  struct sydra_class_stats classes[SYDRA_STATS_CLASSES_MAX];
  const char *epoch_barrier;         /* what readers are held back by: "membarrier", or "fence" where the system has none */
  uint64_t epoch_advances;           /* how often the epoch moved on */
  uint64_t deferred_reclaimed;       /* deferred blocks that were freed, ever */
  uint64_t deferred_stalls;          /* deferred frees that were refused because of a reader */
  uint64_t deferred_oldest_ns;       /* how long the block that waits longest has waited, in nanoseconds; 0: none waits */
};

/*
 * Fills in *stats, up to stats->size bytes.  Exact when no other thread is inside the allocator; never stops one that is.  0, or EINVAL
 * where stats->size is too small for any version.  Thread-safe; allocates nothing.
 */
int sydra_stats_get(struct sydra_alloc *a, struct sydra_stats *stats);

/* How sydra_stats_write renders. */
enum sydra_stats_format {
  SYDRA_STATS_TEXT,  /* columns for people */
  SYDRA_STATS_JSON   /* one object: name, pid, program, and the members of struct sydra_stats */
};

/*
 * Renders the handle's statistics, with the number of the process and the program's name, and hands
 * the text to write piece by piece (length bytes, not NUL-terminated).  write returns 0 to go on;
 * anything else ends the rendering and is returned.  0 on success, EINVAL for an unknown format.
 * Allocates nothing; write may.
 */
int sydra_stats_write(struct sydra_alloc *a, enum sydra_stats_format format,
                      int (*write)(void *ctx, const char *text, size_t length), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
