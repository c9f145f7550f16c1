/* SPDX-License-Identifier: MIT */
/*
 * util.h: what all parts need: arrays that do not come from the allocator under test, random
 * numbers, and a way to end with a message.
 */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>

/* Another program's main sets its own name before any thread starts. */
extern const char *program_name;

/* Prints one line to standard error.  The exit status is 1. */
void die (const char *format, ...) __attribute__ ((__noreturn__, __format__ (__printf__, 1, 2)));
void out_of_memory (size_t size) __attribute__ ((__noreturn__, __cold__));

/*
 * Zeroed memory straight from the system, aligned to 128 bytes.  Its bytes are counted, so that a
 * report can tell them from the allocator's.  array_delete accepts NULL.
 */
void *array_new (size_t count, size_t each);
void array_delete (void *array);
size_t array_bytes_peak (void); /* the peak since the last array_bytes_forget */
void array_bytes_forget (void);

/* SplitMix64.  Seeds may be close to each other. */
struct random {
  uint64_t state;
};

static inline uint64_t
random_next (struct random *r)
{
  uint64_t x = r->state += UINT64_C (0x9e3779b97f4a7c15);

  x = (x ^ x >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C (0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* 0 .. below - 1.  below is over 0 and under 2^32. */
static inline uint32_t
random_below (struct random *r, uint64_t below)
{
  return (uint32_t) ((random_next (r) >> 32) * below >> 32);
}

static inline uint32_t
random_between (struct random *r, uint32_t least, uint32_t most)
{
  return least + random_below (r, (uint64_t) most - least + 1);
}

void random_sizes (struct random *r, uint32_t *sizes, size_t count, uint32_t least, uint32_t most);
void random_order (struct random *r, uint32_t *order, uint32_t count); /* permutes 0 .. count - 1 */

void sort_values (double *values, size_t count); /* the smallest first */

#endif
