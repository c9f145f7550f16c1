#!/bin/sh
# SPDX-License-Identifier: MIT
# gdb's view of a process and of its core file: tools/gdb/sydra.py.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CFLAGS=}" "${LDFLAGS=}" "${fork_libs=}" "${allocator_mode:?}"

shared=$PWD/.libs/libsydra-alloc.so
archive=$PWD/.libs/libsydra-alloc.a
module=$PWD/.libs/libsydra-malloc.so
script=$top_srcdir/tools/gdb/sydra.py
sources=$top_srcdir/tools/gdb/sydra_gdb
unset LD_PRELOAD SYDRA_ALLOC_CONF DEBUGINFOD_URLS
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

skip_all () {
  echo "1..0 # SKIP $1"
  exit 0
}

# look WORD...: gdb, without settings of the user's.
look () {
  timeout $((120 * ${CK_TIMEOUT_MULTIPLIER:-1})) gdb -nx -batch -iex 'set startup-with-shell off' \
    "$@" < /dev/null > "$work/said" 2>&1
}

says () {
  grep -q "$1" "$work/said"
}

# ---- What is needed ----

case "$CFLAGS $LDFLAGS" in
  *-fsanitize*) skip_all "a sanitizer has memory and threads of its own" ;;
esac
command -v gdb > /dev/null || skip_all "no gdb"
look -ex 'python print ("symbols" if hasattr (gdb, "lookup_static_symbols") else "old")'
says '^symbols$' || skip_all "gdb has no Python, or is older than gdb 10"
plain=$(command -v env)
look -ex run "$plain"
says 'exited' || skip_all "gdb cannot trace a process here"
library=$shared
[ -e "$library" ] || library=$archive
# shellcheck disable=SC2086  # flags are words
$CC -std=gnu99 $CFLAGS -g -O0 -pthread -I"$top_srcdir/include" -o "$work/program" \
  "$top_srcdir/tests/tools/gdb.c" "$library" -Wl,-rpath,"$PWD/.libs" $LDFLAGS $fork_libs \
  > "$work/log" 2>&1
status=$?
if [ $status -ne 0 ]; then
  sed 's/^/# /' "$work/log"
  tap $status "the program compiles"
  tap_end
  exit 0
fi
look -ex 'break look' -ex run -ex 'ptype struct sy_participant' "$work/program"
says 'sy_reader' || skip_all "the library was built without debug information"

# ---- Constants ----

# constants FILE NAME...: prints "NAME = VALUE" for macros of a source file, without type and
# suffix.
constants () {
  file=$top_srcdir/lib/$1
  shift
  for name in "$@"; do
    sed -n "s/^# *define $name \(.*\)/\1/p" "$file" |
      sed -e 's|  */\*.*||' -e 's/^((.*) \(.*\))$/\1/' -e 's/u$//' -e "s/^/$name = /"
  done
}
tap_same "the script's constants are the library's" \
  "$(constants thread/handle.h SY_HANDLE_LIVE
    constants base/tuning.h SY_GRANULE_SHIFT SY_UNIT_SHIFT SY_BUDGET_LEAST
    constants pages/range.h SY_TAG_SHIFT SY_UNIT_LARGE SY_UNIT_INSIDE
    constants pool/magazine.c NUMBER_BITS)" \
  "$(sed -n 's/  #.*//; /^\(SY_[A-Z_]*\|NUMBER_BITS\) = /p' "$sources/library.py")"

# ---- What gdb is asked ----

