#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports what the linker map lists and the public header declares, and nothing
# else.
. "${top_srcdir:=.}/tests/tap.sh"

library=.libs/libsydra-alloc.so
header=$("$AWK" -f "$top_srcdir/tests/prototypes.awk" "$top_srcdir/include/sydra/alloc.h" |
  sed 's/(.*//; s/.*[ *]//' | sort)
map=$("$AWK" '/global:/ { inside = 1; next } /local:/ { inside = 0 } inside { sub (/;.*/, ""); print $1 }' \
  "$top_srcdir/lib/libsydra-alloc.map" | sort)

tap_same "the linker map lists the functions of the header" "$header" "$map"
if [ ! -e "$library" ]; then
  tap_skip "no shared library was built"
  tap_end
  exit 0
fi
exported=$($NM -D --defined-only "$library" | "$AWK" '$2 != "A" { print $3 }' | sort)
tap_same "the library exports the functions of the map, each at the version node SYDRA_ALLOC_0" \
  "$(printf '%s\n' "$map" | sed 's/$/@@SYDRA_ALLOC_0/')" "$exported"
tap_empty "no variable is exported" \
  "$($NM -D --defined-only "$library" | "$AWK" '$2 != "A" && $2 != "T" { print }')"

if command -v readelf > /dev/null; then
  soname=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
  [ "$soname" = libsydra-alloc.so.0 ]
  tap $? "the SONAME is libsydra-alloc.so.0 ($soname)"
else
  tap_skip "readelf not found"
fi
tap_end
