/* SPDX-License-Identifier: MIT */
/*
 * kernel.h: what the kernels of scripts/compare-programs share: the command line, threads, stamped
 * blocks, and the line that reports.
 *
 * A kernel is a program that uses plain malloc, calloc, realloc and free, so that any allocator can
 * be preloaded.  Its options and seed alone determine its work, whatever the threads' timing.  So
 * operations and checksum are the same in every run, and the elapsed time is the result.  Tables
 * come from array_new, never from the allocator.
 */
#ifndef BENCH_KERNELS_KERNEL_H
#define BENCH_KERNELS_KERNEL_H

#include "../oracle.h"
#include "../util.h"

#define KERNEL_THREADS_MAX 256u

/* An option of one kernel.  value is its default until the command line is read. */
struct kernel_option {
  const char *name, *what;
  unsigned long value, least, most;
};

struct kernel {
  const char *name, *what;
  unsigned threads; /* the default until the command line is read */
  double scale;     /* 1: the work that the kernel describes */
  uint64_t seed, start_ns;
  struct kernel_option *options;
  unsigned options_used;
};

/* One thread's part of the result. */
struct tally {
  uint64_t operations; /* an operation is one call that allocates, and the free of its block */
  uint64_t checksum;   /* sum of what was read from the blocks; their order does not matter */
};

/*
 * Reads the command line and starts the clock.  --help ends the process with status 0; a wrong
 * command line ends it with status 2 and one line.
 */
void kernel_begin (struct kernel *kernel, int count, char **words);

void tally_add (struct tally *all, const struct tally *part);

/*
 * Prints one line: first what is the same in every run, then the elapsed time.  Returns the exit
 * status.
 */
int kernel_end (const struct kernel *kernel, struct tally tally);

/* n times the scale, at least 1. */
uint64_t kernel_scaled (const struct kernel *kernel, uint64_t n);

/*
 * Runs one thread for each of the count arguments, which are `each` bytes long.  Waits for the
 * threads.
 */
void kernel_threads (unsigned count, void *(*work) (void *), void *arguments, size_t each);

/* A size as servers request them: 16..4096 bytes, mostly small. */
size_t kernel_server_size (struct random *random);

/*
 * Stamps a block of at least 16 bytes: its first word, one word in each further 4096 bytes, and its
 * last word.
 */
void kernel_stamp (struct stamped *block, uint64_t stamp);
/* Checks the stamps in the first bytes. */
void kernel_verify (const struct stamped *block, size_t bytes, struct tally *tally);
void kernel_new_block (struct stamped *block, size_t size, uint64_t stamp);
/* verifies the block, and sets start to NULL */
void kernel_free_block (struct stamped *block, struct tally *tally);
void kernel_corrupt (const void *start, size_t size, size_t offset)
  __attribute__ ((__noreturn__, __cold__));

#endif
