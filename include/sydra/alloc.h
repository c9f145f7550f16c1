/* SPDX-License-Identifier: MIT */
/*
 * sydra/alloc.h: an allocator for multithreaded programs.  What serves its memory is chosen when
 * the library is built.
 *
 * Every call that allocates, frees or asks about blocks takes a handle as its first argument.  So
 * do the calls on sections and statistics.  sydra_alloc_create makes a handle; sydra_alloc_default
 * is the process's own.  All calls on one handle may run in any number of threads at once, and any
 * thread may free any block.  The only exception is sydra_alloc_destroy: while it runs, no other
 * thread may use the handle.  No call here is async-signal-safe.
 *
 * Errors.  A call that allocates returns NULL and sets errno.  ENOMEM means that memory, the
 * address space or the handle's max_bytes is used up, or that a size is over PTRDIFF_MAX.  EINVAL
 * means that an alignment is no power of two.  Other calls that can fail return 0 or an errno
 * value.
 *
 * Misuse is a NULL or destroyed handle, a block freed twice, a pointer that is no block, or a block
 * of another handle.  If it is found, it is reported in one line on standard error, and the process
 * ends with abort().
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

/* ---- Identity: the same in all threads; it never changes while the process runs. ---- */

/* The library's version, "MAJOR.MINOR.PATCH".  A static string. */
const char *sydra_alloc_version(void);

/* How the library was built: "default", "mimalloc" or "small_pool".  A static string. */
const char *sydra_alloc_mode(void);

/* Whether sydra_alloc_mode() is "mimalloc". */
bool sydra_alloc_is_mimalloc(void);

/* Whether sydra_alloc_mode() is "small_pool". */
bool sydra_alloc_is_small_pool(void);

/* How many shards a handle's pool has.  0: the pool has none (one lock for each size class), or the
   mode has no pool. */
unsigned sydra_alloc_shards(void);

/* ---- Handles ---- */

/* An allocator: its blocks, its limits, its statistics. */
struct sydra_alloc;

/* What on_stall is told: the reader that holds reclamation up.  Valid during the call only. */
struct sydra_stall {
  size_t size;               /* sizeof (struct sydra_stall), in bytes, as the library knows it */
  /* The system's number of the reader's thread.  0: a thread past its end, or several threads. */
  long thread_id;
  char thread_name[16];      /* its name, NUL-terminated; empty if the system has none */
  uint64_t epoch;            /* the epoch in which the reader entered */
  /* How long the reader has been inside at least, in ns: since reclamation first saw it there. */
  uint64_t inside_ns;
  uint64_t deferred_bytes;   /* how many bytes wait, in all threads */
};

/*
 * The options of a new handle.  Zero is the default of each member, so start from
 * SYDRA_ALLOC_OPTIONS_INIT.  A program that was built against fewer members still runs.
 */
struct sydra_alloc_options {
  size_t size;                /* sizeof (struct sydra_alloc_options), in bytes */
  /* Shown in statistics.  As many whole characters of UTF-8 as fit in 31 bytes are copied. */
  const char *name;           /* NULL: "alloc" */
  /* The most live bytes; allocation fails beyond it.  Free blocks in magazines count. */
  size_t max_bytes;           /* 0: no limit */
  /* The most bytes that may wait for readers.  Beyond it sydra_free_deferred refuses. */
  size_t max_deferred_bytes;  /* 0: 64 MiB */
  /*
   * Told which reader holds reclamation up, by the thread whose sydra_free_deferred is refused.
   * May call anything on the handle except sydra_alloc_destroy.  NULL: no function.
   */
  void (*on_stall)(void *ctx, const struct sydra_stall *stall);
  void *on_stall_ctx;         /* passed to on_stall */
};

/* Every member at its default. */
#define SYDRA_ALLOC_OPTIONS_INIT { sizeof (struct sydra_alloc_options), 0, 0, 0, 0, 0 }

/*
 * Makes a handle with the given options; NULL means all defaults.  The options are read during the
 * call only.  The caller owns the handle and ends it with sydra_alloc_destroy.  On failure it
 * returns NULL and sets errno: ENOMEM, or EINVAL if options->size is smaller than the structure of
 * any version.  Thread-safe.
 */
struct sydra_alloc *sydra_alloc_create(const struct sydra_alloc_options *options);

