#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every malformed driver that the host tests make (driver_object.h) is refused by a real kernel as
# well: with the same errno and message, without effect, and without losing memory.
. tests/vm/lib.inc

mkdir "$work/c"
for t in image meta; do
	build/tests/host/test_driver_$t "$work/c" >"$work/log" || fail "$(cat "$work/log")"
done
[ "$(wc -l <"$work/c/list")" -gt 500 ] || fail "the corpus is too small"
gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Wall -Wextra -Werror tests/vm/refused.c \
	-o "$work/refused" || fail "refused.c does not compile"
expect_status 0 tools/vm -smp 2 -timeout 200 -put "$work/c:/c" -put "$work/refused:/refused" -- \
	'/refused /c && grep -v ^serial /proc/modules; echo end'
expect_line '^[0-9]+ asked, 0 wrong$'
tail -n 1 "$work/out" | grep -q '^end' && [ "$(wc -l <"$work/out")" = 2 ] ||
	fail "a driver is there: $(cat "$work/out")"
