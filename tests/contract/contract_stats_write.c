/* SPDX-License-Identifier: MIT */
/* contract_stats_write.c: how statistics are written, as text and as JSON. */
#include <config.h>

#include "contract.h"
#include "json.h"

struct collected {
  size_t length;
  unsigned calls, stop_at;
  char text[1 << 16];
};

static int
collect_text (void *ctx, const char *text, size_t length)
{
  struct collected *collected = ctx;
  char *working = malloc (length + 1);

  /* A writer may allocate, of the handle too; freed at once, so that nothing stays. */
  sydra_free (a, sydra_malloc (a, 10));
  test_must (working != NULL && length > 0 && collected->length + length < sizeof collected->text,
             "%zu more bytes", length);
  memcpy (working, text, length);
  memcpy (collected->text + collected->length, working, length);
  free (working);
  collected->length += length;
  collected->text[collected->length] = '\0';
  return ++collected->calls == collected->stop_at ? 77 : 0;
}

START_TEST (json_is_json_and_says_what_the_struct_says)
{
  static struct collected out;
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;
  struct sydra_stats stats;

  options.name = "a \"name\\\n\x01";
  named = sydra_alloc_create (&options);
  for (unsigned at = 0; at < 1000; at++)
    contract_leave (sydra_malloc (named, at));
  stats = contract_stats (named);
  ck_assert_int_eq (sydra_stats_write (named, SYDRA_STATS_JSON, collect_text, &out), 0);
  ck_assert_msg (is_json (out.text), "no JSON: %s", out.text);
  ck_assert_ptr_nonnull (strstr (out.text, "\"name\": \"a \\\"name\\\\\\u000a\\u0001\""));
  ck_assert_uint_eq (json_number (out.text, "allocations"), stats.allocations);
  ck_assert_uint_eq (json_number (out.text, "frees"), stats.frees);
  ck_assert_uint_eq (json_number (out.text, "in_use"), stats.in_use);
  ck_assert_uint_eq (json_number (out.text, "in_use_bytes"), stats.in_use_bytes);
  ck_assert_uint_eq (json_number (out.text, "high_water_bytes"), stats.high_water_bytes);
  ck_assert_uint_eq (json_number (out.text, "fallback_allocs"), stats.fallback_allocs);
  ck_assert_uint_eq (json_number (out.text, "fallback_heap_allocs"), stats.fallback_heap_allocs);
  ck_assert_uint_eq (json_number (out.text, "reserved_bytes"), stats.reserved_bytes);
  ck_assert_uint_eq (json_number (out.text, "class_count"), stats.class_count);
  ck_assert_uint_eq (json_number (out.text, "shards"), stats.shards);
  ck_assert_uint_eq (sydra_alloc_destroy (named), 1000);
}
END_TEST

START_TEST (text_has_the_mode_the_name_and_the_numbers)
{
  static struct collected out;
  char number[32];
  void *block[123];
  uint64_t bytes = 0;

  ck_assert_uint_eq (sydra_malloc_batch (a, 777, 123, block), 123);
  /* Not all the same: the C library's may be a step larger. */
  for (unsigned at = 0; at < 123; at++)
    bytes += sydra_usable_size (a, block[at]);
  ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_TEXT, collect_text, &out), 0);
  ck_assert_ptr_nonnull (strstr (out.text, sydra_alloc_mode ()));
  ck_assert_ptr_nonnull (strstr (out.text, "alloc"));
  snprintf (number, sizeof number, " %" PRIu64 "\n", bytes);
  ck_assert_ptr_nonnull (strstr (out.text, number));
  ck_assert_int_eq (out.text[out.length - 1], '\n');
  sydra_free_batch (a, 123, block);
}
END_TEST

START_TEST (a_writer_that_fails_ends_the_writing_with_its_answer)
{
  static struct collected out;
  unsigned calls;

  for (enum sydra_stats_format format = SYDRA_STATS_TEXT; format <= SYDRA_STATS_JSON; format++)
    {
      memset (&out, 0, sizeof out);
      ck_assert_int_eq (sydra_stats_write (a, format, collect_text, &out), 0);
      calls = out.calls;
      for (unsigned at = 1; at <= calls; at++)
        {
          memset (&out, 0, sizeof out);
          out.stop_at = at;
          ck_assert_int_eq (sydra_stats_write (a, format, collect_text, &out), 77);
          ck_assert_uint_eq (out.calls, at);
        }
    }
}
END_TEST

START_TEST (an_unknown_format_is_refused)
{
  static struct collected out;

  ck_assert_int_eq (sydra_stats_write (a, (enum sydra_stats_format) 99, collect_text, &out),
                    EINVAL);
  ck_assert_uint_eq (out.calls, 0);
}
END_TEST

void
contract_add_stats_write (Suite *suite)
{
  TCase *tests = contract_case (suite, "statistics, written", 30);

  tcase_add_test (tests, json_is_json_and_says_what_the_struct_says);
  tcase_add_test (tests, text_has_the_mode_the_name_and_the_numbers);
  tcase_add_test (tests, a_writer_that_fails_ends_the_writing_with_its_answer);
  tcase_add_test (tests, an_unknown_format_is_refused);
}