/*
 * Ends a handle and returns how many of its blocks were still live.  In small_pool mode all memory
 * that the handle served goes back.  In the other modes blocks that are still live stay allocated
 * in the C library or mimalloc, and nobody can free them any more.  No other thread may be inside a
 * call on the handle, or use it or its blocks afterwards.  To destroy sydra_alloc_default() is
 * misuse.
 */
size_t sydra_alloc_destroy(struct sydra_alloc *a);

/* Returns the process's own handle.  It is made at the first call and never destroyed.  Ends the
   process if there is no memory for it.  Keeps errno.  Thread-safe. */
struct sydra_alloc *sydra_alloc_default(void);

/* ---- Memory: as C's functions of the same name.  Blocks are the caller's until freed. ---- */

/* Allocates a block of at least size bytes, aligned for any object (alignof (max_align_t)).  Size 0
   gives a unique pointer that can be freed.  On failure NULL and ENOMEM. */
void *sydra_malloc (struct sydra_alloc *a, size_t size)
  SYDRA_ATTR_ ((__malloc__, __warn_unused_result__));

/* Allocates a block for count objects of size bytes each; all bytes are zero.  On failure, also
   if the product overflows, NULL and ENOMEM. */
void *sydra_calloc (struct sydra_alloc *a, size_t count, size_t size)
  SYDRA_ATTR_ ((__malloc__, __warn_unused_result__));

/*
 * Makes the block's size the given one, and keeps its contents up to the smaller of the two sizes.
 * The block may move; the old pointer is then invalid.  With block NULL it is a sydra_malloc.  Size
 * 0 shrinks the block to the smallest size, and never frees it.  The result is aligned as
 * sydra_malloc's, whatever the old block's alignment was.  On failure NULL and ENOMEM; the old
 * block is then untouched and still the caller's.
 */
void *sydra_realloc (struct sydra_alloc *a, void *block, size_t size)
  SYDRA_ATTR_ ((__warn_unused_result__));

/*
 * Allocates a block of at least size bytes, 0 included, at a multiple of alignment bytes, any
 * power of two.  On failure NULL, and EINVAL for an alignment that is no power of two, or
 * ENOMEM.
 */
void *sydra_aligned_alloc (struct sydra_alloc *a, size_t alignment, size_t size)
  SYDRA_ATTR_ ((__malloc__, __warn_unused_result__));

/* Frees a block.  NULL does nothing.  Keeps errno.  Any thread may free any block of the handle. */
void sydra_free(struct sydra_alloc *a, void *block);

/* sydra_free for a caller that knows the size in bytes that it requested.  A size that the block
   cannot have is misuse. */
void sydra_free_sized(struct sydra_alloc *a, void *block, size_t size);

/* sydra_free_sized for a block of sydra_aligned_alloc, with the alignment that was requested. */
void sydra_free_aligned_sized(struct sydra_alloc *a, void *block, size_t alignment, size_t size);

/* Makes the block's size the given one in place.  Returns true, or false if nothing has
   changed.  Never moves the block and never sets errno.  block is not NULL. */
bool sydra_resize(struct sydra_alloc *a, void *block, size_t size);

/* How many bytes of the block the caller may use.  All of them are writable.  They are at least
   as many as were requested.  0 for NULL. */
size_t sydra_usable_size(struct sydra_alloc *a, const void *block);

/* How many bytes a request of size bytes would get; size itself if no such block is possible. */
size_t sydra_good_size(struct sydra_alloc *a, size_t size);

/* Whether the pointer lies in memory of this handle's: in a live slab of its pool, or in a large
   block.  The pointer may have any value.  False in modes without a pool, and for a block that the
   C library serves. */
bool sydra_owns(struct sydra_alloc *a, const void *pointer);

/*
 * Allocates up to count blocks of at least size bytes each, stores them from blocks[0] on, and
 * returns how many.  They are fewer than count only if memory is short; errno is then ENOMEM.  The
 * blocks are freed like any others.
 */
size_t sydra_malloc_batch(struct sydra_alloc *a, size_t size, size_t count, void **blocks);

/* Frees blocks[0] to blocks[count - 1], of any sizes.  NULL among them is skipped.  Keeps
   errno.  The array itself stays as it is. */
