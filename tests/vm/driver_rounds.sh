#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Drivers come and go, DRIVER_ROUNDS (1000) times, and from four processors at once, on the kernel that
# checks locks: memory in use stays what it was. A few on the one with address checks.
. tests/vm/lib.inc

gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Wall -Wextra -Werror tests/vm/driver_rounds.c \
	-o "$work/rounds" || fail "driver_rounds.c does not compile"
for kernel in ${DRIVER_KERNELS:-test kasan}; do
	rounds=${DRIVER_ROUNDS:-1000}
	[ "$kernel/$rounds" = kasan/1000 ] && rounds=200
	expect_status 0 tools/vm -smp 4 -timeout "${DRIVER_SECONDS:-140}" \
		-kernel build/$kernel/banos.elf -put "$work/rounds" -- \
		"/put/rounds /lib/banos $rounds; s=\$?; banos list | awk 'NR > 1 && \$1 != \"serial\"'; exit \$s"
	expect_output 'one after the other: good
four at once: good'
done