cat > "$work/stop" << 'END'
break look
run
END
{
  echo "source $script"
  cat << 'END'
echo @values\n
printf "main_id=%ld\nreader_id=%ld\nepoch=%lu\n", main_id, reader_id, epoch
printf "handle=0x%lx\nlive=0x%lx\nslab=0x%lx\n", handle, live[3], (long) live[3] & ~0xffff
printf "freed=0x%lx\nnever=0x%lx\n", freed, ((long) live[3] & ~0xffff) + 64 * 965
printf "long_block=0x%lx\nlarge_bytes=%lu\n", longs[5], large_bytes
printf "large=0x%lx\naligned=0x%lx\nother_bytes=%lu\n", large, aligned, other_bytes
echo @handles\n
sydra handles
echo @domain\n
sydra domain handle
echo @named\n
sydra domain looked at
echo @live\n
sydra block live[3]
echo @inside\n
sydra block (char *) live[3] + 7
echo @freed\n
sydra block (char *) freed + 7
echo @never\n
sydra block ((long) live[3] & ~0xffff) + 64 * 965
echo @next\n
sydra block ((long) live[3] & ~0xffff) + 64 * 40
echo @behind\n
sydra block (char *) longs[5] + 4 * 28672
echo @depot\n
sydra block many[0]
echo @previous\n
sydra block many[3874]
echo @bagged\n
sydra block bagged[1]
echo @sealed\n
sydra block sealed[1]
echo @long\n
sydra block (char *) longs[5] + 28671
echo @destroyed\n
sydra block destroyed
echo @large\n
sydra block large
echo @large-inside\n
sydra block (char *) large + 70000
echo @large-behind\n
sydra block (char *) large + 210000
echo @aligned\n
sydra block aligned
echo @clean\n
sydra block (char *) aligned - 1
echo @unused\n
sydra block (char *) aligned + 65536
echo @heaped\n
sydra block heaped
echo @outside\n
sydra block &main
echo @malloced\n
sydra block malloced
echo @charged\n
set $h = (struct sydra_alloc *) handle
output $h->domain.limbo.charged
echo \n@print-domain\n
print $h->domain
echo @print-cache\n
set $offset = (long) &((struct sy_cache *) 0)->participant
set $cache = (struct sy_cache *) ((char *) $h->domain.first->next - $offset)
print *$cache
END
  [ "$allocator_mode" != small_pool ] || cat << 'END'
echo @print-magazine\n
print *(struct sy_magazine *) (((long) $cache->top[5] - 8) & ~1023)
echo @print-slab\n
print *sy_range_runs.top[-1 - (((long) live[3] - (long) sy_range.base) >> 16)].slab
END
  cat << 'END'
echo @end\n
END
} > "$work/ask"

# section NAME: prints what gdb said to this question.
section () {
  sed -n "/^@$1\$/,/^@/p" "$work/said" | sed '/^@/d'
}

# answers NAME FACT LINE...: the answer has these lines.
answers () {
  name=$1 fact=$2
  shift 2
  section "$name" > "$work/section"
  missing=$(for line in "$@"; do
    grep -qxF -e "$line" "$work/section" || printf 'missing: %s\n' "$line"
  done)
  [ -z "$missing" ] || missing=$(printf '%s\n' "$missing" && cat "$work/section")
  tap_empty "$fact" "$missing"
}

# one FACT PATTERN: one line of the last section matches.
one () {
  [ "$(grep -c -e "$2" "$work/section")" -eq 1 ]
  status=$?
  [ $status -eq 0 ] || sed 's/^/# /' "$work/section"
  tap $status "$1"
}

# printed NAME FACT TEXT: what gdb's print says to this question.
printed () {
  tap_same "$2" "$3" "$(section "$1" | sed 's/^\$[0-9]* = //')"
}

named_handle () {
  printf 'handle %s "looked at"' "$handle"
}

# block NAME FACT BLOCK...: the answer about a block of the handle's.
block () {
  name=$1 fact=$2
  shift 2
  answers "$name" "$fact" "owner    $(named_handle), shard 0" "$@"
}

# state NAME FACT STATE: the answer is that nobody has the unit, and what is known of it.
state () {
  section "$1" > "$work/section"
  one "$2" "^unit     [0-9]* at 0x[0-9a-f]*, $3\$"
}

# value NAME: prints one of the @values.
value () {
  section values | sed -n "s/^$1=//p"
}

# read_values: sets the variables that the answers are compared with.
read_values () {
  main_id=$(value main_id)
  reader_id=$(value reader_id)
  epoch=$(value epoch)
  handle=$(value handle)
  live=$(value live)
  freed=$(value freed)
  slab=$(value slab)
  never=$(value never)
  long_block=$(value long_block)
  large=$(value large)
  aligned=$(value aligned)
  # 20 of 64 bytes, 20 of 28 KiB, three that are no class's, and what waits.
  live_bytes=$((20 * 64 + 20 * 28672 + $(value large_bytes) + $(value other_bytes) + 3 * 128\
 + 2 * 160))
}

# ---- Facts ----

