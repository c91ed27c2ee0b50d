#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# virtio in banos-host: a driver that exports to two others, against models of the entropy device and
# of a disk, which do as they should, and lie. Nothing that a device does crashes a driver or keeps it
# from being removed.
. tests/vm/host.inc

instrumented virtio drivers/virtio/virtio/virtio.c drivers/virtio/virtio/ring.c
instrumented virtio-rng drivers/virtio/virtio-rng/rng.c
instrumented virtio-blk drivers/virtio/virtio-blk/virtio-blk.c
instrumented faulty tests/vm/faulty_virtio.c
model virtio-rng virtio.c virtio-queue.c virtio-rng.c
model virtio-blk virtio.c virtio-queue.c virtio-blk.c
cp tests/vm/virtio_blk.test "$work"

# --- the entropy device ---
rng='--device virtio-rng.so virtio.banos virtio-rng.banos'
cd "$work" || exit 1
# shellcheck disable=SC2086  # several words
ways 5 $rng -- 'sleep 1s; show virtio-rng -> ~ "^answers: 1$" ~ "^bytes: [1-6]?[0-9]$"' \
	'sleep 1200s; show virtio-rng -> ~ "^answers: [23]$"; show /proc/banos/devices -> ~ "device=0004 .* driver=virtio-rng$"'
for options in line message line,queue=2 queue=1; do
	expect_status 0 banos-host --runs 2 --device virtio-rng.so,$options virtio.banos virtio-rng.banos \
		-- 'sleep 1s; show virtio-rng -> ~ "^answers: 1$"'
done
# Two, one of which comes later and goes in the middle; drivers come in the other order.
expect_status 0 banos-host --runs 8 virtio.banos virtio-rng.banos -- 'plug virtio-rng.so' \
	'plug virtio-rng.so as second line; sleep 1ms; show virtio-rng -> ~ "^answers: 2$"' \
	'plug virtio-rng.so as third; unplug third; unplug virtio-rng; remove virtio -> EBUSY'
expect_status 1 banos-host virtio-rng.banos
expect_line 'virtio-rng.banos: missing symbols: virtio_queue_add' err

# --- the disk ---
for dir in "$drivers" "$work"; do
	cd "$dir" || exit 1
	for options in '' ,line ,message ,block=4096 ,segments=1,queue=4; do
		expect_status 0 banos-host --runs 2 --device "$work/virtio-blk.so$options" \
			--script "$work/virtio_blk.test" virtio.banos virtio-blk.banos
	done
done
expect_status 0 banos-host --runs 10 --device virtio-blk.so --script virtio_blk.test virtio.banos \
	virtio-blk.banos
expect_status 0 banos-host --fail-allocs --device virtio-blk.so virtio.banos virtio-blk.banos -- \
	'open vda as d; write d noise:1:8192; read d 8192 at 0; zero d 0 512'
# disk OPTIONS WORDS ... : with a disk of a second's patience.
disk() {
	options=$1
	shift
	expect_status 0 banos-host --runs 2 --device virtio-blk.so$options virtio.banos virtio-blk.banos \
		timeout=1000 -- 'open vda as d' "$@"
}
disk ,plain 'zero d 0 512 -> EOPNOTSUPP; discard d 0 512 -> EOPNOTSUPP; flush d; exercise d 20'
disk ,ro 'write d zero:512 -> EROFS; read d 512 -> zero:512; exercise d 20'
disk ,queue=2 'read d 512 at 0 -> EIO; remove virtio-blk -> EBUSY'
disk ,size=1000 'size d -> 512; read d 512 -> zero:512'
expect_status 0 banos-host --device virtio-blk.so,block=8192 virtio.banos virtio-blk.banos
expect_line 'virtio-blk 0000:00:01.0: blocks of 8192 bytes' err

