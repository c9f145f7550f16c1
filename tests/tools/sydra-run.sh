#!/bin/sh
# SPDX-License-Identifier: MIT
# sydra-run: what a program keeps, what it is given, and what is refused.  Runs in the build directory.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${CFLAGS=}" "${LDFLAGS=}"

build=$(pwd)
run=$build/sydra-run
drop_in=$build/.libs/libsydra-malloc.so
# What a program keeps does not depend on what is preloaded.
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

# has TEXT PART: PART is in TEXT.
has () {
  case $1 in
    *"$2"*) ;;
    *) return 1 ;;
  esac
}

# ends STATUS PART FACT COMMAND...: this status, nothing on stdout, one line on stderr that has PART.
ends () {
  expected=$1 part=$2 fact=$3
  shift 3
  out=$("$@" 2> "$work/err")
  status=$?
  err=$(cat "$work/err")
  [ "$status" -eq "$expected" ] && [ -z "$out" ] && [ "$(wc -l < "$work/err")" -eq 1 ] && has "$err" "$part" && has "$err" 'sydra-run: '
  status_of_test=$?
  [ $status_of_test -eq 0 ] || printf '# %s: %s\n' "$status" "$err" out "$out"
  tap $status_of_test "$fact: status $expected, \"$part\""
}

# refused STATUS PART FACT WORD...: sydra-run with these words.
refused () {
  expected=$1 part=$2 fact=$3
  shift 3
  ends "$expected" "$part" "$fact" "$run" --module "$module" "$@"
}

# says TEXT FACT WORD...: sydra-run with these words ends with 0, having written TEXT, and nothing on stderr.
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

# script FILE LINE...: an executable file of these lines.
script () {
  file=$1
  shift
  printf '%s\n' "$@" > "$file"
  chmod 755 "$file"
}

# builds FILE WORD...: a program, with these words for the linker.
printf '#include <stdio.h>\nint main (void) { return puts ("runs") < 0; }\n' > "$work/program.c"
builds () {
  file=$1
  shift
  # shellcheck disable=SC2086  # lists of words
  $CC $CFLAGS $LDFLAGS "$@" -o "$file" "$work/program.c" > "$work/log" 2>&1
}

# ---- What the program keeps ----

wrong=
status=0
while [ $status -le 255 ]; do
  "$run" --module "$module" sh -c "exit $status"
  [ $? -eq $status ] || wrong="$wrong $status"
  status=$((status + 1))
done
tap_empty "every exit status is the program's" "$wrong"

"$run" --module "$module" sh -c 'kill -TERM $$' 2> /dev/null
[ $? -eq 143 ]
tap $? "a program that is killed by SIGTERM ends so"
if python3 -c '' 2> /dev/null; then
  python3 -c '
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:] + ["sleep", "60"])
path = "/proc/%d/cmdline" % child.pid
while not open(path, "rb").read().startswith(b"sleep"):
    time.sleep(0.01)
child.terminate()
assert child.wait() == -15, child.returncode
' "$run" --module "$module"
  tap $? "a signal that is sent to sydra-run is the program's, and its end is seen as such"
else
  tap_skip "no python3: a signal that is sent"
fi

