/* SPDX-License-Identifier: MIT */
/* heap_elsewhere.c: what there is to do for a heap that is a library of its own: it gives memory back, and goes through forks, by itself. */
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
