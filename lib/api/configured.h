/* SPDX-License-Identifier: MIT */
/* What ./configure chose, and what the tests and the drop-in replace: calls, so that one core
   serves every configuration. */
#ifndef SY_CONFIGURED_H
#define SY_CONFIGURED_H

/* Shards of a pool: 0..1024, or -1: as many as the processors that the thread may run on which
   makes the first handle. */
int sy_configured_shards (void);

/* When huge pages are asked for: enum sy_huge (units.h). */
int sy_configured_huge (void);

#endif
