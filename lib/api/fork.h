/* SPDX-License-Identifier: MIT */
/*
 * fork.h: makes the child of a fork able to allocate, whatever the parent's other threads were
 * doing.
 *
 * Before a fork every lock is taken, in the order of ranks, so that what the locks guard is whole
 * in the child.  The lock-free stacks are whole at any instant.  In the child the caches of the
 * threads that are not there are handed in.
 *
 * Lost to the child is only what such a thread had in its hands:
 *   - in a miss: the magazines of one class (loaded, previous, and the one that comes or goes), the
 *     empty magazines that the thread keeps, and a slab that it was about to use;
 *   - while it put blocks back: slabs that had got empty by it;
 *   - while it deferred a block, or allocated or freed without a cache: that block;
 *   - while it reclaimed: the bags that it had taken out, up to 128, and all that may go in
 *     sydra_collect, at a limit and where memory is short;
 *   - while it gave memory back to the system: that memory, and a magazine from a depot.
 * The child's statistics may be off by as many blocks.
 */
#ifndef SY_FORK_H
#define SY_FORK_H

#include <stdbool.h>

/*
 * Registers the handlers, once for the process.
 *
 * This happens at load, before other libraries register theirs: a fork calls the handlers first
 * that were registered last, and they may allocate, or wait for a thread that does.  So the shared
 * library is initialised first (-z initfirst), and a program that is linked with the archive
 * registers before the constructors of its libraries run.
 *
 * It never happens later, from a call of ours: pthread_atfork itself may be the caller, when it
 * needs memory while it holds its lock.
 */
void sy_fork_register (void);

/*
 * Called by sy_fork_register just before it registers the library's own handlers: has the drop-in
 * module register its handlers, if it is preloaded.  Only one object of a process is initialised
 * before all others.  If that is this library, the module's turn would come after other libraries'.
 *
 * The library defines it (load.c), and so does whoever links the core otherwise and has no module
 * beside it: the drop-in itself, and tests.
 */
void sy_fork_register_module (void);

/* Asked before the first handle.  False: the system had no memory for the handlers. */
bool sy_fork_ready (void);

#endif
