#!/bin/bash
# SPDX-License-Identifier: MIT
# python.sh PYTHON TEST: runs one of CPython's own tests, with small objects from malloc too.
# Prints each case with its result, sorted.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

status=0
# The status is compared only, as a case may fail on the C library too: because of an expired
# certificate, or because a container lacks something.
PYTHONMALLOC=malloc run "$1" -m test -v --junit-xml "$here/cases.xml" "$2" > log 2>&1 || status=$?
echo "exit status $status"
"$1" - << 'PYTHON' | sort > cases
import xml.etree.ElementTree
for case in xml.etree.ElementTree.parse("cases.xml").iter("testcase"):
    print(case.get("name"), case.get("result"), *sorted({part.tag for part in case} - {"system-out", "system-err"}))
PYTHON
cat cases
ran=$(grep -c ' completed' cases)
[[ $ran -ge 10 ]] || { echo "only $ran cases ran" >&2; tail -n 40 log >&2; exit 1; }
