/* SPDX-License-Identifier: MIT */
/*
 * fallback.h: which blocks a pool's handle has from the C library: a set of addresses, so that a foreign pointer is told from a block
 * without reading near it, and so that the handle's end can give them all back.
 *
 * The set is cut into stripes by address, each an open-addressed table under its own lock, at most half full.  Where a table cannot grow
 * for want of memory, blocks are served untracked and counted; while there are any, an unknown address gets the benefit of the doubt.
 */
#ifndef SY_FALLBACK_H
#define SY_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/tuning.h"

struct sy_fallback_stripe {
  struct sy_lock lock;
  uintptr_t *table;  /* 0: no entry; under the lock, as all here */
  size_t entries;    /* of the table, a power of two; 0: no table yet */
  size_t used, untracked;
} SY_ALIGNED (SY_LINE_BYTES);

struct sy_fallback {
  struct sy_fallback_stripe stripe[SY_FALLBACK_STRIPES];
};

void sy_fallback_open (struct sy_fallback *fallback);

/* Hands every block to give_back and forgets all. */
void sy_fallback_close (struct sy_fallback *fallback, void (*give_back) (void *block));

void sy_fallback_add (struct sy_fallback *fallback, const void *block);

/* False: no block of this handle. */
bool sy_fallback_remove (struct sy_fallback *fallback, const void *block);

/* Forgets all; nobody else uses it. */
void sy_fallback_forget (struct sy_fallback *fallback);

/* For fork: all stripes at once. */
void sy_fallback_lock (struct sy_fallback *fallback);
void sy_fallback_unlock (struct sy_fallback *fallback);

bool sy_fallback_has (struct sy_fallback *fallback, const void *block);

#endif
