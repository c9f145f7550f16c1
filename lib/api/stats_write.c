/* SPDX-License-Identifier: MIT */
/* stats_write.c: statistics as text and as JSON, rendered into a small buffer that is handed on
   whenever it is full. */
#include <config.h>

#include "api/stats_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "thread/handle.h"

struct writer {
  int (*write) (void *ctx, const char *text, size_t length);
  void *ctx;
  int result;  /* the first that was not 0; nothing is written after it */
  size_t length;
  char text[1024];
};

static void
flush (struct writer *writer)
{
  if (writer->result == 0 && writer->length != 0)
    writer->result = writer->write (writer->ctx, writer->text, writer->length);
  writer->length = 0;
}

/* No single piece is longer than a quarter of the buffer. */
static void __attribute__ ((format (printf, 2, 3)))
put (struct writer *writer, const char *format, ...)
{
  va_list arguments;

  if (writer->length > sizeof writer->text * 3 / 4)
    flush (writer);
  va_start (arguments, format);

  int length = vsnprintf (writer->text + writer->length, sizeof writer->text - writer->length,
                          format, arguments);

  va_end (arguments);
  if (length > 0)
    writer->length += (size_t) length < sizeof writer->text - writer->length
                        ? (size_t) length
                        : sizeof writer->text - writer->length - 1;
}

/* One number of a struct: its name in JSON, its words in text, and where it is. */
struct field {
  const char *name, *words;
  size_t offset;
};

#define OF_STATS(member, words) { #member, words, offsetof (struct sydra_stats, member) }
#define OF_CLASS(member, words) { #member, words, offsetof (struct sydra_class_stats, member) }

static const struct field totals[] = {
  OF_STATS (allocations, "allocations"), OF_STATS (frees, "frees"),
  OF_STATS (in_use, "blocks in use"), OF_STATS (in_use_bytes, "bytes in use"),
  OF_STATS (high_water_bytes, "bytes in use at most"), OF_STATS (shard_hits, "served by shards"),
  OF_STATS (shard_misses, "shard misses"), OF_STATS (cross_shard_frees, "freed across shards"),
  OF_STATS (deferred_blocks, "blocks deferred"), OF_STATS (deferred_bytes, "bytes deferred"),
  OF_STATS (deferred_high_water_bytes, "bytes deferred at most"),
  OF_STATS (epoch_current, "current epoch"), OF_STATS (epoch_min, "oldest epoch"),
  OF_STATS (fallback_allocs, "fallback allocations"), OF_STATS (fallback_frees, "fallback frees"),
  OF_STATS (fallback_resizes, "fallback resizes"), OF_STATS (fallback_remaps, "fallback remaps"),
  OF_STATS (reserved_bytes, "bytes reserved"), OF_STATS (committed_bytes, "bytes committed"),
  OF_STATS (epoch_advances, "epochs passed"), OF_STATS (deferred_reclaimed, "deferred and freed"),
  OF_STATS (deferred_stalls, "deferrals refused"),
  OF_STATS (deferred_oldest_ns, "oldest deferred, ns"),
  OF_STATS (fallback_heap_allocs, "fallback, C library's")
};

static const struct field columns[] = {
  OF_CLASS (allocations, "allocs"), OF_CLASS (frees, "frees"), OF_CLASS (refills, "refills"),
  OF_CLASS (in_use, "in use"), OF_CLASS (high_water, "most"), OF_CLASS (slabs, "slabs"),
  OF_CLASS (free_blocks, "free"), OF_CLASS (lock_acquisitions, "locked"),
  OF_CLASS (lock_contention, "contended"), OF_CLASS (lock_wait_ns, "wait ns"),
  OF_CLASS (lock_hold_ns, "hold ns")
};

#define COUNT_OF(array) (sizeof (array) / sizeof *(array))

static uint64_t
value_of (const void *structure, const struct field *field)
{
  uint64_t value;

  memcpy (&value, (const char *) structure + field->offset, sizeof value);
  return value;
}

/* How the program was called, without the directory; "": the C library does not tell. */
static const char *
program_name (void)
{
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
  return program_invocation_short_name;
#else
  return "";
#endif
}

/* Bytes of the UTF-8 character that text begins with; 0: none (The Unicode Standard, table 3-7). */
static int
utf8_length (const char *text)
{
  const unsigned char *at = (const unsigned char *) text;
  unsigned char least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
  int length = at[0] < 0x80   ? 1
               : at[0] < 0xc2 ? 0
               : at[0] < 0xe0 ? 2
               : at[0] < 0xf0 ? 3
               : at[0] < 0xf5 ? 4
                              : 0;

  /* The bounds are the second byte's.  A NUL is out of them, so that nothing is read behind it. */
  for (int byte = 1; byte < length; byte++, least = 0x80, most = 0xbf)
    if (at[byte] < least || at[byte] > most)
      return 0;
  return length;
}

