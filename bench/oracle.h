/* SPDX-License-Identifier: MIT */
/*
 * oracle.h: knows what every byte of a block should be.
 *
 * A block is filled, over its whole size, with a pattern made of who stamped it and how many blocks it had stamped before; the record of
 * that lives outside the block.  A block that two owners hold, that was cut short or that was written to after its free cannot keep both
 * patterns.  Whoever holds the record owns the block; records are passed on with the blocks.
 */
#ifndef BENCH_ORACLE_H
#define BENCH_ORACLE_H

#include <stddef.h>
#include <stdint.h>

struct stamped {
  unsigned char *start;
  size_t size;      /* bytes, as last asked for */
  size_t alignment; /* as asked for; 0: none was */
  uint64_t stamp;
};

/* sequence: under 2^48, another one for each stamping of the same owner. */
void oracle_stamp (struct stamped *block, unsigned owner, uint64_t sequence);

/* The first bytes still are what they were stamped; otherwise ends the process with one line and status 1. */
void oracle_verify (const struct stamped *block, size_t bytes, const char *when);

/* The same for fresh memory: all zero; at a multiple of alignment. */
void oracle_verify_zero (const unsigned char *start, size_t bytes);
void oracle_verify_alignment (const void *start, size_t alignment, size_t size, const char *call);

#endif
