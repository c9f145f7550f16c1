/* SPDX-License-Identifier: MIT */
/*
 * fork.h: what makes the child of a fork able to allocate, whatever the parent's other threads were doing.
 *
 * Before a fork every lock is taken, in rank order, so that what they guard is whole in the child.  The lock-free stacks are whole at any
 * instant.  In the child the caches of the threads that are not there are handed in.  Lost to the child is only what such a thread had in
 * its hands: in a miss, the magazines of one class, loaded, previous and the one that comes or goes, and empty ones to spare; while it gave
 * memory back to the system, that.  The child's statistics may be off by as many blocks.
 */
#ifndef SY_FORK_H
#define SY_FORK_H

#include <stdbool.h>

/*
 * Registers the handlers, once for the process.  At load, before others register theirs: a fork calls those first that were registered last,
 * and they may allocate, or wait for a thread that does.  So the shared library is initialised first (-z initfirst), and a program that is
 * linked with the archive does this before its libraries' constructors.  Never later from a call of ours: pthread_atfork may be who calls,
 * being short of memory and holding its lock.
 */
void sy_fork_register (void);

/*
 * Asked right before: has the drop-in module, where it is preloaded, register its handlers.  Only one object of a process is initialised before
 * all others; where that is this library, the module's turn would come after other libraries'.  Defined by the library (load.c), and by what
 * has no module beside it: the drop-in itself, and tests.
 */
void sy_fork_register_module (void);

/* Asked before the first handle.  False: the system had no memory for the handlers. */
bool sy_fork_ready (void);

#endif
