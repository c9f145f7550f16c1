/* SPDX-License-Identifier: MIT */
/* defer.h: how a handle comes to its epoch domain. */
#ifndef SY_DEFER_H
#define SY_DEFER_H

#include <stddef.h>

#include "sydra/alloc.h"

/* Opens the handle's epoch domain.  max_bytes: what may wait; 0: the default. */
void sy_defer_open (struct sydra_alloc *a, size_t max_bytes);

#endif
