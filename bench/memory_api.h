/* SPDX-License-Identifier: MIT */
/*
 * memory_api.h: the calls that are measured, and what a timed loop does with a block.
 *
 * A kernel is written once, takes the api as a constant and is compiled twice (KERNEL_FOR_BOTH), so that the loop of either api holds
 * direct calls and nothing else: no function pointer, no test.
 */
#ifndef BENCH_MEMORY_API_H
#define BENCH_MEMORY_API_H

#include <stdlib.h>
#include <sydra/alloc.h>
#include "util.h"

enum memory_api { API_HANDLE, API_MALLOC, API_COUNT };

#define KERNEL static inline __attribute__ ((__always_inline__)) void

/* Makes NAME_handle and NAME_malloc of a kernel that takes (struct worker *, enum memory_api, ...). */
#define KERNEL_FOR_BOTH(name, kernel, ...) \
  static void name##_handle (struct worker *w) { kernel (w, API_HANDLE, ## __VA_ARGS__); } \
  static void name##_malloc (struct worker *w) { kernel (w, API_MALLOC, ## __VA_ARGS__); }
#define BOTH(name) { name##_handle, name##_malloc }

/* A block as a program gets one: asked for, tested, its first byte written.  The compiler may not see that it is never read. */
static inline __attribute__ ((__always_inline__)) void *
block_new (enum memory_api api, struct sydra_alloc *a, size_t size)
{
  unsigned char *block = api == API_HANDLE ? sydra_malloc (a, size) : malloc (size);

  if (__builtin_expect (!block, 0))
    out_of_memory (size);
  *block = (unsigned char) size;
  __asm__ volatile ("" : "+r" (block) : : "memory");
  return block;
}

static inline __attribute__ ((__always_inline__)) void
block_free (enum memory_api api, struct sydra_alloc *a, void *block)
{
  if (api == API_HANDLE)
    sydra_free (a, block);
  else
    free (block);
}

#endif
