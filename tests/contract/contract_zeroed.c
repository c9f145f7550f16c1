/* SPDX-License-Identifier: MIT */
/* contract_zeroed.c: calloc's blocks are zero, whatever was in their memory before. */
#include <config.h>

#include <sched.h>

#include "contract.h"
#include "threads.h"

/* A dirty block is freed, another one taken zeroed, 64 of them live at a time. */
START_TEST (calloc_gives_zeros_however_dirty_the_blocks_were)
{
  enum { LIVE = 64 };
  struct test_random random = test_random_make (2);
  void *live[LIVE] = { NULL };
  unsigned rounds = test_steps (100000, 1000000);

  for (unsigned round = 0; round < rounds; round++)
    {
      size_t most = round % 1000 == 0 ? 300000 : round % 16 == 0 ? 10000 : 300;
      size_t size = test_random_below (&random, most), at = test_random_below (&random, LIVE);
      size_t count = size % 7 == 0 && size != 0 ? 7 : 1;

      sydra_free (a, live[at]);
      live[at] = sydra_calloc (a, count, size / count);
      test_must (live[at] != NULL, "no block of %zu", size);
      test_must (contract_is_zero (live[at], size), "a byte of %zu is not zero in round %u", size,
                 round);
      memset (live[at], 0xa5, sydra_usable_size (a, live[at]));
    }
  sydra_free_batch (a, LIVE, live);
}
END_TEST

/* ---- Zeros, while another thread frees ---- */

enum { PASSED = 64 };
static void *passed[PASSED];
static bool passing_ends;

/* Frees whatever lies in the slots, until it is told that no more comes. */
static void *
free_what_is_passed (void *argument)
{
  (void) argument;
  for (bool last = false; !last;)
    {
      unsigned freed = 0;

      last = __atomic_load_n (&passing_ends, __ATOMIC_ACQUIRE);
      for (unsigned at = 0; at < PASSED; at++)
        {
          void *block = __atomic_exchange_n (&passed[at], NULL, __ATOMIC_ACQ_REL);

          freed += block != NULL;
          sydra_free (a, block);
        }
      if (freed == 0)
        sched_yield ();
    }
  return NULL;
}

/* One in four is left for the other thread, one in four is freed at once, the rest in its turn. */
static void
end_dirty (void **slot, void *block, unsigned round)
{
  memset (block, 0xa5, sydra_usable_size (a, block));
  if (round % 4 == 0)
    block = __atomic_exchange_n (&passed[round / 4 % PASSED], block, __ATOMIC_ACQ_REL);
  else if (round % 4 != 1)
    {
      void *old = *slot;

      *slot = block;
      block = old;
    }
  sydra_free (a, block);
}

/* Every size up to 40,000 comes, in an order without any, and no two neighbours are alike.  One
   size in three may be any of the pool's, or a little more. */
START_TEST (calloc_gives_zeros_of_every_size_while_another_thread_frees)
{
  enum { LIVE = 64, MOST = 40000, LARGEST = 140000 };
  struct test_random random = test_random_make (4);
  void *live[LIVE] = { NULL };
  unsigned rounds = test_steps (20000, 120000);
  size_t first = test_random_below (&random, MOST);
  pthread_t thread;

  passing_ends = false;
  thread = thread_start (free_what_is_passed, NULL);
  for (unsigned round = 0; round < rounds; round++)
    {
      size_t size = 1 + (first + (size_t) round * 7919) % (round % 3 == 0 ? LARGEST : MOST);
      void *block = sydra_calloc (a, 1, size);

      test_must (block != NULL, "no block of %zu", size);
      test_must (contract_is_zero (block, size), "a byte of %zu is not zero in round %u", size,
                 round);
      end_dirty (&live[test_random_below (&random, LIVE)], block, round);
      if (round % 1000 == 999)
        (void) sydra_collect (a);
    }
  __atomic_store_n (&passing_ends, true, __ATOMIC_RELEASE);
  (void) thread_join (thread);
  sydra_free_batch (a, LIVE, live);
}
END_TEST

void
contract_add_zeroed (Suite *suite)
{
  TCase *tests = contract_case (suite, "zeroed", 60);

  tcase_add_test (tests, calloc_gives_zeros_however_dirty_the_blocks_were);
  tcase_add_test (tests, calloc_gives_zeros_of_every_size_while_another_thread_frees);
}
