#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The files that show which locks were waited for: off at first, a table, cleared by 0. That waits are
# counted is shown by kernel/sched/lock_test.
. tests/vm/lib.inc

command='cd /proc
cat sys/kernel/lock_stat
echo 2 >sys/kernel/lock_stat 2>/dev/null || echo refused
echo 1 >sys/kernel/lock_stat
cat sys/kernel/lock_stat
for i in 1 2 3 4; do (find / -xdev | wc -l >/dev/null) & done; wait
awk "NR > 1 && (NF != 4 || \$2 < 1 || \$4 > \$3) { print \"bad: \" \$0 }" lock_stat
head -n 1 lock_stat
echo 0 >sys/kernel/lock_stat
echo 0 >lock_stat
wc -l <lock_stat'
expect_status 0 tools/vm -smp 2 -timeout 200 -- "$command"
expect_output '0
refused
1
class                       waits         total ns     longest ns
1'
