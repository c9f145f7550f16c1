/* SPDX-License-Identifier: MIT */
/*
 * memtable_skiplist.c: the table is sixteen skip lists, ordered by series and time.  All points of
 * a series are in one list.
 *
 * Writers lock the list.  Readers walk it inside a section of the handle.  A writer links a node
 * from its lowest level up, and unlinks it from its highest level down.  An unlinked node keeps its
 * links, so that a reader on it can go on.  Blocks that readers inside may still see are retired:
 * the old value of an overwritten point, and an unlinked node.
 *
 * A removed point becomes a tombstone, which is a node without a value, and goes on its list's list
 * of graves.  When that is full, the tombstones are unlinked.  Until then a put may give the node a
 * value again.
 *
 *
 * | field           | written           | order                                            |
 * | next[], heads[] | under the lock    | release; pairs with the acquire in follow        |
 * | node->value     | under the lock    | release; pairs with the acquire in memtable_scan |
 * | buried, graves  | under the lock    |                                                  |
 * | all others      | before publishing |                                                  |
 */
#include "memtable.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STRIPES 16u        /* a power of two */
/* a quarter of a level's nodes are on the next one: good for 4^12 points in a list */
#define HEIGHT_MAX 12u
#define GRAVES 32u

/* ---- The table's memory is the handle's. ---- */

static void *handle_allocate (void *ctx, size_t size) { return sydra_malloc (ctx, size); }
static void handle_release (void *ctx, void *block) { sydra_free (ctx, block); }
static uint64_t handle_enter (void *ctx) { return sydra_epoch_enter (ctx); }
static void handle_leave (void *ctx, uint64_t section) { sydra_epoch_leave (ctx, section); }

/*
 * Frees a block when no reader sees it any more.  If the handle refuses to wait for that (EAGAIN,
 * ENOMEM), this thread waits for the readers that are inside now, and then frees the block itself.
 */
static void
handle_retire (void *ctx, void *block)
{
  if (sydra_free_deferred (ctx, block) == 0)
    return;
  if (sydra_epoch_synchronize (ctx) != 0)
    abort (); /* called from inside a scan */
  sydra_free (ctx, block);
}

struct memtable_memory
memtable_memory_of (struct sydra_alloc *a)
{
  return (struct memtable_memory){
    a, handle_allocate, handle_release, handle_retire, handle_enter, handle_leave
  };
}

/* ---- Lists ---- */

struct value {
  size_t length;
  unsigned char bytes[];
};

struct node {
  int64_t time;
  uint32_t series;
  uint8_t height;
  bool buried;             /* it is in the list's graves */
  struct value *value;     /* NULL: a tombstone */
  struct node *next[];
};

struct list {
  pthread_mutex_t lock;
  unsigned graves_used;
  struct node *graves[GRAVES];
  struct node *heads[HEIGHT_MAX];
};

struct memtable {
  struct memtable_memory memory;
  struct list lists[STRIPES];
};

