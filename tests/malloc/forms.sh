# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# forms.sh: for the drop-in's tests, which source it.  It compiles a test's program and runs it in
# several forms: on the C library, with this build's module preloaded, linked with the archive, and
# linked with it statically.  The program's TAP results become those of the test, with the form in
# front.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CXX=}" "${CFLAGS=}" "${LDFLAGS=}" "${drop_in_libs=}" "${allocator_mode:?}"

module=$PWD/.libs/libsydra-malloc.so
archive=$PWD/libsydra-malloc.a
sources=$top_srcdir/tests/malloc
# CK_TIMEOUT_MULTIPLIER gives a slow machine more time, as in the tests that use check.
seconds=$((240 * ${CK_TIMEOUT_MULTIPLIER:-1}))
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

case "$CFLAGS $LDFLAGS" in
  *-fsanitize*)
    echo "1..0 # SKIP a sanitizer brings its own malloc, which nothing can stand before"
    exit 0 ;;
esac
if [ ! -e "$module" ] && [ ! -e "$archive" ]; then
  echo "1..0 # SKIP no drop-in was built"
  exit 0
fi

# build OUTPUT SOURCE WORD...: compiles and links.  If that fails, reports a failed result with the
# compiler's messages and returns false.
build () {
  output=$1 source=$sources/$2
  shift 2
  case $source in *.cc) compiler="$CXX -std=c++17" ;; *) compiler="$CC -std=gnu99" ;; esac
  # shellcheck disable=SC2086  # compilers and flags are words
  if ! $compiler $CFLAGS -Wall -Wextra -fno-builtin -pthread -I"$sources" -o "$work/$output" \
    "$source" "$@" $LDFLAGS > "$work/log" 2>&1; then
    tap 1 "${source#"$sources/"} compiles"
    sed 's/^/# /' "$work/log"
    return 1
  fi
}

# retell FORM COMMAND...: runs the command and prints its results as ours.
retell () {
  form=$1
  shift
  status=0
  SYDRA_FORM=$form timeout "$seconds" "$@" > "$work/out" 2> "$work/err" || status=$?
  while IFS= read -r line; do
    case $line in
      "ok "*"# SKIP"*) tap_skip "$form: ${line#*- }" ;;
      "ok "*) tap 0 "$form: ${line#*- }" ;;
      "not ok "*) tap 1 "$form: ${line#*- }" ;;
      "#"*) printf '%s\n' "$line" ;;
    esac
  done < "$work/out"
  if ! grep -q '^1\.\.' "$work/out"; then
    tap 1 "$form: the program comes to its end (status $status; 124 is more than $seconds s)"
    tail -n 5 "$work/err" | sed 's/^/# /'
  fi
}

# The words that link a program with the archive.
linked () {
  # shellcheck disable=SC2086
  echo -Wl,-u,malloc "$archive" $drop_in_libs
}

# in_each_form NAME.c [WORD...]: compiles with the words, which may be more sources, and runs in all
# three forms.
in_each_form () {
  file=$1
  shift
  build on_libc "$file" "$@" || return 0
  retell "C library" "$work/on_libc"
  preloaded_and_linked "$file" "$@"
}

# The same without the C library.
preloaded_and_linked () {
  file=$1
  shift
  if [ -e "$module" ]; then
    build preloaded "$file" "$@" && retell "module" env LD_PRELOAD="$module" "$work/preloaded"
  else
    tap_skip "module: not built"
  fi
  if [ -e "$archive" ]; then
    # shellcheck disable=SC2046
    build with_archive "$file" "$@" $(linked) && retell "archive" "$work/with_archive"
  else
    tap_skip "archive: not built"
  fi
}

# statically_linked NAME.c [WORD...]: links with the archive and without any shared library.
statically_linked () {
  file=$1
  shift
  # shellcheck disable=SC2086  # flags are words
  if [ ! -e "$archive" ]; then
    tap_skip "static program: no archive was built"
  elif [ "$allocator_mode" = default ]; then
    tap_skip "static program: in default mode the C library's heap comes with its malloc"
  elif ! echo 'int main (void) { return 0; }' |
    $CC -static -x c -o "$work/none" - $drop_in_libs > /dev/null 2>&1; then
    tap_skip "static program: not all of '$drop_in_libs' can be linked statically here"
  else
    # shellcheck disable=SC2046
    build static_program "$file" "$@" -static $(linked) &&
      retell "static program" "$work/static_program"
  fi
}
