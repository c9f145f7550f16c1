/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "conf.h"
#include "file_name.h"
#include "suite.h"

static struct sy_conf conf;
static char said[16384];
static unsigned lines;

/* The parser warns in whole lines of at most 256 bytes. */
static void
hear (const char *line, size_t length)
{
  ck_assert_uint_le (length, 256);
  ck_assert_int_eq (line[length - 1], '\n');
  ck_assert_ptr_eq (memchr (line, '\n', length), line + length - 1);
  ck_assert_uint_lt (strlen (said) + length, sizeof said);
  strncat (said, line, length);
  lines++;
}

static void
read_text (const char *text)
{
  said[0] = '\0';
  lines = 0;
  memset (&conf, 0x5a, sizeof conf);
  sy_conf_read (&conf, text, hear);
}

static void
is_untouched (void)
{
  ck_assert_int_eq (conf.shards, SY_CONFIG_SHARDS);
  ck_assert_int_eq (conf.huge, 0);
  ck_assert (!conf.text);
  ck_assert_int_eq (conf.process, 0);
  ck_assert_str_eq (conf.json, "");
}

START_TEST (nothing_said_is_everything_as_configured)
{
  static const char *const nothing[] = { "", ",", ",,," };

  for (unsigned at = 0; at < 3; at++)
    {
      read_text (nothing[at]);
      is_untouched ();
      ck_assert_str_eq (said, "");
    }
}
END_TEST

START_TEST (all_keys_are_taken)
{
  read_text ("shards:7,stats:text,json:/tmp/x y.json,process:4711");
  ck_assert_str_eq (said, "");
  ck_assert_int_eq (conf.shards, 7);
  ck_assert (conf.text);
  ck_assert_str_eq (conf.json, "/tmp/x y.json");
  ck_assert_int_eq (conf.process, 4711);
}
END_TEST

START_TEST (shards_are_auto_or_0_to_1024)
{
  static const char *const right[] = { "shards:auto", "shards:0", "shards:1024", "shards:0001" };
  static const int number[] = { -1, 0, 1024, 1 };
  static const char *const wrong[] = { "shards:1025", "shards:-1", "shards:",
                                       "shards:1x",   "shards: 1", "shards:99999999999999999999",
                                       "shards" };

  for (unsigned at = 0; at < 4; at++)
    {
      read_text (right[at]);
      ck_assert_str_eq (said, "");
      ck_assert_int_eq (conf.shards, number[at]);
    }
  for (unsigned at = 0; at < 7; at++)
    {
      read_text (wrong[at]);
      is_untouched ();
      ck_assert_uint_eq (lines, 1);
      ck_assert_ptr_nonnull (strstr (said, "auto or a number from 0 to 1024"));
    }
}
END_TEST

START_TEST (hugepages_are_auto_never_or_always)
{
  static const char *const right[] = { "hugepages:auto", "hugepages:never", "hugepages:always" };
  static const char *const wrong[] = { "hugepages:", "hugepages", "hugepages:on", "hugepages:1" };

  for (int at = 0; at < 3; at++)
    {
      read_text (right[at]);
      ck_assert_str_eq (said, "");
      ck_assert_int_eq (conf.huge, at);
    }
  for (unsigned at = 0; at < 4; at++)
    {
      read_text (wrong[at]);
      is_untouched ();
      ck_assert_uint_eq (lines, 1);
      ck_assert_ptr_nonnull (strstr (said, "should be auto, never or always, where the mode"));
    }
}
END_TEST

START_TEST (a_bad_value_is_told_with_what_would_be_right)
{
  read_text ("stats:json");
  is_untouched ();
  ck_assert_str_eq (said, "sydra-malloc: SYDRA_ALLOC_CONF: stats:json: should be text\n");
  read_text ("process:0,process:x,json:,json");
  is_untouched ();
#define START "sydra-malloc: SYDRA_ALLOC_CONF: "
  ck_assert_str_eq (said, START "process:0: should be any or the number of a process\n"
                    START "process:x: should be any or the number of a process\n"
                    START "json:: should be the name of a file\n"
                    START "json: should be the name of a file\n");
#undef START
}
END_TEST

START_TEST (an_unknown_key_is_told_and_the_rest_is_taken)
{
  read_text ("colour:blue,stats:text,Shards:3,:4,shard:5");
  ck_assert_uint_eq (lines, 4);
  ck_assert_ptr_nonnull (
    strstr (said, ": colour:blue: unknown; there are shards, hugepages, stats, json and process\n"));
  ck_assert (conf.text);
  ck_assert_int_eq (conf.shards, SY_CONFIG_SHARDS);
}
END_TEST

START_TEST (the_last_of_two_values_of_a_key_counts)
{
  read_text ("shards:3,json:a,shards:4,json:b");
  ck_assert_int_eq (conf.shards, 4);
  ck_assert_str_eq (conf.json, "b");
}
END_TEST

