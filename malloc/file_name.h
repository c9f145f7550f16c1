/* SPDX-License-Identifier: MIT */
/*
 * file_name.h: expands the file name of a report (json:FILE in SYDRA_ALLOC_CONF).  %p becomes the
 * process's number and %% becomes a percent sign; any other % stays.  Allocates nothing.
 */
#ifndef SY_MALLOC_FILE_NAME_H
#define SY_MALLOC_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the name contains a %p, so that each process has a file of its own. */
bool sy_file_name_has_process (const char *name);

/*
 * Writes the directory unchanged, then the expanded name.  If that needs more than the given number
 * of bytes, it writes a part of it and returns false.
 */
bool sy_file_name_expand (char *to, size_t bytes, const char *directory, const char *name,
                          long process);

#endif
