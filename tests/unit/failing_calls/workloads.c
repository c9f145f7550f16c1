/* SPDX-License-Identifier: MIT */
/* workloads.c: what runs while calls fail. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "failing_calls.h"
#include "pool/size_class.h"

static void
handles_come_and_go (void)
{
  struct sydra_alloc *a[5];

  for (unsigned round = 0; round < 3; round++)
    {
      for (unsigned at = 0; at < 5; at++)
        {
          void *block;

          a[at] = create ();
          errno = 0;
          block = sydra_malloc (a[at], 40);
          require (block != NULL || errno == ENOMEM, "errno %d", errno);
          sydra_free (a[at], block);
        }
      for (unsigned at = 1; at < 5; at++)
        require (sydra_alloc_destroy (a[at]) == 0, "live blocks");
      recover (a[0], &live);
    }
}

static void
blocks_of_all_classes (void)
{
  struct sydra_alloc *a = create ();

  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned class = 1; class < SY_CLASSES; class++)
        {
          size_t size = sy_size_classes[class].bytes - 1;

          for (unsigned at = 0; at < (size < 256 ? 240 : 20); at++)
            {
              void *block = at % 4 == 0 ? sydra_aligned_alloc (a, 8, size) : sydra_malloc (a, size);

              (void) admit (&live, block, size);
            }
        }
      for (unsigned at = 0; at < live.count / 2; at++)
        let_go (a, &live, at);
    }
  recover (a, &live);
}

/* Large ones, or the C library's as long as the range cannot grow. */
static void
blocks_of_no_class (void)
{
  struct sydra_alloc *a = create ();

  for (unsigned at = 0; at < 600; at++)
    {
      size_t size = SY_SMALL_MAX + 1 + at % 40;

      if (admit (&live, sydra_malloc (a, size), size))
        require (sydra_usable_size (a, live.block[live.count - 1]) >= size, "usable size");
    }
  for (unsigned at = 0; at < live.count; at += 3)
    let_go (a, &live, at);
  recover (a, &live);
}

/* The map grows, and the book, and what is known of slabs. */
static void
much_address_space (void)
{
  static void *small[4096 * 120];
  struct sydra_alloc *a = create ();
  size_t huge = (size_t) (SY_WORD_BITS == 64 ? 3072 : 64) << 20, made, last;
  bool is_pool = true;

  (void) admit (&live, sydra_malloc (a, huge), huge);
  /* Until the C library serves them. */
  for (made = 0; made < 4096 * 120 && is_pool; made += last)
    {
      last = sydra_malloc_batch (a, 16, 4096, small + made);
      require (last == 4096 || errno == ENOMEM, "a batch of %zu: errno %d", last, errno);
      is_pool = last != 0 && sydra_owns (a, small[made + last - 1]);
    }
  sydra_free_batch (a, made, small);
  recover (a, &live);
}

/* The block grows, or stays as it was. */
static void
lengthen (struct sydra_alloc *a, char **block, size_t *size, size_t wanted, size_t number)
{
  char *moved;

  errno = 0;
  moved = sydra_realloc (a, *block, wanted);
  require (moved != NULL || errno == ENOMEM, "realloc: errno %d", errno);
  check_mark (moved == NULL ? *block : moved, *size < wanted ? *size : wanted, number);
  if (moved == NULL)
    return;
  mark (moved, wanted, number);
  *block = moved;
  *size = wanted;
}

/* Each finds another one behind it when it grows. */
static void
large_blocks_move (void)
{
  enum { COUNT = 4, LEAST = 192 << 10, MOST = 1 << 20 };
  struct sydra_alloc *a = create ();
  char *block[COUNT] = { NULL };
  size_t size[COUNT];

  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned at = 0; at < COUNT; at++)
        if (block[at] == NULL && (block[at] = sydra_malloc (a, size[at] = LEAST)) != NULL)
          mark (block[at], LEAST, at);
      for (size_t wanted = 2 * LEAST; wanted <= MOST; wanted *= 2)
        for (unsigned at = 0; at < COUNT; at++)
          if (block[at] != NULL)
            lengthen (a, &block[at], &size[at], wanted + at * 4096, at);
      for (unsigned at = 0; at < COUNT; at++)
        if (block[at] != NULL && at % 2 == round % 2)
          {
            check_mark (block[at], size[at], at);
            sydra_free (a, block[at]);
            block[at] = NULL;
          }
        else if (block[at] != NULL)
          lengthen (a, &block[at], &size[at], LEAST, at);
      (void) sydra_collect (a);
    }
  for (unsigned at = 0; at < COUNT; at++)
    sydra_free (a, block[at]);
  recover (a, &live);
}

