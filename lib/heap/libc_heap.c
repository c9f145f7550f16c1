/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "heap/libc_heap.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

/* A sanitizer's heap has the usual names only. */
#if SY_ADDRESS_SANITIZER || SY_THREAD_SANITIZER
#define __libc_malloc malloc
#define __libc_calloc calloc
#define __libc_realloc realloc
#define __libc_memalign memalign
#define __libc_free free
#endif

extern void *__libc_malloc (size_t size) __attribute__ ((weak));
extern void *__libc_calloc (size_t count, size_t size) __attribute__ ((weak));
extern void *__libc_realloc (void *block, size_t size) __attribute__ ((weak));
extern void *__libc_memalign (size_t alignment, size_t size) __attribute__ ((weak));
extern void __libc_free (void *block) __attribute__ ((weak));

/* Lies right before a block. */
struct prefix
{
  size_t size;     /* of the block */
  size_t offset;   /* of our block in the C library's block */
};

/* The prefix's length keeps the alignment of the C library's blocks. */
#define PREFIX ((size_t) 16)

static struct prefix *
prefix_of (const void *block)
{
  return (struct prefix *) (uintptr_t) block - 1;
}

static void *
base_of (const void *block)
{
  return (char *) (uintptr_t) block - prefix_of (block)->offset;
}

static void *
begin (char *base, size_t offset, size_t size)
{
  if (base == NULL)
    {
      errno = ENOMEM;
      return NULL;
    }
  *prefix_of (base + offset) = (struct prefix) { size, offset };
  return base + offset;
}

bool
sy_libc_heap_is_there (void)
{
  return __libc_malloc != NULL && __libc_calloc != NULL && __libc_realloc != NULL
         && __libc_memalign != NULL && __libc_free != NULL;
}

void *
sy_libc_heap_malloc (size_t size)
{
  return begin (sy_libc_heap_is_there () ? __libc_malloc (size + PREFIX) : NULL, PREFIX, size);
}

void *
sy_libc_heap_calloc (size_t size)
{
  return begin (sy_libc_heap_is_there () ? __libc_calloc (1, size + PREFIX) : NULL, PREFIX, size);
}

void *
sy_libc_heap_aligned (size_t alignment, size_t size)
{
  size_t offset = alignment < PREFIX ? PREFIX : alignment;

  if (!sy_libc_heap_is_there () || offset > (size_t) PTRDIFF_MAX - size)
    return begin (NULL, offset, size);
  return begin (__libc_memalign (offset, size + offset), offset, size);
}

void *
sy_libc_heap_realloc (void *block, size_t size)
{
  struct prefix old = *prefix_of (block);

  if (old.offset == PREFIX)
    return begin (__libc_realloc (base_of (block), size + PREFIX), PREFIX, size);

  void *moved = sy_libc_heap_malloc (size);

  if (moved != NULL)
    {
      memcpy (moved, block, old.size < size ? old.size : size);
      sy_libc_heap_free (block);
    }
  return moved;
}

void
sy_libc_heap_free (void *block)
{
  __libc_free (base_of (block));
}

size_t
sy_libc_heap_usable (const void *block)
{
  return prefix_of (block)->size;
}
