/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "pool/magazine.h"

#include "base/metadata.h"

/*
 * Empty magazines are in stacks, one a thread as far as they go: a thread gets back its own, which
 * its processor has in its caches.  It takes from another one what that can spare, and what lies
 * deeper than SY_EMPTIES_KEPT: two threads that fill and empty their magazines by turns would
 * exchange them for ever, and with each one its sixteen lines.
 */
#define STACKS SY_WORD_BITS

static struct {
  AO_t made;  /* magazines, ever; any thread adds */
  AO_t used;  /* bit n: stack n may have magazines; any thread sets it */
  unsigned threads[STACKS];  /* that a stack was dealt to; under the registry lock */
  struct empties {
    struct sy_stock stack SY_APART;
  } empties[STACKS];
} magazines;

/* The thread's stack.  Threads that have not joined share the first one. */
static __thread unsigned own_stack __attribute__ ((tls_model (SY_TLS_MODEL)));

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

/* ---- Stocks ---- */

static struct sy_magazine *
pop (struct sy_stock *stock)
{
  struct sy_magazine *magazine = sy_depot_pop (&stock->depot);

  if (magazine != NULL && magazine->depth - 1 < AO_load (&stock->low))
    AO_store (&stock->low, magazine->depth - 1);
  return magazine;
}

struct sy_magazine *
sy_stock_pop (struct sy_stock *stock)
{
  struct sy_magazine *magazine = pop (stock);

  if (magazine != NULL && AO_load (&stock->used) == 0)
    AO_store (&stock->used, 1);
  return magazine;
}

struct sy_magazine *
sy_stock_pop_spare (struct sy_stock *stock)
{
  bool is_used = AO_load (&stock->used) != 0;
  AO_t low = AO_load (&stock->low);
  struct sy_magazine *magazine = is_used && low == 0 ? NULL : pop (stock);

  /* One of the magazines that were left has now gone. */
  if (magazine != NULL && is_used && AO_load (&stock->low) == low)
    AO_store (&stock->low, low - 1);
  return magazine;
}

static void
set_hint (AO_t *hint, AO_t value)
{
  if (AO_load (hint) != value)
    AO_store (hint, value);
}

void
sy_stock_look (struct sy_stock *stock)
{
  set_hint (&stock->low, sy_depot_depth (&stock->depot));
  set_hint (&stock->used, 0);
}

void
sy_stock_thread_ended (struct sy_stock *stock)
{
  set_hint (&stock->used, 0);
}

/* ---- Empty magazines ---- */

void
sy_magazine_thread_joins (void)
{
  unsigned best = 1;

  if (own_stack != 0)
    return;
  for (unsigned stack = 2; stack < STACKS && magazines.threads[best] != 0; stack++)
    if (magazines.threads[stack] < magazines.threads[best])
      best = stack;
  magazines.threads[best]++;
  own_stack = best;
}

void
sy_magazine_thread_quits (void)
{
  if (own_stack == 0)
    return;
  magazines.threads[own_stack]--;
  sy_stock_thread_ended (&magazines.empties[own_stack].stack);
  own_stack = 0;
}

void
sy_magazine_after_fork (void)
{
  memset (magazines.threads, 0, sizeof magazines.threads);
  if (own_stack != 0)
    magazines.threads[own_stack] = 1;
  for (unsigned stack = 0; stack < STACKS; stack++)
    if (stack != own_stack)
      sy_stock_thread_ended (&magazines.empties[stack].stack);
}

void
sy_magazine_look (void)
{
  AO_t used = AO_load (&magazines.used);

  for (unsigned stack = 0; stack < STACKS; stack++)
    if ((used >> stack & 1) != 0)
      sy_stock_look (&magazines.empties[stack].stack);
}

/* From the other threads' stacks: what they can spare, or what lies deeper than `kept`. */
static struct sy_magazine *
pop_from_others (unsigned kept)
{
  /* Relaxed: a stack that was used just now may be passed over. */
  AO_t used = AO_load (&magazines.used);
  struct sy_magazine *magazine = NULL;

  for (unsigned step = 1; step < STACKS && magazine == NULL; step++)
    {
      unsigned other = (own_stack + step) % STACKS;
      struct sy_stock *stack = &magazines.empties[other].stack;

      if ((used >> other & 1) == 0)
        continue;
      magazine = sy_stock_pop_spare (stack);
      if (magazine == NULL && sy_depot_depth (&stack->depot) > kept)
        magazine = pop (stack);
    }
  return magazine;
}

/* One of a whole page of new magazines; the others go to the thread's stack.  So no two threads'
   lie on one page, where a processor may prefetch what another one writes. */
static struct sy_magazine *
fresh (void)
{
  unsigned count = SY_MAGAZINES_AT_ONCE;
  struct sy_magazine *made = sy_metadata_take (count * sizeof *made, count * sizeof *made);

  if (made == NULL)
    return NULL;
  /* Now and then, perhaps another thread has what this one lacks. */
  if ((AO_fetch_and_add (&magazines.made, count) + count) % SY_EMPTIES_LOOK == 0)
    sy_magazine_look ();
  for (unsigned at = 1; at < count; at++)
    sy_magazine_give (made + at);
  return made;
}

struct sy_magazine *
sy_magazine_take (void)
{
  struct sy_magazine *magazine = sy_stock_pop (&magazines.empties[own_stack].stack);

  if (SY_LIKELY (magazine != NULL))
    return magazine;
  magazine = pop_from_others (SY_EMPTIES_KEPT);
  if (magazine == NULL)
    magazine = fresh ();
  return magazine != NULL ? magazine : pop_from_others (0);
}

void
sy_magazine_give (struct sy_magazine *magazine)
{
  AO_t bit = (AO_t) 1 << own_stack;

  sy_depot_push (&magazines.empties[own_stack].stack.depot, magazine);
  /* Relaxed, both: a hint for other threads. */
  if (SY_UNLIKELY ((AO_load (&magazines.used) & bit) == 0))
    AO_or (&magazines.used, bit);
}

size_t
sy_magazine_committed_bytes (void)
{
  return AO_load (&magazines.made) * sizeof (struct sy_magazine);
}
