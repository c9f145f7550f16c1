#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc and its relatives behave like the C library's in all corner cases.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

set -- conformance/main.c
for part in contents entries frees information matrix refusals; do
  set -- "$@" "$sources/conformance/$part.c"
done
in_each_form "$@"
statically_linked "$@"
tap_end
