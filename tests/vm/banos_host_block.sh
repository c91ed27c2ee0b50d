#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Block devices in banos-host: our RAM disk, good and bad, as it is and instrumented, in many orders
# of events and with each allocation failing; what a driver of a disk does wrong is found and named.
. tests/vm/host.inc

instrumented ramdisk drivers/block/ramdisk/ramdisk.c
instrumented faulty tests/vm/faulty_block.c
cp tests/vm/ramdisk.test "$work"
cd "$work" || exit 1

# --- the RAM disk ---
for f in "$drivers/ramdisk.banos" ramdisk.banos; do
	expect_status 0 banos-host --script ramdisk.test "$f" size=256
	expect_status 0 banos-host --runs 10 --script ramdisk.test "$f" size=256
done
expect_status 0 banos-host --fail-allocs ramdisk.banos size=256 -- 'open ram0 as d' \
	'write d noise:1:8192; read d 8192 at 0; zero d 0 512; discard d 0 4096; store ram0 "resize 9"' \
	'read d 512 at 512; store ram0 vanish; close d; remove ramdisk'
# Requests of a few pieces, few at a time; completed by a thread, the last first; several queues.
expect_status 0 banos-host --runs 5 --script ramdisk.test ramdisk.banos size=256 segments=2 depth=3 \
	take=1
expect_status 0 banos-host --runs 5 --script ramdisk.test ramdisk.banos size=256 hold=1 delay=200 \
	queues=3 depth=4
expect_status 0 banos-host --runs 5 --cpus 4 ramdisk.banos size=512 block=4096 queues=4 hold=1 -- \
	'open ram0 as d; start a exercise d 60; start b exercise d 60; exercise d 60; wait a; wait b'
# It cannot do much, or nothing.
expect_status 0 banos-host ramdisk.banos plain=1 -- 'open ram0 as d; zero d 0 512 -> EOPNOTSUPP' \
	'discard d 0 512 -> EOPNOTSUPP; flush d; write d noise:1:512 fua; read d 512 at 0 -> noise:1:512'
expect_status 0 banos-host ramdisk.banos readonly=1 -- 'open ram0 as d; write d zero:512 -> EROFS' \
	'zero d 0 512 -> EROFS; read d 512 -> zero:512; exercise d 20'
expect_status 0 banos-host -- "install ramdisk.banos" "install ramdisk.banos -> 1" \
	'open ram1; size ram1 -> 16777216; user 1000; open ram0 -> EACCES'
# Lost requests: the disk is reset and they are offered again, but not for ever; time is virtual.
expect_status 0 banos-host -v --runs 5 ramdisk.banos timeout=500 -- 'open ram0 as d; store ram0 "lose 1"' \
	'write d noise:1:8192; read d 8192 at 0 -> noise:1:8192; show ram0 -> ~ "^resets 1$"' \
	'store ram0 "lose 3"; read d 512 at 0 -> EIO; show ram0 -> ~ "^resets 4$"'
expect_line 'block ram0: a request is late' err
# Those that a thread holds are forgotten with them, but for the ones that are only slow.
expect_status 0 banos-host --runs 5 ramdisk.banos hold=1 delay=50 timeout=100 -- 'open ram0 as d' \
	'start a exercise d 20; start b exercise d 20; store ram0 "lose 2"; exercise d 20; wait a; wait b' \
	'show ram0 -> ~ "^resets [12]$"'
expect_status 0 banos-host --runs 5 ramdisk.banos hold=1 delay=2000000 timeout=100 -- 'open ram0 as d' \
	'start a write d noise:1:512; read d 512 at 512; wait a; read d 512 at 0 -> noise:1:512' \
	'show ram0 -> ~ "^resets 0$"'
# The device may go in the middle.
expect_status 0 banos-host --runs 5 ramdisk.banos hold=1 -- 'open ram0 as d; store ram0 "lose 1"' \
	'start r read d 512; pending r; store ram0 vanish; wait r -> ENODEV; flush d -> ENODEV'
# A device that has gone does not keep its driver; programs close it later.
expect_status 0 banos-host --runs 5 ramdisk.banos -- 'open ram0 as d; remove ramdisk -> EBUSY' \
	'store ram0 vanish; remove ramdisk; read d 512 -> ENODEV'

# --- what a driver does wrong ---
use='open faulty as d; write d noise:1:8192; write d noise:2:8192 at 8192 -> *; read d 16384 at 0 -> *'
# right FAULT : it is none.
right() {
	expect_status 0 banos-host faulty.banos what="$1" -- "$use"
	expect_status 0 banos-host --runs 3 faulty.banos what="$1" -- "$use"
}
# finds FAULT LINE
finds() {
	expect_status 1 banos-host faulty.banos what="$1" -- "$use"
	expect_line "$2" err
	expect_status 1 banos-host --seed 3 faulty.banos what="$1" -- "$use"
	expect_line "$2" err
}
here='driver faulty: faulty, queue 0:'
right ''
right lost
right late
right poke
finds twice "$here completed a request that it does not have"
finds foreign "$here completed a request that it does not have"
finds old "$here completed a request that it does not have"
finds untaken "$here a request is done that was not taken"
finds toomany "$here submit took [0-9]+ requests of [0-9]+"
finds status "$here a completion's status is no error \(.*, status 5,"
finds residual "$here a completion's residual is not of its request"
finds nothing "$here a completion without error has done nothing"
finds scribble "$here the public part of a request has been changed"
finds corrupt "$here data that was to be written has been changed"
finds wrong 'block faulty: block [0-9]+ is not what was written to it'
finds stride 'faulty_block.c:[0-9]+:[0-9]+: runtime error: null pointer|driver faulty, (move|memcpy)\+0x'
finds queue 'driver faulty, [a-z_]+\+0x[0-9a-f]+: banos_x_block_requeue of queue 1 of faulty, which has 1'
finds sleep 'calls banos_sleep_ns, which may sleep, in submit of a block device'
finds liar "$here timeout says that a request is done which is not"
expect_line 'further complaints are not shown' err
finds more 'hang: what was asked for does not end'
finds refuse "$here refused requests when it had none, and takes some now, but never said"
finds after 'banos_x_block_done of faulty, which was unregistered'
finds forget 'driver faulty: it left a block device behind'
finds use 'use-after-poison'
finds beyond 'heap-buffer-overflow'
expect_status 1 banos-host faulty.banos what=shift
expect_line 'init failed with EINVAL' err
expect_status 1 banos-host ramdisk.banos -- 'open ram0 as d; write d noise:1:512; read d 512 at 0 -> zero:512'

# --- commands ---
# malformed COMMAND MESSAGE
malformed() {
	expect_status 2 banos-host ramdisk.banos -- 'open ram0 as d' "$1"
	expect_line "$2" err
}
malformed 'poll d' 'that is no character device'
malformed 'read d' 'read: how many bytes\?'
malformed 'read d 512 fua' 'a word that does not belong here'
malformed 'write d noise:7' 'the bytes are malformed'
malformed 'discard d 0' 'discard: how many bytes\?'
malformed 'flush e' 'no file of that name is open'
