#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The life of drivers: what programs do with a device of theirs, who keeps whom from being removed,
# what is forgotten, rules that are broken, the lock. On the test kernel, which checks locks.
. tests/vm/lib.inc

gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -pthread -Iinclude -Isdk/include -Wall -Wextra -Werror tests/vm/mailbox.c \
	-o "$work/mailbox" || fail "mailbox.c does not compile"
gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -pthread -Wall -Wextra -Werror -Iinclude \
	-Idrivers/test/guard tests/vm/guard.c -o "$work/guard" || fail "guard.c does not compile"
cat >"$work/run" <<'END'
cd /lib/banos
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
breaks() { # RULE: it is noticed, the kernel goes on, the driver can go
	try banos install breaker.banos
	(echo $1 >/dev/breaker) 2>&1
	try banos remove breaker
}

echo "== device"
try banos install mailbox.banos capacity=4096
/put/mailbox || exit 1
cat /proc/driver/mailbox
ls -l /dev/mailbox0 | cut -c1-10
minor=$(stat -c %T /dev/mailbox0)
exec 9</dev/mailbox0
try banos remove mailbox
banos list
exec 9<&-
try banos remove mailbox
ls /dev/mailbox0 /proc/driver/mailbox 2>&1
try banos install mailbox.banos capacity=0
try banos install mailbox.banos capacity=many
try banos install mailbox.banos size=1
try banos install mailbox.banos
try banos install mailbox.banos capacity=1
set -- $(banos list | awk '$1 == "mailbox" { print $3 }')
banos info $2 | sed -n 's/^parameters/second/p'
ls /dev/mailbox*
[ $(stat -c %T /dev/mailbox0) != $minor ] || echo "the minor is used again at once"
try banos remove $1
try banos remove $2

try banos info mailbox.banos
try banos info ./importer.banos
try banos info /etc/passwd
: >/tmp/empty
try banos install /tmp/empty
insmod /tmp/empty 2>&1

echo "== who asks, and for what"
try banos install guard.banos
/put/guard || exit 1
try banos remove guard

echo "== something has the name of the node"
touch /dev/guard /dev/mailbox0 /dev/ram0
try banos install guard.banos
try banos install ramdisk.banos
try banos install mailbox.banos
ls /dev/guard /dev/mailbox* /dev/ram0 | sed 's/^/node: /'
rm /dev/guard /dev/mailbox0 /dev/ram0
try banos remove mailbox
try banos install guard.banos
try banos remove guard
try banos install ramdisk.banos
try banos remove ramdisk

echo "== dependencies"
try banos install importer.banos
try banos install exporter.banos
try banos install picky.banos
try banos install importer.banos
try banos remove exporter
banos info importer | grep uses
try banos remove importer
try banos remove exporter

echo "== rules"
for rule in spin interrupts direction mutex unlock epoch exit itself restart; do
	breaks $rule
done
for thing in timer thread queue pool deferred interrupt ports crowd; do
	breaks $thing
done
for rule in spin interrupts mutex; do
	try banos install breaker.banos init=$rule
done
try banos install breaker.banos
try banos install breaker.banos
try banos remove breaker
banos list

echo "== made by an ordinary user's thread"
try banos install breaker.banos
su nobody -s /bin/sh -c 'echo device >/dev/breaker'
ls -l /dev/breaker-more/0 | cut -c1-10
try banos remove breaker
ls /dev/breaker-more

echo "== opened while init fails"
# Who opens waits for init, and then there is nothing: nobody gets in and waits in there.
(until cat /dev/breaker 2>&1 | grep 'No such device'; do :; done; touch /tmp/waited) &
while [ ! -e /tmp/waited ]; do banos install breaker.banos init=late >/dev/null 2>&1; done
wait
(while [ ! -e /tmp/stop ]; do (: </dev/breaker) 2>/dev/null; done) &
(while [ ! -e /tmp/stop ]; do cat /dev/breaker >/dev/null 2>&1; done) &
for i in 1 2 3 4 5 6 7 8; do banos install breaker.banos init=late >/dev/null 2>&1 && echo LATE; done
touch /tmp/stop
wait
try banos install breaker.banos
try banos remove breaker

