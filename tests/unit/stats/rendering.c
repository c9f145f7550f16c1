/* SPDX-License-Identifier: MIT */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "unit/classes.h"
#include "unit/one_handle.h"

static void
tear_down (void)
{
  (void) sydra_alloc_destroy (a);
}

/* The numbers of the class of blocks of exactly so many bytes. */
static struct sydra_class_stats
stats_of_blocks (size_t bytes)
{
  return stats_now ().classes[class_of_blocks (bytes) - 1];
}

/* No class is aligned so: blocks of any size are the C library's. */
#define STRICT (2 * (size_t) SY_UNIT_BYTES)

/* ---- What is counted ---- */

START_TEST (a_new_handle_has_counted_nothing)
{
  struct sydra_stats stats = stats_now ();

  ck_assert_str_eq (stats.mode, "small_pool");
  ck_assert_uint_eq (stats.shards, sydra_alloc_shards ());
  ck_assert_uint_eq (stats.class_count, SY_CLASSES - 1);
  ck_assert_uint_eq (stats.allocations | stats.frees | stats.in_use | stats.in_use_bytes | stats.high_water_bytes, 0);
  ck_assert_uint_eq (stats.shard_hits | stats.shard_misses | stats.cross_shard_frees, 0);
  ck_assert_uint_eq (stats.fallback_allocs | stats.fallback_frees | stats.fallback_resizes | stats.fallback_remaps, 0);
  ck_assert_uint_eq (stats.deferred_blocks | stats.deferred_bytes | stats.deferred_reclaimed | stats.deferred_stalls | stats.epoch_advances, 0);
  ck_assert_uint_gt (stats.reserved_bytes, 0);
  for (unsigned class = 0; class < stats.class_count; class++)
    {
      struct sydra_class_stats zero = { .size = sy_size_classes[class + 1].bytes };

      ck_assert_mem_eq (&stats.classes[class], &zero, sizeof zero);
    }
}
END_TEST

/* Five threads' blocks of the largest class: 48 MB, or 10 where a zone has 16 MiB. */
#define MADE (SY_WORD_BITS == 64 ? 300u : 60u)

/* Sizes of fallback blocks: what the pool does not serve by its size, and by its alignment. */
static void *
fall_back (unsigned at)
{
  return at % 7 < 2 ? sydra_malloc (a, SY_SMALL_MAX + 1 + at) : sydra_aligned_alloc (a, STRICT, (size_t) 257 << at % 7);
}

/* MADE blocks of every class, a third of them freed again; then 21 fallback blocks, 7 of them freed. */
static void *
scripted (void *kept)
{
  void **live = kept;
  unsigned count = 0;

  for (unsigned class = 1; class < SY_CLASSES; class++)
    for (unsigned at = 0; at < MADE; at++)
      {
        size_t bytes = sy_size_classes[class].bytes;
        void *block = bytes % 16 == 0 ? sydra_malloc (a, bytes) : sydra_aligned_alloc (a, 8, bytes);

        test_must (block != NULL, "no block");
        if (at % 3 == 0)
          sydra_free (a, block);
        else
          live[count++] = block;
      }
  for (unsigned at = 0; at < 21; at++)
    {
      void *block = fall_back (at);

      test_must (block != NULL, "no block");
      if (at % 3 == 0)
        sydra_free (a, block);
      else
        live[count++] = block;
    }
  return live;
}

#define LIVE (MADE / 3 * 2 * (SY_CLASSES - 1) + 14)

static uint64_t
usable_of (void **live, unsigned count)
{
  uint64_t bytes = 0;

  for (unsigned at = 0; at < count; at++)
    bytes += sydra_usable_size (a, live[at]);
  return bytes;
}