# check_domain BAGGED SEALED: the handle and its domain; the bytes in the bag and in limbo.
check_domain () {
  no_bags="0 bags with 0 blocks, 0 bytes"
  answers handles "sydra handles: name, blocks and bytes, threads" \
    "handle $handle \"looked at\": 48 blocks, $live_bytes bytes live, 2 threads"
  for name in domain named; do
    answers $name "sydra domain ($name): the epoch, readers, and what waits" \
      "domain of handle $handle \"looked at\"" \
      "  epoch $((epoch + 1))" \
      "  2 participants" \
      "  thread $reader_id: inside since epoch $epoch, in 2 sections; $no_bags" \
      "  thread $main_id: outside; 1 bag with 3 blocks, $1 bytes" \
      "  sealed: 1 bag with 2 blocks, $2 bytes" \
      "  waiting: 5 blocks, $(($1 + $2)) bytes" \
      "  charged: $(section charged) of 1048576 bytes"
  done
  printed print-domain "a domain is printed as sydra domain shows it" "$(section domain)"
}

check_slabs () {
  block live "a live block" "address  $live, in the range" "class    5: blocks of 64 bytes" \
    "block    3 of 1024 at $live, offset 0" "bit      handed out" \
    "where    in use: no magazine, bag, depot or limbo has it"
  [ "$(section live | sed -n 's/^slab .* at \(.*\), in use$/\1/p')" = "$slab" ]
  tap $? "... and its slab"
  block inside "a pointer into a block" "block    3 of 1024 at $live, offset 7"
  block next "a block in the same word of bits that is free" "bit      free, never handed out"
  block never "a block that was never handed out" "block    965 of 1024 at $never, offset 0" \
    "bit      free, never handed out" "where    the slab"
  block behind "the rest behind a slab's last block" "block    none: behind the last of 9 blocks"
  block long "a pointer into a slab's third unit" "class    44: blocks of 28672 bytes" \
    "block    5 of 9 at $long_block, offset 28671" "bit      handed out"
  state destroyed "a destroyed handle's block is in a dirty unit" "free, and dirty"
  state clean "units before an aligned block are clean" "free, and clean"
  state unused "what lies behind all blocks was never used" "never used"
  block bagged "a block in a bag" "class    9: blocks of 128 bytes" "bit      handed out" \
    "where    a bag of thread $main_id"
  answers sealed "a block in limbo" "class    10: blocks of 160 bytes" "bit      handed out" \
    "where    limbo, in a bag sealed in epoch $epoch"
  answers large "a large block" "owner    $(named_handle)" \
    "block    large, 200704 bytes at $large, offset 0" \
    "where    in use: no magazine, bag, depot or limbo has it"
  answers large-inside "a pointer into it, in its second unit" "owner    $(named_handle)" \
    "block    large, 200704 bytes at $large, offset 70000"
  answers large-behind "the rest of its last unit" \
    "block    none: behind the 200704 bytes of the large block at $large"
  answers aligned "another one" "block    large, 8192 bytes at $aligned, offset 0"
  [ "$(section large | grep -c '^run      [0-9]* at .*, in use, 4 units$')" -eq 1 ]
  tap $? "... and the length of its run"
  answers heaped "a block of the heap" \
    "owner    handle $handle \"looked at\": its fallback set has a block of the heap here"
  answers outside "an address of no block" "block    no fallback set has a block that starts here"
}

check_magazines () {
  block freed "a block in the loaded magazine" "block    20 of 1024 at $freed, offset 7" \
    "bit      handed out" "where    the loaded magazine of thread $main_id"
  block depot "a block in a depot" "bit      handed out" "where    depot 0 of shard 0"
  block previous "a block in the previous magazine" "bit      handed out" \
    "where    the previous magazine of thread $main_id"
  section print-cache > "$work/section"
  one "a cache: its thread and handle" "cache of thread $main_id, handle $handle \"looked at\"\$"
  one "... and a full magazine" \
    '^  class 4 (48 bytes): loaded [1-9][0-9]* of 125, previous 125 of 125, capacity 125$'
  one "... and another class" \
    '^  class 9 (128 bytes): loaded [1-9][0-9]* of [0-9]*, previous none, capacity [1-9][0-9]*$'
  tap_same "... and no other class" "4 5 9 44" \
    "$(sed -n 's/^  class \([0-9]*\) .*/\1/p' "$work/section" | paste -s -d ' ' -)"
  # Two magazines of each class, and one half of 16 MiB.
  used=$("$AWK" '/^  class/ { sub (/\(/, "", $3); sum += 2 * $3 * $NF } END { print sum }' \
    "$work/section")
  one "... and its budget" "^  budget $used of 8388608 bytes\$"
  # All but 20 blocks that left the slab are in the loaded magazine.
  held=$(sed -n 's/^  class 5 (64 bytes): loaded \([0-9]* of [0-9]*\), previous none.*/\1/p' \
    "$work/section")
  printed print-magazine "a magazine: its class, its blocks and its thread" \
    "magazine of class 5, $held blocks: the loaded magazine of thread $main_id, $(named_handle)"
  out=$((20 + ${held%% *}))
  printed print-slab "a slab: its class, its owner and its free blocks" \
    "slab of class 5 (64 bytes), shard 0, owner $(named_handle): $((1024 - out)) free,\
 $out handed out of 1024 blocks"
}

