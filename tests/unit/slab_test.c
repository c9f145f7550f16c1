/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <string.h>

#include "classes.h"
#include "no_leaks.h"
#include "pool/slab.h"
#include "suite.h"

static struct sy_slab *slab;
static bool zeroed;
/* Never read or written through: a slab's state is elsewhere. */
static char *const start = (char *) SY_UNIT_BYTES;

static void
make (unsigned class)
{
  slab = sy_slab_new (class);
  ck_assert_ptr_nonnull (slab);
  ck_assert_uint_eq (slab->class, class);
  slab->touched = 0;
  sy_slab_fill (slab);
}

static unsigned
bits_set (void)
{
  unsigned set = 0;

  for (unsigned word = 0; word < sy_class_words (slab->class); word++)
    set += (unsigned) __builtin_popcountll (slab->word[word]);
  return set;
}

START_TEST (a_filled_slab_has_every_block_and_no_other)
{
  make ((unsigned) _i);

  unsigned blocks = sy_size_classes[_i].blocks;

  ck_assert_uint_eq (slab->free_count, blocks);
  ck_assert_uint_eq (bits_set (), blocks);
  ck_assert (slab->word[(blocks - 1) / 64] >> (blocks - 1) % 64 & 1);
  ck_assert (sy_slab_is_valid (slab));
}
END_TEST

START_TEST (carving_gives_blocks_in_rising_order)
{
  static void *got[SY_UNIT_BYTES / 16];
  size_t bytes = sy_size_classes[_i].bytes;
  unsigned blocks = sy_size_classes[_i].blocks, taken = 0;

  make ((unsigned) _i);
  for (unsigned step = 1; taken < blocks; step = step % 130 + 7)
    {
      void **top = got + 130 + 7, **end = top;
      unsigned count = sy_slab_take (slab, start, step, end, &zeroed);

      ck_assert_uint_eq (count, step < blocks - taken ? step : blocks - taken);
      /* Popping from the top: the lowest address last stored is the lowest slot. */
      for (unsigned at = 0; at < count; at++)
        ck_assert_ptr_eq (end[-1 - (int) at], start + (taken + at) * bytes);
      taken += count;
      ck_assert (sy_slab_is_valid (slab));
    }
  ck_assert_uint_eq (slab->free_count, 0);
  ck_assert_uint_eq (sy_slab_take (slab, start, 1, got + 1, &zeroed), 0);
}
END_TEST

START_TEST (taking_more_than_there_is_takes_what_there_is)
{
  static void *got[SY_UNIT_BYTES / 16];
  unsigned blocks = sy_size_classes[_i].blocks;

  make ((unsigned) _i);
  ck_assert_uint_eq (sy_slab_take (slab, start, UINT32_MAX, got + blocks, &zeroed), blocks);
  ck_assert_uint_eq (bits_set (), 0);
  ck_assert (sy_slab_is_valid (slab));
}
END_TEST

START_TEST (taking_none_changes_nothing)
{
  void *got[1] = { start };

  make ((unsigned) _i);
  ck_assert_uint_eq (sy_slab_take (slab, start, 0, got + 1, &zeroed), 0);
  ck_assert_ptr_eq (got[0], start);
  ck_assert_uint_eq (slab->free_count, sy_size_classes[_i].blocks);
}
END_TEST