static void
must_be_scripted (unsigned times, uint64_t live_bytes)
{
  /* 257 << 2..6: 1028, 2056, 4112, 8224, 16448; two of seven are large. */
  static const unsigned sizes[SYDRA_STATS_FALLBACK_BOUNDS] = { 0, 0, 0, 0, 0, 3, 3, 3, 12 };
  struct sydra_stats stats = stats_now ();
  uint64_t slab_bytes = 0;

  for (unsigned class = 0; class < stats.class_count; class++)
    {
      const struct sydra_class_stats *of = &stats.classes[class];

      ck_assert_uint_eq (of->allocations, times * MADE);
      ck_assert_uint_eq (of->frees, times * MADE / 3);
      ck_assert_uint_eq (of->in_use, times * MADE / 3 * 2);
      ck_assert_uint_eq (of->slabs * sy_size_classes[class + 1].blocks, of->in_use + of->free_blocks);
      ck_assert_uint_ge (of->high_water, of->in_use);
      ck_assert_uint_le (of->high_water, of->in_use + times * sy_size_classes[class + 1].rounds);
      ck_assert ((of->refills == 0) == (sydra_alloc_shards () == 0)); /* no shards, no magazines */
      ck_assert_uint_le (of->refills, of->allocations);
      ck_assert_uint_gt (of->lock_acquisitions, 0);
      ck_assert_uint_le (of->lock_contention, of->lock_acquisitions);
    }
  for (unsigned bucket = 0; bucket < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    ck_assert_uint_eq (stats.fallback_sizes[bucket], times * sizes[bucket]);
  ck_assert_uint_eq (stats.shard_hits, times * MADE * (SY_CLASSES - 1));
  ck_assert_uint_eq (stats.shard_misses, 0);
  ck_assert_uint_eq (stats.fallback_allocs, times * 21);
  ck_assert_uint_eq (stats.fallback_frees, times * 7);
  ck_assert_uint_eq (stats.allocations, stats.shard_hits + stats.fallback_allocs);
  ck_assert_uint_eq (stats.frees, times * (MADE / 3 * (SY_CLASSES - 1) + 7));
  ck_assert_uint_eq (stats.in_use, times * LIVE);
  ck_assert_uint_eq (stats.in_use_bytes, live_bytes);
  ck_assert_uint_ge (stats.high_water_bytes, live_bytes);
  for (unsigned class = 0; class < stats.class_count; class++)
    slab_bytes += stats.classes[class].slabs * sy_class_slab_bytes (class + 1);
  ck_assert_uint_eq (stats.committed_bytes, slab_bytes + sy_region_spare_bytes ());
  ck_assert_uint_le (stats.committed_bytes, stats.reserved_bytes);
}

START_TEST (every_member_is_exact_after_a_known_sequence)
{
  static void *live[LIVE];

  (void) scripted (live);
  must_be_scripted (1, usable_of (live, LIVE));
  for (unsigned at = 0; at < LIVE; at++)
    sydra_free (a, live[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
  ck_assert_uint_eq (stats_now ().frees, stats_now ().allocations);
}
END_TEST

#define THREADS 5

static pthread_barrier_t barrier;

static void *
scripted_and_wait (void *live)
{
  (void) scripted (live);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

START_TEST (and_after_the_same_in_several_threads_that_live_or_ended)
{
  static void *live[THREADS][LIVE];
  pthread_t thread[THREADS];
  uint64_t bytes = 0;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, scripted_and_wait, live[at]), 0);
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < THREADS; at++)
    bytes += usable_of (live[at], LIVE);
  must_be_scripted (THREADS, bytes);
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (thread[at], NULL);
  pthread_barrier_destroy (&barrier);
  must_be_scripted (THREADS, bytes);
  for (unsigned at = 0; at < THREADS; at++)
    sydra_free_batch (a, LIVE, live[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

START_TEST (sizes_fall_into_their_buckets_at_the_bounds)
{
  for (unsigned bucket = 0; bucket + 1 < SYDRA_STATS_FALLBACK_BOUNDS; bucket++)
    {
      size_t bound = (size_t) 64 << bucket;

      for (int off = 0; off < 2; off++)
        {
          struct sydra_stats before = stats_now ();
          void *block = sydra_aligned_alloc (a, STRICT, bound + (size_t) off);

          ck_assert_ptr_nonnull (block);
          ck_assert_uint_eq (stats_now ().fallback_sizes[bucket + (unsigned) off], before.fallback_sizes[bucket + (unsigned) off] + 1);
          sydra_free (a, block);
        }
    }
  for (size_t size = SY_SMALL_MAX + 1; size < 10 * SY_SMALL_MAX; size += SY_SMALL_MAX)
    {
      uint64_t before = stats_now ().fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS - 1];

      sydra_free (a, sydra_malloc (a, size));
      ck_assert_uint_eq (stats_now ().fallback_sizes[SYDRA_STATS_FALLBACK_BOUNDS - 1], before + 1);
    }
}
END_TEST

START_TEST (what_a_class_serves_is_no_fallback)
{
  struct sydra_stats stats;

  for (size_t size = 0; size <= SY_SMALL_MAX; size += 1 + size / 40)
    sydra_free (a, sydra_malloc (a, size));
  sydra_free (a, sydra_malloc (a, SY_SMALL_MAX));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_allocs + stats.fallback_frees, 0);
  ck_assert_uint_eq (stats.shard_hits, stats.allocations);
  sydra_free (a, sydra_malloc (a, SY_SMALL_MAX + 1));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_allocs, 1);
  ck_assert_uint_eq (stats.fallback_frees, 1);
}
END_TEST

START_TEST (resizes_and_remaps_of_fallback_blocks_are_told_apart)
{
  char *block = sydra_malloc (a, SY_SMALL_MAX + 10000), *moved;
  struct sydra_stats stats;

  ck_assert (sydra_resize (a, block, SY_SMALL_MAX + 9000));
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_resizes, 1);
  ck_assert (!sydra_resize (a, block, 100000));
  ck_assert_uint_eq (stats_now ().fallback_resizes, 1);
  moved = sydra_realloc (a, block, 3000000);
  ck_assert_ptr_nonnull (moved);
  stats = stats_now ();
  ck_assert_uint_eq (stats.fallback_resizes + stats.fallback_remaps, 2);
  ck_assert_uint_eq (stats.allocations, 1 + stats.fallback_remaps);
  ck_assert_uint_eq (stats.frees, stats.fallback_remaps);
  ck_assert_uint_eq (stats.in_use, 1);
  ck_assert_uint_eq (stats.in_use_bytes, sydra_usable_size (a, moved));
  sydra_free (a, moved);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

START_TEST (blocks_that_come_home_through_another_shard_are_counted)
{
  struct sydra_stats stats;
  bool zeroed = true;
  void *block[1];

  if (sydra_alloc_shards () < 2)
    return;
  ck_assert_uint_eq (sy_pool_carve (&a->pool, 1, 1, 1, block + 1, &zeroed), 1);
  sy_pool_put (&a->pool, 0, 1, block, 1);
  stats = stats_now ();
  ck_assert_uint_eq (stats.cross_shard_frees, 1);
}
END_TEST

/* ---- High water ---- */

START_TEST (high_water_stays_when_blocks_go)
{
  static void *blocks[10000];
  unsigned rounds = sy_size_classes[class_of_blocks (64)].rounds;

  for (unsigned round = 0; round < 3; round++)
    {
      for (unsigned at = 0; at < 10000; at++)
        blocks[at] = sydra_malloc (a, 64);
      for (unsigned at = 0; at < 10000; at++)
        sydra_free (a, blocks[at]);
      ck_assert_uint_ge (stats_of_blocks (64).high_water, 10000);
      ck_assert_uint_le (stats_of_blocks (64).high_water, 10000 + rounds);
      ck_assert_uint_ge (stats_now ().high_water_bytes, 10000 * 64);
      ck_assert_uint_le (stats_now ().high_water_bytes, (10000 + rounds) * 64);
    }
}
END_TEST

START_TEST (a_block_that_grows_in_place_is_never_there_twice)
{
  size_t bytes = 1000000;
  char *block = sydra_malloc (a, bytes);
  uint64_t most = sydra_usable_size (a, block), moves;

  for (unsigned step = 0; step < 20; step++)
    {
      moves = stats_now ().fallback_remaps;

      uint64_t before = sydra_usable_size (a, block);

      block = sydra_realloc (a, block, bytes += 10);
      ck_assert_ptr_nonnull (block);
      most = most > sydra_usable_size (a, block) ? most : sydra_usable_size (a, block);
      if (stats_now ().fallback_remaps != moves)
        most = most > before + sydra_usable_size (a, block) ? most : before + sydra_usable_size (a, block);
    }
  ck_assert_uint_ge (stats_now ().high_water_bytes, sydra_usable_size (a, block));
  ck_assert_uint_le (stats_now ().high_water_bytes, most);
  sydra_free (a, block);
}
END_TEST

static void *
peak_and_end (void *argument)
{
  void *blocks[1000];

  for (unsigned at = 0; at < 1000; at++)
    test_must ((blocks[at] = sydra_malloc (a, 96)) != NULL, "no block");
  sydra_free_batch (a, 1000, blocks);
  return argument;
}

START_TEST (high_water_outlives_its_thread)
{
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, peak_and_end, NULL), 0);
  pthread_join (thread, NULL);
  ck_assert_uint_ge (stats_of_blocks (96).high_water, 1000);
  ck_assert_uint_le (stats_of_blocks (96).high_water, 1000 + sy_size_classes[class_of_blocks (96)].rounds);
  ck_assert_uint_ge (stats_now ().high_water_bytes, 1000 * 96);
}
END_TEST

