/* SPDX-License-Identifier: MIT */
/* contract_destructors.c: a thread that ends allocates and frees in its destructors. */
#include <config.h>

#include "contract.h"
#include "threads.h"

/* Destructors that come back in every pass: before and after the library's own.  ThreadSanitizer
   ends a thread's state in the last one. */
enum { KEYS = 40, PASSES = SY_THREAD_SANITIZER ? 3 : 4 };
static pthread_key_t many_keys[KEYS];
static void *kept[KEYS];

struct late {
  unsigned which, passes;
};

static void
free_and_allocate (void *value)
{
  struct late *late = value;

  sydra_free (a, kept[late->which]);
  kept[late->which] = sydra_malloc (a, late->which * 13 + late->passes);
  test_must (kept[late->which] != NULL, "no block in pass %u", late->passes);
  contract_stamp (kept[late->which], late->which * 13 + late->passes, late->which);
  if (++late->passes < PASSES)
    pthread_setspecific (many_keys[late->which], late);
}

static void *
use_and_end (void *argument)
{
  struct late *late = argument;

  for (unsigned at = 0; at < KEYS; at++)
    {
      late[at] = (struct late) { at, 0 };
      sydra_free (a, kept[at]);
      kept[at] = sydra_malloc (a, at * 13);
      pthread_setspecific (many_keys[at], &late[at]);
    }
  return NULL;
}

START_TEST (destructors_free_and_allocate_in_every_pass)
{
  static struct late late[KEYS];

  for (unsigned at = 0; at < KEYS; at++)
    ck_assert_int_eq (pthread_key_create (&many_keys[at], free_and_allocate), 0);
  for (unsigned round = 0; round < 50; round++)
    {
      (void) in_a_thread (use_and_end, late);
      for (unsigned at = 0; at < KEYS; at++)
        {
          ck_assert_uint_eq (late[at].passes, PASSES);
          ck_assert (contract_stamped (kept[at], at * 13 + PASSES - 1, at));
        }
      ck_assert_uint_eq (contract_stats (a).in_use, KEYS);
    }
  sydra_free_batch (a, KEYS, kept);
  memset (kept, 0, sizeof kept);
  for (unsigned at = 0; at < KEYS; at++)
    pthread_key_delete (many_keys[at]);
  ck_assert_uint_eq (contract_stats (a).in_use_bytes, 0);
}
END_TEST

void
contract_add_destructors (Suite *suite)
{
  TCase *tests = contract_case (suite, "destructors", 30);

  tcase_add_test (tests, destructors_free_and_allocate_in_every_pass);
}
