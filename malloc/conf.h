/* SPDX-License-Identifier: MIT */
/*
 * conf.h: parses SYDRA_ALLOC_CONF: "KEY:VALUE,KEY:VALUE...".
 *
 *   shards:auto|N   shards of the pool, 0..1024 (small_pool only)
 *   hugepages:auto|never|always
 *                   when huge pages are asked for (small_pool only): see units.h
 *   stats:text      write statistics to standard error when the process exits
 *   json:FILE       write statistics to FILE at exit; until then FILE is empty; %p: see file_name.h
 *   process:PID     only this process reports, not the processes that it starts
 *   process:any     every process reports; this is the default
 *
 * A backslash makes the next character part of the value.  An entry that is not understood is
 * reported in one line and ignored.  If a key is given twice, the last value counts.
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
  int shards;           /* see sy_configured_shards; -1: auto */
  int huge;             /* see sy_configured_huge */
  bool text;
  long process;         /* the process that reports; 0: any */
  char json[PATH_MAX];  /* the file's name, see file_name.h; "": no report to a file */
  char value[PATH_MAX]; /* of the entry that is being read */
};

/* Fills in conf.  Allocates nothing.  Each call of warn gets a whole line with its newline. */
void sy_conf_read (struct sy_conf *conf, const char *text,
                   void (*warn) (const char *line, size_t length));

#endif
