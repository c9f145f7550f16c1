/* SPDX-License-Identifier: MIT */
/* What ./configure chose and the tests replace: one variable, so that one core serves every configuration. */
#ifndef SY_CONFIGURED_H
#define SY_CONFIGURED_H

/* Shards of a pool: 0..1024, or -1 for as many as processors are online when the process starts. */
extern const int sy_configured_shards;

#endif
