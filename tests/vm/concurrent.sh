#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Two machines at once know nothing of each other, and neither leaves anything behind.
. tests/vm/lib.inc

export TMPDIR="$work"
for name in one two; do
	(
		tools/vm -timeout 120 -- "sleep 2; echo $name; exit 5" >"$work/$name"
		echo $? >"$work/$name.status"
	) &
done
wait
for name in one two; do
	[ "$(cat "$work/$name")" = $name ] || fail "$name printed: $(cat "$work/$name")"
	[ "$(cat "$work/$name.status")" = 5 ] || fail "$name: status $(cat "$work/$name.status")"
done
leftover=$(find "$work" -name 'banos-vm-*')
[ -z "$leftover" ] || fail "left behind: $leftover"
