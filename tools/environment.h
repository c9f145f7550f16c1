/* SPDX-License-Identifier: MIT */
/*
 * environment.h: sets LD_PRELOAD and SYDRA_ALLOC_CONF for the program.  A value that is impossible
 * ends the process.
 */
#ifndef SYDRA_RUN_ENVIRONMENT_H
#define SYDRA_RUN_ENVIRONMENT_H

#include "run_options.h"

/* The absolute path of file, from the current directory; a new string. */
char *environment_absolute (const char *file);

/* Puts the module in front of LD_PRELOAD.  module is an absolute path. */
void environment_preload (const char *module);

/* Appends the options to SYDRA_ALLOC_CONF. */
void environment_configure (const struct run_options *o);

#endif
