/* SPDX-License-Identifier: MIT */
/* arena_test.c: arenas in a place of their own, and arenas in a reservation. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "child.h"
#include "places.h"
#include "threads.h"

#define MIB ((size_t) 1 << 20)

/* A loop's number: is the arena to be a reservation, and does it grow down? */
enum { IN_PLACE, RESERVED, IN_PLACE_DOWN, RESERVED_DOWN, KINDS };

static void
open_as (struct sy_arena *arena, int number, size_t bytes)
{
  int kind = number % IN_PLACE_DOWN;

  *arena = (struct sy_arena) { .is_down = number >= IN_PLACE_DOWN };
  if (kind == RESERVED)
    places_use_up ();
  ck_assert (sy_arena_open (arena, bytes, bytes, 1));
  ck_assert_uint_eq ((uintptr_t) arena->origin % SY_UNIT_BYTES, 0);
  ck_assert_uint_eq (arena->used, 0);
  if (kind == RESERVED || HAS_PLACES)
    ck_assert_int_eq (arena->is_reserved, kind == RESERVED);
}

/* How much more than is asked for may be mapped. */
static size_t
step_most (size_t mapped)
{
  size_t share = mapped / SY_STEP_SHARE;

  return SY_UNIT_BYTES + (share > SY_STEP_MIN ? share : SY_STEP_MIN);
}

/* The byte that is so far away from the origin. */
static char *
byte_at (const struct sy_arena *arena, size_t distance)
{
  return arena->is_down ? arena->origin - 1 - distance : arena->origin + distance;
}

/* The lowest of the first `bytes`. */
static char *
lowest (const struct sy_arena *arena, size_t bytes)
{
  return arena->is_down ? arena->origin - bytes : arena->origin;
}

static void
must_be_valid (const struct sy_arena *arena)
{
  ck_assert_uint_le (arena->used, arena->mapped);
  ck_assert_uint_le (arena->mapped, arena->room);
  ck_assert_uint_eq (arena->mapped % SY_UNIT_BYTES, 0);
}

START_TEST (an_arena_grows_in_steps_and_keeps_what_it_has)
{
  struct sy_arena arena;

  open_as (&arena, _i, 4 * MIB);
  ck_assert_uint_eq (arena.room, 4 * MIB);
  ck_assert_uint_le (arena.mapped, SY_UNIT_BYTES);
  for (size_t bytes = 1; bytes <= arena.room; bytes += 30001)
    {
      size_t before = arena.mapped;

      ck_assert (sy_arena_grow (&arena, bytes));
      must_be_valid (&arena);
      ck_assert_uint_ge (arena.mapped, bytes);
      ck_assert_uint_ge (arena.mapped, before);
      ck_assert_uint_le (arena.mapped, bytes + step_most (arena.mapped));
      *byte_at (&arena, bytes - 1) = 1;
    }
  for (size_t bytes = 1; bytes <= arena.room; bytes += 30001)
    test_must (*byte_at (&arena, bytes - 1) == 1, "byte %zu", bytes - 1);
  ck_assert (sy_arena_grow (&arena, 4 * MIB));
  ck_assert (!sy_arena_grow (&arena, 4 * MIB + 1));
  ck_assert (!sy_arena_grow (&arena, SIZE_MAX));
  ck_assert_uint_eq (arena.mapped, 4 * MIB);
  arena_close (&arena);
}
END_TEST

START_TEST (what_an_arena_has_is_one_mapping_and_no_more_is_mapped)
{
  const char *first = NULL, *last = NULL;
  struct sy_arena arena;

  open_as (&arena, _i, 64 * MIB);
  for (size_t bytes = 1; bytes <= 32 * MIB; bytes += bytes / 3 + 1)
    {
      ck_assert (sy_arena_grow (&arena, bytes));
      memset (lowest (&arena, bytes), 1, bytes);
      ck_assert_uint_eq (lines_in (lowest (&arena, arena.mapped), arena.mapped, &first, &last), 1);
      ck_assert_ptr_eq (first, lowest (&arena, arena.mapped));
      ck_assert_ptr_eq (last, first + arena.mapped);
      if (!arena.is_reserved)
        ck_assert_uint_eq (lines_in (lowest (&arena, arena.room), arena.room, &first, &last), 1);
    }
  arena_close (&arena);
}
END_TEST

