#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# In the guest: exercise.sh FOLDER ... installs every driver in the folders and sees that it works; in
# FOLDER/newer are those that need a newer kernel: each is refused with that reason. Prints a line for
# each, "FOLDER/NAME: good" or what was wrong. The machine has QEMU's edu and pci-testdev.

wrong() { problem="$problem; $*"; }
logged() { dmesg | tail -n 20 | grep -q "$1" || wrong "the log does not say '$1'"; }
equal() { [ "$1" = "$2" ] || wrong "'$1' instead of '$2'"; }

use_hello() { logged 'hello: Hello from a driver'; }
use_core() { logged 'core: [0-9]* expectations, 0 not met'; }
use_machine() { logged 'machine: [0-9]* expectations, 0 not met'; }
use_revision0() { logged 'revision0: at work'; }
use_exporter() { :; }
use_importer() { logged 'importer: counted'; }
use_mailbox() {
	device=/dev/$(banos list | awk '$1 == "mailbox" { print $7 }')
	echo some words >"$device" || wrong "cannot be written"
	equal "$(head -n 1 "$device")" 'some words'
	(head -c 5 "$device" >/tmp/got) & # waits: a pending request
	sleep 0.05
	echo late >"$device"
	wait
	equal "$(cat /tmp/got)" late
	grep -q . /proc/driver/mailbox || wrong "its text is empty"
	exec 8<>"$device"
	banos remove mailbox 2>/dev/null && wrong "removed while it is open"
	exec 8<&-
}

use_guard() { "$folder"/guard.run >/tmp/got 2>&1 || wrong "$(cat /tmp/got)"; }
use_edu() {
	text=/proc/driver/edu/0
	echo 10 >$text # an interrupt for a computation, one by itself, transfers both ways
	echo raise 4 >$text
	head -c 3000 /dev/urandom >/tmp/data
	cat /tmp/data >/dev/edu0
	head -c 3000 /dev/edu0 | cmp - /tmp/data || wrong "transfers"
	for line in 'live: yes' 'factorial: 10! = 3628800' 'raised: 4'; do
		grep -q "^$line" $text || wrong "no '$line': $(cat $text)"
	done
}
use_testdev() {
	for space in mmio portio; do
		grep -q "^$space-no-eventfd: 1 bytes, 100 of 100$" /proc/driver/pci-testdev ||
			wrong "$space: $(cat /proc/driver/pci-testdev)"
	done
}

try() {
	problem=
	name=$(basename "$1" .banos)
	driver=${name%%-*}
	installed=$driver
	[ "$driver" = testdev ] && installed=pci-testdev
	if banos install "$1" >/tmp/install 2>&1; then
		"use_$driver"
		[ "$driver" = exporter ] || banos remove "$installed" >/tmp/remove 2>&1 || wrong "$(cat /tmp/remove)"
	else
		wrong "$(cat /tmp/install)"
	fi
	echo "$folder/$name: ${problem:-good}"
}

refuse() {
	problem=
	name=newer/$(basename "$1" .banos)
	banos install "$1" >/tmp/install 2>&1 && wrong "it was installed"
	grep -Eq 'needs Banos ABI [0-9.]+, this kernel has [0-9.]+' /tmp/install || wrong "$(cat /tmp/install)"
	echo "$folder/$name: ${problem:-good}"
}

for folder in "$@"; do
	# Alphabetical: the importer comes after the exporter, and with it goes what it needs.
	for object in "$folder"/*.banos; do
		try "$object"
	done
	problem=
	banos remove exporter >/tmp/remove 2>&1 || echo "$folder: $(cat /tmp/remove)"
	for object in "$folder"/newer/*.banos; do
		[ -e "$object" ] && refuse "$object"
	done
done
banos list | awk 'NR > 1 && $1 != "serial" { print "stayed: " $0 }'
