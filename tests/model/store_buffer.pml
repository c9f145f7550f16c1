/* SPDX-License-Identifier: MIT */
/*
 * store_buffer.pml: memory as x86 has it (total store order); included by the models.
 *
 * A plain store goes into the process's own buffer, a queue of STORES entries, and from there to
 * memory whenever that pleases; a full queue stalls.  A load takes the newest of the process's own
 * stores, or memory.  Loads are in order, and stores too: lib's acquires and releases hold by
 * themselves here, and what weaker machines would do without them is not shown.
 *
 * In the model, and in lib/:
 *
 *   store, load    AO_store, AO_store_release; AO_load, AO_load_acquire
 *   full_fence     AO_nop_full; also what AO_fetch_and_add_full and a lock's taking do to the
 *                  stores before them
 *   light_fence    sy_epoch_fence: nothing, or with -DFENCES (no membarrier in the system) a full
 *                  fence
 *   heavy_barrier  sy_epoch_barrier: a full fence of its own, then one in every process in turn;
 *                  with -DFENCES its own only
 *
 * The includer defines PROCESSES, STORES and WORDS; a process's number is `me`, and `at` is a byte
 * of its own.
 */
typedef queue {
  byte count;
  byte word[STORES];
  byte value[STORES]
};

byte memory[WORDS];
queue stores[PROCESSES];

inline store (to, what)
{
  atomic {
    stores[me].count < STORES;
    d_step {
      stores[me].word[stores[me].count] = to;
      stores[me].value[stores[me].count] = what;
      stores[me].count++
    }
  }
}

inline load (into, from)
{
  d_step {
    into = memory[from];
    at = 0;
    do
    :: at < stores[me].count ->
      if
      :: stores[me].word[at] == from -> into = stores[me].value[at]
      :: else
      fi;
      at++
    :: else -> break
    od;
    at = 0
  }
}

#define full_fence() (stores[me].count == 0)

#ifdef FENCES
# define heavy_barrier() full_fence ()
# ifdef BUG_NO_FENCE
#  define light_fence() true
# else
#  define light_fence() full_fence ()
# endif
#else
# define light_fence() true
# define heavy_barrier() \
    full_fence (); \
    do \
    :: atomic { at < PROCESSES && stores[at].count == 0 -> at++ } \
    :: atomic { at == PROCESSES -> at = 0; break } \
    od
#endif

/* Each writes the oldest entry of its process's queue to memory. */
active [PROCESSES] proctype drain ()
{
  byte at;

end:
  do
  :: atomic {
      stores[_pid].count > 0;
      d_step {
        memory[stores[_pid].word[0]] = stores[_pid].value[0];
        stores[_pid].count--;
        do
        :: at < stores[_pid].count ->
          stores[_pid].word[at] = stores[_pid].word[at + 1];
          stores[_pid].value[at] = stores[_pid].value[at + 1];
          at++
        :: else -> break
        od;
        stores[_pid].word[at] = 0;
        stores[_pid].value[at] = 0;
        at = 0
      }
    }
  od
}
