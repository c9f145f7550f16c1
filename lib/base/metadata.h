/* SPDX-License-Identifier: MIT */
/*
 * metadata.h: memory for what the library itself keeps: handles, caches, magazines and the states
 * of slabs.  All of it lies in one arena (arena.h), so that a process has few mappings and tables
 * of pages for it.
 *
 * It is never given back.  So a stale pointer to it still reads memory of its kind, if its owner
 * reuses it for the same kind only.  Any thread may call.
 */
#ifndef SY_METADATA_H
#define SY_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"

/* Bytes that are zero; alignment is a power of two, up to a unit.  NULL: the room or the memory is
   used up. */
void *sy_metadata_take (size_t bytes, size_t alignment);

/* Is the pointer in what was taken? */
bool sy_metadata_has (const void *pointer);

/* Where the first of it ends: the rest lies below.  Only for who has taken some. */
uintptr_t sy_metadata_top (void);

/* Its lock; for fork. */
struct sy_lock *sy_metadata_lock (void);

#endif
