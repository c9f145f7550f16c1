/* SPDX-License-Identifier: MIT */
/* open_library.c: a C program that opens a C++ library.  usage: open_library LIBRARY */
#include <dlfcn.h>

#include "tap.h"

int
main (int argc, char **argv)
{
  void *handle = argc == 2 ? dlopen (argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  int (*try_new) (size_t size);
  size_t (*use_strings) (unsigned count);

  if (handle == NULL)
    {
      tap_no ("%s", dlerror ());
      return 1;
    }
  try_new = (int (*) (size_t)) (uintptr_t) dlsym (handle, "try_new");
  use_strings = (size_t (*) (unsigned)) (uintptr_t) dlsym (handle, "use_strings");
  tap (try_new (1000) == 0 && use_strings (3000) == 10u * (299 * 300 / 2),
       "a C++ library that a C program opened allocates");
  tap (try_new (SIZE_MAX / 2) == 1, "... and is thrown std::bad_alloc where there is no memory");
  tap (dlclose (handle) == 0, "... and closes");
  return tap_end ();
}
