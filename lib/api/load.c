/* SPDX-License-Identifier: MIT */
/* load.c: what happens at load beside fork.c's constructor, so that forks find the right order
   (fork.h). */
#include <config.h>

#include <stddef.h>

#include "api/fork.h"
#include "base/compiler.h"

/* The drop-in module's; it is not there in most programs. */
extern void sydra_malloc_load (void) __attribute__ ((weak));

void
sy_fork_register_module (void)
{
  if (sydra_malloc_load != NULL)
    sydra_malloc_load ();
}

/*
 * For a program that is linked with the archive: its preinit functions run before the constructors
 * of its libraries.  They are in this file because each program that uses the library links it.
 *
 * A shared object has no preinit functions, and cannot be linked with this.  It takes an archive
 * that was built with --with-pic: that defines PIC, and has this for nobody.  A sanitizer must
 * begin before anything of ours.
 */
#if !defined PIC && !SY_ADDRESS_SANITIZER && !SY_THREAD_SANITIZER
static void (*const at_preinit) (void) __attribute__ ((section (".preinit_array"), used))
  = sy_fork_register;
#endif