/* The final steps of SplitMix64: every bit of the result depends on all bits. */
static uint64_t
mix (uint64_t x)
{
  x = (x ^ x >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C (0x94d049bb133111eb);
  return x ^ x >> 31;
}

static struct list *
list_of (struct memtable *table, uint32_t series)
{
  return &table->lists[mix (series + UINT64_C (0x9e3779b97f4a7c15)) % STRIPES];
}

/* Derived from the key: so a list has the same shape in whatever order it is written. */
static unsigned
height_of (uint32_t series, int64_t time)
{
  uint64_t drawn = mix ((uint64_t) time * UINT64_C (0x9e3779b97f4a7c15) + mix (series));
  unsigned height = 1;

  for (; height < HEIGHT_MAX && drawn % 4 == 0; drawn /= 4)
    height++;
  return height;
}

static struct node *
follow (struct node *const *link)
{
  return __atomic_load_n (link, __ATOMIC_ACQUIRE);
}

static void
publish (struct node **link, struct node *node)
{
  __atomic_store_n (link, node, __ATOMIC_RELEASE);
}

static bool
is_before (const struct node *node, uint32_t series, int64_t time)
{
  return node->series != series ? node->series < series : node->time < time;
}

/*
 * Finds the first node that is not before the key.  If links is not NULL, sets it to the link of
 * each level that leads there.
 */
static struct node *
find (struct list *list, uint32_t series, int64_t time, struct node ***links)
{
  struct node **tower = list->heads, *node = NULL;

  for (unsigned level = HEIGHT_MAX; level-- > 0;)
    {
      while ((node = follow (&tower[level])) != NULL && is_before (node, series, time))
        tower = node->next;
      if (links != NULL)
        links[level] = &tower[level];
    }
  return node;
}

static bool
is_at (const struct node *node, uint32_t series, int64_t time)
{
  return node != NULL && node->series == series && node->time == time;
}

/* ---- Writers hold the list's lock, but not while they retire, which may wait for readers ---- */

/* Gives the node another value (NULL makes it a tombstone).  Returns the old one. */
static struct value *
replace (struct node *node, struct value *value)
{
  /* relaxed: only writers store here, and this one holds the lock */
  struct value *old = node->value;

  __atomic_store_n (&node->value, value, __ATOMIC_RELEASE);
  return old;
}

static bool
insert (struct memtable *table, struct node **links[], uint32_t series, int64_t time,
        struct value *value)
{
  unsigned height = height_of (series, time);
  struct node *node = table->memory.allocate (table->memory.ctx,
                                              sizeof *node + height * sizeof node->next[0]);

  if (node == NULL)
    return false;
  *node
    = (struct node){ .time = time, .series = series, .height = (uint8_t) height, .value = value };
  for (unsigned level = 0; level < height; level++)
    node->next[level] = *links[level];
  for (unsigned level = 0; level < height; level++)
    publish (links[level], node);
  return true;
}

static void
unlink_node (struct list *list, struct node *node)
{
  struct node **links[HEIGHT_MAX];

  find (list, node->series, node->time, links);
  for (unsigned level = node->height; level-- > 0;)
    publish (links[level], node->next[level]);
}

/*
 * Unlinks those nodes in the graves that are still tombstones, and puts them into out.  Returns how
 * many.
 */
static unsigned
clear_graves (struct list *list, struct node *out[])
{
  unsigned count = 0;

  for (unsigned i = 0; i < list->graves_used; i++)
    {
      struct node *node = list->graves[i];

      node->buried = false;
      if (node->value != NULL)
        continue;
      unlink_node (list, node);
      out[count++] = node;
    }
  list->graves_used = 0;
  return count;
}

static void
retire_nodes (struct memtable *table, struct node *nodes[], unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    table->memory.retire (table->memory.ctx, nodes[i]);
}

int
memtable_put (struct memtable *table, uint32_t series, int64_t time, const void *bytes,
              size_t length)
{
  const struct memtable_memory *memory = &table->memory;
  struct list *list = list_of (table, series);
  struct value *value, *old = NULL;
  struct node **links[HEIGHT_MAX], *node;
  bool done = true;

  if (length > PTRDIFF_MAX - sizeof *value
      || (value = memory->allocate (memory->ctx, sizeof *value + length)) == NULL)
    return ENOMEM;
  value->length = length;
  memcpy (value->bytes, bytes, length);
  pthread_mutex_lock (&list->lock);
  node = find (list, series, time, links);
  if (is_at (node, series, time))
    old = replace (node, value);
  else
    done = insert (table, links, series, time, value);
  pthread_mutex_unlock (&list->lock);
  if (!done)
    memory->release (memory->ctx, value);
  if (old != NULL)
    memory->retire (memory->ctx, old);
  return done ? 0 : ENOMEM;
}

bool
memtable_remove (struct memtable *table, uint32_t series, int64_t time)
{
  struct list *list = list_of (table, series);
  struct node *node, *out[GRAVES];
  struct value *old = NULL;
  unsigned out_used = 0;

  pthread_mutex_lock (&list->lock);
  node = find (list, series, time, NULL);
  if (is_at (node, series, time))
    old = replace (node, NULL);
  if (old != NULL && !node->buried)
    {
      node->buried = true;
      list->graves[list->graves_used++] = node;
      if (list->graves_used == GRAVES)
        out_used = clear_graves (list, out);
    }
  pthread_mutex_unlock (&list->lock);
  if (old != NULL)
    table->memory.retire (table->memory.ctx, old);
  retire_nodes (table, out, out_used);
  return old != NULL;
}

void
memtable_sweep (struct memtable *table)
{
  for (unsigned i = 0; i < STRIPES; i++)
    {
      struct node *out[GRAVES];
      unsigned out_used;

      pthread_mutex_lock (&table->lists[i].lock);
      out_used = clear_graves (&table->lists[i], out);
      pthread_mutex_unlock (&table->lists[i].lock);
      retire_nodes (table, out, out_used);
    }
}

/* ---- Readers ---- */

size_t
memtable_scan (struct memtable *table, uint32_t series, int64_t from, int64_t to,
               bool (*visit) (void *ctx, const struct memtable_point *point), void *ctx)
{
  const struct memtable_memory *memory = &table->memory;
  uint64_t section = memory->enter (memory->ctx);
  size_t visited = 0;

  for (struct node *node = find (list_of (table, series), series, from, NULL);
       node != NULL && node->series == series && node->time <= to; node = follow (&node->next[0]))
    {
      const struct value *value = __atomic_load_n (&node->value, __ATOMIC_ACQUIRE);

      if (value == NULL)
        continue;
      visited++;
      if (!visit (ctx, &(struct memtable_point) { node->time, value->bytes, value->length }))
        break;
    }
  memory->leave (memory->ctx, section);
  return visited;
}

/* ---- The table ---- */

struct memtable *
memtable_new (const struct memtable_memory *memory)
{
  struct memtable *table = memory->allocate (memory->ctx, sizeof *table);

  if (table == NULL)
    return NULL;
  memset (table, 0, sizeof *table);
  table->memory = *memory;
  for (unsigned i = 0; i < STRIPES; i++)
    pthread_mutex_init (&table->lists[i].lock, NULL);
  return table;
}

void
memtable_end (struct memtable *table)
{
  struct memtable_memory memory = table->memory;

  for (unsigned i = 0; i < STRIPES; i++)
    {
      for (struct node *node = table->lists[i].heads[0], *next; node != NULL; node = next)
        {
          next = node->next[0];
          if (node->value != NULL)
            memory.release (memory.ctx, node->value);
          memory.release (memory.ctx, node);
        }
      pthread_mutex_destroy (&table->lists[i].lock);
    }
  memory.release (memory.ctx, table);
}
