#!/bin/sh
# SPDX-License-Identifier: MIT
# SYDRA_ALLOC_CONF: the statistics at exit, where they go, and the number of shards.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

if [ ! -e "$module" ]; then
  echo "1..0 # SKIP no module was built"
  exit 0
fi

# with CONF COMMAND...: what the command, under the module, writes to standard error goes to $work/err.
with () {
  conf=$1
  shift
  env SYDRA_ALLOC_CONF="$conf" LD_PRELOAD="$module" "$@" > "$work/out" 2> "$work/err"
}

# is_json FILE [PROGRAM [PID]]: a file with one line, one object that says whose it is.
is_json () {
  [ "$(wc -l < "$1")" -eq 1 ] &&
    grep -q '^{"name": "default", "pid": '"${3:-[0-9]*}"', "program": "'"${2:-.*}"'", ' "$1" &&
    grep -q '", "mode": "'"$allocator_mode"'", .*}$' "$1"
}

with "" ls "$sources"
tap_empty "nothing is written where nothing is asked for" "$(cat "$work/err")"
with stats:text ls "$sources"
grep -q "^sydra-alloc handle default of ls, process [0-9]*: mode $allocator_mode" "$work/err"
tap $? "stats:text writes text to standard error, of a program too that closes it before it exits (ls)"
allocations=$(sed -n 's/^  allocations  *\([0-9]*\)$/\1/p' "$work/err")
[ "${allocations:-0}" -gt 10 ]
tap $? "... with what the program allocated (${allocations:-0})"

with "json:$work/one.json,stats:text" ls "$sources"
is_json "$work/one.json" && grep -q '^sydra-alloc handle' "$work/err"
tap $? "json:FILE writes JSON, beside text"
# The shell becomes ls: its number is ls's.
# shellcheck disable=SC2016  # the shell's
with "json:$work/one.json,stats:text" sh -c 'echo $$; exec ls'
read -r pid < "$work/out"
is_json "$work/one.json" ls "$pid" &&
  grep -q "^sydra-alloc handle default of ls, process $pid: mode" "$work/err"
tap $? "both name the program and its process"
mkdir "$work/a,b"
with "json:$work/a\\,b/two.json" ls "$sources"
is_json "$work/a,b/two.json"
tap $? "a file's name may hold a comma behind a backslash"
build leave leave.c || { tap_end; exit 0; }
(cd "$work" && with json:three.json ./leave)
is_json "$work/three.json"
tap $? "a relative name is so to the directory at the start"
odd=$(printf 'a "\377\303\244"')
cp "$work/leave" "$work/$odd"
with "json:$work/odd.json" "$work/$odd"
grep -q -F "\"program\": \"a \\\"\\ufffd$(printf '\303\244')\\\"\"" "$work/odd.json"
tap $? "a program's name that is no UTF-8 is a JSON string nevertheless"
with "json:$work/none/x.json" ls "$sources"
[ "$(cat "$work/err")" = "sydra-malloc: $work/none/x.json: cannot be opened: No such file or directory" ] && [ -s "$work/out" ]
tap $? "a file that cannot be opened is one line on standard error"

mkfifo "$work/fifo"
with "json:$work/fifo" timeout 20 ls "$sources" && grep -q '/fifo: cannot be opened: ' "$work/err"
tap $? "a FIFO that nobody reads is not waited for"

rm -f "$work/status"
{
  sleep 1
  SYDRA_ALLOC_CONF=stats:text LD_PRELOAD=$module ls "$sources" > "$work/out" 2>&3
  echo $? > "$work/status"
} 3>&1 > "$work/none" | true
[ "$(cat "$work/status")" = 0 ]
tap $? "a report into a pipe that is closed does not change the exit status"

rm -f "$work/pid.json"
with "json:$work/pid.json,process:1" ls "$sources"
[ ! -e "$work/pid.json" ]
tap $? "process:PID: another process does not report"
# The shell becomes the program, so that its own number is the right one; the program's child has another.
LEAVE=$work/leave LD_PRELOAD=$module sh -c 'SYDRA_ALLOC_CONF="stats:text,process:$$" exec "$LEAVE"' > /dev/null 2> "$work/err"
[ "$(grep -c '^sydra-alloc handle' "$work/err")" -eq 1 ]
tap $? "process:PID: only that process reports, not its forked children"

with stats:text "$work/leave"
[ "$(grep -c '^sydra-alloc handle' "$work/err")" -eq 2 ]
tap $? "... and without it both do"

build leave_small leave_small.c || { tap_end; exit 0; }
status=0
with "stats:text,json:$work/small.json" "$work/leave_small" || status=$?
is_json "$work/small.json" && grep -q '^sydra-alloc handle' "$work/err"
tap $? "a program that ends in a thread with the smallest stack reports"
[ "$status" -eq 3 ]
tap $? "... and exits with its own status ($status)"

with colour:blue,stats:no ls "$sources"
[ "$(grep -c '^sydra-malloc: SYDRA_ALLOC_CONF: ' "$work/err")" -eq 2 ] && [ -s "$work/out" ]
tap $? "what is not understood is told, a line each, and the program runs"
with shards:3,stats:text ls "$sources"
if [ "$allocator_mode" = small_pool ]; then
  grep -q 'mode small_pool, 3 shards' "$work/err"
  tap $? "shards:N chooses the number of shards"
  with shards:0,stats:text ls "$sources"
  grep -q 'mode small_pool, 0 shards' "$work/err"
  tap $? "shards:0 is a lock and a list a size class"
else
  grep -q '^sydra-malloc: SYDRA_ALLOC_CONF: shards:3: ' "$work/err"
  tap $? "shards are told to be of small_pool only"
fi
tap_end
