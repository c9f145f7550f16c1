/* SPDX-License-Identifier: MIT */
/*
 * init.c: for the module: puts sy_load into its table of constructors, at priority 101.
 *
 * A function with the attribute "constructor" must not have parameters: link-time optimisation
 * merges all constructors of a priority into one function, which calls them without arguments.
 * Link-time optimisation does not touch an entry that is written as data.
 */
#include <config.h>

#include "start.h"

typedef void load (int argc, char **argv, char **environment);

/* Not constant: the section also has the compiler's own entries, and those are not constant. */
static load *at_init __attribute__ ((section (".init_array.00101"), used)) = sy_load;
