/* SPDX-License-Identifier: MIT */
/*
 * introspection.c: the calls by which programs ask malloc about its state.  It is for the modes
 * whose heap is not the C library's own; introspection_libc.c is for the other mode.
 *
 * glibc's fields mean what comes closest here: "arena" is memory that the allocator has from the
 * system, "uordblks" is in use, and "fordblks" is free.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "pages/dirty.h"
#include "report.h"
#include "start.h"

SY_EXPORT size_t
malloc_usable_size (void *block)
{
  size_t kind, bytes = sy_only_kind (block, &kind) ? sy_extents[kind].bytes : 0;

  return SY_LIKELY (bytes != 0) ? bytes : sydra_usable_size (sy_process (), block);
}

/*
 * pad is what glibc leaves at the heap's end; it has no meaning here.  Returns 1 if memory went
 * back to the system.
 */
SY_EXPORT int
malloc_trim (size_t pad)
{
  (void) pad;
  return sydra_collect (sy_process ()) != 0;
}

/* Accepts the parameters that glibc has, and ignores them.  Refuses all others. */
SY_EXPORT int
mallopt (int parameter, int value)
{
  (void) value;
  return (parameter >= M_ARENA_MAX && parameter <= M_TRIM_THRESHOLD)
         || (parameter >= M_MXFAST && parameter <= M_KEEP);
}

/* ---- Statistics ---- */

/* The free bytes in the slabs of one class. */
static size_t
free_bytes_of (const struct sydra_class_stats *class)
{
  return (size_t) class->free_blocks * class->size;
}

/*
 * Takes a snapshot.  Returns the free bytes of the pool, and those that wait in the range.  The
 * snapshot's in_use_bytes covers both of them too.
 */
static size_t
take_stats (struct sydra_stats *stats)
{
  size_t free_bytes = sy_dirty_bytes ();

  stats->size = sizeof *stats;
  (void) sydra_stats_get (sy_process (), stats);
  for (unsigned class = 0; class < stats->class_count; class++)
    free_bytes += free_bytes_of (&stats->classes[class]);
  return free_bytes;
}

SY_EXPORT struct mallinfo2
mallinfo2 (void)
{
  struct sydra_stats stats;
  size_t free_bytes = take_stats (&stats);
  struct mallinfo2 info = { .arena = (size_t) stats.in_use_bytes + free_bytes,
                            .uordblks = (size_t) stats.in_use_bytes,
                            .fordblks = free_bytes };

  for (unsigned class = 0; class < stats.class_count; class++)
    info.ordblks += (size_t) stats.classes[class].free_blocks;
  return info;
}

/* mallinfo's fields are ints.  glibc truncates what does not fit; we return INT_MAX. */
static int
at_most_int (size_t number)
{
  return number > INT_MAX ? INT_MAX : (int) number;
}

SY_EXPORT struct mallinfo
mallinfo (void)
{
  struct mallinfo2 wide = mallinfo2 ();
  struct mallinfo info = { .arena = at_most_int (wide.arena),
                           .ordblks = at_most_int (wide.ordblks),
                           .uordblks = at_most_int (wide.uordblks),
                           .fordblks = at_most_int (wide.fordblks) };

  return info;
}

SY_EXPORT void
malloc_stats (void)
{
  int file = STDERR_FILENO;

  (void) sydra_stats_write (sy_process (), SYDRA_STATS_TEXT, sy_report_write, &file);
}

static void
put_sizes (FILE *out, const struct sydra_stats *stats)
{
  size_t below = 0;

  fputs ("<heap nr=\"0\">\n<sizes>\n", out);
  for (unsigned class = 0; class < stats->class_count; class++)
    {
      const struct sydra_class_stats *of = &stats->classes[class];

      if (of->free_blocks != 0)
        fprintf (out, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%" PRIu64 "\"/>\n",
                 below + 1, of->size, free_bytes_of (of), of->free_blocks);
      below = of->size;
    }
  fputs ("</sizes>\n", out);
}

/* Writes glibc's elements and attributes.  Free memory is in its "rest". */
SY_EXPORT int
malloc_info (int options, FILE *out)
{
  struct sydra_stats stats;
  size_t free_bytes = take_stats (&stats), arena = (size_t) stats.in_use_bytes + free_bytes;
  uint64_t blocks = 0;

  if (options != 0)
    return EINVAL;
  for (unsigned class = 0; class < stats.class_count; class++)
    blocks += stats.classes[class].free_blocks;
  fputs ("<malloc version=\"1\">\n", out);
  put_sizes (out, &stats);
  for (unsigned whole = 0; whole < 2; whole++)
    fprintf (out,
             "<total type=\"fast\" count=\"0\" size=\"0\"/>\n<total type=\"rest\" count=\"%" PRIu64
             "\" size=\"%zu\"/>\n%s"
             "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%" PRIu64
             "\"/>\n<aspace type=\"total\" size=\"%zu\"/>\n"
             "<aspace type=\"mprotect\" size=\"%zu\"/>\n%s",
             blocks, free_bytes, whole ? "<total type=\"mmap\" count=\"0\" size=\"0\"/>\n" : "",
             arena, stats.high_water_bytes > arena ? stats.high_water_bytes : (uint64_t) arena,
             arena, arena, whole ? "</malloc>\n" : "</heap>\n");
  return ferror (out) ? -1 : 0;
}
