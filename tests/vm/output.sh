#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The output is the command's, byte for byte, also much of it, and comes while the guest runs.
. tests/vm/lib.inc

# Every byte value, all pairs of neighbours likely, and no multiple of any buffer.
head -c 300001 /dev/urandom >"$work/random"
expect_status 0 tools/vm -put "$work/random" -- 'cat /put/random'
cmp "$work/random" "$work/out" || fail "the bytes have changed on their way"

expect_status 0 tools/vm -- 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i + 1)); done'
i=0
while [ $i -lt 3000 ]; do
	echo "line $i"
	i=$((i + 1))
done | cmp - "$work/out" || fail "lines are lost"

# The first line must be there long before the end.
mkfifo "$work/fifo"
tools/vm -timeout 120 -- 'echo first; sleep 20; echo last' >"$work/fifo" &
exec 3<"$work/fifo"
read -r line <&3
[ "$line" = first ] || fail "the first line is '$line'"
kill -0 $! 2>/dev/null || fail "the output came only at the end"
kill $!
wait $!
status=$?
[ $status = 143 ] || fail "after SIGTERM tools/vm exits with $status"
