#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The first command of the issue: several processors, names, ps, arithmetic of the shell.
. tests/vm/lib.inc

# shellcheck disable=SC2016  # the guest expands it
expect_status 0 tools/vm -smp 2 -- 'nproc; uname -sr; ps; echo $((6*7))'
[ "$(sed -n 1p "$work/out")" = 2 ] || fail "nproc says $(sed -n 1p "$work/out")"
[ "$(sed -n 2p "$work/out")" = "Linux 6.1.0-banos" ] || fail "uname says $(sed -n 2p "$work/out")"
[ "$(sed -n '$p' "$work/out")" = 42 ] || fail "6*7 is $(sed -n '$p' "$work/out")"
expect_line '^ *PID +USER'
expect_line '^ *1 root +(\{init\} )?/init'