printf 'a\nb\n' > "$work/in"
out=$({ "$run" --module "$module" --stats sh -c 'read -r first; echo "$first"; cat; echo err >&2' 2> /dev/null; cat; } < "$work/in")
[ "$out" = "$(cat "$work/in")" ]
tap $? "standard input and output are the program's"
says "3: -x --stats a b " "the program's arguments and options are its own" sh -c 'printf "%s: " $#; printf "%s " "$@"; echo' x "-x" "--stats" "a b"
says "-c" "-- ends sydra-run's options" -- echo -c
says "$work/true -v" "options after the program's name are not looked at" echo "$work/true" -v
here=$(cd "$work" && PATH=$work:$PATH "$run" --module "$module" sh -c 'pwd; echo $0')
[ "$here" = "$work
sh" ]
tap $? "the directory and the name that it is called by are the program's"

# ---- What it is given ----

# shellcheck disable=SC2016  # for the shell that is run, here and below
show='echo "$LD_PRELOAD|$SYDRA_ALLOC_CONF"'
says "$module|" "LD_PRELOAD is the module" sh -c "$show"
export LD_PRELOAD=
says "$module|" "... where it was empty" sh -c "$show"
export LD_PRELOAD="$build/.libs/libsydra-alloc.so"
says "$module:$LD_PRELOAD|" "... and comes before what was there" sh -c "$show"
unset LD_PRELOAD
out=$("$run" --module ".libs/${module##*/}" sh -c "cd / && $show")
[ "$out" = "$module|" ]
tap $? "a relative --module is made absolute"
mapped=$("$run" --module "$module" cat /proc/self/maps 2> /dev/null | grep -c "${module##*/}")
if [ -r /proc/self/maps ]; then
  [ "$mapped" -gt 0 ]
  tap $? "the module is loaded into the program"
else
  tap_skip "no /proc/self/maps: whether the module is loaded"
fi

conf=$("$run" --module "$module" --shards auto sh -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:auto ]
tap $? "--shards is in SYDRA_ALLOC_CONF ($conf)"
conf=$("$run" --module "$module" --shards=1024 sh -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:1024 ]
tap $? "... a number too ($conf)"
conf=$("$run" --module "$module" --stats sh -c '[ "$SYDRA_ALLOC_CONF" = "stats:text,process:$$" ] && echo right' 2> /dev/null)
[ "$conf" = right ]
tap $? "--stats is, for that process only"
conf=$(cd "$work" && "$run" --module "$module" --json 'a,b\c' sh -c 'printf "%s\n" "${SYDRA_ALLOC_CONF%,process:$$}"' 2> /dev/null)
[ "$conf" = "json:$work"'/a\,b\\c' ]
tap $? "--json is, absolute, with commas and backslashes escaped"
conf=$(SYDRA_ALLOC_CONF=shards:3 "$run" --module "$module" --shards 2 sh -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = shards:3,shards:2 ]
tap $? "what was there stays, and comes first ($conf)"
conf=$(SYDRA_ALLOC_CONF="json:/dev/null\\" "$run" --module "$module" --shards 2 sh -c 'printf "%s\n" "$SYDRA_ALLOC_CONF"' 2> /dev/null)
[ "$conf" = 'json:/dev/null\\,shards:2' ]
tap $? "a backslash at its end takes nothing in"

# ---- The reports, with the module ----

if [ -e "$drop_in" ]; then
  # Some shells end by _exit, and with them go the reports.
  "$run" --module "$drop_in" --stats "$AWK" 'BEGIN { print "out"; exit 5 }' > "$work/out" 2> "$work/err"
  [ $? -eq 5 ] && [ "$(cat "$work/out")" = out ] && [ "$(grep -c '^ *allocations ' "$work/err")" -eq 1 ]
  tap $? "--stats: statistics on standard error only, and the program's status"
  allocations=$("$AWK" '$1 == "allocations" { print $2 }' "$work/err")
  [ "${allocations:-0}" -gt 0 ]
  tap $? "... with allocations ($allocations)"
  (cd "$work" && "$run" --module "$drop_in" --json 'a, \b.json' "$AWK" 'BEGIN { exit 7 }') > "$work/out" 2>&1
  [ $? -eq 7 ] && [ ! -s "$work/out" ] && [ -s "$work/a, \\b.json" ]
  tap $? "--json: into the file, and nothing else is said"
  if python3 -c '' 2> /dev/null; then
    allocations=$(python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
assert report["allocations"] > 0 and report["frees"] <= report["allocations"], report
print(report["allocations"])
' "$work/a, \\b.json")
  else
    allocations=$(sed -n 's/^{.*"allocations": \([1-9][0-9]*\),.*}$/\1/p' "$work/a, \\b.json")
  fi
  [ "${allocations:-0}" -gt 0 ]
  tap $? "... which is JSON, with allocations ($allocations)"
  "$run" --module "$drop_in" "$AWK" 'BEGIN { exit 0 }' > "$work/out" 2>&1
  [ ! -s "$work/out" ]
  tap $? "without them nothing is reported"
  "$run" --module "$drop_in" --stats "$AWK" 'BEGIN { system ("cat /dev/null; :") }' > "$work/out" 2>&1
  [ "$(grep -c '^ *allocations ' "$work/out")" -eq 1 ]
  tap $? "what the program starts does not report"
  (export SYDRA_ALLOC_CONF=stats:text && "$run" --module "$drop_in" "$AWK" 'BEGIN { system ("cat /dev/null; :") }' > "$work/out" 2>&1)
  [ "$(grep -c '^ *allocations ' "$work/out")" -eq 2 ]
  tap $? "... but where SYDRA_ALLOC_CONF says so for all"
else
  tap_skip "no libsydra-malloc.so was built: the reports"
fi

# ---- Bad usage ----

"$run" --help > "$work/out" 2> "$work/err"
status=$?
[ $status -eq 0 ] && [ ! -s "$work/err" ] && grep -q '^usage: sydra-run ' "$work/out"
tap $? "--help: the options, on standard output"
missing=
for option in --stats --json --shards --module --help --version; do
  grep -q -e "$option" "$work/out" || missing="$missing $option"
  grep -q -e "Fl Fl ${option#--}" "$top_srcdir/man/sydra-run.1" || missing="$missing $option(manual)"
done
tap_empty "... and in the manual, all of them" "$missing"
version=$("$run" --version)
[ "$version" = "sydra-run $("$build/sydra-bench" --version | sed 's/.* //')" ] && [ "$("$run" -V)" = "$version" ]
tap $? "--version is the library's: $version"
refused 125 "no program was named" "no program"
refused 125 "no program was named" "options alone" --stats --
refused 125 "--nosuch is no option" "an unknown option" --nosuch true
refused 125 "-x is no option" "an unknown letter" -xV true
refused 125 "--stats=1 is no option, or takes no value" "a value too many" --stats=1 true
refused 125 "--json needs a value" "a value that is missing" --json
refused 125 "takes the name of a file" "an empty --json" --json '' true
refused 125 "say ./-" "--json -" --json - true
refused 125 "No such file" "--json in no directory" --json "$work/none/file" true
refused 125 "Is a directory" "--json that is a directory" --json "$work" true
refused 125 "No such file" "--json in no directory, ending in a slash" --json "$work/none/" true
refused 125 "Not a directory" "--json below a file" --json "$work/true/file" true
for shards in '' -1 1025 99999999999 2x auto1 ' 1' 0x1; do
  refused 125 "--shards takes auto or a whole number from 0 to 1024, not \"$shards\"" "--shards" --shards "$shards" true
done
ends 125 "cannot be read: No such file" "a module that is not there" "$run" --module "$work/none.so" true
ends 125 "is no shared library" "a module that is a text" "$run" --module "$work/program.c" true
cp "$module" "$work/a b.so"
ends 125 "a colon or a space" "a module whose name has a space" "$run" --module "$work/a b.so" true
refused 125 "?1: it cannot be written" "control characters are not passed on" --json "$(printf '/none/\0331')" true

# ---- Where programs are found ----

# Where a directory in PATH may not be searched, the answer is another.
ends 127 "nosuchprogram: No such file" "no such program in PATH" env PATH=/usr/bin:/bin "$run" --module "$module" nosuchprogram
refused 127 "No such file" "no such file" "$work/none"
refused 127 "" "a program without a name" ''
refused 126 "Is a directory" "a directory" "$work"
refused 126 "Permission denied" "a file that is not executable" "$work/program.c"
mkdir "$work/one" "$work/two"
echo > "$work/one/tool"
ends 126 "Permission denied" "found in PATH, but not executable" env PATH="$work/one" "$run" --module "$module" tool
script "$work/two/tool" '#!/bin/sh' 'echo two'
out=$(PATH=$work/one:$work/two "$run" --module "$module" tool 2>&1)
[ "$out" = two ]
tap $? "... and an executable one later in PATH is taken"
for path in "" ":/none" "/none:" "/none::/none"; do
  out=$(cd "$work/two" && PATH=$path "$run" --module "$module" tool 2>&1)
  [ "$out" = two ]
  tap $? "an empty element of PATH is the current directory (\"$path\")"
done
out=$(unset PATH; "$run" --module "$module" true 2>&1)
status=$?
[ $status -eq 0 ] && [ -z "$out" ]
tap $? "without PATH the system's is used"

# ---- Scripts ----

script "$work/plain" 'echo plain'
says plain "a script without #! is the shell's" "$work/plain"
script "$work/one/a" '#!/bin/sh' 'echo $1'
script "$work/one/b" "#!$work/one/a"
says "$work/one/b" "a script of a script" "$work/one/b"
script "$work/env" '#!/usr/bin/env sh' 'echo env'
says env "a script of env" "$work/env"
script "$work/lost" '#!/none/interpreter'
refused 126 "not the interpreter that it names" "a script whose interpreter is not there" "$work/lost"
script "$work/self" "#!$work/self"
refused 126 "self: " "a script that is its own interpreter" "$work/self"
script "$work/bare" '#!'
says "" "a #! without a name is the shell's" "$work/bare"

# ---- What cannot be preloaded ----

head -c 100 "$work/true" > "$work/cut"
chmod 755 "$work/cut"
refused 126 "Exec format error" "the first bytes of a program are not the shell's" "$work/cut"
cp "$work/true" "$work/machine"
printf '\102\102' | dd of="$work/machine" bs=1 seek=18 conv=notrunc 2> /dev/null
refused 126 "cannot be preloaded: it is for another machine" "another machine's program" "$work/machine"
if builds "$work/musl" -Wl,--dynamic-linker=/lib/ld-musl-test.so.1; then
  refused 126 "cannot be preloaded: it is linked with musl" "a program with musl's loader" "$work/musl"
else
  tap_skip "the linker takes no --dynamic-linker: a program with musl's loader"
fi
if builds "$work/static" -static && "$work/static" > /dev/null; then
  refused 126 "cannot be preloaded: it is statically linked" "a static program" "$work/static"
  ends 126 "static: cannot be preloaded: it is statically linked" "... found in PATH" env PATH="$work:$PATH" "$run" --module "$module" static
  script "$work/s1" "#! $work/static -x"
  script "$work/s2" "#!$work/s1"
  script "$work/s3" "#!/usr/bin/env static"
  script "$work/s4" "#!/usr/bin/env -S static -x"
  refused 126 "its interpreter $work/static is statically linked" "... as an interpreter" "$work/s1"
  refused 126 "its interpreter $work/static is statically linked" "... as an interpreter's interpreter" "$work/s2"
  for s in s3 s4; do
    ends 126 "its interpreter $work/static is statically linked" "... by env ($s)" env PATH="$work:$PATH" "$run" --module "$module" "$work/$s"
  done
  script "$work/s5" "#!/usr/bin/env -S A=static sh" 'echo $A'
  says static "words of env that are no program are not judged" "$work/s5"
else
  tap_skip "no static program can be linked here"
fi
if builds "$work/static-pie" -static-pie -fPIE && "$work/static-pie" > /dev/null; then
  refused 126 "cannot be preloaded: it is statically linked" "a static position-independent program" "$work/static-pie"
else
  tap_skip "no static position-independent program can be linked here"
fi
loader=$(ldd "$work/true" 2> /dev/null | "$AWK" '$1 ~ /^\/.*\/ld/ { print $1 }')
if [ -x "$loader" ]; then
  says "$module|" "the loader, which has no loader, is not taken for static" "$loader" "$(command -v sh)" -c "$show"
else
  tap_skip "the loader was not found"
fi
chmod 111 "$work/true"
says "" "a program that may not be read is not judged" "$work/true"

# ---- Other rights ----

other_rights="cannot be preloaded: it runs under another user or group"
if [ "$(id -u)" -eq 0 ] && cp "$(command -v id)" "$work/id" && chown 65534:65534 "$work/id"; then
  says 0 "another user's program is not judged by its owner" "$work/id" -u
  if chmod 4755 "$work/id" && [ "$("$work/id" -u)" = 65534 ]; then
    refused 126 "$other_rights" "a set-user-ID program" "$work/id"
    script "$work/set" "#!$work/id"
    refused 126 "its interpreter $work/id runs under another user" "... as an interpreter" "$work/set"
  else
    tap_skip "set-user-ID has no effect here"
  fi
  if chmod 2755 "$work/id" && [ "$("$work/id" -g)" = 65534 ]; then
    refused 126 "$other_rights" "a set-group-ID program" "$work/id"
    chmod 2745 "$work/id"
    says 0 "without execution by the group the bit is none" "$work/id" -g
  else
    tap_skip "set-group-ID has no effect here"
  fi
  chown 0:0 "$work/id" && chmod 6755 "$work/id"
  says 0 "root's programs give root no other rights" "$work/id" -u
else
  tap_skip "not root: set-user-ID and set-group-ID programs of one's own"
fi

# nobody COMMAND...: as another user, who may read the build directory, or not at all.
nobody () {
  setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
if [ "$(id -u)" -ne 0 ] || ! nobody test -x "$run" -a -r "$module" 2> /dev/null; then
  tap_skip "no other user can be (setpriv, the build directory's mode), not root: set-user-ID root, file capabilities"
else
  ends 126 "$other_rights" "root's set-user-ID program, for another user" nobody "$run" --module "$module" "$work/id"
  out=$(nobody setpriv --no-new-privs "$run" --module "$module" "$work/id" -u 2>&1)
  [ "$out" = 65534 ]
  tap $? "... but not where the process takes no new rights"
  cp "$(command -v id)" "$work/capable"
  if command -v setcap > /dev/null && setcap cap_net_raw+ep "$work/capable" 2> /dev/null; then
    ends 126 "it has file capabilities" "file capabilities, for another user" nobody "$run" --module "$module" "$work/capable"
    says 0 "... which root has in any case" "$work/capable" -u
    setcap cap_net_raw+i "$work/capable"
    out=$(nobody "$run" --module "$module" "$work/capable" -u 2>&1)
    [ "$out" = 65534 ]
    tap $? "... and which are none where only inheritable"
  else
    tap_skip "no setcap here: file capabilities"
  fi
fi
if [ "$(id -u)" -ne 0 ]; then
  found=
  for name in su mount passwd; do
    file=$(command -v $name) && [ -u "$file" ] && found=$file && break
  done
  if [ -n "$found" ] && ! grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status && ! grep -q '^[^ ]* / [^ ]* [^ ]*nosuid' /proc/mounts; then
    refused 126 "$other_rights" "the system's set-user-ID ${found##*/}" "$found" --version
  else
    tap_skip "the system has no set-user-ID program with effect here"
  fi
fi
tap_end
