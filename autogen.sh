#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes configure and Makefile.in from a fresh checkout; needs autoconf, automake, libtool and pkg-config's macros.
set -eu
cd "$(dirname "$0")"
exec autoreconf --force --install --warnings=all,error "$@"
