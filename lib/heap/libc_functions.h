/* SPDX-License-Identifier: MIT */
/*
 * libc_functions.h: the C library's own malloc and its family, whoever stands before them.
 *
 * A program may be linked with another allocator, and the dynamic linker binds each of these names to that one: also __libc_malloc and its
 * kin, which gperftools and mimalloc define, but not for all of the family.  Functions of two heaps must not meet at one block.  So all are
 * looked up in the C library's own table of symbols, at the first call.  Nothing here allocates, or calls what may be somebody else's but
 * dl_iterate_phdr.  Any thread may call.
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
