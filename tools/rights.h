/* SPDX-License-Identifier: MIT */
/*
 * rights.h: whether a program would run with other rights than its caller's.  Then the loader is in
 * secure mode (AT_SECURE) and preloads nothing.
 */
#ifndef SYDRA_RUN_RIGHTS_H
#define SYDRA_RUN_RIGHTS_H

#include <sys/stat.h>

/* The reason, as a clause; NULL: the rights stay the same. */
const char *rights_change (const char *path, const struct stat *file);

#endif
