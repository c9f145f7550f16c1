/* SPDX-License-Identifier: MIT */
/*
 * walk.c: what a program pays afterwards for where its blocks lie.
 *
 * Not timed: each worker allocates blocks, the ground, and replaces them at random again and again.
 * With several threads a worker does this to the blocks that its neighbour allocated.  Then it
 * builds a list, a search tree and a chained hash table, of --live nodes together.  These replace
 * one half of the ground, so that what was freed at random decides where nodes lie.  The other half
 * stays between them.
 *
 * Timed: a round walks the whole list and looks up random keys in the tree and in the table, until
 * each of the three has had as many visits as it has nodes.  An operation is a visit.  It reads the
 * node's key and a link.  The nodes of the list, and a node that was looked for, are read whole.
 *
 * No request, no key and no visit depends on an address.  So each round of each allocator makes the
 * same visits, and reads the same sum.
 */
#include <string.h>
#include "options.h"
#include "scenario.h"
#include "scenarios.h"
#include "timing.h"

#define GROUND_TIMES 2u   /* blocks of the ground for each node */
#define REPLACED_TIMES 2u /* replacements for each block of the ground, on the average */
#define BURST_BITS 11u    /* 1, 2, 4, ... or 1024 blocks are freed before as many are allocated */
#define NODES_A_BUCKET 4u /* at the most, on the average; more than half of it */

enum structure { LIST, TREE, TABLE, STRUCTURES };

static const char *const figures[STRUCTURES] = { "list_ns", "tree_ns", "table_ns" };
static const unsigned links[STRUCTURES] = { 1, 2, 1 };

/* At the start of a block.  Behind its links all bytes up to its size are the key's lowest. */
struct node {
  uint32_t key, size;
  struct node *links[];
};

struct visits {
  uint64_t count, sum;
};

/*
 * Belongs to one worker; a neighbour takes the ground while both are in exchange_grounds.
 * Invariant, when built: the structure s has counts[s] nodes, with the keys key_of (0) to key_of
 * (counts[s] - 1).  They lie in nodes one structure after the other.
 */
struct walk {
  void **ground, **next_ground;
  uint32_t ground_used;
  struct node **nodes;
  uint32_t nodes_used, counts[STRUCTURES];
  struct node *list, **list_end, *tree, **buckets;
  uint32_t buckets_count; /* a power of two */
  uint64_t look_ups;      /* the random state at which each round begins */
  bool warm;              /* the untimed round is over */
  uint64_t sum;           /* what that read */
  uint64_t visits[STRUCTURES], ns[STRUCTURES];
};

/* For all workers and repetitions of a run; the sum for one repetition. */
static struct {
  uint64_t visits[STRUCTURES], ns[STRUCTURES], sum;
} totals;

static pthread_barrier_t all_have_a_ground;

static void
prepare (struct run *run)
{
  if (run->repetition == 0)
    memset (&totals, 0, sizeof totals);
  totals.sum = 0;
  pthread_barrier_init (&all_have_a_ground, NULL, run->threads);
}

/* Different numbers have different keys, and their order is as good as random. */
static inline uint32_t
key_of (uint32_t number)
{
  number = (number ^ number >> 16) * UINT32_C (0x85ebca6b);
  number = (number ^ number >> 13) * UINT32_C (0xc2b2ae35);
  return number ^ number >> 16;
}

static uint32_t
random_size (struct worker *w)
{
  const struct options *o = w->run->options;

  return random_between (&w->random, o->size_min, o->size_max);
}

/* ---- The ground ---- */

static void
ground_new_block (struct worker *w)
{
  struct walk *walk = w->own;
  uint32_t size = random_size (w);
  void *block = worker_new_block (w, size);

  memset (block, 0, size);
  walk->ground[walk->ground_used++] = block;
}

static void
ground_free_random (struct worker *w, uint32_t count)
{
  struct walk *walk = w->own;

  for (; count; count--)
    {
      void **taken = &walk->ground[random_below (&w->random, walk->ground_used)];

      worker_free_block (w, *taken);
      *taken = walk->ground[--walk->ground_used];
    }
}

static uint32_t
random_burst (struct worker *w, uint64_t most)
{
  uint32_t burst = UINT32_C (1) << random_below (&w->random, BURST_BITS);

  return burst < most ? burst : (uint32_t) most;
}

