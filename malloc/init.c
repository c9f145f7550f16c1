/* SPDX-License-Identifier: MIT */
/*
 * init.c: for the module: an entry for sy_load in its table of constructors, at priority 101.
 *
 * A function with the attribute "constructor" must have no parameters: link-time optimisation makes
 * one function of all constructors of a priority, and calls each without arguments.  It leaves an
 * entry that is written as data as it is.
 */
#include "start.h"

typedef void load (int argc, char **argv, char **environment);

/* Not constant: the section holds the compiler's own entries too, and those are not. */
static load *at_init __attribute__ ((section (".init_array.00101"), used)) = sy_load;