# --- a device that lies, or says nothing ---
# What it has not done right ends with EIO in the end; it is reset meanwhile, and works again when
# it does as it should.
for fault in used-index id other long short silent needs-reset no-vector no-queue features stuck doorbell; do
	case $fault in
	long) want='' ;; # it is cut to what there was room for
	short) want='-> EIO' ;;
	no-vector | no-queue | features | stuck | doorbell) continue ;;
	*) want='-> EIO' ;;
	esac
	disk '' 'write d noise:1:4096 at 0' "fault virtio-blk $fault" "read d 4096 at 0 $want" \
		'fault virtio-blk none; read d 4096 at 8192; read d 4096 at 0 -> noise:1:4096; exercise d 10'
	disk ,line 'write d noise:1:4096 at 0' "fault virtio-blk $fault" 'start a exercise d 5' \
		'start b read d 4096 at 0; exercise d 3 -> *; wait a -> *; wait b -> *'
	# It recovers while it is waited for.
	[ $fault = short ] || disk '' "fault virtio-blk $fault" 'start r read d 4096 at 0; sleep 100ms' \
		'fault virtio-blk none; wait r -> zero:4096'
	# Removal ends, whatever is under way.
	expect_status 0 banos-host --runs 2 --device virtio-blk.so virtio.banos virtio-blk.banos -- \
		"open vda as d; fault virtio-blk $fault; start r read d 4096 at 0; sleep 1ms; unplug virtio-blk" \
		'wait r -> *; read d 512 at 0 -> ENODEV'
	expect_status 0 banos-host --runs 2 virtio.banos virtio-rng.banos -- \
		"plug virtio-rng.so; fault virtio-rng $fault; sleep 1300s; unplug virtio-rng"
done
# A request that comes back twice: the second time is a lie.
disk '' 'fault virtio-blk twice; write d noise:1:4096 at 0; fault virtio-blk none' 'read d 4096 at 0 -> noise:1:4096'
# It cannot be set up again after a reset: it is given up.
for fault in stuck features no-vector no-queue doorbell; do
	disk '' 'write d noise:1:512 at 0' "fault virtio-blk silent; start r read d 512 at 0; sleep 1ms" \
		"fault virtio-blk none; fault virtio-blk $fault; wait r -> EIO; read d 512 at 0 -> EIO"
	expect_status 0 banos-host --runs 2 virtio.banos virtio-blk.banos -- \
		"plug virtio-blk.so as a; fault a $fault; open vda; unplug a"
done
# From the beginning: probe fails, and says why.
for kind in blk rng; do
	for fault in stuck features no-vector no-queue doorbell generation; do
		[ $kind-$fault = rng-generation ] && continue
		expect_status 0 banos-host --seed 2 virtio.banos -- "plug virtio-$kind.so as x" \
			"fault x $fault; install virtio-$kind.banos; open vda -> ENOENT" "fault x none"
		expect_line "driver virtio-$kind: device virtio 0000:00:01.0: probe failed with" err
	done
done
# Interrupts are lost: the request is late, the driver looks for itself.
disk '' 'fault virtio-blk mute; read d 4096 at 0 -> zero:4096; fault virtio-blk none; exercise d 5'
disk ,line 'fault virtio-blk mute; read d 4096 at 0 -> zero:4096'
disk '' 'fault virtio-blk spurious; read d 512 at 0; fault virtio-blk spurious; exercise d 5'
disk '' 'fault virtio-blk dead; read d 512 at 0 -> EIO; fault virtio-blk none'

# --- what a driver does wrong ---
# finds FAULT LINE
finds() {
	expect_status 1 banos-host --device virtio-rng.so virtio.banos faulty.banos what="$1"
	expect_line "$2" err
}
expect_status 0 banos-host --device virtio-rng.so virtio.banos faulty.banos
finds early 'device virtio-rng: queue 0 is told of requests, but DRIVER_OK is not set'
finds foreign 'device virtio-rng writes [0-9]+ bytes at 0x123456000, but the driver has not given it'
finds empty 'device virtio-rng: a descriptor has flags 0x2 and 0 bytes'
finds order 'device virtio-rng: a buffer to be read stands behind one to be written'
finds read 'device virtio-rng: a request with 16 bytes to be read, and room for 0'