/* Each worker goes on with what the next one allocated. */
static void
exchange_grounds (struct worker *w)
{
  struct walk *walk = w->own;
  const struct run *run = w->run;

  pthread_barrier_wait (&all_have_a_ground);
  walk->next_ground = ((struct walk *) run->workers[(w->index + 1) % run->threads].own)->ground;
  pthread_barrier_wait (&all_have_a_ground);
  walk->ground = walk->next_ground;
}

static void
make_ground (struct worker *w)
{
  struct walk *walk = w->own;
  uint32_t count = w->run->options->live * GROUND_TIMES, burst;

  walk->ground = array_new (count, sizeof walk->ground[0]);
  while (walk->ground_used < count)
    ground_new_block (w);
  exchange_grounds (w);
  for (uint64_t left = (uint64_t) count * REPLACED_TIMES; left; left -= burst)
    {
      burst = random_burst (w, left < count ? left : count);
      ground_free_random (w, burst);
      while (walk->ground_used < count)
        ground_new_block (w);
    }
}

/* ---- The structures ---- */

static void
list_insert (struct walk *walk, struct node *node)
{
  node->links[0] = NULL;
  *walk->list_end = node;
  walk->list_end = &node->links[0];
}

static void
tree_insert (struct walk *walk, struct node *node)
{
  struct node **at = &walk->tree;

  node->links[0] = node->links[1] = NULL;
  while (*at)
    at = &(*at)->links[node->key > (*at)->key];
  *at = node;
}

static inline struct node **
bucket_of (const struct walk *walk, uint32_t key)
{
  return &walk->buckets[key & (walk->buckets_count - 1)];
}

static void
table_insert (struct walk *walk, struct node *node)
{
  struct node **bucket = bucket_of (walk, node->key);

  node->links[0] = *bucket;
  *bucket = node;
}

static void (*const insert[STRUCTURES]) (struct walk *, struct node *) = { list_insert, tree_insert,
                                                                           table_insert };

static inline uint32_t
header_bytes (enum structure s)
{
  return (uint32_t) (sizeof (struct node) + links[s] * sizeof (struct node *));
}

/* A block that is too small for its links is made as large as they need. */
static void
insert_new_node (struct worker *w, enum structure s, uint32_t number)
{
  struct walk *walk = w->own;
  uint32_t size = random_size (w), header = header_bytes (s);
  struct node *node;

  size = size < header ? header : size;
  node = worker_new_block (w, size);
  node->key = key_of (number);
  node->size = size;
  memset ((char *) node + header, (int) (node->key & 0xff), size - header);
  insert[s](walk, node);
  walk->nodes[walk->nodes_used++] = node;
}

static void
build (struct worker *w, enum structure s)
{
  const struct walk *walk = w->own;
  uint32_t burst;

  for (uint32_t number = 0; number < walk->counts[s];)
    {
      burst = random_burst (w, walk->counts[s] - number);
      ground_free_random (w, burst);
      for (; burst; burst--)
        insert_new_node (w, s, number++);
    }
}

static void
set_up (struct worker *w)
{
  uint32_t live = w->run->options->live;
  struct walk *walk = w->own = array_new (1, sizeof *walk);

  make_ground (w);
  walk->list_end = &walk->list;
  walk->counts[TREE] = walk->counts[TABLE] = live / STRUCTURES;
  walk->counts[LIST] = live - 2 * (live / STRUCTURES);
  walk->nodes = array_new (live, sizeof walk->nodes[0]);
  walk->buckets_count = 1;
  while ((uint64_t) walk->buckets_count * NODES_A_BUCKET < walk->counts[TABLE])
    walk->buckets_count *= 2;
  walk->buckets = array_new (walk->buckets_count, sizeof walk->buckets[0]);
  for (unsigned s = 0; s < STRUCTURES; s++)
    build (w, s);
  walk->look_ups = random_next (&w->random);
}

/* ---- The walks ---- */

/* Reads what lies behind the links. */
static inline __attribute__ ((__always_inline__)) uint64_t
read_whole (const struct node *node, enum structure s)
{
  const unsigned char *start = (const unsigned char *) node;
  uint32_t at = header_bytes (s), size = node->size;
  uint64_t sum = 0, word;

  for (; size - at >= sizeof word; at += (uint32_t) sizeof word)
    {
      memcpy (&word, start + at, sizeof word);
      sum += word;
    }
  for (; at < size; at++)
    sum += start[at];
  return sum;
}

