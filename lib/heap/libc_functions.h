/* SPDX-License-Identifier: MIT */
/*
 * libc_functions.h: the C library's own malloc and its family, even if another library defines the
 * same names.
 *
 * A program may be linked with another allocator.  The dynamic linker then binds malloc's names to
 * that allocator, and also __libc_malloc and some of its relatives, which gperftools and mimalloc
 * define.  One block must not be handled by functions of two heaps.  So the first call looks all
 * functions up in the C library's own table of symbols.
 *
 * Nothing here allocates.  dl_iterate_phdr is the only function called that another library could
 * define.  Any thread may call.
 */
#ifndef SY_LIBC_FUNCTIONS_H
#define SY_LIBC_FUNCTIONS_H

#include <stddef.h>

void *sy_libc_malloc (size_t size);
void *sy_libc_calloc (size_t count, size_t size);
void *sy_libc_realloc (void *block, size_t size);
void *sy_libc_memalign (size_t alignment, size_t size);
void sy_libc_free (void *block);
size_t sy_libc_malloc_usable_size (void *block);
int sy_libc_malloc_trim (size_t pad);

#endif
