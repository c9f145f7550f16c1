/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "conf.h"

#include <string.h>

#include "api/backend.h"
#include "base/tuning.h"

/* One KEY:VALUE.  The backslashes of the value are resolved. */
struct entry {
  const char *key;
  char *value;                      /* of PATH_MAX bytes */
  size_t key_length, length;        /* length is the value's */
  bool has_value, too_long;
};

/*
 * A key, the function that takes its value, and what the value should be.  The function returns
 * false if the value is wrong.
 */
struct key {
  const char *name;
  bool (*take) (struct sy_conf *conf, const char *value);
  const char *right;
};

/* The number, if text is all digits and at most max; otherwise -1. */
static long
number (const char *text, long max)
{
  long value = 0;

  if (*text == '\0')
    return -1;
  for (; *text != '\0'; text++)
    {
      if (*text < '0' || *text > '9' || value > (max - (*text - '0')) / 10)
        return -1;
      value = 10 * value + (*text - '0');
    }
  return value;
}

static bool
take_shards (struct sy_conf *conf, const char *value)
{
  long shards = number (value, SY_SHARDS_MAX);

  if (!sy_backend_has_pool || (shards < 0 && strcmp (value, "auto") != 0))
    return false;
  conf->shards = (int) shards;
  return true;
}

static bool
take_hugepages (struct sy_conf *conf, const char *value)
{
  static const char *const words[] = { "auto", "never", "always" };

  for (int at = 0; sy_backend_has_pool && at < 3; at++)
    if (strcmp (value, words[at]) == 0)
      {
        conf->huge = at;
        return true;
      }
  return false;
}

static bool
take_stats (struct sy_conf *conf, const char *value)
{
  conf->text = strcmp (value, "text") == 0 || conf->text;
  return strcmp (value, "text") == 0;
}

static bool
take_json (struct sy_conf *conf, const char *value)
{
  if (*value == '\0')
    return false;
  strcpy (conf->json, value);  /* both arrays have PATH_MAX bytes */
  return true;
}

static bool
take_process (struct sy_conf *conf, const char *value)
{
  bool any = strcmp (value, "any") == 0;
  long process = any ? 0 : number (value, INT_MAX);

  if (!any && process <= 0)
    return false;
  conf->process = process;
  return true;
}

static const struct key keys[]
  = { { "shards", take_shards,
        "should be auto or a number from 0 to 1024, where the mode is small_pool" },
      { "hugepages", take_hugepages,
        "should be auto, never or always, where the mode is small_pool" },
      { "stats", take_stats, "should be text" },
      { "json", take_json, "should be the name of a file" },
      { "process", take_process, "should be any or the number of a process" } };

#define KEYS (sizeof keys / sizeof *keys)

/* ---- Warnings: one line, built in a buffer of its own; long parts are cut off ---- */

struct line {
  char text[256];
  size_t length;
};

static void
add (struct line *line, const char *text, size_t length, size_t most)
{
  length = length < most ? length : most;
  memcpy (line->text + line->length, text, length);
  line->length += length;
}

static void
complain (const struct entry *entry, const char *right,
          void (*warn) (const char *line, size_t length))
{
  static const char start[] = "sydra-malloc: SYDRA_ALLOC_CONF: ";
  struct line line = { "", 0 };

  add (&line, start, strlen (start), sizeof start);
  add (&line, entry->key, entry->key_length, 40);
  if (entry->has_value)
    {
      add (&line, ":", 1, 1);
      add (&line, entry->value, entry->length, 40);
    }
  add (&line, ": ", 2, 2);
  add (&line, right, strlen (right), 100);
  add (&line, "\n", 1, 1);
  for (size_t at = 0; at + 1 < line.length; at++)
    if ((unsigned char) line.text[at] < 0x20)
      line.text[at] = '?';
  warn (line.text, line.length);
}

/* ---- Parsing ---- */

/* Reads the value that starts at text.  Returns where it ends. */
static const char *
read_value (struct entry *entry, const char *text)
{
  for (; *text != '\0' && *text != ','; text++)
    {
      if (*text == '\\' && text[1] != '\0')
        text++;
      if (entry->length + 1 < PATH_MAX)
        entry->value[entry->length++] = *text;
      else
        entry->too_long = true;
    }
  entry->value[entry->length] = '\0';
  return text;
}

/* Reads the entry that starts at text.  Returns where it ends. */
static const char *
read_entry (struct entry *entry, const char *text)
{
  entry->key = text;
  entry->key_length = strcspn (text, ":,");
  entry->length = 0;
  entry->too_long = false;
  text += entry->key_length;
  entry->has_value = *text == ':';
  return read_value (entry, entry->has_value ? text + 1 : text);
}

static void
take_entry (struct sy_conf *conf, const struct entry *entry,
            void (*warn) (const char *line, size_t length))
{
  for (size_t at = 0; at < KEYS; at++)
    if (strlen (keys[at].name) == entry->key_length
        && memcmp (keys[at].name, entry->key, entry->key_length) == 0)
      {
        if (entry->too_long || !entry->has_value || !keys[at].take (conf, entry->value))
          complain (entry, keys[at].right, warn);
        return;
      }
  complain (entry, "unknown; there are shards, hugepages, stats, json and process", warn);
}

void
sy_conf_read (struct sy_conf *conf, const char *text,
              void (*warn) (const char *line, size_t length))
{
  struct entry entry = { .value = conf->value };

  conf->shards = SY_CONFIG_SHARDS;
  conf->huge = 0;
  conf->text = false;
  conf->process = 0;
  conf->json[0] = '\0';
  while (*text != '\0')
    {
      text = read_entry (&entry, text);
      if (entry.key_length != 0 || entry.has_value)
        take_entry (conf, &entry, warn);
      text += *text == ',';
    }
}