#define PEAK 40000u

static void *
peak_together (void *argument)
{
  void **blocks = argument;

  for (unsigned at = 0; at < PEAK; at++)
    test_must ((blocks[at] = sydra_malloc (a, 32)) != NULL, "no block");
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < PEAK; at++)
    sydra_free (a, blocks[at]);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  return NULL;
}

START_TEST (high_water_adds_up_what_threads_had_at_once)
{
  static void *blocks[THREADS][PEAK];
  unsigned class = class_of_blocks (32);
  pthread_t thread[THREADS];
  struct sydra_stats stats;

  ck_assert_int_eq (pthread_barrier_init (&barrier, NULL, THREADS + 1), 0);
  for (unsigned at = 0; at < THREADS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, peak_together, blocks[at]), 0);
  pthread_barrier_wait (&barrier);
  pthread_barrier_wait (&barrier);
  stats = stats_now ();
  pthread_barrier_wait (&barrier);
  for (unsigned at = 0; at < THREADS; at++)
    pthread_join (thread[at], NULL);
  pthread_barrier_destroy (&barrier);
  ck_assert_uint_eq (stats.in_use, 0);
  /* What a thread has not published yet is two magazines at the most. */
  ck_assert_uint_ge (stats.classes[class - 1].high_water, THREADS * (PEAK - 2 * sy_size_classes[class].rounds));
  ck_assert_uint_le (stats.classes[class - 1].high_water, THREADS * (PEAK + 2 * sy_size_classes[class].rounds));
}
END_TEST