echo "== Linux's own"
insmod mailbox.banos capacity=77; lsmod | grep mailbox; rmmod mailbox; lsmod | grep mailbox
insmod hello.banos
(su nobody -s /bin/sh -c 'banos remove hello; banos lock; insmod /lib/banos/hello.banos') 2>&1
try banos lock
try banos install hello.banos
echo "== log"
dmesg | grep -iE 'driver|breaker'
END
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 4 -timeout 200 \
	-put "$work/mailbox" -put "$work/guard" -put "$work/run:/run.sh" -- sh /run.sh

expect_line '^mailbox: 0 failures'
expect_line '^guard: 0 failures'
expect_line 'driver guard: init failed with EEXIST'
expect_line 'driver ramdisk: init failed with EEXIST'
expect_line '^node: /dev/mailbox1$'
expect_line '^ramdisk: instance [0-9]+ removed'
expect_line '^guard: instance [0-9]+ removed'
expect_line '^empty$'
expect_line '^crw-rw-rw-'
expect_line 'driver mailbox is in use: close its devices and try again'
expect_line '^mailbox +1\.0\.0 +[0-9]+ live +1 +[0-9]+ mailbox0$'
expect_line '^mailbox: instance [0-9]+ removed'
expect_line 'ls: /dev/mailbox0: No such file'
expect_line 'ls: /proc/driver/mailbox: No such file'
expect_line 'parameter capacity=0 is out of range: 1 to 1048576'
expect_line 'parameter capacity=many: give a number'
expect_line 'driver mailbox has no parameter size'
expect_line '^second: capacity=1$'
expect_line '/dev/mailbox1$'
expect_line '^parameter: capacity \(number, 1 to 1048576, else 4096\): bytes it holds'
expect_line '^depends on: exporter from 1\.1\.0$'
expect_line '^depends on: nobody, if it is there$'
expect_line 'banos: /etc/passwd: not a driver that a kernel can load: not an ELF file'
expect_line 'banos: /tmp/empty: too short for an ELF file'
expect_line 'missing symbols: exporter_count'
expect_line 'driver picky needs driver exporter 9\.0\.0 or newer, but 1\.2\.0 is installed'
expect_line '^importer.banos: installed as instance'
expect_line 'driver exporter is needed by importer, which must be removed first'
expect_line '^uses: exporter:'
[ "$(grep -c '^breaker: instance [0-9]* removed' "$work/out")" = 20 ] || fail "a breaker stayed"
expect_line 'driver breaker: write returned holding a spinlock'
expect_line 'driver breaker: write returned with interrupts disabled'
expect_line 'driver breaker: write returned with the direction'
expect_line 'driver breaker: write returned holding a mutex'
expect_line 'driver breaker: a request ended with -512, which is no count of bytes and no error'
expect_line 'driver breaker: write returned having released a spinlock or left an epoch section too often'
expect_line 'driver breaker .instance [0-9]*.: .*: calls banos_mutex_unlock for a mutex that its thread has not locked'
expect_line 'write error: Resource deadlock'
expect_line 'write error: Input/output error'
! grep -q 'used again' "$work/out" || fail 'the next device has the same number'
for thing in timer thread pool 'work queue' 'work item' 'device interrupt' 'range of ports'; do
	expect_line "driver breaker: it left a $thing behind"
done
expect_line 'breaker: deferred twice'
expect_line '^crw-r--r--'
expect_line 'driver breaker: it left a device behind'
expect_line 'init failed with EIO'
expect_line '^cat: .*No such device$'
! grep -q '^LATE' "$work/out" || fail "what failed was installed"
expect_line 'driver breaker: init returned holding a spinlock'
expect_line 'driver breaker: init broke a rule'
expect_line 'driver breaker allows one instance'
expect_line '^mailbox +[0-9]+ +0'
expect_line 'hello: only the superuser can do this'
expect_line 'lock: only the superuser can do this'
expect_line 'drivers are locked until the next boot'
