/* SPDX-License-Identifier: MIT */
/* calls.c: each public call, so that it may be the first one. */
#include <config.h>

#include "calls.h"
#include "contract.h"

bool
call_malloc (struct sydra_alloc *handle)
{
  void *block = sydra_malloc (handle, 100);

  if (block == NULL)
    return false;
  memset (block, 1, 100);
  sydra_free (handle, block);
  return true;
}

static bool
first_version (struct sydra_alloc *handle)
{
  (void) handle;
  return strcmp (sydra_alloc_version (), PACKAGE_VERSION) == 0;
}

static bool
first_mode (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_mode ()[0] != '\0'
         && sydra_alloc_is_small_pool () + sydra_alloc_is_mimalloc () < 2;
}

static bool
first_shards (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_shards () <= 1024;
}

static bool
first_create (struct sydra_alloc *handle)
{
  struct sydra_alloc *created = sydra_alloc_create (NULL);

  (void) handle;
  return created != NULL && call_malloc (created) && sydra_alloc_destroy (created) == 0;
}

static bool
first_destroy (struct sydra_alloc *handle)
{
  struct sydra_alloc *created = sydra_alloc_create (NULL);

  (void) handle;
  return created != NULL && sydra_alloc_destroy (created) == 0;
}

static bool
first_default (struct sydra_alloc *handle)
{
  (void) handle;
  return sydra_alloc_default () == sydra_alloc_default () && call_malloc (sydra_alloc_default ());
}

static bool
first_calloc (struct sydra_alloc *handle)
{
  char *block = sydra_calloc (handle, 10, 10);
  bool good = block != NULL && contract_is_zero (block, 100);

  sydra_free (handle, block);
  return good;
}

static bool
first_realloc (struct sydra_alloc *handle)
{
  void *block = sydra_realloc (handle, NULL, 100);

  sydra_free (handle, block);
  return block != NULL;
}

static bool
first_aligned (struct sydra_alloc *handle)
{
  void *block = sydra_aligned_alloc (handle, 128, 100);
  bool good = block != NULL && contract_is_aligned (block, 128);

  sydra_free_aligned_sized (handle, block, 128, 100);
  return good;
}

static bool
first_large (struct sydra_alloc *handle)
{
  void *block = sydra_malloc (handle, 1000000);

  sydra_free (handle, block);
  return block != NULL;
}

static bool
first_free_null (struct sydra_alloc *handle)
{
  sydra_free (handle, NULL);
  sydra_free_sized (handle, NULL, 1);
  sydra_free_aligned_sized (handle, NULL, 1, 1);
  return call_malloc (handle);
}

static bool
first_batch (struct sydra_alloc *handle)
{
  void *block[200];
  bool good = sydra_malloc_batch (handle, 40, 200, block) == 200;

  sydra_free_batch (handle, good ? 200 : 0, block);
  return good;
}

static bool
first_free_batch (struct sydra_alloc *handle)
{
  void *block[2] = { NULL, NULL };

  sydra_free_batch (handle, 2, block);
  return call_malloc (handle);
}

static bool
first_usable (struct sydra_alloc *handle)
{
  return sydra_usable_size (handle, NULL) == 0 && call_malloc (handle);
}

static bool
first_good_size (struct sydra_alloc *handle)
{
  return sydra_good_size (handle, 100) >= 100 && call_malloc (handle);
}

static bool
first_owns (struct sydra_alloc *handle)
{
  return !sydra_owns (handle, NULL) && !sydra_owns (handle, &handle) && call_malloc (handle);
}

static bool
first_collect (struct sydra_alloc *handle)
{
  (void) sydra_collect (handle);
  return call_malloc (handle);
}

static bool
first_interface (struct sydra_alloc *handle)
{
  struct sydra_allocator value = sydra_alloc_interface (handle);
  void *block = value.alloc (value.ctx, 10, 1);

  block = block == NULL ? NULL : value.remap (value.ctx, block, 10, 1, 400);
  if (block == NULL || !value.resize (value.ctx, block, 400, 1, 399))
    return false;
  value.free (value.ctx, block, 399, 1);
  return true;
}

static bool
first_stats (struct sydra_alloc *handle)
{
  struct sydra_stats stats = { .size = sizeof stats };

  return sydra_stats_get (handle, &stats) == 0 && call_malloc (handle);
}

static int
discard (void *ctx, const char *text, size_t length)
{
  (void) ctx;
  (void) text;
  (void) length;
  return 0;
}

static bool
first_write (struct sydra_alloc *handle)
{
  return sydra_stats_write (handle, SYDRA_STATS_TEXT, discard, NULL) == 0 && call_malloc (handle);
}

const struct call calls[] = {
  { call_malloc, true },
  { first_version, false },
  { first_mode, false },
  { first_shards, false },
  { first_create, false },
  { first_destroy, false },
  { first_default, false },
  { first_calloc, true },
  { first_realloc, true },
  { first_aligned, true },
  { first_large, true },
  { first_free_null, true },
  { first_batch, true },
  { first_free_batch, true },
  { first_usable, true },
  { first_good_size, true },
  { first_owns, true },
  { first_collect, true },
  { first_interface, true },
  { first_stats, true },
  { first_write, true }
};
const unsigned call_count = sizeof calls / sizeof *calls;