/* A byte that is no part of a character becomes U+FFFD: names may have any bytes, JSON may not. */
static void
put_json_string (struct writer *writer, const char *text)
{
  put (writer, "\"");
  while (*text != '\0')
    {
      int length = utf8_length (text);

      if (*text == '"' || *text == '\\')
        put (writer, "\\%c", *text);
      else if ((unsigned char) *text < 0x20)
        put (writer, "\\u%04x", (unsigned char) *text);
      else if (length == 0)
        put (writer, "\\ufffd");
      else
        put (writer, "%.*s", length, text);
      text += length == 0 ? 1 : length;
    }
  put (writer, "\"");
}

static void
write_json (struct writer *writer, const char *name, const struct sydra_stats *stats)
{
  put (writer, "{\"name\": ");
  put_json_string (writer, name);
  put (writer, ", \"pid\": %ld, \"program\": ", (long) getpid ());
  put_json_string (writer, program_name ());
  put (writer, ", \"mode\": \"%s\", \"shards\": %u, \"epoch_barrier\": \"%s\"", stats->mode,
       stats->shards, stats->epoch_barrier);
  for (size_t at = 0; at < COUNT_OF (totals); at++)
    put (writer, ", \"%s\": %" PRIu64, totals[at].name, value_of (stats, &totals[at]));
  put (writer, ", \"fallback_sizes\": [");
  for (unsigned bucket = 0; bucket < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    put (writer, "%s%" PRIu64, bucket == 0 ? "" : ", ", stats->fallback_sizes[bucket]);
  put (writer, "], \"class_count\": %u, \"classes\": [", stats->class_count);
  for (unsigned class = 0; class < stats->class_count; class++)
    {
      put (writer, "%s{\"size\": %zu", class == 0 ? "" : ", ", stats->classes[class].size);
      for (size_t at = 0; at < COUNT_OF (columns); at++)
        put (writer, ", \"%s\": %" PRIu64, columns[at].name,
             value_of (&stats->classes[class], &columns[at]));
      put (writer, "}");
    }
  put (writer, "]}\n");
}

/* On a line of text a control character would be more than a character. */
static void
put_text_string (struct writer *writer, const char *text)
{
  for (; *text != '\0'; text++)
    put (writer, "%c", (unsigned char) *text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void
write_text (struct writer *writer, const char *name, const struct sydra_stats *stats)
{
  const char *program = program_name ();

  put (writer, "sydra-alloc handle ");
  put_text_string (writer, name);
  put (writer, *program == '\0' ? "" : " of ");
  put_text_string (writer, program);
  put (writer, ", process %ld: mode %s, %u shards, readers held back by %s\n", (long) getpid (),
       stats->mode, stats->shards, stats->epoch_barrier);
  for (size_t at = 0; at < COUNT_OF (totals); at++)
    put (writer, "  %-24s %14" PRIu64 "\n", totals[at].words, value_of (stats, &totals[at]));
  if (stats->class_count == 0)
    return;
  put (writer, "  fallback sizes          ");
  for (unsigned bucket = 0; bucket + 1 < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    put (writer, " <=%u:%" PRIu64, 64u << bucket, stats->fallback_sizes[bucket]);
  put (writer, " more:%" PRIu64 "\n  class",
       stats->fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS - 1]);
  for (size_t at = 0; at < COUNT_OF (columns); at++)
    put (writer, " %12s", columns[at].words);
  put (writer, "\n");
  for (unsigned class = 0; class < stats->class_count; class++)
    {
      put (writer, "  %5zu", stats->classes[class].size);
      for (size_t at = 0; at < COUNT_OF (columns); at++)
        put (writer, " %12" PRIu64, value_of (&stats->classes[class], &columns[at]));
      put (writer, "\n");
    }
}

int
sy_stats_write (struct sydra_alloc *a, enum sydra_stats_format format,
                int (*write) (void *ctx, const char *text, size_t length), void *ctx,
                struct sydra_stats *room)
{
  struct writer writer = { .write = write, .ctx = ctx };

  sy_handle_check (a, "sydra_stats_write");
  if (format != SYDRA_STATS_TEXT && format != SYDRA_STATS_JSON)
    return EINVAL;
  room->size = sizeof *room;
  (void) sydra_stats_get (a, room);
  if (format == SYDRA_STATS_JSON)
    write_json (&writer, a->name, room);
  else
    write_text (&writer, a->name, room);
  flush (&writer);
  return writer.result;
}

SY_EXPORT int
sydra_stats_write (struct sydra_alloc *a, enum sydra_stats_format format,
                   int (*write) (void *ctx, const char *text, size_t length), void *ctx)
{
  struct sydra_stats room;

  return sy_stats_write (a, format, write, ctx, &room);
}
