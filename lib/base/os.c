/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
# include <sys/auxv.h>
#endif
#include <sys/mman.h>
#include <sys/resource.h>
#ifdef HAVE_SYS_SINGLE_THREADED_H
# include <sys/single_threaded.h>
#endif
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/tuning.h"

#ifdef HAVE_LINUX_MEMBARRIER_H
# include <linux/membarrier.h>
#elif defined __linux__ && defined SYS_membarrier
/* The kernel's numbers, for a C library that comes without the kernel's headers, as musl does. */
enum
{
  MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4
};
#endif

static void *
map (size_t bytes, int protection, int flags)
{
  int saved = errno;
  void *start = mmap (NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

  errno = saved;
  return start == MAP_FAILED ? NULL : start;
}

/* What this system has refused once and is not asked for again.  Relaxed: a second thread's call
   does no harm. */
static struct {
  AO_t dontdump, populate, huge;
} refused;

/*
 * Sets whether the pages are in core dumps.  If the system refuses to leave pages out, or cannot,
 * dumps are larger, and the system is not asked again.
 */
static void
dump (void *start, size_t bytes, bool wanted)
{
#if defined MADV_DONTDUMP && defined MADV_DODUMP
  int saved = errno;

  if (AO_load (&refused.dontdump) == 0
      && madvise (start, bytes, wanted ? MADV_DODUMP : MADV_DONTDUMP) != 0 && !wanted)
    AO_store (&refused.dontdump, 1);
  errno = saved;
#else
  (void) start;
  (void) bytes;
  (void) wanted;
#endif
}

void *
sy_os_reserve (size_t bytes)
{
  void *start = map (bytes, PROT_NONE, MAP_NORESERVE);

  /* A debugger that writes a core itself would write all mapped pages, readable or not. */
  if (start != NULL)
    dump (start, bytes, false);
  return start;
}

void *
sy_os_map (size_t bytes)
{
  return map (bytes, PROT_READ | PROT_WRITE, 0);
}

bool
sy_os_commit (void *start, size_t bytes)
{
  int saved = errno;
  bool done = mprotect (start, bytes, PROT_READ | PROT_WRITE) == 0;

  errno = saved;
  if (done)
    dump (start, bytes, true);
  return done;
}

bool
sy_os_discard (void *start, size_t bytes)
{
  int saved = errno;
  bool done = madvise (start, bytes, MADV_DONTNEED) == 0;

  errno = saved;
  return done;
}

bool
sy_os_populate (void *start, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
  int saved = errno;

  if (AO_load (&refused.populate) == 0 && madvise (start, bytes, MADV_POPULATE_WRITE) != 0
      && errno == EINVAL)
    AO_store (&refused.populate, 1);
  errno = saved;
  return AO_load (&refused.populate) == 0;
#else
  (void) start;
  (void) bytes;
  return false;
#endif
}

bool
sy_os_ask_huge (void *start, size_t bytes)
{
#ifdef MADV_HUGEPAGE
  int saved = errno;
  size_t page = sy_os_page_bytes ();
  /* A huge page is what one page of entries, of 8 bytes each, maps. */
  bool done = AO_load (&refused.huge) == 0 && page * (page / 8) == SY_HUGE_PAGE_BYTES
              && madvise (start, bytes, MADV_HUGEPAGE) == 0;

  if (!done && errno != ENOMEM)
    AO_store (&refused.huge, 1);
  errno = saved;
  return done;
#else
  (void) start;
  (void) bytes;
  return false;
#endif
}

void
sy_os_refuse_huge (void *start, size_t bytes)
{
#ifdef MADV_NOHUGEPAGE
  int saved = errno;

  (void) madvise (start, bytes, MADV_NOHUGEPAGE);
  errno = saved;
#else
  (void) start;
  (void) bytes;
#endif
}

bool
sy_os_ask_resident (void *start, size_t bytes, size_t *resident)
{
#ifdef __linux__
  unsigned char in_memory[SY_RESIDENT_BYTES >> 12];
  size_t page = sy_os_page_bytes (), count = 0;
  int saved = errno;
  bool known = mincore (start, bytes, in_memory) == 0;

  errno = saved;
  for (size_t at = 0; known && at * page < bytes; at++)
    count += in_memory[at] & 1;
  *resident = count * page;
  return known;
#else
  (void) start;
  (void) bytes;
  (void) resident;
  return false;
#endif
}

size_t
sy_os_resident_bytes (void *start, size_t bytes)
{
  size_t resident;

  return sy_os_ask_resident (start, bytes, &resident) ? resident : bytes;
}

/* Systems that do not know the flag take the address for a wish. */
#ifndef MAP_FIXED_NOREPLACE
# define MAP_FIXED_NOREPLACE 0
#endif

static void *
map_fixed (void *start, size_t bytes, int flags)
{
  return mmap (start, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

bool
sy_os_map_at (void *start, size_t bytes, bool *taken)
{
  int saved = errno;
  void *mapped = map_fixed (start, bytes, MAP_FIXED_NOREPLACE);

  *taken = mapped != start && (mapped != MAP_FAILED || errno == EEXIST);
  if (mapped != start && mapped != MAP_FAILED)
    (void) munmap (mapped, bytes);
  errno = saved;
  return mapped == start;
}

bool
sy_os_map_over (void *start, size_t bytes)
{
  int saved = errno;
  bool done = map_fixed (start, bytes, MAP_FIXED) != MAP_FAILED;

  errno = saved;
  return done;
}

bool
sy_os_move (void *from, size_t bytes, void *to, size_t to_bytes)
{
#ifdef MREMAP_FIXED
  int saved = errno;
  bool done = mremap (from, bytes, to_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;

  errno = saved;
  return done;
#else
  (void) from;
  (void) bytes;
  (void) to;
  (void) to_bytes;
  return false;
#endif
}

void
sy_os_unmap (void *start, size_t bytes)
{
  int saved = errno;

  /* If the system refuses because its mappings are used up, the range stays mapped and unused. */
  (void) munmap (start, bytes);
  errno = saved;
}

#if defined __linux__ && defined SYS_membarrier

static bool
barrier (int command)
{
  int saved = errno;
  bool done = syscall (SYS_membarrier, command, 0, 0) == 0;

  errno = saved;
  return done;
}

/* A process must register first.  Each call asks whether it has, so that a fork's child need not
   call before it wants a barrier. */
bool
sy_os_barrier (void)
{
  return barrier (MEMBARRIER_CMD_PRIVATE_EXPEDITED)
         || (barrier (MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
             && barrier (MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}

#else

bool
sy_os_barrier (void)
{
  return false;
}

#endif

void
sy_os_pause (unsigned round)
{
  struct timespec wait = { 0, round < 20 ? 1000L << (round < 10 ? 0 : round - 10) : 1000000 };
  int saved = errno;

  if (round < 10)
    (void) sched_yield ();
  else
    (void) nanosleep (&wait, NULL);
  errno = saved;
}

struct sy_thread
sy_os_this_thread (void)
{
  long process_id = getpid ();
#ifdef SYS_gettid
  return (struct sy_thread) { syscall (SYS_gettid), process_id };
#else
  return (struct sy_thread) { process_id, process_id };
#endif
}

long
sy_os_process_id (void)
{
  return getpid ();
}

long
sy_os_thread_id (const struct sy_thread *thread)
{
  return thread->id == 0 || thread->process_id == getpid () ? thread->id : getpid ();
}

void
sy_os_thread_name (long thread_id, char *name, size_t bytes)
{
  char path[64];
  int saved = errno, file;
  ssize_t length = 0;

  (void) snprintf (path, sizeof path, "/proc/self/task/%ld/comm", thread_id);
  file = open (path, O_RDONLY | O_CLOEXEC);
  if (file >= 0)
    {
      length = read (file, name, bytes - 1);
      (void) close (file);
    }
  name[length > 0 ? length : 0] = '\0';
  name[strcspn (name, "\n")] = '\0';
  errno = saved;
}

size_t
sy_os_page_bytes (void)
{
  static AO_t known;  /* relaxed: any thread writes the same */
  AO_t bytes = AO_load (&known);

  if (SY_UNLIKELY (bytes == 0))
    {
      bytes = (AO_t) sysconf (_SC_PAGESIZE);
      AO_store (&known, bytes);
    }
  return bytes;
}

/* By system calls, as malloc and realloc are no points where a thread may be cancelled. */
size_t
sy_os_mappings (size_t most)
{
#ifdef __linux__
  int saved = errno;
  long file = syscall (SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), length = 0;
  char text[1024];
  size_t count = 0;

  while (file >= 0 && count < most
         && (length = syscall (SYS_read, file, text, sizeof text)) > 0)
    for (long at = 0; at < length; at++)
      count += text[at] == '\n';
  if (file >= 0)
    (void) syscall (SYS_close, file);
  errno = saved;
  return file < 0 || length < 0 ? most : count;
#else
  return most;
#endif
}

size_t
sy_os_address_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
      || limit.rlim_cur > SIZE_MAX)
    return SIZE_MAX;
  return (size_t) limit.rlim_cur;
}

size_t
sy_os_memory_bytes (void)
{
  long pages = sysconf (_SC_PHYS_PAGES);

  return pages < 1 ? sy_os_page_bytes () : (size_t) pages * sy_os_page_bytes ();
}

/*
 * The heap grows up from the program, and mappings grow down from the stack.  Between them is the
 * gap.  If all addresses are too few for that, or an emulator put both together, the gap is below
 * them.  It is not looked for above, because where the addresses end is not known.
 */
bool
sy_os_gap_of (uintptr_t heap, uintptr_t stack, uintptr_t *low, uintptr_t *high)
{
  *low = heap < stack ? heap : stack;
  *high = heap < stack ? stack : heap;
  if (*high - *low < SY_GAP_MIN)
    {
      *high = *low;
      *low = 0;
    }
  return *high - *low >= SY_GAP_MIN;
}

bool
sy_os_gap (uintptr_t *low, uintptr_t *high)
{
  char here;
  void *end = sbrk (0);
  uintptr_t heap = end == (void *) -1 ? 0 : (uintptr_t) end;

  return SY_WORD_BITS == 64 && !SY_THREAD_SANITIZER
         && sy_os_gap_of (heap, (uintptr_t) &here, low, high);
}

/* Mixes all bits of a number into all others (Steele, Lea and Flood, "SplitMix", 2014). */
static uint64_t
mixed (uint64_t number)
{
  number = (number ^ number >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  number = (number ^ number >> 27) * UINT64_C (0x94d049bb133111eb);
  return number ^ number >> 31;
}

/*
 * The kernel gives each program 16 random bytes.  The C library makes its own secrets of the first
 * 8 and of the last 8.  Who learns what we make of both together knows neither of them better.
 */
uint64_t
sy_os_secret (void)
{
  static const char here;
  uint64_t random[2] = { (uintptr_t) &here, 0 };
#ifdef AT_RANDOM
  const void *bytes = (const void *) getauxval (AT_RANDOM);

  if (bytes != NULL)
    memcpy (random, bytes, sizeof random);
#endif
  return mixed (random[0] + mixed (random[1]));
}

bool
sy_os_is_alone (void)
{
#ifdef HAVE_SYS_SINGLE_THREADED_H
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

unsigned
sy_os_processors (void)
{
  int saved = errno;
  long count = 0;
#ifdef CPU_COUNT
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) == 0)
    count = CPU_COUNT (&set);
#endif
  /* There are more than the set has room for, or no such call.  The C library reads a file. */
  if (count < 1)
    count = sysconf (_SC_NPROCESSORS_ONLN);
  errno = saved;
  return count < 1 ? 1 : (unsigned) count;
}

static uint64_t
read_clock (clockid_t clock)
{
  struct timespec now;

  (void) clock_gettime (clock, &now);
  return (uint64_t) now.tv_sec * UINT64_C (1000000000) + (uint64_t) now.tv_nsec;
}

uint64_t
sy_os_now_ns (void)
{
  return read_clock (CLOCK_MONOTONIC);
}

#ifndef CLOCK_MONOTONIC_COARSE
# define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif

uint64_t
sy_os_coarse_ns (void)
{
  return read_clock (CLOCK_MONOTONIC_COARSE);
}
