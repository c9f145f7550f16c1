/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <stddef.h>

#include "pool/slab.h"
#include "suite.h"
#include "threads.h"

/* How long the state of a slab of the class is, in whole lines. */
static size_t
state_bytes (unsigned class)
{
  size_t bytes = offsetof (struct sy_slab, word) + (sy_size_classes[class].blocks + 63) / 64 * 8;

  return (bytes + SY_LINE_BYTES - 1) / SY_LINE_BYTES * SY_LINE_BYTES;
}

static struct sy_slab *
state_of (unsigned class)
{
  struct sy_slab *state = sy_slab_new (class);

  ck_assert_ptr_nonnull (state);
  ck_assert_uint_eq ((uintptr_t) state % SY_LINE_BYTES, 0);
  ck_assert_uint_eq (state->class, class);
  return state;
}

START_TEST (states_lie_side_by_side_as_long_as_their_class_needs)
{
  char *last = (char *) state_of (1);
  size_t length = state_bytes (1);

  ck_assert_uint_eq (length, 576);
  ck_assert_uint_eq (state_bytes (SY_CLASSES - 1), SY_LINE_BYTES);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      char *state = (char *) state_of (class);

      length = state_bytes (class);
      ck_assert_ptr_eq (state, last - length);
      last = state;
    }
}
END_TEST

/* Its last word is the state's own, too. */
static void
write_state (struct sy_slab *state, uintptr_t value)
{
  unsigned words = sy_class_words (state->class);

  state->owner = (void *) value;
  for (unsigned word = 0; word < words; word++)
    state->word[word] = value;
}

static bool
state_holds (const struct sy_slab *state, uintptr_t value)
{
  unsigned words = sy_class_words (state->class);

  return state->owner == (void *) value && state->word[0] == value
         && state->word[words - 1] == value;
}

START_TEST (a_state_that_was_deleted_serves_a_class_of_its_length)
{
  unsigned class = (unsigned) _i;
  struct sy_slab *states[3], *longer = state_of (1);

  for (unsigned at = 0; at < 3; at++)
    states[at] = state_of (class);
  for (unsigned at = 0; at < 3; at++)
    sy_slab_delete (states[at]);
  for (unsigned other = 1; other < SY_CLASSES; other++)
    if (state_bytes (other) == state_bytes (class))
      {
        for (unsigned at = 3; at-- != 0;)
          ck_assert_ptr_eq (state_of (other), states[at]);
        for (unsigned at = 0; at < 3; at++)
          sy_slab_delete (states[at]);
      }
    else
      ck_assert_ptr_ne (state_of (other), states[2]);
  sy_slab_delete (longer);
}
END_TEST

#define STATES 2000

START_TEST (live_states_are_distinct_and_whole)
{
  static struct sy_slab *states[STATES];
  struct test_random random = test_random_make (0);
  unsigned count = 0;

  for (uintptr_t step = 1; step < 40000; step++)
    if (count == 0 || (count < STATES && test_random_below (&random, 2)))
      {
        states[count] = state_of (1 + (unsigned) test_random_below (&random, SY_CLASSES - 1));
        write_state (states[count], (uintptr_t) states[count]);
        count++;
      }
    else
      {
        size_t at = test_random_below (&random, count);

        test_must (state_holds (states[at], (uintptr_t) states[at]), "a state in two hands");
        sy_slab_delete (states[at]);
        states[at] = states[--count];
      }
  while (count-- != 0)
    ck_assert (state_holds (states[count], (uintptr_t) states[count]));
}
END_TEST

static void *
take_and_delete (void *argument)
{
  struct test_random random = test_random_make (100 + (uint64_t) (uintptr_t) argument);
  struct sy_slab *held[32];
  unsigned count = 0;

  for (unsigned step = 0; step < 20000; step++)
    if (count == 0 || (count < 32 && test_random_below (&random, 2)))
      {
        held[count] = sy_slab_new (1 + (unsigned) test_random_below (&random, SY_CLASSES - 1));
        test_must (held[count] != NULL, "out of memory");
        write_state (held[count++], (uintptr_t) argument);
      }
    else
      {
        test_must (state_holds (held[--count], (uintptr_t) argument), "a state in two hands");
        sy_slab_delete (held[count]);
      }
  while (count != 0)
    sy_slab_delete (held[--count]);
  return NULL;
}

START_TEST (threads_share_states_one_at_a_time)
{
  in_threads (4, take_and_delete, 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slab_memory");
  TCase *tests = test_case (suite, "states", 20);

  tcase_add_test (tests, states_lie_side_by_side_as_long_as_their_class_needs);
  tcase_add_loop_test (tests, a_state_that_was_deleted_serves_a_class_of_its_length, 1,
                       SY_CLASSES);
  tcase_add_test (tests, live_states_are_distinct_and_whole);
  tcase_add_test (tests, threads_share_states_one_at_a_time);
  return test_run (suite);
}
