/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "epoch/epoch.h"

#include <pthread.h>

#include "base/os.h"

bool sy_epoch_is_light;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
ask (void)
{
  sy_epoch_is_light = sy_os_barrier ();
}

void
sy_epoch_prepare (void)
{
  (void) pthread_once (&once, ask);
}

void
sy_epoch_open (struct sy_epoch *epoch)
{
  AO_store (&epoch->now, SY_EPOCH_FIRST);
}

bool
sy_epoch_barrier (void)
{
  /* First our own: what we unlinked is out before the others' barriers. */
  AO_nop_full ();
  return !sy_epoch_is_light || sy_os_barrier ();
}

void
sy_reader_scan (struct sy_reader *reader, AO_t over, uint64_t now_ns, struct sy_oldest *oldest)
{
  AO_t epoch = AO_load_acquire (&reader->epoch);  /* pairs with the release in sy_reader_leave */

  if (epoch == 0)
    return;
  if (epoch != reader->last_epoch && !sy_epoch_before (over, epoch))
    {
      reader->last_epoch = epoch;
      reader->since_ns = now_ns;
    }
  if (oldest->epoch == 0 || sy_epoch_before (epoch, oldest->epoch))
    *oldest = (struct sy_oldest) { epoch, reader->thread,
                                  epoch == reader->last_epoch ? reader->since_ns : now_ns };
}
