/* SPDX-License-Identifier: MIT */
/* late.c: a store buffer for each reader. */
#include <config.h>

#include <pthread.h>

#include "readers.h"

/* The reader's store that is not to be seen yet; whoever holds the lock may let it arrive. */
static struct store
{
  pthread_mutex_t lock;
  AO_t *where, value;
} stores[READERS];

static bool barrier_is_wrapped;

bool
stores_may_be_late (void)
{
  return sy_epoch_is_light && barrier_is_wrapped;
}

void
late_stores_begin (void)
{
  for (unsigned reader = 0; reader < READERS; reader++)
    stores[reader] = (struct store) { .lock = PTHREAD_MUTEX_INITIALIZER };
  barrier_is_wrapped = false;
  /* Calls late_stores_arrive, or is not the test's. */
  (void) sy_epoch_barrier ();
}

void
late_store (unsigned reader, AO_t *where, AO_t value)
{
  struct store *store = &stores[reader];

  pthread_mutex_lock (&store->lock);
  store->where = where;
  store->value = value;
  /* A barrier that looked here before comes before the loads that follow, and after what was
     unlinked before it. */
  pthread_mutex_unlock (&store->lock);
}

void
late_store_arrives (unsigned reader)
{
  struct store *store = &stores[reader];

  pthread_mutex_lock (&store->lock);
  if (store->where != NULL)
    AO_store (store->where, store->value);
  store->where = NULL;
  pthread_mutex_unlock (&store->lock);
}

void
late_stores_arrive (void)
{
  if (!barrier_is_wrapped)
    barrier_is_wrapped = true;  /* by late_stores_begin, when there are no readers */
  for (unsigned reader = 0; reader < READERS; reader++)
    late_store_arrives (reader);
}
