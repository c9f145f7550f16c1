/* SPDX-License-Identifier: MIT */
/*
 * memory_api.h: the calls that are measured, and what a timed loop does with a block.
 *
 * A kernel is written once and takes the api as a constant.  KERNEL_FOR_BOTH compiles it twice, so
 * that each loop has direct calls: no function pointer and no test of the api.
 */
#ifndef BENCH_MEMORY_API_H
#define BENCH_MEMORY_API_H

#include <stdlib.h>
#include <sydra/alloc.h>
#include "util.h"

enum memory_api { API_HANDLE, API_MALLOC, API_COUNT };

#define KERNEL static inline __attribute__ ((__always_inline__)) void

/* Makes NAME_handle and NAME_malloc of a kernel with (struct worker *, enum memory_api, ...). */
#define KERNEL_FOR_BOTH(name, kernel, ...) \
  static void name##_handle (struct worker *w) { kernel (w, API_HANDLE, ## __VA_ARGS__); } \
  static void name##_malloc (struct worker *w) { kernel (w, API_MALLOC, ## __VA_ARGS__); }
#define BOTH(name) { name##_handle, name##_malloc }

/*
 * Gets a block as a program does: asks for it, tests it, and writes its first byte.  The asm keeps
 * the compiler from dropping a block that is never read.
 */
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