check_direct () {
  block freed "without magazines a freed block is in its slab" "bit      free" "where    the slab"
  state depot "... and a slab without a live block is dirty" "free, and dirty"
}

# ---- A process, its core file, and the drop-in ----

# ask WORD...: asks all of a program and keeps gdb's numbers of threads out of the answers.
ask () {
  look "$@"
  sed "s/ (gdb's [0-9]*)//" "$work/said" > "$work/short"
  mv "$work/short" "$work/said"
}

ask -x "$work/stop" -x "$work/ask" -ex "generate-core-file $work/core" "$work/program"
read_values
if ! says '^@end$'; then
  tap 1 "gdb comes to the end of its commands"
  sed 's/^/# /' "$work/said"
  tap_end
  exit 0
fi
if [ "$allocator_mode" = small_pool ]; then
  check_domain 384 320
  check_slabs
  # Without shards there are no magazines.
  if section print-cache | grep -q '^  class'; then check_magazines; else check_direct; fi
else
  [ "$(section handles | grep -c "^$(named_handle): 48 blocks, [0-9]* bytes live, 2 threads\$")" \
    -eq 1 ]
  tap $? "sydra handles: blocks and threads of a handle without a pool"
  answers domain "sydra domain: a reader inside" "  epoch $((epoch + 1))" "  2 participants" \
    "  thread $reader_id: inside since epoch $epoch, in 2 sections; 0 bags with 0 blocks, 0 bytes"
  answers bagged "sydra block: a block in a bag" \
    "where    $(named_handle): a bag of thread $main_id"
  answers live "sydra block: a handle without a pool has no range" \
    "address  $live, and there is no range" \
    "owner    perhaps handle $handle \"looked at\": it has no pool, and keeps no set of blocks"
fi

sed -n '/^@values/,/^@end/p' "$work/said" > "$work/first"
if [ -s "$work/core" ]; then
  ask -x "$work/ask" "$work/program" "$work/core"
  tap_same "a core file answers as the process did" "$(cat "$work/first")" \
    "$(sed -n '/^@values/,/^@end/p' "$work/said")"
else
  tap_skip "gdb made no core file"
fi

if [ -e "$module" ] && [ "$library" = "$shared" ] && [ "$allocator_mode" = small_pool ]; then
  ask -iex "set environment LD_PRELOAD $module" -x "$work/stop" -x "$work/ask" "$work/program"
  read_values
  block live "beside the drop-in, a block of the library's" "block    3 of 1024 at $live, offset 0"
  block freed "... and a freed one" "block    20 of 1024 at $freed, offset 7"
  answers malloced "a block of the drop-in's" "class    5: blocks of 64 bytes" \
    "bit      handed out" "where    in use: no magazine, bag, depot or limbo has it"
  [ "$(section malloced | grep -c '^owner .*"default", shard 0$')" -eq 1 ]
  tap $? "... its owner is malloc's handle"
else
  tap_skip "no drop-in module of small_pool was built"
fi

# ---- Without the library, and wrong words ----

# refuses FACT MESSAGE WORD...: gdb reports this error.
refuses () {
  fact=$1 message=$2
  shift 2
  look "$@"
  grep -qF -e "$message" "$work/said"
  tap $? "$fact"
}

refuses "a program without the library is refused" \
  "sydra: no debug information of the library" -x "$script" -ex 'sydra handles' "$plain"
refuses "an address that is no handle is refused" "sydra: no live handle is at 0x11" \
  -x "$work/stop" -x "$script" -ex 'sydra domain 17' "$work/program"
refuses "sydra block wants an address" "usage: sydra block ADDRESS" \
  -x "$script" -ex 'sydra block' "$plain"
tap_end
