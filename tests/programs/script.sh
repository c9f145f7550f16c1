#!/bin/bash
# SPDX-License-Identifier: MIT
# script.sh INTERPRETER FILE: runs a script of ours.
# shellcheck source=tests/programs/common.sh
. "${0%/*}/common.sh"

run "$1" "${0%/*}/$2"
