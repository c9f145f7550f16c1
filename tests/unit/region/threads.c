/* SPDX-License-Identifier: MIT */
/* threads.c: threads that take and give slabs, and give memory back, at the same time. */
#include <config.h>

#include "region.h"
#include "threads.h"

#define THREADS 4
/* 48 MiB of the longest slabs; a zone has 16 MiB on 32 bits. */
#define HELD (SY_WORD_BITS == 64 ? 24u : 6u)

static unsigned hammered;  /* the class */

static void *
take_and_give (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);
  size_t last = sy_class_slab_bytes (hammered) - sizeof argument;
  uint32_t held[24];
  unsigned count = 0;

  for (unsigned step = 0; step < (TEST_SANITIZED ? 1500 : 6000); step++)
    {
      if (count == 0 || (count < HELD && test_random_below (&random, 2)))
        {
          uint32_t slab = sy_region_take (hammered);

          test_must (slab != SY_SLAB_NONE, "out of slabs");
          memcpy (sy_region_address (slab), &argument, sizeof argument);
          memcpy (sy_region_address (slab) + last, &argument, sizeof argument);
          held[count++] = slab;
        }
      else
        {
          uint32_t slab = held[--count];

          char *start = sy_region_address (slab);

          test_must (memcmp (start, &argument, sizeof argument) == 0,
                     "a slab in two hands, or cleaned in use");
          test_must (memcmp (start + last, &argument, sizeof argument) == 0,
                     "the end of a slab in two hands, or cleaned in use");
          sy_region_give (slab, 1);
        }
      if (step % 64 == 0)
        sy_region_reap (sy_os_now_ns ());
      if (step % 1000 == 0)
        (void) sy_region_purge ();
    }
  while (count != 0)
    sy_region_give (held[--count], 1);
  return NULL;
}

START_TEST (threads_never_share_a_slab_and_lose_none)
{
  open_and_trim ();
  hammered = CLASS;
  in_threads (THREADS, take_and_give, 1);

  /* fresh + in use + dirty + clean == all: every slab that was ever used can be had before a fresh
     one. */
  uint32_t used = used_of (CLASS), chain = take_chain (CLASS, used);

  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
  chain = take_chain (CLASS, used);
  ck_assert_uint_eq (used_of (CLASS), used);
  sy_region_give (chain, used);
}
END_TEST

void
region_add_threads (Suite *suite)
{
  TCase *tests = test_case (suite, "threads", 60);

  tcase_add_loop_test (tests, threads_never_share_a_slab_and_lose_none, 0, LENGTHS);
}
