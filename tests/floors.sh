#!/bin/sh
# SPDX-License-Identifier: MIT
# The library's folders keep to their layers.  No two files include each other or use each other's
# names.  What one file does for all is done nowhere else.
. "${top_srcdir:=.}/tests/tap.sh"

lib=$top_srcdir/lib

# Which other folders each folder of lib/ may use, from the lowest layer up.
layers='base
pages: base
pool: base pages
epoch: base pool
heap: base
thread: base pages pool epoch heap
api: base pages pool epoch heap thread'

sources () {
  find "$@" -name '*.[ch]' | sort
}

# includes FOLDER...: prints "FILE HEADER" for each header in quotes that a file in the folders
# includes.  Both are paths below the folder.
includes () {
  for folder in "$@"; do
    sources "$top_srcdir/$folder" | folder=$top_srcdir/$folder/ xargs "$AWK" '
      /^[ \t]*#[ \t]*include[ \t]*"/ {
        split ($0, part, "\"")
        if (part[2] != "config.h" && part[2] != "sydra/alloc.h")
          print substr (FILENAME, length (ENVIRON["folder"]) + 1), part[2]
      }'
  done
}

# module_includes FOLDER: prints "MODULE MODULE" for each header that another module includes.  A
# module is a .c with its .h.
module_includes () {
  includes "$1" | sed 's/\.[ch]\( \|$\)/\1/g' | "$AWK" '$1 != $2'
}

# module_uses FOLDER: prints "MODULE MODULE" for each external name of a .c that another .c uses.  A
# name that several files define is an interface with alternatives.  Those files do not use each
# other by it.
module_uses () {
  sources "$top_srcdir/$1" | grep '\.c$' | "$AWK" -v folder="$top_srcdir/$1/" '
    {
      module = substr ($0, length (folder) + 1); sub (/\.c$/, "", module)
      comment = 0; before = ""
      while ((getline line < $0) > 0) {
        gsub (/\/\*.*\*\//, "", line); gsub (/"([^"\\]|\\.)*"/, "", line)
        if (comment) { if (line ~ /\*\//) comment = 0; continue }
        if (line ~ /\/\*/) { comment = 1; continue }
        name = ""
        if (line ~ /^[a-z_][A-Za-z0-9_]* \(/ && before !~ /^static/) {
          name = line; sub (/ .*/, "", name)
        } else if (line ~ /^[a-z_][A-Za-z0-9_ *]*[ *][a-z0-9_]+( =.*|\[.*|;)$/ &&
                   line !~ /^(static|extern|typedef)/) {
          name = line; sub (/( =|\[|;).*/, "", name); sub (/.*[ *]/, "", name)
        }
        if (name != "") { definers[name] = definers[name] " " module; defines[module, name] = 1 }
        count = split (line, words, /[^A-Za-z0-9_]+/)
        for (i = 1; i <= count; i++) mentions[module, words[i]] = 1
        before = line
      }
    }
    END {
      for (both in mentions) {
        split (both, mention, SUBSEP)
        if ((both in defines) || !(mention[2] in definers)) continue
        count = split (definers[mention[2]], by, " ")
        for (i = 1; i <= count; i++) print mention[1], by[i]
      }
    }'
}

# loops COMMAND FOLDER: prints the loops among the pairs that the command prints.
loops () {
  "$@" | { tsort > /dev/null; } 2>&1
}

# others PATTERN FILE...: prints the lines of code in lib/ that match, except in the given files.
others () {
  pattern=$1
  shift
  sources "$lib" | pattern=$pattern allowed=" $* " lib=$lib/ xargs "$AWK" '
    FNR == 1 { file = substr (FILENAME, length (ENVIRON["lib"]) + 1); comment = 0 }
    comment { if (/\*\//) comment = 0; next }
    { sub (/\/\*.*\*\//, "") }
    /^ *\/\*/ { comment = 1; next }
    $0 ~ ENVIRON["pattern"] && !index (ENVIRON["allowed"], " " file " ") { print file ": " $0 }'
}

tap_empty "each folder includes its own files and those of lower layers only" "$({
  echo "$layers" | sed 's/^/layer /'
  includes lib
} | "$AWK" '
  $1 == "layer" { sub (/:$/, "", $2); for (i = 2; i <= NF; i++) may[$2, $i] = 1; next }
  { split ($1, from, "/"); split ($2, to, "/") }
  !((from[1], to[1]) in may) { print "lib/" $1 " includes " $2 }')"
tap_same "there are no other folders" "$(echo "$layers" | sed 's/:.*//' | sort)" \
  "$(find "$lib" -mindepth 1 -type d | sed "s|^$lib/||" | sort)"
tap_same "each folder's README says what it may use" "$layers" \
  "$(echo "$layers" | sed 's/:.*//' | while read -r folder; do
    sed -n "s/^Uses: \(.*\)\.\$/$folder: \1/p" "$lib/$folder/README.md" |
      sed -e 's/, / /g' -e 's/: nothing$//'
  done)"
tap_empty "no include names a source file" "$(includes lib malloc tools bench | grep '\.c$')"
for folder in lib malloc tools bench; do
  tap_empty "no files of $folder/ include each other" "$(loops module_includes $folder)"
done
for folder in malloc tools bench; do
  tap_empty "no files of $folder/ use each other's names" "$(loops module_uses $folder)"
done
# What fork.c asks of load.c is asked of whoever links the core: the drop-in and the tests have
# their own.
core_uses () {
  module_uses lib | grep -v -x 'api/fork api/load'
}
tap_empty "no files of lib/ use each other's names" "$(loops core_uses)"
tap_empty "no #if asks for the mode" \
  "$(others '^[[:space:]]*#[[:space:]]*(el)?if.*(MIMALLOC|SMALL_POOL|MODE)')"
tap_empty "only atomic.h includes atomic_ops.h" \
  "$(others '#[[:space:]]*include[[:space:]]*[<"]atomic_ops' base/atomic.h)"
tap_empty "only os.c asks the system for memory" \
  "$(others '(^|[^a-z0-9_])(mmap|mprotect|madvise|munmap|mremap|membarrier)[[:space:]]*\(' \
    base/os.c)"
tap_empty "only heap_mimalloc.c includes mimalloc.h" \
  "$(others '#[[:space:]]*include[[:space:]]*<mimalloc' heap/heap_mimalloc.c)"
tap_empty "every source file includes config.h first" \
  "$(sources "$lib" "$top_srcdir/malloc" | grep '\.c$' | xargs "$AWK" '
    FNR == 1 { first = 1 }
    first && /^#include/ { first = 0; if (!/<config\.h>/) print FILENAME ": " $0 }')"
tap_empty "no header includes config.h" \
  "$(sources "$lib" "$top_srcdir/malloc" | grep '\.h$' | xargs grep -l 'include <config.h>')"
# Lines of code may be longer for a string.
tap_empty "no line of lib/ has more than 100 columns" "$(sources "$lib" | xargs grep -n '.\{101\}')"
tap_empty "the models name functions and fields that are there" \
  "$({
    sources "$lib" | xargs cat | grep -o -w 'sy_[A-Za-z0-9_]*' | sed 's/^/there /'
    cat "$top_srcdir"/tests/model/*.pml | grep -o 'sy_[a-z_]*[a-z]' | sort -u
  } | "$AWK" '$1 == "there" { there[$2] = 1; next } !($1 in there)')"
tap_empty "nothing is left to be done" "$(others '(TODO|FIXME|XXX)')"
tap_end