START_TEST (a_block_is_put_back_once)
{
  void *got[7];
  unsigned blocks = sy_size_classes[_i].blocks;
  /* At least one fewer than the slab has. */
  unsigned taken = blocks_of ((unsigned) _i, 8) - 1;

  make ((unsigned) _i);
  ck_assert_uint_eq (sy_slab_take (slab, start, taken, got + taken, &zeroed), taken);
  ck_assert (sy_slab_put (slab, taken - 2));
  ck_assert (!sy_slab_put (slab, taken - 2));
  ck_assert (!sy_slab_put (slab, taken));
  ck_assert (!sy_slab_put (slab, blocks - 1));
  ck_assert_uint_eq (slab->free_count, blocks - taken + 1);
  ck_assert (sy_slab_is_valid (slab));
  /* The lowest free block comes first, wherever carving had got to. */
  ck_assert_uint_eq (sy_slab_take (slab, start, 2, got + 2, &zeroed), 2);
  ck_assert_ptr_eq (got[1], start + (taken - 2) * (size_t) sy_size_classes[_i].bytes);
  ck_assert_ptr_eq (got[0], start + taken * (size_t) sy_size_classes[_i].bytes);
}
END_TEST

START_TEST (random_takes_and_puts_agree_with_lists_of_what_is_and_was_out)
{
  static bool out[SY_UNIT_BYTES / 16], was_out[SY_UNIT_BYTES / 16];
  struct test_random random = test_random_make ((uint64_t) _i);
  unsigned blocks = sy_size_classes[_i].blocks, count_out = 0;
  size_t bytes = sy_size_classes[_i].bytes;

  memset (out, 0, sizeof out);
  memset (was_out, 0, sizeof was_out);
  make ((unsigned) _i);
  for (unsigned step = 0; step < 4000; step++)
    {
      if (test_random_below (&random, 2))
        {
          void *got[200];
          bool any_was_out = false;

          zeroed = true;

          unsigned asked = (unsigned) test_random_below (&random,
                                                         test_random_below (&random, 2) ? 200 : 3);
          unsigned count = sy_slab_take (slab, start, asked, got + 200, &zeroed);

          ck_assert_uint_eq (count, asked < blocks - count_out ? asked : blocks - count_out);
          for (unsigned at = 0; at < count; at++)
            {
              size_t offset = (size_t) ((char *) got[200 - count + at] - start);

              test_must (offset % bytes == 0 && offset / bytes < blocks, "no block");
              test_must (!out[offset / bytes], "a block that is out already");
              any_was_out = any_was_out || was_out[offset / bytes];
              out[offset / bytes] = was_out[offset / bytes] = true;
            }
          test_must (zeroed == !any_was_out, "zeroed is %d of %u blocks", zeroed, count);
          count_out += count;
        }
      else
        for (size_t tries = test_random_below (&random, 300); tries != 0; tries--)
          {
            unsigned block = (unsigned) test_random_below (&random, blocks);

            test_must (sy_slab_put (slab, block) == out[block], "put and the list disagree");
            count_out -= out[block];
            out[block] = false;
          }
      ck_assert_uint_eq (slab->free_count, blocks - count_out);
      ck_assert (sy_slab_is_valid (slab));
    }
}
END_TEST

/* ---- What is known to be zero ---- */

/* Takes count blocks; whether all of them are said to be zero. */
static bool
take_zeroed (unsigned count)
{
  static void *got[SY_UNIT_BYTES / 16];
  bool said = true;

  ck_assert_uint_eq (sy_slab_take (slab, start, count, got + SY_UNIT_BYTES / 16, &said), count);
  return said;
}

START_TEST (blocks_of_new_memory_are_zero_until_they_were_handed_out)
{
  unsigned blocks = sy_size_classes[_i].blocks;

  make ((unsigned) _i);
  for (unsigned taken = 0, step = 1; taken < blocks;
       taken += step, step = step * 2 < blocks - taken ? step * 2 : blocks - taken)
    {
      ck_assert (take_zeroed (step));
      ck_assert_uint_eq (slab->touched, taken + step);
    }
  ck_assert (sy_slab_put (slab, blocks - 1));
  ck_assert (!take_zeroed (1));
}
END_TEST