void sydra_free_batch(struct sydra_alloc *a, size_t count, void **blocks);

/* ---- An allocator as a value, after Zig's std.mem.Allocator ---- */

/*
 * For libraries that should work with any allocator.
 *
 * Sizes and alignments are bytes; alignments are powers of two.  size is the size that was last
 * requested for the block.  alloc returns NULL and sets errno on failure.  resize changes the size
 * in place, or returns false.  remap may move the block; on failure it returns NULL and sets errno,
 * and nothing has changed.  Thread-safe if ctx is a handle.
 */
struct sydra_allocator {
  void *ctx;
  void *(*alloc)(void *ctx, size_t size, size_t alignment);
  bool (*resize)(void *ctx, void *block, size_t size, size_t alignment, size_t new_size);
  void *(*remap)(void *ctx, void *block, size_t size, size_t alignment, size_t new_size);
  void (*free)(void *ctx, void *block, size_t size, size_t alignment);
};

/* Returns the handle as such a value, which is valid as long as the handle. */
struct sydra_allocator sydra_alloc_interface(struct sydra_alloc *a);

/* ---- Reclamation: blocks that readers may still look at ---- */

/* This works in every mode.  Each handle has its own epochs. */

/*
 * Enters a section.  No block that is deferred from here on is freed before the matching
 * sydra_epoch_leave.  Returns the epoch, which that call takes as argument.  Sections nest, and the
 * outermost one counts.  A thread may be in sections of several handles.  The call costs about a
 * store, never waits and never fails.  A section ends when its thread ends; a destructor that
 * enters a section after this must leave it.
 */
uint64_t sydra_epoch_enter(struct sydra_alloc *a);

/* Leaves a section.  observed is what the matching sydra_epoch_enter of this thread returned.
   Any other value is misuse. */
void sydra_epoch_leave(struct sydra_alloc *a, uint64_t observed);

/* Moves the epoch on, and returns the epoch that is then current.  Never waits.  Deferred frees
   do not need this call: they move the epoch themselves. */
uint64_t sydra_epoch_advance(struct sydra_alloc *a);

/*
 * Waits until every reader that is inside at the time of the call has left.  Returns 0; EDEADLK
 * inside a section of the same handle, where it would wait for itself; or EAGAIN if the system has
 * begun to refuse the memory barrier that makes readers visible.
 */
int sydra_epoch_synchronize(struct sydra_alloc *a);

/*
 * Frees a block once no reader can see it any more.  Before the call, the caller has taken the
 * block out of reach; readers that are inside a section now may still look at it.  Until it is
 * freed the block is not written to, and counts as in use.  NULL does nothing.
 *
 * Returns 0 if the block now belongs to the handle.  Otherwise the block is untouched and still the
 * caller's.  EAGAIN: max_deferred_bytes would be passed, and readers hold up the blocks that wait,
 * or may do so because the system refuses the memory barrier.  Each thread may have a share of the
 * limit unused, up to 1/64 of it or 16 KiB.  ENOMEM: there is no memory to record the block.
 *
 * Keeps errno.  Now and then a call frees the blocks of all threads that no reader can see any
 * more.  Thread-safe.
 */
int sydra_free_deferred(struct sydra_alloc *a, void *block);

/* ---- Giving memory back ---- */

/*
 * Frees all deferred blocks that no reader can see, empties the calling thread's magazines and the
 * depots, and gives every page without a block in use back to the system.  Other threads' magazines
 * stay as they are.  Returns how many bytes went back.  Thread-safe.
 */
size_t sydra_collect(struct sydra_alloc *a);

/* ---- Statistics ---- */

#define SYDRA_STATS_CLASSES_MAX 64
#define SYDRA_STATS_FALLBACK_BOUNDS 9  /* 64 128 256 512 1024 2048 4096 8192, and above */