/* ---- While threads run ---- */

static AO_t stop;

#define WORKERS 3
#define MAILBOXES 64
#define CHURN_MAX (SY_SMALL_MAX + 4000)

static AO_t mailbox[MAILBOXES];

/* Most blocks are freed by another thread than the one that made them: sums that are made of one and not of the other show. */
static void *
churn (void *argument)
{
  struct test_random random = test_random_make ((uint64_t) (uintptr_t) argument);

  while (!AO_load_acquire (&stop))
    {
      AO_t *box = &mailbox[test_random_below (&random, MAILBOXES)];
      void *block = sydra_malloc (a, test_random_below (&random, test_random_below (&random, 4) ? 300 : CHURN_MAX));

      test_must (block != NULL, "no block");
      sydra_free (a, mailbox_swap (box, block));
    }
  return NULL;
}

START_TEST (a_snapshot_of_running_threads_goes_back_or_below_nothing_never)
{
  pthread_t thread[WORKERS];
  struct sydra_stats last = stats_now ();

  AO_store (&stop, 0);
  memset (mailbox, 0, sizeof mailbox);
  for (uintptr_t at = 0; at < WORKERS; at++)
    ck_assert_int_eq (pthread_create (&thread[at], NULL, churn, (void *) (at + 1)), 0);
  for (unsigned round = 0; round < (TEST_SANITIZED ? 500 : 20000); round++)
    {
      struct sydra_stats stats = { .size = sizeof stats };

      test_must (sydra_stats_get (a, &stats) == 0, "no statistics");
      test_must (stats.allocations >= last.allocations && stats.frees >= last.frees, "a count fell");
      test_must (stats.in_use <= stats.allocations && stats.in_use_bytes <= stats.allocations * 2 * CHURN_MAX, "%" PRId64 " in use", (int64_t) stats.in_use);
      for (unsigned class = 0; class < stats.class_count; class++)
        {
          const struct sydra_class_stats *now = &stats.classes[class], *then = &last.classes[class];

          test_must (now->allocations >= then->allocations && now->frees >= then->frees, "a class's count fell");
          test_must (now->in_use <= now->allocations, "%" PRId64 " in use", (int64_t) now->in_use);
          test_must (now->free_blocks <= now->slabs * sy_size_classes[class + 1].blocks, "%" PRId64 " free", (int64_t) now->free_blocks);
        }
      last = stats;
    }
  AO_store_release (&stop, 1);
  for (unsigned at = 0; at < WORKERS; at++)
    pthread_join (thread[at], NULL);
  for (unsigned at = 0; at < MAILBOXES; at++)
    sydra_free (a, (void *) mailbox[at]);
  ck_assert_uint_eq (stats_now ().in_use, 0);
  ck_assert_uint_eq (stats_now ().in_use_bytes, 0);
}
END_TEST

/* ---- The struct's size ---- */

