#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A terminal of a driver's own: what is sent and received, who keeps whom from going, a line that
# goes while programs have it open and comes back. On the test kernel, which checks locks.
. tests/vm/lib.inc

cat >"$work/run" <<'END'
trap '' HUP # ttyL0 becomes the terminal of this session, and goes
control=/proc/driver/loopline
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
say() { echo $1 >$control; }
raw() { stty raw -echo <$1; }

try banos install /lib/banos/loopline.banos
try banos install /lib/banos/loopline.banos
ls -l /dev/ttyL0 | awk '{print $1, $5, $6}'
cat $control
exec 3<>/dev/ttyL0
stty raw -echo 9600 cs7 parenb cstopb <&3
stty -a <&3 | grep -oE 'speed [0-9]+|cs[78]|-?parenb|-?cstopb'
cat $control
echo hello >&3
head -c 6 <&3
try banos remove loopline

echo "== much"
head -c 30000 /dev/urandom >/tmp/much
cat /tmp/much >&3 &
head -c 30000 <&3 | cmp - /tmp/much && echo same
wait
tail -c +12 $control

echo "== break and error"
stty -ignbrk -brkint parmrk -inpck <&3
say break
head -c 3 <&3 | od -An -tx1
stty inpck -ignpar <&3
say error
head -c 3 <&3 | od -An -tx1

echo "== the line goes"
(cat <&3; echo "cat: $?") &
sleep 0.2
say unregister
wait
(echo x >&3) 2>&1
stty <&3 2>&1
ls /dev/ttyL0 2>&1
cat $control
say register
exec 4<>/dev/ttyL0
raw /dev/ttyL0
echo again >&4
head -c 6 <&4
(echo x >&3) 2>&1
try banos remove loopline
exec 3<&- 4<&-
try banos remove loopline

echo "== a line that waits"
banos install /lib/banos/loopline.banos >/dev/null
say unregister
say wait
say register
exec 3<>/dev/ttyL0
stty raw -echo <&3
cat /tmp/much >&3 &
# Nobody reads until the kernel has no room for more.
carried() { sed 's/.*, \([0-9]*\) bytes/\1/' $control; }
until [ $(carried) -ge 4093 ]; do sleep 0.1; done
head -c 30000 <&3 | cmp - /tmp/much && echo same
wait
say hold
echo abc >&3
(stty 9600 <&3; echo drained) >/tmp/drained &
sleep 0.3
cat /tmp/drained
say go
wait
cat /tmp/drained
head -c 4 <&3
# What comes while nobody has it open is kept.
say hold
echo later >&3
exec 3<&-
say go
exec 3<>/dev/ttyL0
head -c 6 <&3

echo "== a window"
trap 'echo changed' WINCH
say 'window 33 101'
stty size <&3
say 'window 33 101'
say 'window 43 132'
stty size <&3
trap - WINCH
exec 3<&-
banos remove loopline

echo "== again and again"
n=0
while [ $n -lt 50 ]; do
	banos install /lib/banos/loopline.banos >/dev/null || exit 1
	exec 5<>/dev/ttyL0
	(while echo xxxxxxxxxxxxxxxxxxxxxxxxxx >&5; do :; done) 2>/dev/null &
	(while stty 9600 </dev/ttyL0 && stty 38400 </dev/ttyL0; do :; done) 2>/dev/null &
	say unregister
	wait
	exec 5<&-
	say register
	banos remove loopline >/dev/null || exit 1
	n=$((n + 1))
done
echo "rounds: $n"
END
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 4 -timeout 200 \
	-put "$work/run:/run.sh" -- sh /run.sh
sed -i "s/instance [0-9]*/instance N/" "$work/out"
expect_output '/lib/banos/loopline.banos: installed as instance N
banos install /lib/banos/loopline.banos -> 0
banos: /lib/banos/loopline.banos: driver loopline allows one instance, which is there already: remove it first
banos install /lib/banos/loopline.banos -> 1
crw-rw-rw- 204, 9
not receiving, 0 bytes
stty: standard input: cannot perform all requested operations
stty: standard input: Inappropriate ioctl for device
speed 9600
-parenb
cs8
-cstopb
receiving, 0 bytes
hello
banos: loopline: driver loopline is in use: close its devices and try again
banos remove loopline -> 1
== much
same
30006 bytes
== break and error
 ff 00 00
 ff 00 78
== the line goes
cat: 0
sh: write error: Input/output error
stty: standard input: Input/output error
ls: /dev/ttyL0: No such file or directory
no line, 30006 bytes
again
sh: write error: Input/output error
banos: loopline: driver loopline is in use: close its devices and try again
banos remove loopline -> 1
loopline: instance N removed
banos remove loopline -> 0
== a line that waits
same
drained
abc
later
== a window
changed
33 101
changed
43 132
loopline: instance N removed
== again and again
rounds: 50'
