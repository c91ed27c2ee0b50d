#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest/publish where it needs three processors at once: on four, and on the kernel that stays between
# a new entry and the flush of the old one for a while.
. tests/vm/lib.inc

expect_status 0 tools/vm -smp 4 -timeout 200 -kernel build/test/banos.elf \
	-put build/tests/guest/publish:/publish -- 'cd /tmp
for i in 1 2 3 4 5; do /publish; done | sort | uniq -c | sed "s/^ *//"'
expect_output '5 never written: good
5 of a file: good
5 shared with a child: good'