START_TEST (pieces_follow_each_other_zeroed_to_the_end)
{
  struct sy_arena arena;

  open_as (&arena, _i, MIB);
  for (unsigned piece = 0; piece < MIB / 4096; piece++)
    {
      char *start = sy_arena_take (&arena, 4096);

      ck_assert_ptr_eq (start, lowest (&arena, 4096) + (arena.is_down ? -1 : 1) * 4096L * piece);
      for (unsigned at = 0; at < 4096; at++)
        test_must (start[at] == 0, "not zero");
      memset (start, 0x5a, 4096);
      must_be_valid (&arena);
    }
  ck_assert_ptr_null (sy_arena_take (&arena, 1));
  ck_assert_ptr_null (sy_arena_take (&arena, SIZE_MAX));
  ck_assert_uint_eq (arena.used, MIB);
  arena_close (&arena);
}
END_TEST

START_TEST (a_small_arena_has_the_room_it_asked_for)
{
  for (size_t bytes = 1; bytes <= 3 * SY_UNIT_BYTES; bytes = 3 * bytes + 7)
    {
      struct sy_arena arena;

      open_as (&arena, _i, bytes);
      ck_assert_uint_ge (arena.room, bytes);
      ck_assert_ptr_eq (sy_arena_take (&arena, bytes), lowest (&arena, bytes));
      memset (lowest (&arena, bytes), 1, bytes);
      must_be_valid (&arena);
      arena_close (&arena);
    }
}
END_TEST

/* ---- Places ---- */

START_TEST (arenas_lie_one_behind_the_other)
{
  struct sy_arena arenas[5];

  for (unsigned at = 0; at < 5; at++)
    {
      open_as (&arenas[at], IN_PLACE, (at + 1) * 700 * SY_UNIT_BYTES);
      ck_assert_uint_eq ((uintptr_t) arenas[at].origin % SY_HUGE_PAGE_BYTES,
                         SY_HUGE_PAGE_BYTES / 2);
      if (at != 0)
        {
          char *end = arenas[at - 1].origin + arenas[at - 1].room;

          ck_assert (arenas[at].origin >= end);
          ck_assert (arenas[at].origin < end + SY_HUGE_PAGE_BYTES);
        }
    }
  for (unsigned at = 0; at < 5; at++)
    arena_close (&arenas[at]);
}
END_TEST

START_TEST (one_that_grows_down_and_the_next_one_are_one_mapping)
{
  struct sy_arena down, up;
  const char *first, *last;

  open_as (&down, IN_PLACE_DOWN, 10 * MIB);
  memset (lowest (&down, SY_UNIT_BYTES), 1, SY_UNIT_BYTES);
  open_as (&up, IN_PLACE, 10 * MIB);
  memset (up.origin, 1, SY_UNIT_BYTES);
  ck_assert_ptr_eq (down.origin, up.origin);
  for (size_t bytes = SY_UNIT_BYTES; bytes <= 10 * MIB; bytes *= 2)
    {
      ck_assert (sy_arena_grow (&down, bytes) && sy_arena_grow (&up, 10 * MIB - bytes));
      *byte_at (&down, bytes - 1) = *byte_at (&up, 10 * MIB - bytes - 1) = 1;
      ck_assert_uint_eq (lines_in (down.origin - down.room, 20 * MIB, &first, &last), 1);
      ck_assert_ptr_eq (first, down.origin - down.mapped);
      ck_assert_ptr_eq (last, up.origin + up.mapped);
    }
}
END_TEST

