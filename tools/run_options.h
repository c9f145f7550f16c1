/* SPDX-License-Identifier: MIT */
/* run_options.h: the command line of sydra-run.  All strings live as long as the command line. */
#ifndef SYDRA_RUN_OPTIONS_H
#define SYDRA_RUN_OPTIONS_H

#include <stdbool.h>

struct run_options
{
  bool stats;
  const char *json, *shards, *module;  /* as given; NULL: not given */
  char **program;                      /* its name and arguments, then NULL */
};

/* What cannot be ends the process, as do --help and --version. */
void run_options_read (struct run_options *o, int count, char **words);

#endif
