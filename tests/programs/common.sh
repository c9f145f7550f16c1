# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# common.sh: for the programs' scripts, which source it.  scripts/check-programs runs each script in
# an empty directory, first on the C library, and then with SYDRA_RUN, SYDRA_MODULE and
# SYDRA_REPORTS set.  Both runs must write the same to standard output.
set -eu -o pipefail
export LC_ALL=C TZ=UTC HOME=$PWD TMPDIR=$PWD
here=$PWD

# With exec="exec" run ... &, $! is the program's process number.
exec=

# run PROGRAM...: runs it on the C library or under sydra-run.  In the second case the process must
# leave a report that shows allocations.
run () {
  if [[ -z ${SYDRA_RUN:-} ]]; then
    $exec "$@"
  else
    $exec "$SYDRA_RUN" --module "$SYDRA_MODULE" \
      --json "$(mktemp "$SYDRA_REPORTS/${1##*/}.XXXXXX")" "$@"
  fi
}

# run_all LEAST PROGRAM...: the same for a program that starts others.  At least LEAST processes
# must report.  All of them write to one FIFO.
run_all () {
  local least=$1
  shift
  if [[ -z ${SYDRA_RUN:-} ]]; then
    $exec "$@"
  else
    echo "$least" >> "$SYDRA_REPORTS/least"
    SYDRA_ALLOC_CONF=json:$SYDRA_REPORTS/fifo $exec "$SYDRA_RUN" --module "$SYDRA_MODULE" "$@"
  fi
}

# quietly COMMAND...: shows the command's output on standard error if it fails.
quietly () {
  "$@" > "$here/quietly.log" 2>&1 || { cat "$here/quietly.log" >&2; return 1; }
}

# wait_for COMMAND...: repeats the command until it succeeds, for at most 20 seconds.
wait_for () {
  local turn
  for ((turn = 0; turn < 400; turn++)); do
    "$@" > /dev/null 2>&1 && return
    sleep 0.05
  done
  echo "still not: $*" >&2
  return 1
}
