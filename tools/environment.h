/* SPDX-License-Identifier: MIT */
/* environment.h: what the program will find in LD_PRELOAD and SYDRA_ALLOC_CONF.  What cannot be ends the process. */
#ifndef SYDRA_RUN_ENVIRONMENT_H
#define SYDRA_RUN_ENVIRONMENT_H

#include "run_options.h"

/* file from the root on, as of the current directory; a new string. */
char *environment_absolute (const char *file);

/* Puts the module, an absolute path, in front of LD_PRELOAD. */
void environment_preload (const char *module);

/* Adds the options to SYDRA_ALLOC_CONF, after what is there. */
void environment_configure (const struct run_options *o);

#endif
