/* SPDX-License-Identifier: MIT */
/* rendering.c: statistics written as text and as JSON. */
#include <config.h>

#include <errno.h>

#include "json.h"
#include "stats.h"

struct text
{
  char bytes[65536];
  size_t length;
  unsigned calls, stop_at;
};

static int
collect (void *ctx, const char *bytes, size_t length)
{
  struct text *text = ctx;

  if (++text->calls == text->stop_at)
    return 42;
  ck_assert_uint_gt (length, 0);
  ck_assert_uint_lt (text->length + length, sizeof text->bytes);
  ck_assert_ptr_null (memchr (bytes, 0, length));
  memcpy (text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
  return 0;
}

static struct text text;

static void
render (struct sydra_alloc *handle, enum sydra_stats_format format)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (handle, format, collect, &text), 0);
}

START_TEST (the_reader_of_json_is_strict)
{
  ck_assert (is_json ("{\"a\": [1, 20, {\"b\\u0001\\\"\": \"\"}], \"c\": 0}\n"));
  ck_assert (!is_json ("{\"a\": 01}"));
  ck_assert (!is_json ("{\"a\": 1,}"));
  ck_assert (!is_json ("{\"a\" 1}"));
  ck_assert (!is_json ("[1, 2"));
  ck_assert (!is_json ("{\"a\n\": 1}"));
  ck_assert (!is_json ("{\"a\\x\": 1}"));
  ck_assert (!is_json ("{} {}"));
}
END_TEST

START_TEST (json_is_json_and_has_every_member)
{
#define MEMBER(name) { #name, offsetof (struct sydra_stats, name) }
#define CLASS_MEMBER(name) { #name, offsetof (struct sydra_class_stats, name) }
  static const struct { const char *name; size_t offset;
  } members[] = { MEMBER (allocations),
                  MEMBER (frees),
                  MEMBER (in_use),
                  MEMBER (in_use_bytes),
                  MEMBER (high_water_bytes),
                  MEMBER (shard_hits),
                  MEMBER (shard_misses),
                  MEMBER (cross_shard_frees),
                  MEMBER (deferred_blocks),
                  MEMBER (deferred_bytes),
                  MEMBER (deferred_high_water_bytes),
                  MEMBER (epoch_current),
                  MEMBER (epoch_min),
                  MEMBER (fallback_allocs),
                  MEMBER (fallback_frees),
                  MEMBER (fallback_resizes),
                  MEMBER (fallback_remaps),
                  MEMBER (reserved_bytes),
                  MEMBER (committed_bytes),
                  MEMBER (epoch_advances),
                  MEMBER (deferred_reclaimed),
                  MEMBER (deferred_stalls),
                  MEMBER (deferred_oldest_ns),
                  MEMBER (fallback_heap_allocs) },
    class_members[] = { CLASS_MEMBER (allocations),     CLASS_MEMBER (frees),
                        CLASS_MEMBER (refills),         CLASS_MEMBER (in_use),
                        CLASS_MEMBER (high_water),      CLASS_MEMBER (slabs),
                        CLASS_MEMBER (free_blocks),     CLASS_MEMBER (lock_acquisitions),
                        CLASS_MEMBER (lock_contention), CLASS_MEMBER (lock_wait_ns),
                        CLASS_MEMBER (lock_hold_ns) };
  static void *live[LIVE];
  struct sydra_stats stats;
  const char *class;

  (void) scripted (live);
  stats = stats_now ();
  render (a, SYDRA_STATS_JSON);
  ck_assert_msg (is_json (text.bytes), "no JSON: %s", text.bytes);
  for (size_t at = 0; at < sizeof members / sizeof *members; at++)
    ck_assert_uint_eq (json_number (text.bytes, members[at].name),
                       *(uint64_t *) (void *) ((char *) &stats + members[at].offset));
  ck_assert_uint_eq (json_number (text.bytes, "shards"), stats.shards);
  ck_assert_uint_eq (json_number (text.bytes, "class_count"), stats.class_count);
  ck_assert_ptr_nonnull (strstr (text.bytes, "\"mode\": \"small_pool\""));
  ck_assert_ptr_nonnull (strstr (text.bytes, "\"fallback_sizes\": [0, 0, 0, 0, 0, 3, 3, 3, 12]"));
  class = strstr (text.bytes, "\"classes\": [");
  for (unsigned at = 0; at < stats.class_count; at++)
    {
      class = strstr (class, "{\"size\": ");
      ck_assert_ptr_nonnull (class);
      ck_assert_uint_eq (json_number (class, "size"), stats.classes[at].size);
      for (size_t member = 0; member < sizeof class_members / sizeof *class_members; member++)
        ck_assert_uint_eq (
          json_number (class, class_members[member].name),
          *(uint64_t *) (void *) ((char *) &stats.classes[at] + class_members[member].offset));
      class++;
    }
  ck_assert_ptr_null (strstr (class, "{\"size\": "));
}
END_TEST

