#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# echo l >/proc/sysrq-trigger: every processor says in the log where it is, the idle ones and the one that
# is asked.
. tests/vm/lib.inc

command='dmesg -c >/dev/null
echo l >/proc/sysrq-trigger
n=0 # nobody waits for the answers
while [ "$(dmesg | grep -c "processor [0-3], thread")" -lt 4 ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
dmesg'
expect_status 0 tools/vm -smp 4 -timeout 60 -- "$command"
for cpu in 0 1 2 3; do
	expect_line "processor $cpu, thread [a-z]"
done
expect_line 'store_sysrq\+0x'
expect_line 'sched_idle_loop\+0x|idle_main\+0x'
