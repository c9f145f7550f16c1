/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "configured.h"

#include "compiler.h"
#include "fork.h"

int
sy_configured_shards (void)
{
  return SY_CONFIG_SHARDS;
}

/*
 * For a program that is linked with the archive: its preinit functions run before the constructors of its libraries, which register fork
 * handlers there (fork.h).  Here, as this is the one object that is compiled for programs alone, and each program with the library has it.
 * A shared object has no such functions, and cannot be linked with it; it takes an archive that was built with --with-pic, which defines PIC.
 */
#if !defined PIC && !SY_ADDRESS_SANITIZER && !SY_THREAD_SANITIZER
static void (*const at_preinit) (void) __attribute__ ((section (".preinit_array"), used)) = sy_fork_register;
#endif