START_TEST (a_place_that_is_taken_is_left_to_whom_it_is)
{
  struct sy_arena before, after;
  struct foreign foreign;

  open_as (&before, IN_PLACE, SY_HUGE_PAGE_BYTES);
  foreign = foreign_map (before.origin + SY_HUGE_PAGE_BYTES, SY_UNIT_BYTES);
  open_as (&after, IN_PLACE, SY_HUGE_PAGE_BYTES);
  ck_assert_ptr_eq (after.origin, before.origin + 2 * SY_HUGE_PAGE_BYTES);
  ck_assert (foreign_is_intact (&foreign));
}
END_TEST

enum { OPENERS = 8, EACH = 60 };

static char *opened[OPENERS][EACH];

static void *
open_some (void *number)
{
  for (unsigned at = 0; at < EACH; at++)
    {
      struct sy_arena arena = { .origin = NULL };

      test_must (sy_arena_open (&arena, SY_UNIT_BYTES, SY_UNIT_BYTES, 1)
                   && sy_arena_grow (&arena, SY_UNIT_BYTES),
                 "no arena");
      memcpy (arena.origin, &number, sizeof number);
      opened[(uintptr_t) number][at] = arena.origin;
    }
  return NULL;
}

START_TEST (threads_that_open_arenas_get_places_of_their_own)
{
  in_threads (OPENERS, open_some, 0);
  for (uintptr_t thread = 0; thread < OPENERS; thread++)
    for (unsigned at = 0; at < EACH; at++)
      test_must (memcmp (opened[thread][at], &thread, sizeof thread) == 0,
                 "arena %u of thread %u is another's", at, (unsigned) thread);
}
END_TEST

/* ---- What is in the way ---- */

/* An arena with a few units, and another's mapping so many bytes behind its end. */
static struct foreign
open_before_foreign (struct sy_arena *arena, size_t distance, size_t bytes)
{
  open_as (arena, IN_PLACE, 64 * MIB);
  ck_assert (sy_arena_grow (arena, MIB));
  memset (arena->origin, 0x5a, arena->mapped);
  return foreign_map (arena->origin + arena->mapped + distance, bytes);
}

START_TEST (an_arena_grows_up_to_what_is_in_the_way)
{
  struct sy_arena arena;
  struct foreign foreign = open_before_foreign (&arena, SY_UNIT_BYTES, SY_UNIT_BYTES);
  size_t end = arena.mapped + SY_UNIT_BYTES;

  errno = 0;
  ck_assert (!sy_arena_grow (&arena, end + 1));
  ck_assert_uint_eq (arena.mapped, end - SY_UNIT_BYTES);
  ck_assert (sy_arena_grow (&arena, end));
  ck_assert_uint_eq (arena.mapped, end);
  ck_assert (!sy_arena_grow (&arena, end + 1));
  ck_assert_ptr_null (sy_arena_take (&arena, end + 1));
  ck_assert_uint_eq (arena.mapped, end);
  ck_assert_uint_eq (arena.used, 0);
  ck_assert_int_eq (errno, 0);
  ck_assert (foreign_is_intact (&foreign));
}
END_TEST

START_TEST (an_arena_jumps_over_what_is_in_the_way)
{
  size_t lengths[] = { SY_UNIT_BYTES, 2 * MIB, 5 * MIB }, asked = 3 * SY_UNIT_BYTES;
  struct sy_arena arena;
  struct foreign foreign = open_before_foreign (&arena, 0, lengths[_i]);
  size_t end = arena.mapped, to;

  errno = 0;
  ck_assert (!sy_arena_grow (&arena, end + 1));
  to = sy_arena_jump (&arena, asked);
  ck_assert_int_eq (errno, 0);
  ck_assert_uint_ge (to, end + lengths[_i]);
  ck_assert_uint_le (to, end + 2 * lengths[_i] + SY_HUGE_PAGE_BYTES);
  ck_assert_uint_eq (arena.mapped, to + asked);
  must_be_valid (&arena);
  for (size_t at = 0; at < asked; at++)
    test_must (arena.origin[to + at] == 0, "byte %zu", at);
  memset (arena.origin + to, 0x5b, asked);
  for (size_t at = 0; at < end; at++)
    test_must (arena.origin[at] == 0x5a, "byte %zu", at);
  ck_assert (foreign_is_intact (&foreign));
  /* It grows on from there. */
  ck_assert (sy_arena_grow (&arena, to + asked + MIB));
  arena.origin[to + asked + MIB - 1] = 1;
}
END_TEST

