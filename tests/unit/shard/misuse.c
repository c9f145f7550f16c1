/* SPDX-License-Identifier: MIT */
/* misuse.c: pointers that a put must refuse. */
#include <config.h>

#include "unit/child.h"
#include "shard.h"

static int
put_twice (void *blocks)
{
  ((void **) blocks)[1] = ((void **) blocks)[0];
  sy_pool_put (&pool, 0, FIRST, blocks, 2);
  return 0;
}

struct put
{
  unsigned class;
  char *pointer;
};

static int
put_it (void *argument)
{
  struct put *put = argument;
  void *block = put->pointer;

  sy_pool_put (&pool, 0, put->class, &block, 1);
  return 0;
}

static void
must_be_the_middle (unsigned class, char *pointer)
{
  struct put put = { class, pointer };
  char line[128];

  snprintf (line, sizeof line, "sydra-alloc: free: %p: points into the middle of a block\n",
            (void *) pointer);
  child_must_abort (put_it, &put, line);
}

START_TEST (a_block_that_is_free_already_is_reported)
{
  void *blocks[3];
  char line[128];

  open_pool (1);
  carve (0, FIRST, 3, blocks);
  snprintf (line, sizeof line, "sydra-alloc: free: %p: block freed twice\n", blocks[0]);
  child_must_abort (put_twice, blocks, line);
  sy_pool_close (&pool);
}
END_TEST

START_TEST (a_pointer_into_a_block_is_reported_in_every_unit_of_its_slab)
{
  unsigned class = (unsigned) _i;
  size_t bytes = sy_size_classes[class].bytes;
  void *blocks[1];
  char *start;

  open_pool (1);
  carve (0, class, 1, blocks);
  start = blocks[0];
  must_be_the_middle (class, start + 8);
  must_be_the_middle (class, start + bytes - 1);
  for (uint32_t unit = 1; unit < sy_size_classes[class].units; unit++)
    {
      /* The first block that begins in the unit or behind it, or the end of the last one. */
      size_t block = (unit * SY_UNIT_BYTES + bytes - 1) / bytes * bytes;

      must_be_the_middle (class, start + unit * SY_UNIT_BYTES + 16);
      must_be_the_middle (class, start + block - 16);
      if (block < sy_size_classes[class].blocks * bytes)
        must_be_the_middle (class, start + block + 16);
    }
  sy_pool_close (&pool);
}
END_TEST

START_TEST (what_lies_behind_a_slabs_last_block_is_reported)
{
  unsigned class = (unsigned) _i, with_tail = 0;
  size_t used = sy_size_classes[class].blocks * (size_t) sy_size_classes[class].bytes;
  void *blocks[1];

  open_pool (1);
  carve (0, class, 1, blocks);
  for (size_t at = used; at < sy_class_slab_bytes (class);
       at += (sy_class_slab_bytes (class) - used + 1) / 2, with_tail++)
    must_be_the_middle (class, (char *) blocks[0] + at);
  ck_assert_uint_eq (with_tail, used == sy_class_slab_bytes (class) ? 0 : 2);
  sy_pool_close (&pool);
}
END_TEST

void
shard_add_misuse (Suite *suite)
{
  TCase *tests = test_case (suite, "misuse", 20);

  tcase_add_test (tests, a_block_that_is_free_already_is_reported);
  tcase_add_loop_test (tests, a_pointer_into_a_block_is_reported_in_every_unit_of_its_slab, 1,
                       SY_CLASSES);
  tcase_add_loop_test (tests, what_lies_behind_a_slabs_last_block_is_reported, 1, SY_CLASSES);
}
