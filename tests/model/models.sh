#!/bin/sh
# SPDX-License-Identifier: MIT
# Spin finds no error in the models of the lock-free parts, and finds every error that is put in.
# Each model begins with what it shows.
. "${top_srcdir:=.}/tests/tap.sh"
: "${CC:=cc}" "${SPIN:=spin}"

if [ "${SYDRA_MODELS:-yes}" = no ]; then
  echo "1..0 # SKIP SYDRA_MODELS=no: they are the same in every build"
  exit 0
fi
case $("$SPIN" -V 2> /dev/null) in
  "Spin Version"*) ;;
  *) echo "1..0 # SKIP spin not found"; exit 0 ;;
esac
# shellcheck disable=SC2086  # the compiler is a list of words, here and below
set -- $CC
if ! command -v "$1" > /dev/null; then
  echo "1..0 # SKIP no compiler: $CC"
  exit 0
fi
models=$(cd "$top_srcdir/tests/model" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

# verify LEVEL MODEL DEFINE...: builds and runs Spin's verifier of the model.  Its output goes to
# the log.
verify () {
  level=$1
  model=$2
  shift 2
  rm -f pan* log
  "$SPIN" "-P$CC -E -x c" "$@" -a "$models/$model.pml" > log 2>&1 &&
    $CC "$level" -w -DSAFETY -DMEMLIM=1000 -o pan pan.c >> log 2>&1 &&
    { ./pan -m5000 >> log 2>&1 || :; }
}

shown () {
  tap "$1" "$2"
  [ "$1" -eq 0 ] || sed 's/^/# /' log
}

# holds FACT MODEL DEFINE...: Spin visits all states and finds no error.
holds () {
  fact=$1
  shift
  verify -O1 "$@" && grep -q 'errors: 0$' log &&
    ! grep -qE 'max search depth too small|not completed|out of memory|assertion violated' log
  shown $? "$fact: no error"
  grep -E 'states, stored|elapsed time' log | sed 's/^pan://; s/^/# /'
}

# finds FACT MODEL DEFINE...: an assertion fails.
finds () {
  fact=$1
  shift
  verify -O0 "$@" && grep -q 'errors: 1$' log && grep -q 'assertion violated' log
  shown $? "$fact: found"
  grep 'assertion violated' log | sed 's/^pan:[0-9]*:/#/'
}

holds "epoch.pml with membarrier" epoch
holds "epoch.pml with membarrier, more looks" epoch -DLOOKS=2 -DSECTIONS=1
holds "epoch.pml with membarrier, synchronize" epoch -DSYNCHRONIZE -DLOOKS=0
holds "epoch.pml with fences" epoch -DFENCES
holds "epoch.pml with fences, more looks" epoch -DFENCES -DLOOKS=2 -DSECTIONS=1
holds "epoch.pml with fences, synchronize" epoch -DFENCES -DSYNCHRONIZE -DLOOKS=0
finds "epoch.pml without the barrier" epoch -DBUG_NO_BARRIER
finds "epoch.pml, synchronize without the barrier" epoch -DSYNCHRONIZE -DLOOKS=0 -DBUG_NO_BARRIER
finds "epoch.pml without the reader's fence" epoch -DFENCES -DBUG_NO_FENCE
finds "epoch.pml with one reader looked at" epoch -DBUG_ONE_READER
finds "epoch.pml with a bag freed beside a reader of its epoch" epoch -DBUG_SAME_EPOCH
finds "epoch.pml with the readers looked at before the barrier" epoch -DBUG_LOOK_FIRST
finds "epoch.pml with a bag freed that was sealed after the look" epoch -DBUG_SEALED_LATER
finds "epoch.pml with epochs compared as if they did not wrap" epoch -DBUG_PLAIN_COMPARE
finds "epoch.pml with the unlinking seen after the stamp" epoch -DBUG_UNLINKED_LATE
finds "epoch.pml with a reader that does not clear its record" epoch -DBUG_NO_LEAVE

holds "bags.pml with membarrier" bags
holds "bags.pml with fences" bags -DFENCES
finds "bags.pml without the owner's fence" bags -DFENCES -DBUG_NO_FENCE
finds "bags.pml without the taker's barrier" bags -DBUG_NO_BARRIER
finds "bags.pml without the taker's fence" bags -DFENCES -DBUG_NO_BARRIER
finds "bags.pml with an owner that does not ask" bags -DBUG_NOT_WANTED
finds "bags.pml with an owner that asks once" bags -DBUG_BEGINS_ONCE
finds "bags.pml with an owner that ends before its push" bags -DBUG_ENDS_FIRST

holds "stack.pml with one word" stack
holds "stack.pml with two words" stack -DTWO_WORDS -DTHREADS=2 -DROUNDS=2
finds "stack.pml with a tag that does not change" stack -DBUG_TAG
finds "stack.pml with two words and a tag that does not change" stack -DTWO_WORDS -DBUG_TAG
finds "stack.pml with the link written after the push" stack -DBUG_BELOW_LATE
tap_end
