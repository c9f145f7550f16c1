/* SPDX-License-Identifier: MIT */
#include "reclaim_count.h"
#include "util.h"

#define COUNTS_MAX 4096u

static struct reclaim_count counts[COUNTS_MAX];
static unsigned counts_used; /* atomic; may pass COUNTS_MAX just before the process ends */
__thread struct reclaim_count *reclaim_count;

struct reclaim_count *
reclaim_count_new (void)
{
  unsigned at = __atomic_fetch_add (&counts_used, 1, __ATOMIC_RELAXED);

  if (at >= COUNTS_MAX)
    die ("more than %u threads count blocks", COUNTS_MAX);
  return reclaim_count = &counts[at];
}

uint64_t
reclaim_count_retired (void)
{
  unsigned used = __atomic_load_n (&counts_used, __ATOMIC_RELAXED);
  uint64_t retired = 0;

  for (unsigned i = 0; i < used; i++)
    retired += __atomic_load_n (&counts[i].retired, __ATOMIC_RELAXED);
  return retired;
}

/*
 * Counts the retired blocks first.  A thread that retires and frees in between makes the answer too
 * small, never too large.
 */
uint64_t
reclaim_count_waiting (void)
{
  uint64_t retired = reclaim_count_retired (), freed = 0;
  unsigned used = __atomic_load_n (&counts_used, __ATOMIC_RELAXED);

  for (unsigned i = 0; i < used; i++)
    freed += __atomic_load_n (&counts[i].freed, __ATOMIC_RELAXED);
  return retired > freed ? retired - freed : 0;
}
