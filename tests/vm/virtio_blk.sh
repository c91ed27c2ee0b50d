#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The disk that tools/vm -disk attaches: found by banos probe, read and written, also by several
# processes at once, what it holds afterwards, read-only ones, blocks of 4,096 bytes, lines instead of
# messages, removal, a disk that does not answer. On the test kernel, which checks locks.
. tests/vm/lib.inc

gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Iinclude -Isdk/include -Wall -Wextra -Werror tests/vm/block.c -o "$work/block" ||
	fail "block.c does not compile"
head -c 3000000 /dev/urandom >"$work/data"
cp "$work/data" "$work/disk"
truncate -s 8M "$work/disk"
truncate -s 1M "$work/second"
printf 'second disk' | dd of="$work/second" conv=notrunc 2>/dev/null
cat >"$work/run" <<'END'
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
try banos probe
cat /proc/partitions
cmp -n 3000000 /put/data /dev/vda && echo "disk is as the host made it"
dd if=/dev/vdb bs=11 count=1 2>/dev/null; echo
(echo x >/dev/vdb) 2>&1
cat /sys/block/vda/size
# Several at once, at its end, and the beginning anew.
/put/block load /dev/vda 4 || exit 1
dd if=/put/data of=/dev/vda bs=1000 skip=1000 seek=5000 count=2000 2>/dev/null
dd if=/dev/vda of=/dev/null bs=1M 2>&1 | grep -o '8+0 records in'
exec 9</dev/vda
try banos remove virtio-blk
exec 9<&-
try banos remove virtio
try banos remove virtio-blk
try banos install /lib/banos/virtio-blk.banos
cmp -n 11 /dev/vdb - <<-X && echo again
	second disk
X
try banos remove virtio-blk
try banos remove virtio
for i in 1 2 3 4 5; do
	banos probe >/dev/null
	dd if=/dev/vda of=/dev/null bs=64k count=20 2>/dev/null || echo BAD
	banos remove virtio-blk >/dev/null && banos remove virtio >/dev/null || echo STUCK
done
ls /dev/vd* 2>&1
dmesg | grep -E 'virtio|block v'
END

# run MACHINE SMP QEMU-DEVICE-WORDS
run() {
	expect_status 0 tools/vm -kernel build/test/banos.elf -machine $1 -smp $2 -timeout 200 \
		-disk "$work/disk" \
		-qemu "-drive if=none,format=raw,readonly=on,id=b,file=$work/second -device virtio-blk-pci,drive=b,$3" \
		-put "$work/data" -put "$work/block" -put "$work/run:/run.sh" -- sh /run.sh
	expect_line '^disk is as the host made it'
	expect_line '^second disk$'
	expect_line "can't create /dev/vdb: Permission denied"
	expect_line '^ 259 +0 +8192 vda$'
	expect_line '^ 259 +1 +1024 vdb$'
	expect_line '^16384$'
	expect_line '^block load: as the model'
	expect_line '^8\+0 records in'
	expect_line 'driver virtio-blk is in use'
	expect_line 'driver virtio is needed by virtio-blk'
	expect_line '^again$'
	expect_line 'ls: /dev/vd\*: No such file'
	! grep -Eq 'STUCK|BAD|left a|returned' "$work/out" || fail "a driver broke a rule"
	cmp -i 1000000:5000000 -n 2000000 "$work/data" "$work/disk" || fail "the disk is not as written"
	cp "$work/data" "$work/disk"
	truncate -s 8M "$work/disk"
}
run q35 2 disable-legacy=on,logical_block_size=4096,physical_block_size=4096
run pc 1 vectors=0
run q35 4 disable-modern=off

# A disk that lets ten bytes a second through, behind a first request: others are late, it is reset.
cat >"$work/slow" <<'END'
banos install /lib/banos/virtio.banos
banos install /lib/banos/virtio-blk.banos timeout=300
dd if=/dev/vda of=/tmp/x bs=64k count=1 2>/dev/null
dd if=/dev/vda of=/tmp/x bs=64k count=1 skip=50 2>&1
banos remove virtio-blk
banos remove virtio
dmesg | grep -E 'virtio|block v'
END
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 2 -timeout 200 -put "$work/slow:/run.sh" \
	-qemu "-drive if=none,format=raw,id=s,file=$work/disk,throttling.bps-total=10 -device virtio-blk-pci,drive=s" \
	-- sh /run.sh
expect_line 'dd: /dev/vda: Input/output error'
expect_line 'virtio-blk 0000:00:[0-9.]*: it does not answer: reset'
expect_line '^virtio-blk: instance [0-9]+ removed'
expect_line '^virtio: instance [0-9]+ removed'

# A disk that changes its size while it is used: told by the machine's monitor.
truncate -s 1M "$work/disk"
printf 'the end' | dd of="$work/disk" bs=1 seek=1048569 conv=notrunc 2>/dev/null
cat >"$work/grow" <<'END'
banos probe >/dev/null
exec 9<>/dev/vda
wait_size() { until [ "$(cat /sys/block/vda/size)" = $1 ]; do sleep 0.1; done; }
wait_size 2048
tail -c 7 /dev/vda; echo
echo "ready to grow"
wait_size 16385
grep vda /proc/partitions
dd if=/dev/vda bs=512 skip=16384 2>/dev/null | cmp -n 512 - /dev/zero && echo "zeroes behind the old end"
printf 'new end' | dd of=/dev/vda bs=1 seek=8389113 2>/dev/null
sync
echo "ready to shrink"
wait_size 1024
dd if=/dev/vda of=/dev/null bs=512 2>&1 | grep records.in
exec 9<&-
banos remove virtio-blk
banos remove virtio
END
# say AFTER TEXT : to the monitor, once the guest has printed AFTER
say() {
	until grep -q "$1" "$work/out"; do
		[ -e "$work/out" ] || exit 1
		sleep 0.1
	done
	python3 - "$work/monitor" "$2" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		seen = b""
		for text in (b"", sys.argv[2].encode() + b"\n"):
		    s.sendall(text)
		    while not seen.endswith(b"(qemu) "):
		        seen += s.recv(4096)
		    seen = b""
	END
}
for vectors in 2 1 0; do
	: >"$work/out"
	(say "ready to grow" "block_resize d 8389120B" && say "ready to shrink" "block_resize d 524288B") &
	expect_status 0 tools/vm -kernel build/test/banos.elf -smp 2 -timeout 120 \
		-put "$work/grow:/run.sh" -qemu "-monitor unix:$work/monitor,server=on,wait=off" \
		-qemu "-drive if=none,format=raw,id=d,file=$work/disk -device virtio-blk-pci,drive=d,vectors=$vectors" \
		-- sh /run.sh
	wait
	expect_line '^the end$'
	expect_line '^ 259 +0 +8192 vda$'
	expect_line '^zeroes behind the old end$'
	expect_line '^1024\+0 records in'
	expect_line '^virtio: instance [0-9]+ removed'
	truncate -s 1M "$work/disk"
	printf 'the end' | dd of="$work/disk" bs=1 seek=1048569 conv=notrunc 2>/dev/null
done
