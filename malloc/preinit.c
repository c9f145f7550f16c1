/* SPDX-License-Identifier: MIT */
/*
 * preinit.c: for the static archive: runs sy_load as a preinit function, which comes before the
 * constructors of all libraries that the program is linked with.  This is the archive's only entry
 * for sy_load, which must run once.
 */
#include <config.h>

#include "start.h"

typedef void load (int argc, char **argv, char **environment);

static load *const at_preinit __attribute__ ((section (".preinit_array"), used)) = sy_load;
