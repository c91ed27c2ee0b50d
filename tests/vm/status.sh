#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What tools/vm exits with: the command's status, its signal, the time limit, wrong usage.
. tests/vm/lib.inc

expect_status 7 tools/vm -- 'exit 7'
expect_status 0 tools/vm -- true
# shellcheck disable=SC2016  # the guest expands it
expect_status 137 tools/vm -- 'kill -9 $$'
expect_status 127 tools/vm -- no-such-command

# Several words are one command.
expect_status 3 tools/vm -- echo 'a  b;' exit 3
expect_output 'a b'

# stdout and stderr of the command both are its output; ours is apart.
expect_status 0 tools/vm -- 'echo out; echo err >&2'
expect_output 'out
err'
[ -s "$work/err" ] && fail "stderr is not empty: $(cat "$work/err")"

expect_status 124 tools/vm -timeout 8 -- 'echo before; sleep 1000'
expect_output before
expect_line 'no result after 8 s' err

expect_status 2 tools/vm
expect_status 2 tools/vm true
expect_status 2 tools/vm -smp 0 -- true
expect_status 2 tools/vm -no-such-option -- true
expect_status 1 tools/vm -kernel /absent -- true
expect_line 'make' err
expect_status 1 tools/vm -put /absent -- true
expect_status 0 tools/vm --help
