/* SPDX-License-Identifier: MIT */
/* heap_elsewhere.c: empty functions for a heap that is another library.  Such a heap gives
   memory back, and handles forks, by itself. */
#include <config.h>

#include "heap/heap.h"

void
sy_heap_reap (uint64_t now_ns)
{
  (void) now_ns;
}

void
sy_heap_reap_soon (uint64_t now_ns)
{
  (void) now_ns;
}

size_t
sy_heap_held_bytes (void)
{
  return 0;
}

void
sy_heap_fork_lock (void)
{
}

void
sy_heap_fork_unlock (void)
{
}
