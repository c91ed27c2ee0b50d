#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Images that change, or whose pages go, while the kernel reads them: refused or installed, on a
# kernel that checks addresses. Then a good driver is installed as ever.
. tests/vm/lib.inc

mkdir "$work/c"
for t in image meta; do
	build/tests/host/test_driver_$t "$work/c" >"$work/log" || fail "$(cat "$work/log")"
done
gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -pthread -Wall -Wextra -Werror tests/vm/driver_changing.c \
	-o "$work/changing" || fail "driver_changing.c does not compile"
expect_status 0 tools/vm -kernel build/kasan/banos.elf -smp 2 -timeout 200 -put "$work/c:/c" \
	-put "$work/changing" -- \
	'/put/changing /c /lib/banos/hello.banos && banos install /lib/banos/hello.banos && banos remove hello'
expect_line '^driver_changing: 0 wrong$'
# Both happen, else nothing was changed in time.
expect_line '^pairs, refusals:.* [1-9][0-9]* ENOEXEC.*; [1-9][0-9]* as the good image: EOPNOTSUPP$'
expect_line '^pairs: 0 installed, [1-9][0-9]{2,} refused, 0 not there$'
expect_line '^driver: [1-9][0-9]* installed, [1-9][0-9]* refused, 0 not there$'
expect_line '^gone: [1-9][0-9]* installed, 0 refused, [1-9][0-9]* not there$'
expect_line '^cut: 0 installed, [1-9][0-9]* refused, [1-9][0-9]* not there$'
