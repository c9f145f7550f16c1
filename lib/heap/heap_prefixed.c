/* SPDX-License-Identifier: MIT */
/*
 * heap_prefixed.c: the C library's own heap by its names __libc_malloc and so on, for the drop-in,
 * which defines malloc itself.  It serves what the range has no room for.
 *
 *   C library's block   | ... offset bytes ... size, offset | our block: size bytes |
 *
 * Each block has a prefix of ours with its size.  The names are weak: if they are missing, as in a
 * static program, every call that allocates fails with ENOMEM.
 */
#include <config.h>

#include "heap/heap.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"

const char sy_heap_name[] = "prefixed";

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

/* May the C library be asked for a block of this size with so much in front?  Else sets errno. */
static bool
may_ask (size_t size, size_t offset)
{
  bool there = __libc_malloc != NULL && __libc_calloc != NULL && __libc_realloc != NULL
               && __libc_memalign != NULL && __libc_free != NULL;

  if (there && size <= (size_t) PTRDIFF_MAX && offset <= (size_t) PTRDIFF_MAX - size)
    return true;
  errno = ENOMEM;
  return false;
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

void *
sy_heap_malloc (size_t size)
{
  return may_ask (size, PREFIX) ? begin (__libc_malloc (size + PREFIX), PREFIX, size) : NULL;
}

void *
sy_heap_calloc (size_t size)
{
  return may_ask (size, PREFIX) ? begin (__libc_calloc (1, size + PREFIX), PREFIX, size) : NULL;
}

void *
sy_heap_aligned (size_t alignment, size_t size)
{
  size_t offset = alignment < PREFIX ? PREFIX : alignment;

  return may_ask (size, offset) ? begin (__libc_memalign (offset, size + offset), offset, size)
                                : NULL;
}

void *
sy_heap_realloc (void *block, size_t size)
{
  struct prefix old = *prefix_of (block);

  if (old.offset == PREFIX && may_ask (size, PREFIX))
    return begin (__libc_realloc (base_of (block), size + PREFIX), PREFIX, size);

  void *moved = sy_heap_malloc (size);

  if (moved != NULL)
    {
      memcpy (moved, block, old.size < size ? old.size : size);
      sy_heap_free (block);
    }
  return moved;
}

void
sy_heap_free (void *block)
{
  int saved = errno;

  __libc_free (base_of (block));
  errno = saved;
}

size_t
sy_heap_usable (const void *block)
{
  return prefix_of (block)->size;
}

/* The C library serves little here, so its heap is not trimmed. */
size_t
sy_heap_purge (void)
{
  return 0;
}