START_TEST (a_smaller_struct_is_filled_in_as_far_as_it_goes)
{
  struct sydra_stats stats;
  unsigned char *bytes = (unsigned char *) &stats;
  size_t least = offsetof (struct sydra_stats, high_water_bytes);

  sydra_free (a, sydra_malloc (a, 1));
  for (size_t size = 0; size <= sizeof stats; size += 4)
    {
      memset (&stats, 0x5a, sizeof stats);
      stats.size = size;
      if (size < least)
        {
          ck_assert_int_eq (sydra_stats_get (a, &stats), EINVAL);
          for (size_t at = sizeof stats.size; at < sizeof stats; at++)
            test_must (bytes[at] == 0x5a, "size %zu: byte %zu written", size, at);
          continue;
        }
      ck_assert_int_eq (sydra_stats_get (a, &stats), 0);
      ck_assert_uint_eq (stats.size, size);
      ck_assert_uint_eq (stats.allocations, 1);
      for (size_t at = size; at < sizeof stats; at++)
        test_must (bytes[at] == 0x5a, "size %zu: byte %zu written", size, at);
    }
}
END_TEST

START_TEST (a_larger_struct_learns_how_much_was_filled_in)
{
  struct
  {
    struct sydra_stats stats;
    unsigned char more[64];
  } later;

  memset (&later, 0x5a, sizeof later);
  later.stats.size = sizeof later;
  ck_assert_int_eq (sydra_stats_get (a, &later.stats), 0);
  ck_assert_uint_eq (later.stats.size, sizeof later.stats);
  for (unsigned at = 0; at < sizeof later.more; at++)
    ck_assert_uint_eq (later.more[at], 0x5a);
}
END_TEST

/* ---- Rendering ---- */

struct text
{
  char bytes[65536];
  size_t length;
  unsigned calls, stop_at;
};

static int
collect (void *ctx, const char *bytes, size_t length)
{
  struct text *text = ctx;

  if (++text->calls == text->stop_at)
    return 42;
  ck_assert_uint_gt (length, 0);
  ck_assert_uint_lt (text->length + length, sizeof text->bytes);
  ck_assert_ptr_null (memchr (bytes, 0, length));
  memcpy (text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
  return 0;
}

static struct text text;

static void
render (struct sydra_alloc *handle, enum sydra_stats_format format)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (handle, format, collect, &text), 0);
}

/* A strict reader of JSON (RFC 8259): each function passes one thing, or gives NULL. */
static const char *pass_value (const char *at, unsigned depth);

static const char *
pass_space (const char *at)
{
  return at == NULL ? NULL : at + strspn (at, " \t\n\r");
}

static const char *
pass_string (const char *at)
{
  if (*at++ != '"')
    return NULL;
  for (; *at != '"'; at++)
    if ((unsigned char) *at < 0x20)
      return NULL;
    else if (*at == '\\')
      {
        if (*++at == 'u')
          {
            if (strspn (at + 1, "0123456789abcdefABCDEF") < 4)
              return NULL;
            at += 4;
          }
        else if (*at == '\0' || strchr ("\"\\/bfnrt", *at) == NULL)
          return NULL;
      }
  return at + 1;
}

static const char *
pass_number (const char *at)
{
  size_t digits;

  at += *at == '-';
  digits = strspn (at, "0123456789");
  return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits; /* ours are whole */
}

static const char *
pass_members (const char *at, bool named, unsigned depth)
{
  char end = named ? '}' : ']';

  at = pass_space (at + 1);
  if (*at == end)
    return at + 1;
  for (;;)
    {
      if (named)
        {
          at = pass_space (pass_string (at));
          if (at == NULL || *at++ != ':')
            return NULL;
        }
      at = pass_space (pass_value (pass_space (at), depth + 1));
      if (at == NULL)
        return NULL;
      if (*at == end)
        return at + 1;
      if (*at != ',')
        return NULL;
      at = pass_space (at + 1);
    }
}

static const char *
pass_value (const char *at, unsigned depth)
{
  if (depth > 8)
    return NULL;
  if (*at == '{' || *at == '[')
    return pass_members (at, *at == '{', depth);
  return *at == '"' ? pass_string (at) : pass_number (at);
}

static bool
is_json (const char *at)
{
  at = pass_space (pass_value (pass_space (at), 0));
  return at != NULL && *at == '\0';
}

static uint64_t
json_number (const char *from, const char *name)
{
  char key[64];
  const char *at;

  snprintf (key, sizeof key, "\"%s\": ", name);
  at = strstr (from, key);
  ck_assert_msg (at != NULL, "no member %s", name);
  return strtoull (at + strlen (key), NULL, 10);
}

