/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/magazine.h"

#include "base/metadata.h"

static struct {
  AO_t made;                      /* magazines, ever; any thread adds */
  struct sy_depot empties SY_APART;
} magazines;

/* A magazine's number is its place in the metadata, from 1, counted down. */
static struct sy_magazine *
numbered (uintptr_t number)
{
  return (struct sy_magazine *) sy_metadata_top () - number;
}

static uintptr_t
number_of (const struct sy_magazine *magazine)
{
  return (uintptr_t) ((struct sy_magazine *) sy_metadata_top () - magazine);
}

/* ---- A depot's head: how it is read, taken apart and changed ---- */

#if UINTPTR_MAX > 0xffffffffu

/*
 * 24 bits of number and 40 bits of tag.  A tag repeats after 10^12 pushes and pops: only a
 * thread that sleeps that long between its load and its swap, and wakes at the same tag, could
 * be misled.
 */
# define NUMBER_BITS 24
SY_STATIC_ASSERT (SY_METADATA_BYTES / SY_MAGAZINE_BYTES < (size_t) 1 << NUMBER_BITS,
                  "a number fits beside the tag");

struct head {
  AO_t whole;
};

static struct head
head_load (const struct sy_depot *depot)
{
  /* acquire: pairs with the release in head_change, and makes the pushed magazine's fields
     visible. */
  return (struct head) { AO_load_acquire (&depot->head) };
}

static uintptr_t
head_number (struct head head)
{
  return head.whole & (((AO_t) 1 << NUMBER_BITS) - 1);
}

static bool
head_change (struct sy_depot *depot, struct head seen, uintptr_t number)
{
  AO_t next = (((seen.whole >> NUMBER_BITS) + 1) << NUMBER_BITS) | number;

  /* release: pairs with the acquire in head_load. */
  return AO_compare_and_swap_release (&depot->head, seen.whole, next);
}

void
sy_depot_reset (struct sy_depot *depot, uint64_t tag)
{
  AO_store (&depot->head, (AO_t) (tag << NUMBER_BITS));
}

#else

# if !defined AO_HAVE_compare_double_and_swap_double_release
#  error "32 bits need a double-width compare-and-swap; use --with-allocator-mode=default"
# endif

struct head {
  AO_t number, tag;
};

static struct head
head_load (const struct sy_depot *depot)
{
  /* The tag first, then the number, both with acquire.  If the number is newer than the tag, the
     swap fails. */
  struct head head;

  head.tag = AO_load_acquire (&depot->tag);
  head.number = AO_load_acquire (&depot->head);
  return head;
}

static uintptr_t
head_number (struct head head)
{
  return head.number;
}

static bool
head_change (struct sy_depot *depot, struct head seen, uintptr_t number)
{
  /* release: pairs with the acquire in head_load. */
  return AO_compare_double_and_swap_double_release ((AO_double_t *) (void *) depot, seen.number,
                                                    seen.tag, number, seen.tag + 1);
}

void
sy_depot_reset (struct sy_depot *depot, uint64_t tag)
{
  AO_store (&depot->head, 0);
  AO_store (&depot->tag, (AO_t) tag);
}

#endif

void
sy_depot_push (struct sy_depot *depot, struct sy_magazine *magazine)
{
  struct head seen;

  do
    {
      seen = head_load (depot);
      /* Relaxed: the release in head_change publishes it.  A thread that still pops this
         magazine may read it too early; its swap fails, because the tag has changed. */
      AO_store (&magazine->below, head_number (seen));
      AO_int_store (&magazine->depth, head_number (seen) == 0
                                        ? 1
                                        : AO_int_load (&numbered (head_number (seen))->depth) + 1);
    }
  while (!head_change (depot, seen, number_of (magazine)));
}

struct sy_magazine *
sy_depot_pop (struct sy_depot *depot)
{
  for (;;)
    {
      struct head seen = head_load (depot);

      if (head_number (seen) == 0)
        return NULL;

      struct sy_magazine *magazine = numbered (head_number (seen));

      /* Relaxed: the value is stale if another thread popped the magazine first, and then the swap
         fails. */
      if (head_change (depot, seen, AO_load (&magazine->below)))
        return magazine;
    }
}

unsigned
sy_depot_depth (const struct sy_depot *depot)
{
  struct head seen = head_load (depot);

  return head_number (seen) == 0 ? 0 : AO_int_load (&numbered (head_number (seen))->depth);
}

static struct sy_magazine *
fresh (void)
{
  struct sy_magazine *magazine = sy_metadata_take (sizeof *magazine, sizeof *magazine);

  if (magazine != NULL)
    sy_shared_add (&magazines.made, 1);
  return magazine;
}

struct sy_magazine *
sy_magazine_take (void)
{
  struct sy_magazine *magazine = sy_depot_pop (&magazines.empties);

  return magazine != NULL ? magazine : fresh ();
}

void
sy_magazine_give (struct sy_magazine *magazine)
{
  sy_depot_push (&magazines.empties, magazine);
}

size_t
sy_magazine_committed_bytes (void)
{
  return AO_load (&magazines.made) * sizeof (struct sy_magazine);
}