START_TEST (no_arena_jumps_beyond_its_room)
{
  struct sy_arena arena;
  struct foreign foreign = open_before_foreign (&arena, 0, 60 * MIB);
  size_t end = arena.mapped;

  ck_assert_uint_eq (sy_arena_jump (&arena, SY_UNIT_BYTES), 0);
  ck_assert_uint_eq (sy_arena_jump (&arena, 65 * MIB), 0);
  ck_assert_uint_eq (arena.mapped, end);
  ck_assert (foreign_is_intact (&foreign));
}
END_TEST

START_TEST (in_a_reservation_nothing_is_in_the_way)
{
  struct sy_arena arena;

  open_as (&arena, RESERVED, MIB);
  ck_assert (sy_arena_grow (&arena, MIB / 2));
  ck_assert_uint_eq (sy_arena_jump (&arena, SY_UNIT_BYTES), 0);
  ck_assert (sy_arena_grow (&arena, MIB));
  arena_close (&arena);
}
END_TEST

/* ---- What the system refuses ---- */

START_TEST (a_reservation_that_the_system_refuses_is_halved_until_it_agrees)
{
  struct sy_arena arena = { .origin = NULL };
  /* Half of what 32 bits address may be there for one on a system of 64; then it is asked for
     what no system has. */
  size_t bytes = SIZE_MAX / 2 + 1 + (SY_WORD_BITS == 64 ? 0 : SIZE_MAX / 4 + 1);

  places_use_up ();
  errno = 0;
  ck_assert (sy_arena_open (&arena, bytes, MIB, 1));
  ck_assert (arena.is_reserved);
  ck_assert_uint_lt (arena.room, bytes);
  ck_assert_uint_ge (arena.room, MIB);
  ck_assert_uint_eq (bytes % arena.room, 0);
  ck_assert_int_eq (errno, 0);
  arena_close (&arena);
  arena = (struct sy_arena) { .origin = NULL };
  ck_assert (!sy_arena_open (&arena, bytes, bytes, 1));
  ck_assert_ptr_null (arena.origin);
  ck_assert_uint_eq (arena.room, 0);
  ck_assert_ptr_null (sy_arena_take (&arena, 1));
}
END_TEST

static void
must_have_room (size_t bytes, size_t least, size_t share, size_t room)
{
  struct sy_arena arena = { .origin = NULL };

  require (sy_arena_open (&arena, bytes, least, share), "no arena of %zu bytes", bytes);
  require (arena.room == room, "room %zu, not %zu", arena.room, room);
  arena_close (&arena);
}

static int
open_under_limit (void *kind)
{
  struct rlimit limit = { 1024 * MIB, 1024 * MIB };
  bool is_reserved = kind != NULL;
  struct sy_arena arena = { .origin = NULL };

  if (is_reserved)
    places_use_up ();
  require (setrlimit (RLIMIT_AS, &limit) == 0 && sy_os_address_limit () == 1024 * MIB, "no limit");
  must_have_room (512 * MIB, MIB, 4, (is_reserved ? 256 : 512) * MIB);
  must_have_room (512 * MIB, 512 * MIB, 4, 512 * MIB);
  must_have_room (600 * MIB, 500 * MIB, 4, (is_reserved ? 500 : 600) * MIB);
  require (sy_arena_open (&arena, 2048 * MIB, 2048 * MIB, 1) == !is_reserved, "2 GiB");
  if (!is_reserved)
    {
      /* The limit counts what is mapped. */
      require (sy_arena_grow (&arena, 512 * MIB), "no 512 MiB");
      require (!sy_arena_grow (&arena, 1024 * MIB), "more than the limit");
      require (arena.mapped < 1024 * MIB && arena.mapped >= 512 * MIB, "%zu bytes", arena.mapped);
    }
  return 0;
}

