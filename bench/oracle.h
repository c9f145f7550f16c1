/* SPDX-License-Identifier: MIT */
/*
 * oracle.h: knows what every byte of a block should be.
 *
 * A block is filled over its whole size with a pattern.  The pattern is made from the thread that
 * stamps it and the number of blocks that this thread has stamped before.  The record of that is
 * not in the block.  If a block has two owners, was cut short or is written to after its free, its
 * pattern breaks.  Who holds the record owns the block; a record is passed on together with its
 * block.
 */
#ifndef BENCH_ORACLE_H
#define BENCH_ORACLE_H

#include <stddef.h>
#include <stdint.h>

struct stamped {
  unsigned char *start;
  size_t size;      /* bytes, as requested last */
  size_t alignment; /* as requested; 0: no alignment was */
  uint64_t stamp;
};

/* Fills the block.  sequence is under 2^48, and differs for each stamping by the same owner. */
void oracle_stamp (struct stamped *block, unsigned owner, uint64_t sequence);

/*
 * Checks that the first bytes are as they were stamped.  If not, ends the process with one line and
 * status 1.
 */
void oracle_verify (const struct stamped *block, size_t bytes, const char *when);

/* The same checks for fresh memory: it is all zero; it is aligned. */
void oracle_verify_zero (const unsigned char *start, size_t bytes);
void oracle_verify_alignment (const void *start, size_t alignment, size_t size, const char *call);

#endif
