/* SPDX-License-Identifier: MIT */
/*
 * preinit.c: for the static archive: a program's preinit functions run before the constructors of
 * the libraries that it is linked with.  The archive has no other entry for sy_load, which is to
 * run once.
 */
#include "start.h"

typedef void load (int argc, char **argv, char **environment);

static load *const at_preinit __attribute__ ((section (".preinit_array"), used)) = sy_load;