START_TEST (a_limit_on_address_space_is_shared)
{
  struct child child = child_run (open_under_limit, (void *) (uintptr_t) _i);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

/* Opens and closes an arena of a GiB.  Returns where it lay. */
static char *
place_of_a_gib (void)
{
  struct sy_arena arena = { .origin = NULL };

  require (sy_arena_open (&arena, 1024 * MIB, MIB, 1) && !arena.is_reserved, "no place");
  arena_close (&arena);
  return arena.origin;
}

/* As many openings fail as would need all addresses, had each its own. */
static int
fail_to_open (void *nothing)
{
  struct rlimit none = { MIB, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
  char *before = place_of_a_gib ();
  unsigned count = 0;

  (void) nothing;
  require (setrlimit (RLIMIT_AS, &none) == 0, "no limit");
  for (unsigned at = 0; at < 1u << 18; at++)
    {
      struct sy_arena arena = { .is_down = at % 2 };

      count += sy_arena_open (&arena, 1024 * MIB, 1024 * MIB, 1);
    }
  require (setrlimit (RLIMIT_AS, &all) == 0 && count == 0, "%u arenas", count);
  require (place_of_a_gib () == before + 1024 * MIB, "places are lost");
  return 0;
}

START_TEST (an_arena_that_cannot_be_opened_uses_up_no_addresses)
{
  struct child child = child_run (fail_to_open, NULL);

  ck_assert_msg (child.status == 0, "status %x: %s", (unsigned) child.status, child.text);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("arena");
  TCase *tests = test_case (suite, "arena", 20);
  int first = HAS_PLACES ? IN_PLACE : RESERVED;

  tcase_add_loop_test (tests, an_arena_grows_in_steps_and_keeps_what_it_has, first, KINDS);
  tcase_add_loop_test (tests, pieces_follow_each_other_zeroed_to_the_end, first, KINDS);
  tcase_add_loop_test (tests, a_small_arena_has_the_room_it_asked_for, first, KINDS);
  tcase_add_test (tests, threads_that_open_arenas_get_places_of_their_own);
  tcase_add_test (tests, in_a_reservation_nothing_is_in_the_way);
  if (HAS_PLACES)
    {
      tcase_add_test (tests, arenas_lie_one_behind_the_other);
      tcase_add_test (tests, one_that_grows_down_and_the_next_one_are_one_mapping);
      tcase_add_test (tests, a_place_that_is_taken_is_left_to_whom_it_is);
      tcase_add_test (tests, an_arena_grows_up_to_what_is_in_the_way);
      tcase_add_loop_test (tests, an_arena_jumps_over_what_is_in_the_way, 0, 3);
      tcase_add_test (tests, no_arena_jumps_beyond_its_room);
      tcase_add_test (tests, an_arena_that_cannot_be_opened_uses_up_no_addresses);
    }
  if (!TEST_SANITIZED)
    {
      tcase_add_loop_test (tests, what_an_arena_has_is_one_mapping_and_no_more_is_mapped, first,
                           KINDS);
      tcase_add_test (tests, a_reservation_that_the_system_refuses_is_halved_until_it_agrees);
      tcase_add_loop_test (tests, a_limit_on_address_space_is_shared, first,
                           IN_PLACE_DOWN);
    }
  return test_run (suite);
}
