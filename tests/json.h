/* SPDX-License-Identifier: MIT */
/* json.h: a strict reader of JSON. */
#ifndef SY_TEST_JSON_H
#define SY_TEST_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

/* RFC 8259: each function passes one thing, or gives NULL. */
static inline const char *pass_value (const char *at, unsigned depth);

static inline const char *
pass_space (const char *at)
{
  return at == NULL ? NULL : at + strspn (at, " \t\n\r");
}

static inline const char *
pass_string (const char *at)
{
  if (*at++ != '"')
    return NULL;
  for (; *at != '"'; at++)
    if ((unsigned char) *at < 0x20)
      return NULL;
    else if (*at == '\\')
      {
        if (*++at == 'u')
          {
            if (strspn (at + 1, "0123456789abcdefABCDEF") < 4)
              return NULL;
            at += 4;
          }
        else if (*at == '\0' || strchr ("\"\\/bfnrt", *at) == NULL)
          return NULL;
      }
  return at + 1;
}

static inline const char *
pass_number (const char *at)
{
  size_t digits;

  at += *at == '-';
  digits = strspn (at, "0123456789");
  return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits; /* ours are whole */
}

static inline const char *
pass_members (const char *at, bool named, unsigned depth)
{
  char end = named ? '}' : ']';

  at = pass_space (at + 1);
  if (*at == end)
    return at + 1;
  for (;;)
    {
      if (named)
        {
          at = pass_space (pass_string (at));
          if (at == NULL || *at++ != ':')
            return NULL;
        }
      at = pass_space (pass_value (pass_space (at), depth + 1));
      if (at == NULL)
        return NULL;
      if (*at == end)
        return at + 1;
      if (*at != ',')
        return NULL;
      at = pass_space (at + 1);
    }
}

static inline const char *
pass_value (const char *at, unsigned depth)
{
  if (depth > 8)
    return NULL;
  if (*at == '{' || *at == '[')
    return pass_members (at, *at == '{', depth);
  return *at == '"' ? pass_string (at) : pass_number (at);
}

static inline bool
is_json (const char *at)
{
  at = pass_space (pass_value (pass_space (at), 0));
  return at != NULL && *at == '\0';
}

static inline uint64_t
json_number (const char *from, const char *name)
{
  char key[64];
  const char *at;

  snprintf (key, sizeof key, "\"%s\": ", name);
  at = strstr (from, key);
  ck_assert_msg (at != NULL, "no member %s", name);
  return strtoull (at + strlen (key), NULL, 10);
}

#endif
