/* SPDX-License-Identifier: MIT */
/* rights.h: whether the system runs a program with other rights than its caller's, and so (AT_SECURE) lets nothing be preloaded. */
#ifndef SYDRA_RUN_RIGHTS_H
#define SYDRA_RUN_RIGHTS_H

#include <sys/stat.h>

/* Why, as a clause; NULL: the rights stay the same. */
const char *rights_change (const char *path, const struct stat *file);

#endif
