/* SPDX-License-Identifier: MIT */
/* faulty.c: the C library's heap with one fault, for scripts/check-programs --self-test.
   FAULT_none: with none. */
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *block, size_t size);

#ifdef FAULT_overlap
/* Of the blocks of 64 bytes, one in 2,000 is given twice.  Nothing is freed, so that this is the
   only fault. */
void *
malloc (size_t size)
{
  static atomic_uint calls;
  static _Atomic (void *) twice;
  unsigned call;

  if (size < 32 || size > 64)
    return __libc_malloc (size);
  call = atomic_fetch_add (&calls, 1) % 2000;
  if (call == 1)
    return twice;
  if (call == 0)
    return twice = __libc_malloc (64);
  return __libc_malloc (size);
}

void
free (void *block)
{
  (void) block;
}
#endif

#ifdef FAULT_calloc
void *
calloc (size_t count, size_t size)
{
  void *block = __libc_calloc (count, size);

  if (block != NULL && count * size > 0)
    memset (block, 0xa5, count * size);
  return block;
}
#endif

#ifdef FAULT_realloc
/* A byte of what was there is lost where the block grows. */
void *
realloc (void *block, size_t size)
{
  size_t before = block != NULL ? malloc_usable_size (block) : 0;
  char *after = __libc_realloc (block, size);

  if (after != NULL && before > 0 && size > before)
    after[before / 2] ^= 1;
  return after;
}
#endif

#ifdef FAULT_none
void *
malloc (size_t size)
{
  return __libc_malloc (size);
}

void *
calloc (size_t count, size_t size)
{
  return __libc_calloc (count, size);
}

void *
realloc (void *block, size_t size)
{
  return __libc_realloc (block, size);
}
#endif