static void
batches (void)
{
  struct sydra_alloc *a = create ();
  void *blocks[500];

  for (unsigned round = 0; round < 40; round++)
    {
      size_t size = 1 + (round % 10 == 9 ? SY_SMALL_MAX / 8 * (round / 4) : round * 9 % 300), made;

      errno = 0;
      made = sydra_malloc_batch (a, size, 500, blocks);
      require (made == 500 || errno == ENOMEM, "a batch of %zu: errno %d", made, errno);
      if (round % 2)
        sydra_free_batch (a, made, blocks);
      else
        for (size_t at = 0; at < made; at++)
          if (live.count < LIVE)
            (void) admit (&live, blocks[at], size);
          else
            sydra_free (a, blocks[at]);
    }
  recover (a, &live);
}

static void
memory_goes_back (void)
{
  struct sydra_alloc *a = create ();

  for (unsigned round = 0; round < 4; round++)
    {
      size_t size = round % 2 == 0 ? 200 : SY_SMALL_MAX - 200;

      for (unsigned at = 0; at < (round % 2 == 0 ? 4000 : 400); at++)
        (void) admit (&live, sydra_malloc (a, size), size);
      while (live.count > 100)
        let_go (a, &live, live.count - 1);
      (void) sydra_collect (a);
    }
  recover (a, &live);
}

/* Mostly small, now and then anything up to twice what the pool serves. */
static size_t
some_size (struct test_random *random)
{
  return test_random_below (random, test_random_below (random, 16) == 0 ? 2 * SY_SMALL_MAX : 600);
}

static void
blocks_change_their_sizes (void)
{
  struct sydra_alloc *a = create ();
  struct test_random random = test_random_make (fault.nth);
  static unsigned char before[2 * SY_SMALL_MAX];

  for (unsigned step = 0; step < 6000; step++)
    if (live.count < 300)
      {
        size_t size = some_size (&random);
        size_t alignment = (size_t) 1 << test_random_below (&random, 13);
        bool is_aligned = test_random_below (&random, 2);
        void *block = is_aligned ? sydra_aligned_alloc (a, alignment, size)
                                 : sydra_calloc (a, 1, size);

        (void) admit (&live, block, size);
      }
    else
      {
        unsigned at = (unsigned) test_random_below (&random, live.count);
        size_t size = some_size (&random), kept = size < live.size[at] ? size : live.size[at];
        unsigned char *moved;

        check_stamp (live.block[at], live.size[at]);
        memcpy (before, live.block[at], live.size[at]);
        moved = sydra_realloc (a, live.block[at], size);
        require (moved != NULL || errno == ENOMEM, "realloc: errno %d", errno);
        if (moved == NULL)
          check_stamp (live.block[at], live.size[at]);
        else
          {
            require (memcmp (moved, before, kept) == 0, "realloc lost contents");
            stamp (moved, size);
            live.block[at] = moved;
            live.size[at] = size;
          }
        if (step % 3 == 0)
          let_go (a, &live, (unsigned) test_random_below (&random, live.count));
      }
  recover (a, &live);
}

static struct sydra_alloc *shared;

static void *
thread_body (void *argument)
{
  struct live *own = argument;

  own->count = 0;
  for (unsigned step = 0; step < 3000; step++)
    {
      size_t size = 1 + (step % 16 == 0 ? step * 53 % (SY_SMALL_MAX + 1000) : step % 300);

      (void) admit (own, sydra_malloc (shared, size), size);
      if (step % 3 == 0 && own->count != 0)
        let_go (shared, own, own->count / 2);
    }
  while (own->count != 0)
    let_go (shared, own, own->count - 1);
  return NULL;
}

static void
threads_come_and_go (void)
{
  static struct live own[3];
  pthread_t thread[3];

  shared = create ();
  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned at = 0; at < 3; at++)
        require (pthread_create (&thread[at], NULL, thread_body, &own[at]) == 0, "no thread");
      for (unsigned at = 0; at < 3; at++)
        pthread_join (thread[at], NULL);
    }
  recover (shared, &live);
}

static void
statistics_are_read (void)
{
  struct sydra_alloc *a = create ();
  struct sydra_stats stats = { .size = sizeof stats };

  for (unsigned at = 0; at < 200; at++)
    {
      (void) admit (&live, sydra_malloc (a, at * 3), at * 3);
      require (sydra_stats_get (a, &stats) == 0 && stats.in_use == live.count,
               "%zu in use, not %u", (size_t) stats.in_use, live.count);
    }
  recover (a, &live);
}

const struct workload workloads[] = {
  { "handles_come_and_go", handles_come_and_go },
  { "blocks_of_all_classes", blocks_of_all_classes },
  { "blocks_of_no_class", blocks_of_no_class },
  { "much_address_space", much_address_space },
  { "large_blocks_move", large_blocks_move },
  { "batches", batches },
  { "memory_goes_back", memory_goes_back },
  { "blocks_change_their_sizes", blocks_change_their_sizes },
  { "threads_come_and_go", threads_come_and_go },
  { "statistics_are_read", statistics_are_read }
};
const int workload_count = sizeof workloads / sizeof *workloads;
