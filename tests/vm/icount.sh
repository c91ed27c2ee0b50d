#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# With -icount time is virtual: two runs are alike, and a sleep takes the host no time.
. tests/vm/lib.inc

command='date +%s; cut -d" " -f1 /proc/uptime; sleep 50; cut -d" " -f1 /proc/uptime'
started=$(date +%s)
expect_status 0 tools/vm -icount -timeout 120 -- "$command"
mv "$work/out" "$work/first"
took=$(($(date +%s) - started))
[ $took -lt 45 ] || fail "50 s of virtual sleep took $took s"
expect_status 0 tools/vm -icount -timeout 120 -- "$command"
diff -u "$work/first" "$work/out" || fail "two runs differ"
