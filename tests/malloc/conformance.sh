#!/bin/sh
# SPDX-License-Identifier: MIT
# malloc and its family behave as the C library's at every edge.
. "${top_srcdir:=.}/tests/malloc/forms.sh"

set -- conformance/main.c
for part in contents entries frees information matrix refusals; do
  set -- "$@" "$sources/conformance/$part.c"
done
in_each_form "$@"
statically_linked "$@"
tap_end
