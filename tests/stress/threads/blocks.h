/* SPDX-License-Identifier: MIT */
/*
 * blocks.h: what the parts of the test of many threads share: more threads than shards, blocks
 * freed by others, threads that come and go.
 *
 * The oracle: every block is filled with words made of its owner's number and a sequence number,
 * over all of its usable bytes, and checked just before it is freed.  A block that two threads hold
 * at once, or that is reused too early, does not keep its words.  Each thread also counts what it
 * allocates, so that the statistics can be held to the number.
 */
#ifndef SY_TEST_BLOCKS_H
#define SY_TEST_BLOCKS_H

#include "suite.h"
#include "sydra/alloc.h"

#define ROUNDS test_steps (SY_THREAD_SANITIZER ? 4000 : 40000, 400000)

struct stamped
{
  uint32_t *words;        /* NULL: no block */
  uint32_t size, count;   /* bytes asked for; words that are stamped */
  uint32_t stamp;
};

extern struct sydra_alloc *shared_handle;
extern __thread uint64_t allocated;  /* by this thread since it last counted */

/* Makes the handle; nothing is counted. */
void begin (void);

/* Adds what this thread allocated to what all have. */
void count_thread (void);

/* All threads have counted, all blocks are freed: the statistics say so. */
void must_be_quiet (void);

/* A size that the pool serves: three in four up to 256, the others of any doubling up to its
   largest alike. */
uint32_t pool_size (struct test_random *random);

/* A stamped block of that size; of any size, now and then one that falls back. */
struct stamped make_block_of (struct test_random *random, uint32_t size, uint32_t owner,
                              uint32_t sequence);
struct stamped make_block (struct test_random *random, uint32_t owner, uint32_t sequence);

/* Checked, it becomes another size: the words that fit are the old ones. */
void resize_block (struct stamped *block, struct test_random *random);

/* Checked and freed, if there is one. */
void end_block (struct stamped *block);

/* Each adds a case. */
void threads_add_destructors (Suite *suite);
void threads_add_travel (Suite *suite);
void threads_add_short (Suite *suite);

#endif
