/* SPDX-License-Identifier: MIT */
/* faults.c: the system's calls, which fail where a test wants it. */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "failing_calls.h"

#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE 23
#endif

struct fault fault;

void
fault_choose (unsigned kinds, unsigned nth, bool persists)
{
  fault.kinds = kinds;
  fault.nth = nth;
  fault.persists = persists;
  AO_store (&fault.calls, 0);
}

void
fault_begin (void)
{
  AO_store (&fault.on, 1);
}

void
fault_lift (void)
{
  AO_store (&fault.on, 0);
}

static bool
fails (enum kind kind)
{
  if (!AO_load (&fault.on) || (fault.kinds & kind) == 0)
    return false;

  AO_t call = AO_fetch_and_add (&fault.calls, 1) + 1;

  if (call != fault.nth && !(fault.persists && call > fault.nth))
    return false;
  AO_fetch_and_add (&fault.hits, 1);
  errno = ENOMEM;
  return true;
}

void *__real_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_mprotect (void *start, size_t bytes, int protection);
int __real_madvise (void *start, size_t bytes, int advice);
int __real_munmap (void *start, size_t bytes);
void *__real_mremap (void *start, size_t bytes, size_t new_bytes, int flags, ...);
void *__wrap_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_mprotect (void *start, size_t bytes, int protection);
int __wrap_madvise (void *start, size_t bytes, int advice);
int __wrap_munmap (void *start, size_t bytes);
void *__wrap_mremap (void *start, size_t bytes, size_t new_bytes, int flags, ...);

void *
__wrap_mmap (void *start, size_t bytes, int protection, int flags, int file, off_t offset)
{
  return bytes >= fault.least && fails (MMAP)
           ? MAP_FAILED
           : __real_mmap (start, bytes, protection, flags, file, offset);
}

int
__wrap_mprotect (void *start, size_t bytes, int protection)
{
  return fails (MPROTECT) ? -1 : __real_mprotect (start, bytes, protection);
}

/* A wish is asked for often, and nothing follows from a refusal: refused each time, at no point of
   its own. */
static int
wish (void *start, size_t bytes, int advice)
{
  bool is_old = fault.old && advice == MADV_POPULATE_WRITE;

  if (advice == MADV_POPULATE_WRITE)
    AO_fetch_and_add (&fault.ahead, 1);
  if (!is_old && (!AO_load (&fault.on) || (fault.kinds & MADVISE) == 0))
    return __real_madvise (start, bytes, advice);
  errno = is_old ? EINVAL : ENOMEM;
  return -1;
}

int
__wrap_madvise (void *start, size_t bytes, int advice)
{
  if (advice == MADV_POPULATE_WRITE || advice == MADV_DONTDUMP || advice == MADV_DODUMP)
    return wish (start, bytes, advice);
  if (fault.slow && AO_compare_and_swap (&fault.asleep, 0, 1))
    usleep (SLOW_US);
  return fails (MADVISE) ? -1 : __real_madvise (start, bytes, advice);
}

int
__wrap_munmap (void *start, size_t bytes)
{
  return fails (MUNMAP) ? -1 : __real_munmap (start, bytes);
}

/* The library passes the new place always. */
void *
__wrap_mremap (void *start, size_t bytes, size_t new_bytes, int flags, ...)
{
  va_list arguments;
  void *place;

  va_start (arguments, flags);
  place = va_arg (arguments, void *);
  va_end (arguments);
  AO_fetch_and_add (&fault.moves, 1);
  if (!fails (MREMAP))
    return __real_mremap (start, bytes, new_bytes, flags, place);
  if (fault.unmaps)
    (void) __real_munmap (place, new_bytes);
  errno = ENOMEM;
  return MAP_FAILED;
}
