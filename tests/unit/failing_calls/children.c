/* SPDX-License-Identifier: MIT */
/* children.c: what a child asks for: blocks that keep their contents, and a handle that
   recovers. */
#include <config.h>

#include <errno.h>

#include "failing_calls.h"
#include "pages/apart.h"
#include "pages/huge.h"
#include "pages/units.h"
#include "pages/dirty.h"
#include "pool/reap.h"
#include "thread/registry.h"

struct live live;

struct sydra_alloc *
create (void)
{
  struct sydra_alloc *a;

  errno = 0;
  a = sydra_alloc_create (NULL);
  require (a != NULL || errno == ENOMEM, "create: errno %d", errno);
  if (a != NULL)
    return a;
  fault_lift ();
  a = sydra_alloc_create (NULL);
  require (a != NULL, "create fails after the fault was lifted");
  return a;
}

void
stamp (unsigned char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at < 8 || at + 9 > size ? 1 : size - 16)
    block[at] = (unsigned char) ((uintptr_t) block >> 4 ^ at ^ size);
}

void
check_stamp (const unsigned char *block, size_t size)
{
  for (size_t at = 0; at < size; at += at < 8 || at + 9 > size ? 1 : size - 16)
    require (block[at] == (unsigned char) ((uintptr_t) block >> 4 ^ at ^ size),
             "block %p of %zu bytes: byte %zu lost", (const void *) block, size, at);
}

void
mark (void *block, size_t size, size_t number)
{
  for (size_t at = 0; at + sizeof number <= size; at += 4096)
    *(size_t *) (void *) ((char *) block + at) = number + at;
}

void
check_mark (const void *block, size_t size, size_t number)
{
  for (size_t at = 0; at + sizeof number <= size; at += 4096)
    require (*(const size_t *) (const void *) ((const char *) block + at) == number + at,
             "block %p of %zu bytes: the page at %zu lost", block, size, at);
}

bool
admit (struct live *list, void *block, size_t size)
{
  require (block != NULL || errno == ENOMEM, "NULL for %zu bytes: errno %d", size, errno);
  if (block == NULL)
    {
      errno = 0;
      return false;
    }
  require (list->count < LIVE, "too many");
  stamp (block, size);
  list->block[list->count] = block;
  list->size[list->count++] = size;
  errno = 0;
  return true;
}

void
let_go (struct sydra_alloc *a, struct live *list, unsigned at)
{
  check_stamp (list->block[at], list->size[at]);
  errno = 77;
  sydra_free (a, list->block[at]);
  require (errno == 77, "free changed errno to %d", errno);
  list->block[at] = list->block[--list->count];
  list->size[at] = list->size[list->count];
}

void
recover (struct sydra_alloc *a, struct live *list)
{
  static struct live more;
  struct sydra_stats stats = { .size = sizeof stats };

  fault_lift ();
  for (unsigned at = 0; at < list->count; at++)
    check_stamp (list->block[at], list->size[at]);
  more.count = 0;
  for (size_t size = 0; size <= 64 * SY_SMALL_MAX; size += size < 600 ? 1 : size / 8)
    require (admit (&more, sydra_malloc (a, size), size),
             "no %zu bytes after the fault was lifted", size);
  while (more.count != 0)
    let_go (a, &more, more.count - 1);
  while (list->count != 0)
    let_go (a, list, 0);
  require (sydra_stats_get (a, &stats) == 0 && stats.in_use == 0 && stats.in_use_bytes == 0,
           "%zu blocks in use", (size_t) stats.in_use);
  (void) sydra_collect (a);
  sy_reap_drain (&a->pool);
  require (sy_pool_is_valid (&a->pool), "the pool is not valid");
  require (sydra_stats_get (a, &stats) == 0, "no statistics");
  for (unsigned class = 0; class < stats.class_count; class++)
    require (stats.classes[class].slabs == 0, "%zu slabs of class %u stay",
             (size_t) stats.classes[class].slabs, class + 1);
  require (sydra_alloc_destroy (a) == 0, "blocks live at the end");
  require (sy_units_are_valid (), "the book is not valid");
  require (sy_range_runs.used == 0, "%u units are used at the end", (unsigned) sy_range_runs.used);
}

void
child_must_pass (int (*body) (void *argument), void *argument)
{
  struct child child = child_run (body, argument);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
