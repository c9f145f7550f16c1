/* SPDX-License-Identifier: MIT */
#ifndef SY_TEST_FORK_LIBRARY_H
#define SY_TEST_FORK_LIBRARY_H

#include <stddef.h>

/* To be set before the first work. */
extern void *(*library_allocate) (size_t size);
extern void (*library_free) (void *block);

void library_work (void);

#endif
