/* SPDX-License-Identifier: MIT */
/*
 * conf.h: what SYDRA_ALLOC_CONF says: "KEY:VALUE,KEY:VALUE...".
 *
 *   shards:auto|N   of the pool, 0..1024 (small_pool only)
 *   stats:text      statistics on standard error when the process exits
 *   json:FILE       statistics to FILE then, which is empty until then; file_name.h says what %p is
 *   process:PID     only from this process: not from what it starts
 *   process:any     from all, as where nothing is said
 *
 * A backslash makes the next character part of the value.  What is not understood is told in a line, and left out; the last of two counts.
 */
#ifndef SY_MALLOC_CONF_H
#define SY_MALLOC_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

struct sy_conf {
  int shards;           /* as sy_configured_shards says; -1: auto */
  bool text;
  long process;         /* 0: any */
  char json[PATH_MAX];  /* as file_name.h says; "": none */
};

/* text may be NULL.  Allocates nothing.  warn is given whole lines, with their newlines. */
void sy_conf_read (struct sy_conf *conf, const char *text, void (*warn) (const char *line, size_t length));

#endif
