/* SPDX-License-Identifier: MIT */
/* run_options.h: the command line of sydra-run.  Its strings point into the command line. */
#ifndef SYDRA_RUN_OPTIONS_H
#define SYDRA_RUN_OPTIONS_H

#include <stdbool.h>

struct run_options
{
  bool stats;
  const char *json, *shards, *module;  /* NULL: not given */
  char **program;                      /* the program's name and arguments, then NULL */
};

/* Fills in *o.  --help, --version and a wrong command line end the process. */
void run_options_read (struct run_options *o, int count, char **words);

#endif