static void
walk_list (const struct walk *walk, struct visits *visits)
{
  for (const struct node *node = walk->list; node; node = node->links[0])
    {
      visits->sum += node->key + read_whole (node, LIST);
      visits->count++;
    }
}

/* Reads the node with that key.  Goes on from `node` as the structure says. */
static inline __attribute__ ((__always_inline__)) void
look_up (const struct node *node, enum structure s, uint32_t key, struct visits *visits)
{
  visits->count++;
  while (node && node->key != key)
    {
      node = node->links[s == TREE && key > node->key];
      visits->count++;
    }
  if (!node)
    die ("walk: a node with the key %lu is missing", (unsigned long) key);
  visits->sum += key + read_whole (node, s);
}

static void
search_tree (const struct walk *walk, struct random *random, struct visits *visits)
{
  while (visits->count < walk->counts[TREE])
    look_up (walk->tree, TREE, key_of (random_below (random, walk->counts[TREE])), visits);
}

static void
search_table (const struct walk *walk, struct random *random, struct visits *visits)
{
  while (visits->count < walk->counts[TABLE])
    {
      uint32_t key = key_of (random_below (random, walk->counts[TABLE]));

      look_up (*bucket_of (walk, key), TABLE, key, visits);
    }
}

/* Returns the number of visits. */
static uint64_t
one_round (struct walk *walk)
{
  struct visits visits[STRUCTURES] = { { 0, 0 } };
  struct random random = { walk->look_ups };
  uint64_t times[STRUCTURES + 1], count = 0, sum = 0;

  times[LIST] = clock_ns ();
  walk_list (walk, &visits[LIST]);
  times[TREE] = clock_ns ();
  search_tree (walk, &random, &visits[TREE]);
  times[TABLE] = clock_ns ();
  search_table (walk, &random, &visits[TABLE]);
  times[STRUCTURES] = clock_ns ();
  for (unsigned s = 0; s < STRUCTURES; s++)
    {
      count += visits[s].count;
      sum += visits[s].sum;
      if (!walk->warm)
        continue;
      walk->visits[s] += visits[s].count;
      walk->ns[s] += times[s + 1] - times[s];
    }
  if (walk->warm && sum != walk->sum)
    die ("walk: the nodes have other bytes than in the round before");
  walk->warm = true;
  walk->sum = sum;
  return count;
}

static void
work (struct worker *w)
{
  do
    w->operations += one_round (w->own);
  while (worker_goes_on (w));
}

static void
tear_down (struct worker *w)
{
  struct walk *walk = w->own;

  /* relaxed: the main thread joins this one */
  for (unsigned s = 0; s < STRUCTURES; s++)
    {
      __atomic_add_fetch (&totals.visits[s], walk->visits[s], __ATOMIC_RELAXED);
      __atomic_add_fetch (&totals.ns[s], walk->ns[s], __ATOMIC_RELAXED);
    }
  __atomic_add_fetch (&totals.sum, walk->sum, __ATOMIC_RELAXED);
  for (uint32_t i = 0; i < walk->nodes_used; i++)
    worker_free_block (w, walk->nodes[i]);
  while (walk->ground_used)
    worker_free_block (w, walk->ground[--walk->ground_used]);
  array_delete (walk->ground);
  array_delete (walk->nodes);
  array_delete (walk->buckets);
  array_delete (walk);
}

static void
finish (struct run *run, struct result *result)
{
  pthread_barrier_destroy (&all_have_a_ground);
  for (unsigned s = 0; s < STRUCTURES; s++)
    if (totals.visits[s])
      result_figure (result, figures[s], "ns a visit, all threads together",
                     (double) totals.ns[s] / (double) totals.visits[s] / run->threads);
  result_figure (result, "checksum", "of what a round reads, the same with every allocator",
                 (double) (totals.sum & UINT32_MAX));
}

const struct scenario scenario_walk = {
  .name = "walk",
  .what = "a list, a tree and a hash table, built where others were freed at random; visits of "
          "their nodes",
  .prepare = prepare,
  .set_up = set_up,
  .work = { work, work },
  .tear_down = tear_down,
  .finish = finish,
};