START_TEST (process_any_stands_for_all_processes)
{
  read_text ("process:4711,process:any");
  ck_assert_str_eq (said, "");
  ck_assert_int_eq (conf.process, 0);
  read_text ("process:anyone,process:an,process:00");
  ck_assert_uint_eq (lines, 3);
}
END_TEST

START_TEST (percent_p_in_a_file_s_name_is_the_process_and_two_percent_signs_one)
{
  static const struct { const char *name, *expanded; bool has_process; } names[] = {
    { "", "/d%p/", false }, { "x", "/d%p/x", false }, { "%p", "/d%p/4711", true },
    { "a%p.%pb", "/d%p/a4711.4711b", true }, { "%%", "/d%p/%", false }, { "%%p", "/d%p/%p", false },
    { "%%%p", "/d%p/%4711", true }, { "%", "/d%p/%", false },
    { "%x%d%", "/d%p/%x%d%", false }, { "%x%p", "/d%p/%x4711", true }, { "%P", "/d%p/%P", false }
  };
  char to[100];

  for (size_t at = 0; at < sizeof names / sizeof *names; at++)
    {
      size_t length = strlen (names[at].expanded);

      ck_assert (sy_file_name_has_process (names[at].name) == names[at].has_process);
      for (size_t bytes = 0; bytes < sizeof to; bytes++)
        {
          memset (to, '#', sizeof to);
          ck_assert (sy_file_name_expand (to, bytes, "/d%p/", names[at].name, 4711)
                     == (bytes > length));
          ck_assert_int_eq (to[bytes], '#');
          if (bytes > length)
            ck_assert_str_eq (to, names[at].expanded);
        }
    }
}
END_TEST

START_TEST (a_backslash_makes_the_next_character_part_of_the_value)
{
  read_text ("json:a\\,b\\\\c:d\\e,stats:text");
  ck_assert_str_eq (said, "");
  ck_assert_str_eq (conf.json, "a,b\\c:de");
  ck_assert (conf.text);
  read_text ("json:a\\");
  ck_assert_str_eq (conf.json, "a\\");
}
END_TEST

START_TEST (a_name_that_is_too_long_is_refused_whole)
{
  static char text[2 * PATH_MAX];

  memcpy (text, "json:", 5);
  memset (text + 5, 'x', PATH_MAX - 1);
  read_text (text);
  ck_assert_str_eq (said, "");
  ck_assert_uint_eq (strlen (conf.json), PATH_MAX - 1);

  strcpy (text + 5 + PATH_MAX - 1, "x,stats:text");
  read_text (text);
  ck_assert_uint_eq (lines, 1);
  ck_assert_str_eq (conf.json, "");
  ck_assert (conf.text);
}
END_TEST

START_TEST (a_warning_stays_one_line)
{
  static char text[1000];

  read_text ("stats:a\nb\033c");
  ck_assert_str_eq (said, "sydra-malloc: SYDRA_ALLOC_CONF: stats:a?b?c: should be text\n");
  memset (text, 'k', sizeof text - 1);
  text[500] = ':';
  read_text (text);
  ck_assert_uint_eq (lines, 1);
}
END_TEST

START_TEST (whatever_is_said_is_read_to_its_end)
{
  static const char letters[] = ",,::\\\\shardsstatsjsonprocesstextauto0123456789\n";
  struct test_random random = test_random_make (1);
  char text[200];

  for (unsigned round = 0; round < 200000; round++)
    {
      size_t length = test_random_below (&random, sizeof text);

      for (size_t at = 0; at < length; at++)
        text[at] = letters[test_random_below (&random, sizeof letters - 1)];
      text[length] = '\0';
      read_text (text);
      test_must (conf.shards >= -1 && conf.shards <= 1024, "%s: %d shards", text, conf.shards);
      test_must (conf.process >= 0, "%s: process %ld", text, conf.process);
      test_must (strlen (conf.json) <= length, "%s: file %s", text, conf.json);
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("malloc/conf");
  TCase *tests = test_case (suite, "conf", 20);

  tcase_add_test (tests, nothing_said_is_everything_as_configured);
  tcase_add_test (tests, all_keys_are_taken);
  tcase_add_test (tests, shards_are_auto_or_0_to_1024);
  tcase_add_test (tests, hugepages_are_auto_never_or_always);
  tcase_add_test (tests, a_bad_value_is_told_with_what_would_be_right);
  tcase_add_test (tests, an_unknown_key_is_told_and_the_rest_is_taken);
  tcase_add_test (tests, the_last_of_two_values_of_a_key_counts);
  tcase_add_test (tests, process_any_stands_for_all_processes);
  tcase_add_test (tests, percent_p_in_a_file_s_name_is_the_process_and_two_percent_signs_one);
  tcase_add_test (tests, a_backslash_makes_the_next_character_part_of_the_value);
  tcase_add_test (tests, a_name_that_is_too_long_is_refused_whole);
  tcase_add_test (tests, a_warning_stays_one_line);
  tcase_add_test (tests, whatever_is_said_is_read_to_its_end);
  return test_run (suite);
}
