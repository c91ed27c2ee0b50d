#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What hot calls do to shared memory, counted by a kernel of its own (kernel/base/count.c): the
# descriptor look-up and the walk of cached names write none. Shows the table; fails if they do, or
# if the kernel has locked instructions that are not counted.
. tests/vm/lib.inc

kernel=build/count/banos.elf
[ -f $kernel ] || fail "$kernel is not built"

# All atomic operations of C are calls of count.c, which alone may hold locked instructions (exchange
# with memory is one without the prefix). The others are in assembly, and known:
#   arch_user_cmpxchg32      a word of the program's, for futexes
objdump -d --no-show-raw-insn $kernel | awk '
	/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name) }
	/\tlock / || /\txchg .*\(/ || /\txchg .*%[c-gs]s:/ { print name }' | sort -u |
	grep -Ev '^(__tsan_.*|count_.*|arch_user_cmpxchg32)$' >"$work/locked"
[ -s "$work/locked" ] && {
	cat "$work/locked"
	fail "locked instructions that are not counted"
}

expect_status 0 tools/vm -kernel $kernel -timeout 200 -put build/tests/vm/operations -- /put/operations
cat "$work/out"
