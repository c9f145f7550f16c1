#!/bin/bash
# SPDX-License-Identifier: MIT
# stress-ng.sh: four processes allocate at random and check each block.  Times and process numbers
# are left out.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

run stress-ng --malloc 4 --malloc-ops 40000 --malloc-pthreads 2 --malloc-bytes 64M --verify \
  --seed 7 --metrics-brief \
  --temp-path "$here" > log 2>&1 || { cat log >&2; exit 1; }
# The number of operations of all four, and the outcome.
sed -n -E -e 's/^stress-ng: [a-z]+: +\[[0-9]+\] //' -e 's/ in [0-9.]+s.*//' \
  -e 's/^(malloc +[0-9]+) .*/\1/' -e '/^(malloc +[0-9]|passed|failed|successful)/p' log
grep -q 'successful run completed' log
