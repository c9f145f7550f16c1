/* SPDX-License-Identifier: MIT */
/* thread_cache.h: what the parts of the test of thread caches share. */
#ifndef SY_TEST_THREAD_CACHE_H
#define SY_TEST_THREAD_CACHE_H

#include <string.h>

#include "unit/classes.h"
#include "unit/one_class.h"
#include "pool/reap.h"

/* Tests have the one handle, of which no block is live when they end.  A test that ended the handle
   itself clears `a`. */
static inline void
tear_down (void)
{
  if (a != NULL)
    ck_assert_uint_eq (sydra_alloc_destroy (a), 0);
}

/* Whether the cache's magazines hold any block. */
static inline bool
has_blocks (const struct sy_cache *cache)
{
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      void **previous = cache->previous[class];

      if (!sy_magazine_is_empty (sy_cache_top (cache, class))
          || (previous != NULL && !sy_magazine_is_empty (previous)))
        return true;
    }
  return false;
}

/* Grows the class's magazines as far as they do; they hold nothing then, and the thread has no
   block. */
static inline unsigned
grow_magazines (size_t bytes)
{
  unsigned class = sy_class_of (bytes), count = 0;

  while (mine ()->capacity[class] < sy_size_classes[class].capacity)
    test_must ((blocks[count++] = sydra_malloc (a, bytes)) != NULL, "no block");
  give (count);
  sy_cache_flush (mine ());
  sy_cache_set_capacity (mine (), class, sy_size_classes[class].capacity);
  return sy_size_classes[class].capacity;
}

/* Half of them up to 256, and any other size that the pool serves. */
static inline size_t
some_size (struct test_random *random)
{
  return test_random_below (random, test_random_below (random, 2) ? 257 : SY_SMALL_MAX + 1);
}

void thread_cache_add_births (Suite *suite);
void thread_cache_add_counts (Suite *suite);
void thread_cache_add_magazines (Suite *suite);
void thread_cache_add_zeroed (Suite *suite);
void thread_cache_add_limits (Suite *suite);
void thread_cache_add_threads (Suite *suite);

#endif