START_TEST (a_block_that_was_put_back_is_not_zero_and_spoils_those_beside_it)
{
  /* Of any slab's four blocks at least. */
  make ((unsigned) _i);
  ck_assert (take_zeroed (2));
  ck_assert (sy_slab_put (slab, 0));
  ck_assert (!take_zeroed (1));
  ck_assert_msg (take_zeroed (1), "the one after them is new");
  ck_assert (sy_slab_put (slab, 1));
  ck_assert_msg (!take_zeroed (2), "one of two is not");
  ck_assert_uint_eq (slab->touched, 4);
  if (sy_size_classes[_i].blocks == 4)
    return;
  ck_assert (take_zeroed (1));
  ck_assert_uint_eq (slab->touched, 5);
}
END_TEST

START_TEST (what_was_not_zero_before_stays_so)
{
  void *got[1];

  make ((unsigned) _i);
  zeroed = false;
  ck_assert_uint_eq (sy_slab_take (slab, start, 1, got + 1, &zeroed), 1);
  ck_assert (!zeroed);
}
END_TEST

START_TEST (a_slab_that_is_filled_again_remembers_what_was_handed_out)
{
  unsigned blocks = sy_size_classes[_i].blocks;

  make ((unsigned) _i);
  ck_assert (take_zeroed (blocks / 2));
  sy_slab_fill (slab);
  ck_assert (!take_zeroed (blocks / 2 - 1));
  ck_assert (!take_zeroed (1));
  ck_assert (take_zeroed (blocks - blocks / 2));
  /* Its memory went back to the system. */
  sy_slab_fill (slab);
  slab->touched = 0;
  ck_assert (take_zeroed (blocks));
}
END_TEST

START_TEST (broken_states_are_seen)
{
  unsigned count = blocks_of ((unsigned) _i, 100);
  void *got[100];

  make ((unsigned) _i);
  ck_assert_uint_eq (sy_slab_take (slab, start, count, got + 100, &zeroed), count);
  ck_assert (sy_slab_is_valid (slab));

  slab->free_count++;
  ck_assert_msg (!sy_slab_is_valid (slab), "a count that is too high");
  slab->free_count--;

  slab->word[0] |= 1;
  slab->free_count++;
  ck_assert_msg (!sy_slab_is_valid (slab), "a bit below first_word");
  slab->first_word = 0;
  ck_assert (sy_slab_is_valid (slab));

  unsigned blocks = sy_size_classes[_i].blocks;

  if (blocks % 64 != 0)
    {
      slab->word[blocks / 64] |= (uint64_t) 1 << blocks % 64;
      slab->free_count++;
      ck_assert_msg (!sy_slab_is_valid (slab), "a bit beyond the last block");
    }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slab");
  TCase *tests = test_case (suite, "bitmap", 20);

  tcase_add_loop_test (tests, a_filled_slab_has_every_block_and_no_other, 1, SY_CLASSES);
  tcase_add_loop_test (tests, carving_gives_blocks_in_rising_order, 1, SY_CLASSES);
  tcase_add_loop_test (tests, taking_more_than_there_is_takes_what_there_is, 1, SY_CLASSES);
  tcase_add_loop_test (tests, taking_none_changes_nothing, 1, SY_CLASSES);
  tcase_add_loop_test (tests, a_block_is_put_back_once, 1, SY_CLASSES);
  tcase_add_loop_test (tests, random_takes_and_puts_agree_with_lists_of_what_is_and_was_out, 1,
                       SY_CLASSES);
  tcase_add_loop_test (tests, broken_states_are_seen, 1, SY_CLASSES);
  tcase_add_loop_test (tests, blocks_of_new_memory_are_zero_until_they_were_handed_out, 1,
                       SY_CLASSES);
  tcase_add_loop_test (tests, a_block_that_was_put_back_is_not_zero_and_spoils_those_beside_it, 1,
                       SY_CLASSES);
  tcase_add_loop_test (tests, what_was_not_zero_before_stays_so, 1, SY_CLASSES);
  tcase_add_loop_test (tests, a_slab_that_is_filled_again_remembers_what_was_handed_out, 1,
                       SY_CLASSES);
  return test_run (suite);
}
