# shellcheck shell=sh disable=SC2034  # sourced; what is set is for who sources it
# SPDX-License-Identifier: MIT
# sydra-run-common.sh: for the tests of sydra-run, which source it in the build directory.  If
# nothing can be preloaded, it ends the test.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CFLAGS=}" "${LDFLAGS=}"

build=$(pwd)
run=$build/sydra-run
drop_in=$build/.libs/libsydra-malloc.so
# What a program keeps does not depend on the module.
module=$drop_in
[ -e "$module" ] || module=$build/.libs/libsydra-alloc.so
if [ ! -e "$module" ]; then
  echo "1..0 # SKIP no shared library was built"
  exit 0
fi
case "$CC $CFLAGS $LDFLAGS" in
  *-fsanitize=*)
    echo "1..0 # SKIP a module with a sanitizer cannot be preloaded into other programs"
    exit 0 ;;
esac
unset LD_PRELOAD SYDRA_ALLOC_CONF
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cp /bin/true "$work/true" || exit 1

# has TEXT PART: TEXT contains PART.
has () {
  case $1 in
    *"$2"*) ;;
    *) return 1 ;;
  esac
}

# ends STATUS PART FACT COMMAND...: the command ends with this status, writes nothing to stdout, and
# one line to stderr that contains PART.
ends () {
  expected=$1 part=$2 fact=$3
  shift 3
  out=$("$@" 2> "$work/err")
  status=$?
  err=$(cat "$work/err")
  [ "$status" -eq "$expected" ] && [ -z "$out" ] && [ "$(wc -l < "$work/err")" -eq 1 ] &&
    has "$err" "$part" && has "$err" 'sydra-run: '
  status_of_test=$?
  [ $status_of_test -eq 0 ] || printf '# %s: %s\n' "$status" "$err" out "$out"
  tap $status_of_test "$fact: status $expected, \"$part\""
}

# refused STATUS PART FACT WORD...: the same for sydra-run with these words.
refused () {
  expected=$1 part=$2 fact=$3
  shift 3
  ends "$expected" "$part" "$fact" "$run" --module "$module" "$@"
}

# says TEXT FACT WORD...: sydra-run with these words ends with 0, writes TEXT to stdout, and nothing
# to stderr.
says () {
  expected=$1 fact=$2
  shift 2
  out=$("$run" --module "$module" "$@" 2> "$work/err")
  status=$?
  [ $status -eq 0 ] && [ "$out" = "$expected" ] && [ ! -s "$work/err" ]
  status_of_test=$?
  [ $status_of_test -eq 0 ] || printf '# %s: %s\n' "$status" "$out" "stderr" "$(cat "$work/err")"
  tap $status_of_test "$fact"
}

# script FILE LINE...: writes an executable file with these lines.
script () {
  file=$1
  shift
  printf '%s\n' "$@" > "$file"
  chmod 755 "$file"
}

# builds FILE WORD...: builds a program, with these words for the linker.
printf '#include <stdio.h>\nint main (void) { return puts ("runs") < 0; }\n' > "$work/program.c"
builds () {
  file=$1
  shift
  # shellcheck disable=SC2086  # lists of words
  $CC $CFLAGS $LDFLAGS "$@" -o "$file" "$work/program.c" > "$work/log" 2>&1
}

# shellcheck disable=SC2016  # for the shell
show='echo "$LD_PRELOAD|$SYDRA_ALLOC_CONF"'