START_TEST (the_reader_is_strict)
{
  ck_assert (is_json ("{\"a\": [1, 20, {\"b\\u0001\\\"\": \"\"}], \"c\": 0}\n"));
  ck_assert (!is_json ("{\"a\": 01}"));
  ck_assert (!is_json ("{\"a\": 1,}"));
  ck_assert (!is_json ("{\"a\" 1}"));
  ck_assert (!is_json ("[1, 2"));
  ck_assert (!is_json ("{\"a\n\": 1}"));
  ck_assert (!is_json ("{\"a\\x\": 1}"));
  ck_assert (!is_json ("{} {}"));
}
END_TEST

START_TEST (json_is_json_and_has_every_member)
{
#define MEMBER(name) { #name, offsetof (struct sydra_stats, name) }
#define CLASS_MEMBER(name) { #name, offsetof (struct sydra_class_stats, name) }
  static const struct { const char *name; size_t offset; } members[] = {
    MEMBER (allocations), MEMBER (frees), MEMBER (in_use), MEMBER (in_use_bytes), MEMBER (high_water_bytes), MEMBER (shard_hits),
    MEMBER (shard_misses), MEMBER (cross_shard_frees), MEMBER (deferred_blocks), MEMBER (deferred_bytes), MEMBER (deferred_high_water_bytes),
    MEMBER (epoch_current), MEMBER (epoch_min), MEMBER (fallback_allocs), MEMBER (fallback_frees), MEMBER (fallback_resizes),
    MEMBER (fallback_remaps), MEMBER (reserved_bytes), MEMBER (committed_bytes), MEMBER (epoch_advances), MEMBER (deferred_reclaimed),
    MEMBER (deferred_stalls), MEMBER (deferred_oldest_ns)
  }, class_members[] = {
    CLASS_MEMBER (allocations), CLASS_MEMBER (frees), CLASS_MEMBER (refills), CLASS_MEMBER (in_use), CLASS_MEMBER (high_water),
    CLASS_MEMBER (slabs), CLASS_MEMBER (free_blocks), CLASS_MEMBER (lock_acquisitions), CLASS_MEMBER (lock_contention),
    CLASS_MEMBER (lock_wait_ns), CLASS_MEMBER (lock_hold_ns)
  };
  static void *live[LIVE];
  struct sydra_stats stats;
  const char *class;

  (void) scripted (live);
  stats = stats_now ();
  render (a, SYDRA_STATS_JSON);
  ck_assert_msg (is_json (text.bytes), "no JSON: %s", text.bytes);
  for (size_t at = 0; at < sizeof members / sizeof *members; at++)
    ck_assert_uint_eq (json_number (text.bytes, members[at].name), *(uint64_t *) (void *) ((char *) &stats + members[at].offset));
  ck_assert_uint_eq (json_number (text.bytes, "shards"), stats.shards);
  ck_assert_uint_eq (json_number (text.bytes, "class_count"), stats.class_count);
  ck_assert_ptr_nonnull (strstr (text.bytes, "\"mode\": \"small_pool\""));
  ck_assert_ptr_nonnull (strstr (text.bytes, "\"fallback_sizes\": [0, 0, 0, 0, 0, 3, 3, 3, 12]"));
  class = strstr (text.bytes, "\"classes\": [");
  for (unsigned at = 0; at < stats.class_count; at++)
    {
      class = strstr (class, "{\"size\": ");
      ck_assert_ptr_nonnull (class);
      ck_assert_uint_eq (json_number (class, "size"), stats.classes[at].size);
      for (size_t member = 0; member < sizeof class_members / sizeof *class_members; member++)
        ck_assert_uint_eq (json_number (class, class_members[member].name),
                           *(uint64_t *) (void *) ((char *) &stats.classes[at] + class_members[member].offset));
      class++;
    }
  ck_assert_ptr_null (strstr (class, "{\"size\": "));
}
END_TEST

START_TEST (a_name_with_quotes_and_controls_is_escaped)
{
  static const char *const names[] = { "\"", "\\", "a\"b\\c\nd\te\x01\x1f", "}, {", "%s%n", "", "0123456789012345678901234567890123456789" };

  for (size_t at = 0; at < sizeof names / sizeof *names; at++)
    {
      struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
      struct sydra_alloc *named;

      options.name = names[at];
      named = sydra_alloc_create (&options);
      render (named, SYDRA_STATS_JSON);
      ck_assert_msg (is_json (text.bytes), "no JSON: %s", text.bytes);
      render (named, SYDRA_STATS_TEXT);
      ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
    }
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;

  options.name = "a\"b\\c\nd\x01";
  named = sydra_alloc_create (&options);
  render (named, SYDRA_STATS_JSON);
  ck_assert_ptr_eq (strstr (text.bytes, "{\"name\": \"a\\\"b\\\\c\\u000ad\\u0001\", \"pid\": "),
                    text.bytes);
  render (named, SYDRA_STATS_TEXT);
  ck_assert_ptr_eq (strstr (text.bytes, "sydra-alloc handle a\"b\\c?d? of "), text.bytes);
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
}
END_TEST

