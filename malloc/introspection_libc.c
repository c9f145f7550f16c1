/* SPDX-License-Identifier: MIT */
/*
 * introspection_libc.c: what programs ask of malloc besides memory, in the mode whose heap is the C library's own.
 *
 * The module defines these two so that a program which is linked with another allocator does not ask that one about the C library's blocks.
 * Statistics are the C library's own too, by their own names.
 */
#include <malloc.h>

#include "base/compiler.h"
#include "heap/libc_functions.h"

SY_EXPORT size_t
malloc_usable_size (void *block)
{
  return sy_libc_malloc_usable_size (block);
}

SY_EXPORT int
malloc_trim (size_t pad)
{
  return sy_libc_malloc_trim (pad);
}
