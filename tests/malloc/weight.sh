#!/bin/sh
# SPDX-License-Identifier: MIT
# What a process pays for its allocator beyond the time of malloc: its forks, its page tables, and
# what it gets under limits.  All of this is counted.  scripts/compare-citizen also takes times, and
# measures whole programs.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

if [ "$allocator_mode" != small_pool ]; then
  echo "1..0 # SKIP the bounds are for small_pool; in $allocator_mode mode the heap is another's"
  exit 0
fi

# Where the system puts a mapping is random, and some counts depend on that a little.  Therefore
# they are sums over this many processes.
many=16

# How many page faults more a fork may make.  The checks of a debug build make some.
faults=4
! grep -q '^#define SY_DEBUG 1' config.h || faults=8

# total TIMES LIBRARY PROGRAM WHAT NUMBER: the sum of what so many processes count, with the library
# preloaded.  If one does not count, what it says instead.
total () {
  times=$1 library=$2 program=$3
  shift 3
  while [ "$times" -gt 0 ]; do
    status=0
    timeout "$seconds" env LD_PRELOAD="$library" "$work/$program" "$@" > "$work/out" \
      2> "$work/err" || status=$?
    if [ "$status" -eq 0 ]; then
      cat "$work/out"
    else
      echo "status $status: $(tail -n 1 "$work/err")"
    fi
    times=$((times - 1))
  done | "$AWK" '
    !/^[0-9]+$/ { said = said == "" ? $0 : said; next }
    { sum += $0 }
    END { print said == "" ? sum : said }'
}

# These two take TIMES WHAT NUMBER.
ours () {
  total "$1" "$preload" "$program_of_form" "$2" "$3"
}
theirs () {
  total "$1" "" on_libc "$2" "$3"
}

is_number () {
  case $1 in "" | *[!0-9]*) return 1 ;; esac
}

# above COUNT FACTOR MORE: COUNT x FACTOR + MORE, in whole numbers.  What is no number stays.
above () {
  if is_number "$1"; then
    "$AWK" "BEGIN { printf \"%d\", $1 * $2 + $3 }"
  else
    echo "$1"
  fi
}

# judge FACT OURS RELATION BOUND: one result.  The relation is one of test's.
judge () {
  fact="$form: $1"
  case $2 in
    "skip "*) tap_skip "$fact: ${2#skip }"; return ;;
  esac
  if [ "$3" != = ] && ! is_number "$4"; then
    tap_skip "$fact: the C library's count is \"$4\""
    return
  fi
  echo "# $form: $2, wanted $3 $4"
  { [ "$3" = = ] || is_number "$2"; } && test "$2" "$3" "$4"
  tap $? "$fact"
}

in_this_form () {
  judge "a fork makes at most $faults page faults more than with the C library" \
    "$(ours $many fork 0)" -le "$(above "$(theirs $many fork 0)" 1 $((faults * many)))"
  judge "... and after 32 sizes too" \
    "$(ours $many fork 32)" -le "$(above "$(theirs $many fork 32)" 1 $((faults * many)))"
  judge "32 sizes cost a fork at most one page fault" "$(ours 1 fork-more 32)" -le 1
  judge "a fork when memory is due to go back costs a child at most two page faults more" \
    "$(ours 1 fork-later 400)" -le 2
  judge "32 sizes have at most 8 mappings more than with the C library" "$(ours 1 mappings 32)" \
    -le "$(above "$(theirs 1 mappings 32)" 1 8)"
  judge "... and at most 5 pages more of page tables" "$(ours $many tables 32)" \
    -le "$(above "$(theirs $many tables 32)" 1 $((5 * many)))"
  judge "64 MiB of blocks take at most 1.25 times the C library's addresses, in KiB" \
    "$(ours 1 addresses 64)" -le "$(above "$(theirs 1 addresses 64)" 1.25 0)"

  judge "64 MiB of data set by the program are 50 MiB of small blocks, and more without the limit" \
    "$(ours 1 data 64)" -ge 50
  judge "1 GiB of addresses from the start are 780 MiB of small blocks" "$(ours 1 space 1024)" \
    -ge 780
  judge "a program runs in 16 MiB of addresses, and gets 4 MiB of small blocks" \
    "$(ours 1 space 16)" -ge 4
  judge "a program that limits itself to 2 GiB of addresses gets a thread and memory" \
    "$(ours 1 later 2048)" = yes

  # weight.c has this bound too.
  judge "of a freed block of 30 MiB at most 6 are left, in KiB" "$(ours 1 hits $((30 << 20)))" \
    -le $((6 << 10))
  judge "... and of as much in blocks of 500 bytes" "$(ours 1 hits 500)" -le $((6 << 10))
  judge "... and of a block that waits in a child of a fork's child" \
    "$(ours 1 child-waits $((30 << 20)))" -le $((6 << 10))
  judge "mlockall locks at most 30 MB, in KiB" "$(ours 1 locked 32)" -le $((30000000 >> 10))
  judge "a user who may lock 8 MiB gets memory after mlockall" "$(ours 1 few-locked 8)" = yes
  judge "what is known of 256 MiB of large blocks is at most 0.15 %, in KiB" \
    "$(ours 1 large 256)" -le $((256 * 1024 * 15 / 10000))
}

# The words that the program is compiled from.
bench=$top_srcdir/bench
set -- weight.c "$bench/citizen/citizen.c" "$bench/util.c"
build on_libc "$@" || { tap_end; exit 0; }
if [ -e "$module" ]; then
  form=module preload=$module program_of_form=on_libc
  in_this_form
else
  tap_skip "module: not built"
fi
if [ -e "$archive" ]; then
  # shellcheck disable=SC2046
  if build with_archive "$@" $(linked); then
    form=archive preload='' program_of_form=with_archive
    in_this_form
  fi
else
  tap_skip "archive: not built"
fi
tap_end