/* How a handle's name is written in JSON, without its quotes; a new string. */
static char *
name_in_json (const char *name)
{
  struct sydra_alloc_options options = SYDRA_ALLOC_OPTIONS_INIT;
  struct sydra_alloc *named;
  static const char before[] = "{\"name\": \"", after[] = "\", \"pid\": ";
  char *end;

  options.name = name;
  named = sydra_alloc_create (&options);
  render (named, SYDRA_STATS_JSON);
  ck_assert_uint_eq (sydra_alloc_destroy (named), 0);
  ck_assert_int_eq (strncmp (text.bytes, before, strlen (before)), 0);
  end = strstr (text.bytes, after);
  ck_assert_ptr_nonnull (end);
  return strndup (text.bytes + strlen (before), (size_t) (end - text.bytes) - strlen (before));
}

START_TEST (what_is_no_utf8_in_a_name_is_replaced_byte_by_byte)
{
#define NO "\\ufffd"
  static const char *const names[][2] = {
    /* Well-formed, at the edges of each row of the table. */
    { "\x7f", "\x7f" }, { "\u00a0\u07ff", "\u00a0\u07ff" },
    { "\u0800\u0fff\ud7ff\ue000\uffff", "\u0800\u0fff\ud7ff\ue000\uffff" },
    { "\U00010000\U000fffff\U0010ffff", "\U00010000\U000fffff\U0010ffff" },
    /* A byte that starts nothing. */
    { "a\x80z", "a" NO "z" }, { "\xbf\xff\xfe", NO NO NO }, { "\xf5\x80\x80\x80", NO NO NO NO },
    /* A start without its end, before another character and before the name's end. */
    { "\xc3(", NO "(" }, { "\xe2\x82\"", NO NO "\\\"" }, { "\xe2\x82\xc3\xa4", NO NO "\u00e4" },
    { "\xc3", NO }, { "\xe2\x82", NO NO }, { "\xf0\x9f\x98", NO NO NO },
    /* Longer than need be; surrogates; above U+10FFFF. */
    { "\xc0\x80\xc1\xbf", NO NO NO NO }, { "\xe0\x9f\xbf", NO NO NO },
    { "\xf0\x8f\xbf\xbf", NO NO NO NO },
    { "\xed\xa0\x80", NO NO NO }, { "\xf4\x90\x80\x80", NO NO NO NO }
  };

  for (size_t at = 0; at < sizeof names / sizeof *names; at++)
    {
      char *written = name_in_json (names[at][0]);

      ck_assert_str_eq (written, names[at][1]);
      free (written);
    }
#undef NO
}
END_TEST

START_TEST (both_forms_name_the_process_and_the_program)
{
  char expected[200];
  char *const saved = program_invocation_short_name, ours[] = "a \xff\"\n";

  snprintf (expected, sizeof expected,
            "{\"name\": \"alloc\", \"pid\": %ld, \"program\": \"%s\", \"mode\": ",
            (long) getpid (), saved);
  render (a, SYDRA_STATS_JSON);
  ck_assert_ptr_eq (strstr (text.bytes, expected), text.bytes);
  snprintf (expected, sizeof expected,
            "sydra-alloc handle alloc of %s, process %ld: mode small_pool, ", saved, (long) getpid ());
  render (a, SYDRA_STATS_TEXT);
  ck_assert_ptr_eq (strstr (text.bytes, expected), text.bytes);

  program_invocation_short_name = ours;
  render (a, SYDRA_STATS_JSON);
  ck_assert (is_json (text.bytes));
  ck_assert_ptr_nonnull (strstr (text.bytes, ", \"program\": \"a \\ufffd\\\"\\u000a\", "));
  program_invocation_short_name = ours + sizeof ours - 1;
  render (a, SYDRA_STATS_TEXT);
  ck_assert_int_eq (strncmp (text.bytes, "sydra-alloc handle alloc, process ", 34), 0);
  program_invocation_short_name = saved;
}
END_TEST

