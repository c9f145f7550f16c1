/* SPDX-License-Identifier: MIT */
/*
 * introspection_libc.c: the calls by which programs ask malloc about its state, in the mode whose
 * heap is the C library's own.
 *
 * A program may be linked with another allocator.  Without these two functions it would ask that
 * allocator about the C library's blocks.  Statistics need nothing here: the C library's functions
 * have names of their own.
 */
#include <config.h>

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
