#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Devices on PCI, on both machines, one behind a bridge: what is found, registers in memory and in
# ports, interrupts by message and by line, transfers; and what a driver forgets.
. tests/vm/lib.inc

cat >"$work/run" <<'END'
cd /lib/banos
try() { "$@" 2>&1 || echo "$* failed with $?"; }
use() { # NUMBER
	echo 10 >/proc/driver/edu/$1
	echo raise $((4 + $1)) >/proc/driver/edu/$1
	head -c 3000 /dev/urandom >/tmp/data
	cat /tmp/data >/dev/edu$1
	head -c 3000 /dev/edu$1 | cmp - /tmp/data && echo "edu$1 has carried 3000"
	echo rest >/tmp/data
	dd if=/tmp/data of=/dev/edu$1 bs=8 seek=511 2>/dev/null
	tail -c +4089 /dev/edu$1 | head -n 1
	grep -E '^(live|factorial|raised|threads)' /proc/driver/edu/$1
}
cut -d' ' -f1,3,4 /proc/banos/devices
try banos install pci-testdev.banos
grep no-eventfd /proc/driver/pci-testdev
for kind in any line; do
	echo "== $kind"
	try banos install edu.banos interrupt=$kind
	ls /dev/edu*
	use 0
	use 1
	grep edu /proc/interrupts | sed 's/.*\(IO-APIC\|PCI-MSI\).*-/\1 /'
	grep -c driver=edu /proc/banos/devices
	try banos remove edu
	grep -c edu /proc/interrupts
	ls /dev/edu* 2>&1
done
try banos remove pci-testdev
if [ -e /put/pci_reset.banos ]; then
	try banos install /put/pci_reset.banos
	try banos remove pci-reset
fi
for rule in remove probe driver storm spin thread; do
	echo "== $rule"
	try banos install /put/forgetful.banos rule=$rule
	grep -c driver=forgetful /proc/banos/devices
	if [ $rule = storm ]; then
		while ! grep -q 'a storm' /proc/interrupts; do sleep 0.2; done
		echo "it was a storm"
	fi
	if [ $rule = thread ]; then
		while ! dmesg | grep -q 'in the thread'; do sleep 0.2; done
	fi
	try banos remove forgetful
	grep -c driver= /proc/banos/devices
done
try banos install edu.banos
use 0
dmesg | grep -E 'forgetful|nobody|pci-reset:'
END
for name in forgetful pci_reset; do
	BANOS_CC=gcc build/sdk/banos-sdk-*/bin/banos-cc -O2 -isystem build/uapi \
		-o "$work/$name.banos" tests/vm/$name.c || fail "$name.c does not compile"
done
for machine in q35 pc; do
	devices="-device edu -device pci-testdev"
	if [ $machine = q35 ]; then
		devices="$devices -device ioh3420,id=b,chassis=1 -device ioh3420,id=c,chassis=2"
		devices="$devices -device virtio-rng-pci,disable-legacy=on,aer=on,bus=c"
		put="-put $work/pci_reset.banos"
	else
		devices="$devices -device pci-bridge,id=b,chassis_nr=1"
		put=
	fi
	expect_status 0 tools/vm -machine $machine -kernel build/test/banos.elf -smp 2 -timeout 120 \
		-qemu "$devices -device edu,bus=b" $put -put "$work/forgetful.banos" -put "$work/run:/run.sh" -- sh /run.sh
	[ "$(grep -c '^pci vendor=1234 device=11e8$' "$work/out")" = 2 ] || fail "not two devices"
	expect_line '^mmio-no-eventfd: 1 bytes, 100 of 100$'
	expect_line '^portio-no-eventfd: 1 bytes, 100 of 100$'
	[ "$(grep -c 'edu[01] has carried 3000' "$work/out")" = 5 ] || fail "transfers"
	[ "$(grep -c '^rest$' "$work/out")" = 5 ] || fail "transfers at the end"
	[ "$(grep -c '^factorial: 10! = 3628800$' "$work/out")" = 5 ] || fail "factorials"
	[ "$(grep -c '^raised: [45]$' "$work/out")" = 5 ] || fail "interrupts"
	[ "$(grep -c '^threads: 1$' "$work/out")" = 5 ] || fail "threads of interrupts"
	[ "$(grep -c '^PCI-MSI edge *edu$' "$work/out")" = 2 ] || fail "messages"
	expect_line '^IO-APIC level *edu'
	[ "$(grep -c 'No such file' "$work/out")" = 2 ] || fail "the nodes stayed"
	[ $machine = pc ] || expect_line 'pci-reset: 1 lists of errors, no such: -2, reset: 0$'
	expect_line 'it was a storm'
	for thing in 'device interrupt' 'mapping for transfers' 'buffer for transfers' \
		'context of transfers' 'mapping of registers'; do
		expect_line "driver forgetful: it left a $thing of device 0000:"
	done
	expect_line 'driver forgetful: it left a device driver behind'
	expect_line 'forgetful: -35 in the thread'
	grep -q 'cannot be taken back' "$work/out" && fail "something stayed"
	expect_line 'forgetful: device pci 0000:.*: probe failed with EIO'
	expect_line 'interrupt IO-APIC [0-9]+ \(forgetful.*\): nobody handled it'
	expect_line "driver forgetful: an interrupt's handler returned holding a spinlock"
done