/* One size class of the pool. */
struct sydra_class_stats {
  size_t size;                /* of its blocks, in bytes */
  uint64_t allocations;       /* blocks that were allocated, ever */
  uint64_t frees;             /* blocks that were freed, ever */
  uint64_t refills;           /* how often a thread's magazine was filled from depots or slabs */
  uint64_t in_use;            /* blocks that are in use now */
  /* The most in use at once.  The error is at most 128 KiB of blocks and two magazines for each
     thread. */
  uint64_t high_water;
  uint64_t slabs;             /* slabs that serve the class now */
  uint64_t free_blocks;       /* blocks of these slabs not in use: in slabs, depots and magazines */
  uint64_t lock_acquisitions; /* how often one of the locks over its slabs was taken */
  uint64_t lock_contention;   /* how often a thread had to wait for one of them */
  uint64_t lock_wait_ns;      /* how long threads waited for them, in nanoseconds */
  /* How long they were held, in nanoseconds: an estimate, as one hold in 17 is timed. */
  uint64_t lock_hold_ns;
};

/* The statistics of one handle.  Counts begin when the handle is made. */
struct sydra_stats {
  size_t size;                       /* set by the caller to sizeof (struct sydra_stats) */
  const char *mode;                  /* sydra_alloc_mode() */
  unsigned shards;                   /* sydra_alloc_shards() */
  /* Blocks that were allocated and freed, whoever served them.  A block that realloc moves is
     both. */
  uint64_t allocations, frees;
  uint64_t in_use, in_use_bytes;     /* blocks that are in use now, and their usable bytes */
  /* The most usable bytes at once.  The error is at most 256 KiB for each thread, and two magazines
     for each class and thread. */
  uint64_t high_water_bytes;
  uint64_t shard_hits;               /* requests of pool size that the pool served */
  uint64_t shard_misses;             /* requests of pool size for which the class had no room */
  /* Freed blocks put back into another shard's slabs than the thread's, given to another shard, or
     taken from another's depot: once for each, and those of a depot by the magazine. */
  uint64_t cross_shard_frees;
  uint64_t deferred_blocks, deferred_bytes;     /* that wait for readers now, and their bytes */
  uint64_t deferred_high_water_bytes;           /* the most such bytes that were observed at once */
  /* The current epoch, and the oldest one in which a reader entered that is inside. */
  uint64_t epoch_current, epoch_min; /* both are the same if no reader is inside */
  uint64_t fallback_allocs, fallback_frees;     /* blocks that no size class served */
  uint64_t fallback_resizes, fallback_remaps;   /* how often they were resized, and moved */
  /* fallback_allocs without remaps, by the requested size: up to 64, 128, ... 8192, and above. */
  uint64_t fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS];
  uint64_t reserved_bytes;           /* address space mapped for the blocks of all handles */
  uint64_t committed_bytes;          /* of this handle's slabs, and of free ones with memory */
  unsigned class_count;              /* how many entries of classes are filled in */
  struct sydra_class_stats classes[SYDRA_STATS_CLASSES_MAX];
  /* What orders a reader's loads behind its entering: "membarrier", or "fence" if there is none. */
  const char *epoch_barrier;
  uint64_t epoch_advances;           /* how often the epoch moved on */
  uint64_t deferred_reclaimed;       /* deferred blocks that were freed, ever */
  uint64_t deferred_stalls;          /* deferred frees that were refused because of a reader */
  /* How long the block that waits longest has waited, in nanoseconds.  0: none waits. */
  uint64_t deferred_oldest_ns;
  uint64_t fallback_heap_allocs;     /* those of fallback_allocs that the C library's malloc served */
};

/*
 * Fills in *stats, up to stats->size bytes.  The numbers are exact when no other thread is inside
 * the allocator; the call never stops a thread that is.  Returns 0, or EINVAL if stats->size is too
 * small for any version.  Allocates nothing.  Thread-safe.
 */
int sydra_stats_get(struct sydra_alloc *a, struct sydra_stats *stats);

/* The formats of sydra_stats_write. */
enum sydra_stats_format {
  SYDRA_STATS_TEXT,  /* columns for people */
  SYDRA_STATS_JSON   /* one object: name, pid, program, and the members of struct sydra_stats */
};

/*
 * Renders the handle's statistics, with the process number and the program's name.  Passes the text
 * to write in pieces of length bytes, not NUL-terminated.  write returns 0 to continue; any other
 * value ends the rendering and is returned.  Returns 0 on success, and EINVAL for an unknown
 * format.  Allocates nothing; write may allocate.  Thread-safe.
 */
int sydra_stats_write(struct sydra_alloc *a, enum sydra_stats_format format,
                      int (*write)(void *ctx, const char *text, size_t length), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
