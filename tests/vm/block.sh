#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Block devices: RAM disks that are good, slow, out of order, bad or gone, and what programs see of
# them. On the test kernel, which checks locks.
. tests/vm/lib.inc

gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Iinclude -Isdk/include -Wall -Wextra -Werror tests/vm/block.c -o "$work/block" ||
	fail "block.c does not compile"
cat >"$work/run" <<'END'
cd /lib/banos
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
free_kb() { sleep 1; awk '/^MemFree/ {print $2}' /proc/meminfo; }

echo "== good"
try banos install ramdisk.banos size=4096
ls -l /dev/ram0 | cut -c1-10
cat /proc/partitions /sys/block/ram0/size
/put/block all /dev/ram0 || exit 1
dd if=/bin/busybox of=/dev/ram0 bs=3000 2>/dev/null
cmp -n $(stat -c %s /bin/busybox) /bin/busybox /dev/ram0 && echo same
dd if=/dev/ram0 of=/tmp/whole bs=64k 2>&1 | sed -n 's/^\([0-9]*+[0-9]*\) records in/in \1/p'
echo 3 >/dev/null; sync
dd if=/tmp/whole of=/dev/ram0 bs=1M 2>&1 | sed -n 's/^\([0-9]*+[0-9]*\) records out/out \1/p'
dd if=/dev/zero of=/dev/ram0 bs=1M 2>&1 | grep -o 'No space left on device'
rm /tmp/whole
exec 9</dev/ram0
try banos remove ramdisk
exec 9<&-
awk '{print "diskstats", NF, $1, $3, ($4 > 0), ($8 > 0)}' /proc/diskstats
try banos remove ramdisk
ls /dev/ram0 /sys/block/ram0 2>&1

echo "== bad"
try banos install ramdisk.banos size=1048577 block=1000
try banos install ramdisk.banos size=64 readonly=1
(echo x >/dev/ram0) 2>&1
dd if=/dev/ram0 bs=4k 2>/dev/null | wc -c
try banos remove ramdisk
try banos install ramdisk.banos size=4096 plain=1 block=512 segments=2 take=1
/put/block all /dev/ram0 || exit 1
try banos remove ramdisk

echo "== lost"
try banos install ramdisk.banos size=1024 timeout=50
echo lose 1 >/proc/driver/ram0
dd if=/bin/busybox of=/dev/ram0 bs=64k count=4 2>/dev/null
cmp -n 262144 /bin/busybox /dev/ram0 && echo found
awk '/^resets/ {print "lost", ($2 > 0)}' /proc/driver/ram0
echo resize 100 >/proc/driver/ram0
cat /sys/block/ram0/size
dd if=/dev/ram0 bs=1k 2>/dev/null | wc -c
try banos remove ramdisk

echo "== load"
for how in "" "hold=1 depth=4 queues=2" "hold=1 delay=500 take=2 plain=1"; do
	banos install ramdisk.banos size=4096 $how >/dev/null
	/put/block load /dev/ram0 3 || exit 1
	banos remove ramdisk >/dev/null || echo STUCK
done

echo "== gone"
for how in "" "hold=1 delay=300000"; do
	banos install ramdisk.banos size=4096 $how >/dev/null
	/put/block vanish /dev/ram0 || exit 1
	try banos remove ramdisk
done
# The disk is slow; reads and a sync are on the way when it goes.
banos install ramdisk.banos size=4096 hold=1 delay=10000000 >/dev/null
for i in 1 2 3; do dd if=/dev/ram0 of=/dev/null bs=64k skip=$((i * 8)) 2>/tmp/dd$i & done
until grep -q '^waiting [3-9]' /proc/driver/ram0; do sleep 0.1; done
echo vanish >/proc/driver/ram0
wait
cat /tmp/dd? | grep -c -o 'No such device'
try banos remove ramdisk

echo "== rounds"
round() {
	banos install ramdisk.banos size=1024 $1 >/dev/null
	dd if=/bin/busybox of=/dev/ram0 bs=64k count=8 2>/dev/null
	[ "$2" ] && echo vanish >/proc/driver/ram0
	banos remove ramdisk >/dev/null || echo STUCK
}
for i in 1 2 3; do round hold=1; round "" vanish; done
before=$(free_kb)
for i in 1 2 3 4 5 6 7 8; do round; round hold=1; round queues=3 vanish; done
after=$(free_kb)
[ $((before - after)) -lt 600 ] && echo "memory is back" || echo "before $before after $after"

echo "== more than memory"
banos install ramdisk.banos size=131072 >/dev/null
exec 9</dev/ram0
dd if=/dev/ram0 of=/dev/null bs=1M 2>&1 | grep -o '128+0 records in'
awk '/^Buffers/ {print "buffers", ($2 > 40000), ($2 < 70000)}' /proc/meminfo
# There is room for it only when the pages of the disk are given up.
dd if=/dev/zero of=/dev/null bs=210M count=1 2>&1 | grep -o '1+0 records in'
awk '/^Buffers/ {print "given up", ($2 < 40000)}' /proc/meminfo
dd if=/dev/zero of=/dev/ram0 bs=1M count=60 2>&1 | grep -o '60+0 records out'
exec 9<&-
awk '/^Buffers/ {print "buffers at the end", $2}' /proc/meminfo
banos remove ramdisk >/dev/null || echo STUCK
echo "== log"
dmesg | grep -E 'ramdisk|block '
END

for smp in 1 2 4; do
	expect_status 0 tools/vm -kernel build/test/banos.elf -smp $smp -timeout 240 \
		-put "$work/block" -put "$work/run:/run.sh" -- sh /run.sh
	expect_line '^brw-rw----'
	expect_line '^ 259 +0 +4096 ram0$'
	expect_line '^8192$'
	[ "$(grep -c '^block all: 0 failures' "$work/out")" = 2 ] || fail "not all passed"
	expect_line '^same$'
	expect_line '^in 64\+0$'
	expect_line '^out 4\+0$'
	expect_line 'No space left on device'
	expect_line 'driver ramdisk is in use'
	expect_line '^diskstats 20 259 ram0 1 1$'
	expect_line 'ls: /dev/ram0: No such file'
	expect_line 'ls: /sys/block/ram0: No such file'
	expect_line "can't create /dev/ram0: Permission denied"
	expect_line '^65536$'
	expect_line '^found$'
	expect_line '^lost 1$'
	expect_line '^100$'
	expect_line '^51200$'
	[ "$(grep -c '^block load: as the model' "$work/out")" = 3 ] || fail "the load failed"
	[ "$(grep -c '^block vanish: 0 failures' "$work/out")" = 2 ] || fail "vanishing failed"
	expect_line '^3$'
	! grep -q STUCK "$work/out" || fail "a disk could not be removed"
	expect_line '^memory is back'
	expect_line '^128\+0 records in'
	expect_line '^buffers 1 1$'
	expect_line '^1\+0 records in'
	expect_line '^given up 1$'
	expect_line '^60\+0 records out'
	expect_line '^buffers at the end 0$'
	expect_line 'block ram0: a request is late'
	expect_line 'ramdisk: block=1000 is no power of two'
	! grep -Eq 'driver ramdisk: (ram|.* returned)' "$work/out" || fail "the driver broke a rule"
done
