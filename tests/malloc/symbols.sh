#!/bin/sh
# SPDX-License-Identifier: MIT
# The drop-in defines malloc and its relatives and C++'s operators, and nothing else.  It calls its
# own core directly, and needs no C++ library.
. "${top_srcdir:=.}/tests/tap.sh"
: "${allocator_mode:?}"

allocation="malloc calloc realloc reallocarray free free_sized free_aligned_sized aligned_alloc
memalign posix_memalign valloc pvalloc"
introspection="malloc_usable_size malloc_trim malloc_stats malloc_info mallinfo mallinfo2 mallopt"
# In default mode the heap is the C library's, and its functions for statistics remain.
[ "$allocator_mode" != default ] || introspection="malloc_usable_size malloc_trim"
# shellcheck disable=SC2086  # words
case $(echo __SIZE_TYPE__ | ${CC:-cc} ${CFLAGS-} -E -P -) in *long*) size=m ;; *) size=j ;; esac
operators=$(for kind in w a; do
  for arguments in $size ${size}RKSt9nothrow_t ${size}St11align_val_t \
    ${size}St11align_val_tRKSt9nothrow_t; do echo "_Zn$kind$arguments"; done
  kind=$(echo "$kind" | tr w l)
  for arguments in '' RKSt9nothrow_t St11align_val_t St11align_val_tRKSt9nothrow_t $size \
    ${size}St11align_val_t; do
    echo "_Zd${kind}Pv$arguments"
  done
done)
# shellcheck disable=SC2086  # words to lines
expected=$(printf '%s\n' $allocation $introspection $operators sydra_malloc_load | sort)

# names FILE WORD...: prints the functions that the file exports.
names () {
  $NM "$@" --defined-only | "$AWK" 'NF == 3 { print $3 }' | sort
}

module=.libs/libsydra-malloc.so
if [ -e "$module" ]; then
  tap_same "the module exports malloc's family and C++'s operators" "$expected" \
    "$(names -D "$module")"
else
  tap_skip "no module was built"
fi
if [ -e libsydra-malloc.a ]; then
  tap_same "and so does the archive" "$expected" "$(names -g libsydra-malloc.a)"
else
  tap_skip "no archive was built"
fi
main=.libs/libsydra-alloc.so
if [ -e "$main" ]; then
  tap_empty "the main library defines none of them" \
    "$(names -D "$main" | grep -v '^sydra_' | grep -v '^SYDRA_')"
else
  tap_skip "no shared library was built"
fi
case " $CFLAGS $LDFLAGS" in
  *-fsanitize*) tap_skip "a sanitizer brings libraries of its own" ;;
  *)
    if [ -e "$module" ] && command -v readelf > /dev/null; then
      tap_empty "the module needs no C++ library" \
        "$(readelf -d "$module" | grep -E 'NEEDED.*(stdc\+\+|libc\+\+|gcc_s)')"
    else
      tap_skip "no module was built, or readelf not found"
    fi ;;
esac
tap_end