START_TEST (text_has_a_line_a_total_and_a_row_a_class)
{
  char row[32];
  unsigned lines = 0;

  sydra_free (a, sydra_malloc (a, 100));
  render (a, SYDRA_STATS_TEXT);
  for (const char *at = text.bytes; (at = strchr (at, '\n')) != NULL; at++)
    lines++;
  ck_assert_uint_eq (lines, 1 + 23 + 1 + 1 + SY_CLASSES - 1);
  for (unsigned class = 1; class < SY_CLASSES; class++)
    {
      snprintf (row, sizeof row, "\n  %5u ", sy_size_classes[class].bytes);
      ck_assert_msg (strstr (text.bytes, row) != NULL, "no row of %u bytes", sy_size_classes[class].bytes);
    }
  for (size_t at = 0; at < text.length; at++)
    test_must (text.bytes[at] == '\n' || (text.bytes[at] >= ' ' && text.bytes[at] < 127), "byte %zu", at);
}
END_TEST

START_TEST (a_writer_that_says_stop_is_not_called_again)
{
  unsigned calls;

  render (a, SYDRA_STATS_JSON);
  calls = text.calls;
  ck_assert_uint_gt (calls, 1);
  for (unsigned stop_at = 1; stop_at <= calls; stop_at++)
    {
      memset (&text, 0, sizeof text);
      text.stop_at = stop_at;
      ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_JSON, collect, &text), 42);
      ck_assert_uint_eq (text.calls, stop_at);
    }
}
END_TEST

START_TEST (an_unknown_format_writes_nothing)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (a, (enum sydra_stats_format) 99, collect, &text), EINVAL);
  ck_assert_uint_eq (text.calls, 0);
}
END_TEST

static int
allocate_and_collect (void *ctx, const char *bytes, size_t length)
{
  void *block = sydra_malloc (a, 48);

  ck_assert_ptr_nonnull (block);
  sydra_free (a, block);
  return collect (ctx, bytes, length);
}

START_TEST (the_writer_may_allocate)
{
  memset (&text, 0, sizeof text);
  ck_assert_int_eq (sydra_stats_write (a, SYDRA_STATS_JSON, allocate_and_collect, &text), 0);
  ck_assert (is_json (text.bytes));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("stats");
  TCase *tests = test_case (suite, "counts", 20), *threads = test_case (suite, "threads", 60), *rendering = test_case (suite, "rendering", 20);

  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_checked_fixture (threads, set_up, tear_down);
  tcase_add_checked_fixture (rendering, set_up, tear_down);
  tcase_add_test (tests, a_new_handle_has_counted_nothing);
  tcase_add_test (tests, every_member_is_exact_after_a_known_sequence);
  tcase_add_test (tests, sizes_fall_into_their_buckets_at_the_bounds);
  tcase_add_test (tests, what_a_class_serves_is_no_fallback);
  tcase_add_test (tests, resizes_and_remaps_of_fallback_blocks_are_told_apart);
  tcase_add_test (tests, blocks_that_come_home_through_another_shard_are_counted);
  tcase_add_test (tests, high_water_stays_when_blocks_go);
  tcase_add_test (tests, a_block_that_grows_in_place_is_never_there_twice);
  tcase_add_test (tests, a_smaller_struct_is_filled_in_as_far_as_it_goes);
  tcase_add_test (tests, a_larger_struct_learns_how_much_was_filled_in);
  tcase_add_test (threads, and_after_the_same_in_several_threads_that_live_or_ended);
  tcase_add_test (threads, high_water_outlives_its_thread);
  tcase_add_test (threads, high_water_adds_up_what_threads_had_at_once);
  tcase_add_test (threads, a_snapshot_of_running_threads_goes_back_or_below_nothing_never);
  tcase_add_test (rendering, the_reader_is_strict);
  tcase_add_test (rendering, json_is_json_and_has_every_member);
  tcase_add_test (rendering, a_name_with_quotes_and_controls_is_escaped);
  tcase_add_test (rendering, what_is_no_utf8_in_a_name_is_replaced_byte_by_byte);
  tcase_add_test (rendering, both_forms_name_the_process_and_the_program);
  tcase_add_test (rendering, text_has_a_line_a_total_and_a_row_a_class);
  tcase_add_test (rendering, a_writer_that_says_stop_is_not_called_again);
  tcase_add_test (rendering, an_unknown_format_writes_nothing);
  tcase_add_test (rendering, the_writer_may_allocate);
  return test_run (suite);
}