START_TEST (a_name_with_quotes_and_controls_is_escaped)
{
  static const char *const names[] = { "\"",
                                       "\\",
                                       "a\"b\\c\nd\te\x01\x1f",
                                       "}, {",
                                       "%s%n",
                                       "",
                                       "0123456789012345678901234567890123456789" };

  for (size_t at = 0; at < sizeof names / sizeof *names; at++)
    {
      struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
      struct sydra_alloc *named;

      options.name = names[at];
      named = sydra_alloc_create (&options);
      render (named, SYDRA_STATS_JSON);
      ck_assert_msg (is_json (text.bytes), "no JSON: %s", text.bytes);
      render (named, SYDRA_STATS_TEXT);
      ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
    }
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;

  options.name = "a\"b\\c\nd\x01";
  named = sydra_alloc_create (&options);
  render (named, SYDRA_STATS_JSON);
  ck_assert_ptr_eq (strstr (text.bytes, "{\"name\": \"a\\\"b\\\\c\\u000ad\\u0001\", \"pid\": "),
                    text.bytes);
  render (named, SYDRA_STATS_TEXT);
  ck_assert_ptr_eq (strstr (text.bytes, "sydra-alloc handle a\"b\\c?d? of "), text.bytes);
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
}
END_TEST

/* How a handle's name is written in JSON, without its quotes; a new string. */
static char *
name_in_json (const char *name)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;
  static const char before[] = "{\"name\": \"", after[] = "\", \"pid\": ";
  char *end;

  options.name = name;
  named = sydra_alloc_create (&options);
  render (named, SYDRA_STATS_JSON);
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
  ck_assert_int_eq (strncmp (text.bytes, before, strlen (before)), 0);
  end = strstr (text.bytes, after);
  ck_assert_ptr_nonnull (end);
  return strndup (text.bytes + strlen (before), (size_t) (end - text.bytes) - strlen (before));
}

START_TEST (what_is_no_utf8_in_a_name_is_replaced_byte_by_byte)
{
#define NO "\\ufffd"
  static const char *const names[][2] = {
    /* Well-formed, at the edges of each row of the table. */
    { "\x7f", "\x7f" }, { "\u00a0\u07ff", "\u00a0\u07ff" },
    { "\u0800\u0fff\ud7ff\ue000\uffff", "\u0800\u0fff\ud7ff\ue000\uffff" },
    { "\U00010000\U000fffff\U0010ffff", "\U00010000\U000fffff\U0010ffff" },
    /* A byte that starts nothing. */
    { "a\x80z", "a" NO "z" }, { "\xbf\xff\xfe", NO NO NO }, { "\xf5\x80\x80\x80", NO NO NO NO },
    /* A start without its end, before another character and before the name's end. */
    { "\xc3(", NO "(" }, { "\xe2\x82\"", NO NO "\\\"" }, { "\xe2\x82\xc3\xa4", NO NO "\u00e4" },
    { "\xc3", NO }, { "\xe2\x82", NO NO }, { "\xf0\x9f\x98", NO NO NO },
    /* Longer than need be; surrogates; above U+10FFFF. */
    { "\xc0\x80\xc1\xbf", NO NO NO NO }, { "\xe0\x9f\xbf", NO NO NO },
    { "\xf0\x8f\xbf\xbf", NO NO NO NO },
    { "\xed\xa0\x80", NO NO NO }, { "\xf4\x90\x80\x80", NO NO NO NO }
  };

  for (size_t at = 0; at < sizeof names / sizeof *names; at++)
    {
      char *written = name_in_json (names[at][0]);

      ck_assert_str_eq (written, names[at][1]);
      free (written);
    }
#undef NO
}
END_TEST

