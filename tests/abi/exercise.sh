#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# In the guest: exercise.sh FOLDER ... installs every driver in the folders and sees that it works.
# Prints a line for each, "FOLDER/NAME: good" or what was wrong.

wrong() { problem="$problem; $*"; }
logged() { dmesg | tail -n 20 | grep -q "$1" || wrong "the log does not say '$1'"; }
equal() { [ "$1" = "$2" ] || wrong "'$1' instead of '$2'"; }

use_hello() { logged 'hello: Hello from a driver'; }
use_core() { logged 'core: [0-9]* expectations, 0 not met'; }
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

try() {
	problem=
	name=$(basename "$1" .banos)
	driver=${name%%-*}
	if banos install "$1" >/tmp/install 2>&1; then
		"use_$driver"
		[ "$driver" = exporter ] || banos remove "$driver" >/tmp/remove 2>&1 || wrong "$(cat /tmp/remove)"
	else
		wrong "$(cat /tmp/install)"
	fi
	echo "$folder/$name: ${problem:-good}"
}

for folder in "$@"; do
	# Alphabetical: the importer comes after the exporter, and with it goes what it needs.
	for object in "$folder"/*.banos; do
		try "$object"
	done
	problem=
	banos remove exporter >/tmp/remove 2>&1 || echo "$folder: $(cat /tmp/remove)"
done
banos list | awk 'NR > 1 && $1 != "serial" { print "stayed: " $0 }'
