#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Structures that say their size: a driver hands over each with sizes that are too small or too
# large, that cut a member, or that are of a version to come; in banos-host and on a kernel that
# checks addresses. Both say the same.
. tests/vm/host.inc

model edu edu.c
banos-cc -O2 -Wall -Wextra -Werror -o "$work/sizes.banos" tests/vm/sizes.c >"$work/log" 2>&1 ||
	fail "sizes.c does not compile: $(cat "$work/log")"
instrumented sizes-asan tests/vm/sizes.c

# said : all that was asked is as it should be, and each bad size has a line that names it.
said() {
	expect_line '^sizes: 422 asked, 0 wrong$'
	! grep 'sizes: .*, not ' "$work/$1" || fail "in $1"
	[ "$(grep -cE '(driver sizes|a driver): Banos_[A-Za-z_]*: a size of [0-9]*, which no version' "$work/$1")" = 114 ] ||
		fail "not as many lines about sizes: $(cat "$work/$1")"
	expect_line 'driver sizes: Banos_Chardev_Desc: a size of 12, .*sizeof\(Banos_Chardev_Desc\)' "$1"
	expect_line 'driver sizes: Banos_Dma_Map: byte 31 asks .* knows 24 bytes of it' "$1"
}

# Status 1: bad sizes are faults of the driver, for banos-host. There are no others.
for f in sizes sizes-asan; do
	expect_status 1 banos-host --device "$work/edu.so" "$work/$f.banos" -- 'cat /dev/sizes'
	said err
	! grep -E 'Sanitizer|left|returned' "$work/err" || fail "another fault of $f"
done

# meta NAME MORE SIZE TAIL : metadata of this size, taken if NAME begins with "good".
mkdir "$work/meta"
meta() {
	banos-cc -O2 -c "-DMORE=$2" "-DSIZE=$3" "-DTAIL=$4" -o "$work/meta/$1" tests/vm/sized_meta.c \
		>"$work/log" 2>&1 || fail "sized_meta.c does not compile: $(cat "$work/log")"
	case $1 in
	good*) expect_status 0 banos-host "$work/meta/$1" ;;
	*) expect_status 1 banos-host "$work/meta/$1" && expect_line ': .*(metadata|Banos_Meta)' err ;;
	esac
}
meta good-whole 0 WHOLE 0
meta good-shorter -1 WHOLE-8 0
meta good-longer 1 WHOLE+8 0
meta newer 1 WHOLE+8 1
meta off-by-1 0 WHOLE-1 0
meta off-by-4 0 WHOLE-4 0
meta off-by-8 0 WHOLE-8 0
meta none 0 0 0
meta twelve 0 12 0
meta most 0 ~0u 0
meta most-of-8 0 ~7u 0

cat >"$work/run" <<'END'
banos install /sizes.banos && cat /dev/sizes && banos remove sizes && dmesg
for f in /meta/*; do
	banos install $f >/dev/null 2>&1 && banos remove sized >/dev/null && echo "$f is taken"
done
true
END
expect_status 0 tools/vm -kernel build/kasan/banos.elf -smp 2 -timeout 100 -qemu '-device edu' \
	-put "$work/meta:/meta" -put "$work/sizes.banos:/sizes.banos" -put "$work/run:/run.sh" -- sh /run.sh
said out
for name in whole shorter longer; do
	expect_line "^/meta/good-$name is taken"
done
[ "$(grep -c 'is taken$' "$work/out")" = 3 ] || fail "bad metadata is taken: $(cat "$work/out")"
