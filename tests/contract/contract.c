/* SPDX-License-Identifier: MIT */
/*
 * contract.c: what <sydra/alloc.h> promises in every mode.  The same sources are linked with each
 * mode and number of shards; where modes may differ, the header says so, and the test asks
 * sydra_alloc_is_small_pool.
 */
#include <config.h>

#include <pthread.h>

#include "contract.h"

struct sydra_alloc *a;

static void
set_up (void)
{
  a = sydra_alloc_create (NULL);
  ck_assert_ptr_nonnull (a);
}

static void
tear_down (void)
{
  ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}

TCase *
contract_case (Suite *suite, const char *name, double seconds)
{
  TCase *tests = test_case (suite, name, seconds);

  tcase_add_checked_fixture (tests, set_up, tear_down);
  return tests;
}

struct sydra_stats
contract_stats (struct sydra_alloc *of)
{
  struct sydra_stats stats = { .size = sizeof stats };

  ck_assert_int_eq (sydra_stats_get (of, &stats), 0);
  return stats;
}

static uint64_t
stamp_word (uint64_t tag, size_t at)
{
  return (tag + at) * 0x9e3779b97f4a7c15u + at;
}

void
contract_stamp (void *block, size_t bytes, uint64_t tag)
{
  char *out = block;

  for (size_t at = 0; at < bytes; at += 8)
    {
      uint64_t word = stamp_word (tag, at);

      memcpy (out + at, &word, bytes - at < 8 ? bytes - at : 8);
    }
}

bool
contract_stamped (const void *block, size_t bytes, uint64_t tag)
{
  const char *in = block;

  for (size_t at = 0; at < bytes; at += 8)
    {
      uint64_t word = stamp_word (tag, at);

      if (memcmp (in + at, &word, bytes - at < 8 ? bytes - at : 8) != 0)
        return false;
    }
  return true;
}

void
contract_leave (void *block)
{
  static struct left {
    struct left *next;
    void *block;
  } *all;
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  struct left *left = malloc (sizeof *left);

  test_must (left != NULL && block != NULL, "no memory");
  left->block = block;
  pthread_mutex_lock (&lock);
  left->next = all;
  all = left;
  pthread_mutex_unlock (&lock);
}

bool
contract_is_zero (const void *block, size_t bytes)
{
  const char *in = block;

  return bytes == 0 || (in[0] == 0 && memcmp (in, in + 1, bytes - 1) == 0);
}

int
main (void)
{
  int status = contract_first_main ();

  if (status >= 0)
    return status;

  Suite *suite = suite_create (sydra_alloc_mode ());

  contract_add_sizes (suite);
  contract_add_errno (suite);
  contract_add_zeroed (suite);
  contract_add_realloc (suite);
  contract_add_handles (suite);
  contract_add_limits (suite);
  contract_add_interface (suite);
  contract_add_stats (suite);
  contract_add_stats_write (suite);
  contract_add_epochs (suite);
  contract_add_deferred (suite);
  contract_add_deferred_threads (suite);
  contract_add_destructors (suite);
  contract_add_first (suite);
  return test_run (suite);
}
