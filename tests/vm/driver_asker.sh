#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Who a request is from does not change while the program's thread works for the kernel, as it does
# when the driver makes and removes devices in it: a thread of the driver that asks meanwhile is never
# told that an ordinary user is the superuser.
. tests/vm/host.inc

banos-cc -O2 -Wall -Wextra -Werror -o "$work/asker.banos" tests/vm/asker.c >"$work/log" 2>&1 ||
	fail "asker.c does not compile: $(cat "$work/log")"
gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Wall -Wextra -Werror tests/vm/unprivileged.c \
	-o "$work/unprivileged" || fail "unprivileged.c does not compile"
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 2 -timeout 100 \
	-put "$work/asker.banos" -put "$work/unprivileged" -- 'banos install /put/asker.banos &&
	/put/unprivileged && banos remove asker && dmesg | grep "asker: told"'
expect_line 'asker: told [1-9][0-9]{3,} times right, 0 times wrong$'
expect_line '^asker: instance [0-9]+ removed'