START_TEST (both_forms_name_the_process_and_the_program)
{
  char expected[200];
  char *const saved = program_invocation_short_name, ours[] = "a \xff\"\n";

  snprintf (expected, sizeof expected,
            "{\"name\": \"alloc\", \"pid\": %ld, \"program\": \"%s\", \"mode\": ",
            (long) getpid (), saved);
  render (a, SYDRA_STATS_JSON);
  ck_assert_ptr_eq (strstr (text.bytes, expected), text.bytes);
  snprintf (expected, sizeof expected,
            "sydra-alloc handle alloc of %s, process %ld: mode small_pool, ", saved,
            (long) getpid ());
  render (a, SYDRA_STATS_TEXT);
  ck_assert_ptr_eq (strstr (text.bytes, expected), text.bytes);

  program_invocation_short_name = ours;
  render (a, SYDRA_STATS_JSON);
  ck_assert (is_json (text.bytes));
  ck_assert_ptr_nonnull (strstr (text.bytes, ", \"program\": \"a \\ufffd\\\"\\u000a\", "));
  program_invocation_short_name = ours + sizeof ours - 1;
  render (a, SYDRA_STATS_TEXT);
  ck_assert_int_eq (strncmp (text.bytes, "sydra-alloc handle alloc, process ", 34), 0);
  program_invocation_short_name = saved;
}
END_TEST

START_TEST (text_has_a_line_a_total_and_a_row_a_class)
{
  char row[32];
  unsigned lines = 0;

  sydra_free (a, sydra_malloc (a, 100));
  render (a, SYDRA_STATS_TEXT);
  for (const char *at = text.bytes; (at = strchr (at, '\n')) != NULL; at++)
    lines++;
  ck_assert_uint_eq (lines, 1 + 24 + 1 + 1 + SY_CLASSES - 1);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      snprintf (row, sizeof row, "\n  %5u ", sy_size_classes[class].bytes);
      ck_assert_msg (strstr (text.bytes, row) != NULL, "no row of %u bytes",
                     sy_size_classes[class].bytes);
    }
  for (size_t at = 0; at < text.length; at++)
    test_must (text.bytes[at] == '\n' || (text.bytes[at] >= ' ' && text.bytes[at] < 127),
               "byte %zu", at);
}
END_TEST

START_TEST (a_writer_that_says_stop_is_not_called_again)
{
  unsigned calls;

  render (a, SYDRA_STATS_JSON);
  calls = text.calls;
  ck_assert_uint_gt (calls, 1);
  for (unsigned stop_at = 1; stop_at <= calls; stop_at++)
    {
      memset (&text, 0, sizeof text);
      text.stop_at = stop_at;
      ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_JSON, collect, &text), 42);
      ck_assert_uint_eq (text.calls, stop_at);
    }
}
END_TEST

START_TEST (an_unknown_format_writes_nothing)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (a, (enum sydra_stats_format) 99, collect, &text), EINVAL);
  ck_assert_uint_eq (text.calls, 0);
}
END_TEST

static int
allocate_and_collect (void *ctx, const char *bytes, size_t length)
{
  void *block = sydra_malloc (a, 48);

  ck_assert_ptr_nonnull (block);
  sydra_free (a, block);
  return collect (ctx, bytes, length);
}

START_TEST (the_writer_may_allocate)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_JSON, allocate_and_collect, &text), 0);
  ck_assert (is_json (text.bytes));
}
END_TEST

void
stats_add_rendering (Suite *suite)
{
  TCase *tests = one_handle_case (suite, "rendering", 20, tear_down);

  tcase_add_test (tests, the_reader_of_json_is_strict);
  tcase_add_test (tests, json_is_json_and_has_every_member);
  tcase_add_test (tests, a_name_with_quotes_and_controls_is_escaped);
  tcase_add_test (tests, what_is_no_utf8_in_a_name_is_replaced_byte_by_byte);
  tcase_add_test (tests, both_forms_name_the_process_and_the_program);
  tcase_add_test (tests, text_has_a_line_a_total_and_a_row_a_class);
  tcase_add_test (tests, a_writer_that_says_stop_is_not_called_again);
  tcase_add_test (tests, an_unknown_format_writes_nothing);
  tcase_add_test (tests, the_writer_may_allocate);
}
