#!/bin/sh
# SPDX-License-Identifier: MIT
# C++'s new and delete, in C++ programs, and in C++ libraries that C programs open.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

if [ -z "$CXX" ] || ! echo 'int main () { return 0; }' |
  $CXX -std=c++17 -x c++ -o "$work/none" - > /dev/null 2>&1; then
  echo "1..0 # SKIP no C++ compiler, or none for C++17"
  exit 0
fi
in_each_form operators.cc -ldl
statically_linked operators.cc
# The archive also defines what the program replaces, and the linker reports that.
if build replaced replaced.cc; then
  retell "C library, operators replaced" "$work/replaced"
  [ ! -e "$module" ] ||
    retell "module, operators replaced" env LD_PRELOAD="$module" "$work/replaced"
fi
# Reserved memory counts as mapped.  So only a program that starts under a limit meets it.
limited='ulimit -v 600000 && LD_PRELOAD=$0 exec "$1"'
[ ! -e "$module" ] ||
  retell "module, under an address limit" sh -c "$limited" "$module" "$work/preloaded"
build throwing.so throwing.cc -shared -fPIC || { tap_end; exit 0; }
build open_library open_library.c -ldl || { tap_end; exit 0; }
retell "C library" "$work/open_library" "$work/throwing.so"
if [ -e "$module" ]; then
  retell "module" env LD_PRELOAD="$module" "$work/open_library" "$work/throwing.so"
else
  tap_skip "module: not built"
fi
if [ -e "$archive" ]; then
  # shellcheck disable=SC2046
  build open_library_linked open_library.c $(linked) -ldl &&
    retell "archive" "$work/open_library_linked" "$work/throwing.so"
  # shellcheck disable=SC2046
  build open_library_exported open_library.c -rdynamic $(linked) -ldl \
    && retell "archive, exported" "$work/open_library_exported" "$work/throwing.so"
else
  tap_skip "archive: not built"
fi
tap_end
