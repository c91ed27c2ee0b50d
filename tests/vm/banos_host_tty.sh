#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Terminals in banos-host: a line that leads back to itself, and serial ports against a model of their
# hardware; what a driver of a terminal does wrong is found and named.
. tests/vm/host.inc

instrumented loopline drivers/test/loopline/loopline.c
instrumented serial drivers/tty/serial/serial.c
instrumented faulty tests/vm/faulty_tty.c
model serial serial.c
cp tests/vm/loopline.test tests/vm/serial.test "$work"
cd "$work" || exit 1

for f in "$drivers/loopline.banos" loopline.banos; do
	ways 10 --script loopline.test "$f"
done
expect_status 0 banos-host -- 'install loopline.banos; user 1000; open ttyL0; write ttyL0 "x"' \
	'user 0; install loopline.banos -> EEXIST'

# --- serial ports ---
ports='--device serial.so,com1 --device serial.so,com3'
# shellcheck disable=SC2086  # options are words
for f in "$drivers/serial.banos" serial.banos; do
	ways 8 $ports --script serial.test "$f"
done
# None; all four; two at one place.
expect_status 1 banos-host serial.banos
expect_line 'init failed with ENODEV' err
expect_status 0 banos-host $ports --device serial.so,com2 --device serial.so,com4 serial.banos -- \
	'open ttyS0; open ttyS1; open ttyS2; open ttyS3; user 1000; open ttyS3 as f -> EACCES'
expect_status 0 banos-host --device serial.so,com1 -- \
	'plug serial.so as other com1 -> ENODEV ~ "there is a device at its ports"' \
	'plug serial.so as other com9 -> ENODEV ~ "cannot make a device"'
# They go at any time.
for way in 'remove serial -> EBUSY; close t' 'unplug com1; close t' 'fault com1 dead; close t'; do
	expect_status 0 banos-host --runs 6 --device serial.so,com1 serial.banos -- 'open ttyS0 as t' \
		'send com1 zero:300; start w write t zero:300; sleep 2ms' "$way"
done

# --- what a driver does wrong ---
# finds FAULT LINE
finds() {
	expect_status 1 banos-host --device serial.so,com1 faulty.banos what="$1" -- \
		'open ttyF0 as t; write t "x" -> *; line t 9600'
	expect_line "$2" err
}
expect_status 0 banos-host faulty.banos -- 'open ttyF0 as t; write t "hello"; line t 9600'
where='driver faulty, [a-z_]+\+0x[0-9a-f]+'
finds much 'driver faulty: tx took 9 bytes of 1'
finds line 'driver faulty: set_line has made of it 9600 bits a second, 9 data bits'
finds keep 'driver faulty: tx returned holding a spinlock'
finds sleep "$where: calls banos_sleep_ns, which may sleep, with a spinlock held"
finds rx "$where: banos_x_tty_rx of ttyF0, while it holds the port's lock"
finds status "$where: a byte comes in with the status 77"
finds log "$where: calls banos_log while it holds the lock of a terminal that the kernel's log may"
finds after "$where: banos_x_tty_tx_ready of ttyF0, which was unregistered"
finds forget 'driver faulty: it left a terminal behind'

# --- commands ---
# malformed COMMAND MESSAGE
malformed() {
	expect_status 2 banos-host loopline.banos -- 'open ttyL0 as t' "$1"
	expect_line "$2" err
}
malformed 'poll t' 'that is no character device'
malformed 'ctl t 7' 'terminals have words of their own'
malformed 'line t 9600 9n1' 'a format is like 8n1'
malformed 'modem t +cts' 'lines that can be switched are'
malformed 'break t' 'a break is on or off'
malformed 'send com1 "x"' 'there is no simulated device of that name'
