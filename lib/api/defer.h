/* SPDX-License-Identifier: MIT */
/* defer.h: a handle's deferred frees, for the other calls. */
#ifndef SY_DEFER_H
#define SY_DEFER_H

#include "thread/registry.h"

/* Opens the handle's epoch domain.  max_bytes: what may wait; 0: the default. */
void sy_defer_open (struct sydra_alloc *a, size_t max_bytes);

/* For a call that finds no memory, or the handle's limit reached.  True: something waited, and all that may go is freed. */
bool sy_defer_give_way (struct sydra_alloc *a, struct sy_cache *cache);

#endif
