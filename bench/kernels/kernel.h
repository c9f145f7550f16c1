/* SPDX-License-Identifier: MIT */
/*
 * kernel.h: what the kernels of scripts/compare-programs share: the command line, threads, stamped blocks, the line that reports.
 *
 * A kernel is a program that uses plain malloc, calloc, realloc and free, so that any allocator can be preloaded.  Its work is fixed by its
 * options and seed, whatever the threads' timing: elapsed time is the measure, operations and checksum are the same in every run.  Tables
 * come from array_new, never from the allocator.
 */
#ifndef BENCH_KERNELS_KERNEL_H
#define BENCH_KERNELS_KERNEL_H

#include "../oracle.h"
#include "../util.h"

#define KERNEL_THREADS_MAX 256u

/* An option of one kernel; value is its default at first. */
struct kernel_option {
  const char *name, *what;
  unsigned long value, least, most;
};

struct kernel {
  const char *name, *what;
  unsigned threads; /* the default at first */
  double scale;     /* 1: the work described at the kernel */
  uint64_t seed, start_ns;
  struct kernel_option *options;
  unsigned options_used;
};

/* A thread's part of the result. */
struct tally {
  uint64_t operations; /* an operation is one call that allocates, and the free of what it gave */
  uint64_t checksum;   /* sum of what was read from the blocks: in any order the same */
};

/* Reads the command line and starts the clock.  Ends the process for --help (status 0) and for what cannot be (status 2, one line). */
void kernel_begin (struct kernel *kernel, int count, char **words);

void tally_add (struct tally *all, const struct tally *part);

/* One line: what is the same in every run, then the elapsed time.  The exit status. */
int kernel_end (const struct kernel *kernel, struct tally tally);

/* n times the scale, at least 1. */
uint64_t kernel_scaled (const struct kernel *kernel, uint64_t n);

/* Runs one thread for each of count arguments, each bytes long, and waits for them. */
void kernel_threads (unsigned count, void *(*work) (void *), void *arguments, size_t each);

/* Sizes as servers ask for them: 16..4096 bytes, most of them small. */
size_t kernel_server_size (struct random *random);

/* A block of at least 16 bytes, stamped in its first word, in one of each 4096 bytes, and in its last. */
void kernel_stamp (struct stamped *block, uint64_t stamp);
void kernel_verify (const struct stamped *block, size_t bytes, struct tally *tally); /* the stamps that lie in the first bytes */
void kernel_new_block (struct stamped *block, size_t size, uint64_t stamp);
void kernel_free_block (struct stamped *block, struct tally *tally); /* verified; start is NULL afterwards */
void kernel_corrupt (const void *start, size_t size, size_t offset) __attribute__ ((__noreturn__, __cold__));

#endif
