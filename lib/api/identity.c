/* SPDX-License-Identifier: MIT */
/* identity.c: what this library is. */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include "api/backend.h"
#include "api/configured.h"
#include "base/compiler.h"
#include "base/os.h"
#include "base/tuning.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned shards;

static void
choose_shards (void)
{
  int configured = sy_configured_shards ();

  /* auto: the processors of the machine that runs, not of the one that built. */
  shards = configured < 0 ? sy_os_processors () : (unsigned) configured;
  if (shards > SY_SHARDS_MAX)
    shards = SY_SHARDS_MAX;
}

SY_EXPORT unsigned
sydra_alloc_shards (void)
{
  if (!sy_backend_has_pool)
    return 0;
  (void) pthread_once (&once, choose_shards);
  return shards;
}

SY_EXPORT const char *
sydra_alloc_version (void)
{
  return PACKAGE_VERSION;
}

SY_EXPORT const char *
sydra_alloc_mode (void)
{
  return sy_backend_name;
}

SY_EXPORT bool
sydra_alloc_is_mimalloc (void)
{
  return strcmp (sy_backend_name, "mimalloc") == 0;
}

SY_EXPORT bool
sydra_alloc_is_small_pool (void)
{
  return sy_backend_has_pool;
}
