#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that are linked with another allocator run under the module.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

for soname in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
  library=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p |
    "$AWK" -v soname="$soname" '$1 == soname { print $NF; exit }')
  if [ -z "$library" ]; then
    tap_skip "linked with $soname: not installed"
  elif [ ! -e "$module" ]; then
    tap_skip "linked with $soname: no module was built"
  elif build linked other_allocator.c "$library"; then
    retell "linked with $soname" env LD_PRELOAD="$module" "$work/linked"
  fi
done
tap_end
