/* SPDX-License-Identifier: MIT */
/*
 * file_name.h: the file of a report, as json:FILE of SYDRA_ALLOC_CONF names it: %p stands for the
 * number of the process, %% for a percent sign, any other % for itself.  Allocates nothing.
 */
#ifndef SY_MALLOC_FILE_NAME_H
#define SY_MALLOC_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Whether there is a %p: each process has a file of its own. */
bool sy_file_name_has_process (const char *name);

/*
 * Writes the directory as it is, and after it the name with the above put in.  false: that does not
 * fit in so many bytes, and a part of it is written.
 */
bool sy_file_name_expand (char *to, size_t bytes, const char *directory, const char *name,
                          long process);

#endif
