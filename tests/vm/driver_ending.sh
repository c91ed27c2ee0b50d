#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How drivers end: quiesce, then uninit, both of which may refuse; no uninit; the machine goes. And a
# dependency that must not be too new. In banos-host and in a guest.
. tests/vm/host.inc

# object NAME OPTION ... : ending.c
object() {
	name=$1
	shift
	banos-cc -O2 -Wall -Wextra -Werror "$@" -o "$work/$name.banos" tests/vm/ending.c \
		>"$work/log" 2>&1 || fail "ending.c does not compile: $(cat "$work/log")"
}
object ending
object stays -DNO_UNINIT
object old '-DMAXIMUM=BANOS_VERSION_MAKE(1,1,65535)'
object new '-DMAXIMUM=BANOS_VERSION_MAKE(1,2,0)'

too_new='driver ending needs driver exporter 1.1.65535 or older, but 1.2.0 is installed: install an older one, or a newer ending'

# --- banos-host ---
cd "$work" || exit 1
for by in quiesce uninit; do
	expect_status 0 banos-host ending.banos refuse=$by -- \
		"remove ending -> EPERM ~ \"driver ending refuses to go: $by returned EPERM\"" \
		'cat /dev/ending0' 'remove ending; cat /dev/ending0 -> ENOENT'
	expect_line '^works$'
	[ "$(grep -c 'ending: quiesce$' err)" = 2 ] || fail "quiesce: $(cat err)"
done
[ "$(grep -c 'ending: uninit$' err)" = 2 ] || fail "uninit: $(cat err)"
# In the order in which they come.
[ "$(sed -n 's/.*ending: \(quiesce\|uninit\)$/\1/p' err | tr '\n' ' ')" = 'quiesce uninit quiesce uninit ' ] ||
	fail "not in this order: $(cat err)"
expect_status 0 banos-host stays.banos -- \
	'remove ending -> EBUSY ~ "driver ending has no uninit: it cannot be removed"' \
	'cat /dev/ending0; shutdown'
expect_line 'ending: shutdown, 0$' err
expect_status 0 banos-host "$drivers/exporter.banos" -- \
	"install old.banos -> ENOENT ~ \"$too_new\"" 'install new.banos -> 1' \
	'remove exporter -> EBUSY ~ "is needed by ending"' 'remove ending; remove exporter'

# --- a guest ---
cat >run <<'END2'
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
for by in quiesce uninit; do
	try banos install /put/ending.banos refuse=$by
	dmesg -c >/dev/null
	try banos remove ending
	try cat /dev/ending0
	try banos remove ending
	try ls /dev/ending0
	echo "$by: $(dmesg -c | sed -n 's/.*ending: \(quiesce\|uninit\)$/\1/p' | tr '\n' ' ')"
done
try banos install /lib/banos/exporter.banos
try banos install /put/old.banos
try banos install /put/new.banos
try banos remove exporter
try banos remove ending
try banos install /put/stays.banos
try banos remove ending
try cat /dev/ending0
END2
cd "$root" || exit 1
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 2 -timeout 100 -log "$work/console" \
	-put "$work/ending.banos" -put "$work/stays.banos" -put "$work/old.banos" \
	-put "$work/new.banos" -put "$work/run:/run.sh" -- sh /run.sh
for by in quiesce uninit; do
	expect_line "driver ending refuses to go: $by returned EPERM"
done
[ "$(grep -c '^banos remove ending -> [^0]' "$work/out")" = 3 ] || fail "refusals: $(cat "$work/out")"
[ "$(grep -c '^banos remove ending -> 0' "$work/out")" = 3 ] || fail "removals: $(cat "$work/out")"
[ "$(grep -c '^works$' "$work/out")" = 3 ] || fail "it does not work after it has refused"
[ "$(grep -c '^ls /dev/ending0 -> [^0]' "$work/out")" = 2 ] || fail "the device has stayed"
expect_line '^quiesce: quiesce quiesce uninit $'
expect_line '^uninit: quiesce uninit quiesce uninit $'
expect_line "$too_new"
expect_line '^banos install /put/new.banos -> 0'
expect_line 'driver exporter is needed by ending, which must be removed first'
expect_line 'driver ending has no uninit: it cannot be removed'
[ "$(grep -c 'ending: shutdown, 0' "$work/console")" = 1 ] ||
	fail "the driver has not been told of the end: $(tail "$work/console")"
