#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Consoles and serial ports of QEMU: a shell with job control, 200 kB each way that nobody reads at
# once, who keeps the driver from going; devices with several ports: names, who is at the other end,
# ports that go and come. By messages and by line, on the test kernel, which checks locks.
# What is not shown: sizes of windows, which QEMU 7.2 does not tell (vm/tty_driver has those of the
# terminal, host/virtio_console those of the device), and devices that lie (host/virtio_console).
. tests/vm/lib.inc

head -c 200000 /dev/urandom >"$work/data"

# What the host does meanwhile; it reads what the guest prints.
cat >"$work/host.py" <<'END'
import os, re, socket, sys, time

work = sys.argv[1]
out = os.path.join(work, "out")
data = open(os.path.join(work, "data"), "rb").read()


def wait_for(text):
    while text not in open(out).read():
        time.sleep(0.1)


def connect(name):
    s = socket.socket(socket.AF_UNIX)
    while os.path.exists(out):
        try:
            s.connect(os.path.join(work, name))
            return s
        except OSError:
            time.sleep(0.1)
    sys.exit("the test has ended")


class Line:
    def __init__(self, name):
        self.socket = connect(name)
        self.seen = b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self, why):
        data = self.socket.recv(65536)
        if not data:
            sys.exit(f"the line ended before {why!r}: {self.seen[-300:]!r}")
        self.seen += data

    def expect(self, pattern):
        while not (m := re.search(pattern, self.seen)):
            self.more(pattern)
        found, self.seen = self.seen[:m.end()], self.seen[m.end():]
        return found

    def take(self, count):
        while len(self.seen) < count:
            self.more(count)
        found, self.seen = self.seen[:count], self.seen[count:]
        return found


def monitor(text):
    m = Line("monitor")
    m.expect(rb"\(qemu\) ")
    m.send(text.encode() + b"\n")
    m.expect(rb"\(qemu\) ")
END

# --- devices with one port

cat >"$work/single.py" <<'END'
wait_for("shell on hvc0")
shell = Line("c0")
shell.send(b"\r")
prompt = rb"# (\x1b\[6n)?$"
shell.expect(prompt)


def run(command, answer):
    shell.send(command + b"\r")
    shell.expect(rb"\n(?s:.*)" + answer)
    shell.expect(prompt)


run(b"echo $((6*7))", rb"42\r\n")
run(b"tty", rb"/dev/hvc0\r\n")
begin = b"sh -c 'echo be''gun; exec sleep 1000'\r"
shell.send(begin)
shell.expect(rb"begun\r\n")
shell.send(b"\x03")
shell.expect(prompt)
run(b"echo $?", rb"130\r\n")
shell.send(begin)
shell.expect(rb"begun\r\n")
shell.send(b"\x1a")
shell.expect(rb"Stopped")
shell.expect(prompt)
shell.send(b"fg\r")
shell.expect(rb"sleep 1000.\r\n")
# The shell may not have given the terminal away yet: what is typed early is for the shell, too.
while True:
    time.sleep(0.5)
    shell.send(b"\x03")
    shell.socket.settimeout(1)
    try:
        shell.expect(prompt)
        break
    except TimeoutError:
        pass
shell.socket.settimeout(None)
shell.send(b"exit\r")
wait_for("send now")
with open(os.path.join(work, "p.in"), "wb") as f:
    f.write(data)
END
cat >"$work/run" <<'END'
trap '' HUP # a terminal becomes this session's, and goes
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
banos probe | sed 's/.*banos\/\(.*\).banos:.*/\1/'
ls -l /dev/hvc* | awk '{print $1, $5, $6, $10}'
echo "shell on hvc0"
setsid sh -c 'exec sh -i </dev/hvc0 >/dev/hvc0 2>&1'
echo "the shell has ended"
stty raw -echo </dev/hvc1
cat /put/data >/dev/hvc1
stty 9600 </dev/hvc1
exec 3<>/dev/hvc2
stty raw -echo <&3
echo "send now"
sleep 1
try banos remove virtio-console
head -c 200000 <&3 | cmp - /put/data && echo "all has come in"
exec 3<&-
try banos remove virtio
sed 's/0000:00:0[0-9a-f]\.0/ADDRESS/' /proc/driver/virtio-console | tail -n +2
try banos remove virtio-console
ls /dev/hvc0 2>&1
for i in 1 2 3 4 5; do
	banos probe >/dev/null
	(echo x >/dev/hvc0) &
	echo again $i >/dev/hvc1
	stty 9600 </dev/hvc1
	wait
	banos remove virtio-console >/dev/null && banos remove virtio >/dev/null || echo STUCK
done
dmesg | grep -E 'virtio|it left|returned'
END

# single MACHINE SMP QEMU-DEVICE-WORDS
single() {
	rm -f "$work/p.in" "$work/p.out"
	mkfifo "$work/p.in" "$work/p.out"
	: >"$work/out"
	(cat "$work/host.py" "$work/single.py" | python3 - "$work" >"$work/host" 2>&1) &
	host=$!
	cat "$work/p.out" >"$work/echoed" &
	devices=""
	for i in 0 1 2; do
		devices="$devices -device virtio-serial-pci,id=v$i,max_ports=1$3 -device virtconsole,bus=v$i.0,chardev=c$i"
	done
	expect_status 0 tools/vm -kernel build/test/banos.elf -machine $1 -smp $2 -timeout 150 \
		-qemu "-chardev socket,id=c0,path=$work/c0,server=on,wait=off" \
		-qemu "-chardev file,id=c1,path=$work/sent -chardev pipe,id=c2,path=$work/p" \
		-qemu "$devices" -put "$work/data" -put "$work/run:/run.sh" -- sh /run.sh
	wait $host || {
		cat "$work/host"
		fail "the host's side has failed"
	}
	expect_line '^virtio-console$'
	for i in 0 1 2; do
		expect_line "^crw-rw---- 229, $i /dev/hvc$i"
	done
	expect_line '^the shell has ended$'
	expect_line 'driver virtio-console is in use'
	expect_line '^all has come in$'
	expect_line 'driver virtio is needed by virtio-console'
	expect_line '^hvc1 +ADDRESS port 0, 0 in, 200000 out, host open$'
	expect_line 'ls: /dev/hvc0: No such file'
	! grep -Eq 'STUCK|it left|returned|makes no sense' "$work/out" || fail "a driver broke a rule"
	for i in 1 2 3 4 5; do echo "again $i"; done >"$work/lines"
	tail -c 40 "$work/sent" | cmp - "$work/lines" || fail "not as sent the next times"
	head -c 200000 "$work/sent" | cmp - "$work/data" || fail "not as sent"
}
single q35 2 ,disable-legacy=on
single pc 4 ,vectors=0
single q35 1 ,vectors=1

# --- a device with several

cat >"$work/several.py" <<'END'
wait_for("connect one")
one = Line("one")
wait_for("both ways")
import threading
sender = threading.Thread(target=lambda: one.send(data))
sender.start()
if one.take(len(data)) != data:
    sys.exit("port one: not as sent")
sender.join()
wait_for("close one")
one.socket.close()
wait_for("take one away")
monitor("device_del one")
wait_for("bring it back")
monitor("device_add virtserialport,id=one,bus=v.0,nr=1,chardev=again,name=another")
one = Line("again")
one.send(b"hello\n")
if one.take(6) != b"HELLO\n":
    sys.exit("port one: no answer after it was plugged again")
wait_for("unplug the console")
monitor("device_del con")
END
cat >"$work/run" <<'END'
trap '' HUP # a terminal becomes this session's, and goes
try() { "$@" >/tmp/out 2>&1; s=$?; cat /tmp/out; echo "$* -> $s"; }
text=/proc/driver/virtio-console
until_is() { until grep -q "$1" $text; do sleep 0.1; done; }
until_not() { while grep -q "$1" $text; do sleep 0.1; done; }
show() { sed 's/0000:00:0[0-9a-f]\.0/ADDRESS/' $text; }
banos probe >/dev/null
until_is hvc0 && until_is org.banos.one && until_is 'port 2.*two'
ls -l /dev/vport* /dev/hvc* | awk '{print $1, $10}'
show
cat /dev/vport0p1 && echo "nobody at the other end"
(: </dev/vport0p0) 2>&1
echo "connect one"
until_is 'vport0p1.*host open'
exec 3<>/dev/vport0p1
(: </dev/vport0p1) 2>&1
head -c 200000 <&3 >/tmp/in &
echo "both ways"
cat /put/data >&3
wait
cmp /tmp/in /put/data && echo "all has come in"
try banos remove virtio-console
echo "close one"
cat <&3 && echo "the other end has closed"
until_not 'vport0p1.*host open'
(echo blocked >&3; echo "write: $?") 2>&1 &
echo "take one away"
wait
(cat <&3; echo "read: $?") 2>&1
while [ -e /dev/vport0p1 ]; do sleep 0.1; done
exec 3<&-
echo "bring it back"
until_is 'vport0p1.*host open.*another'
exec 3<>/dev/vport0p1
read line <&3
echo $line | tr a-z A-Z >&3
exec 3<&-
echo "for the file" >/dev/vport0p2
stty raw -echo </dev/hvc0
echo "for the console" >/dev/hvc0
stty 9600 </dev/hvc0
show
exec 4<>/dev/hvc0
(cat <&4; echo "console: $?") 2>&1 &
echo "unplug the console"
wait
while [ -e /dev/hvc0 ]; do sleep 0.1; done
exec 4<&-
for i in 1 2 3 4 5; do
	banos remove virtio-console >/dev/null && banos remove virtio >/dev/null || echo STUCK
	banos probe >/dev/null
done
until_is 'port 2.*two'
echo "and again" >/dev/vport0p2
banos remove virtio-console
ls /dev/vport* 2>&1
banos remove virtio
dmesg | grep -E 'virtio|it left|returned'
END

# several MACHINE SMP QEMU-DEVICE-WORDS
several() {
	: >"$work/out"
	(cat "$work/host.py" "$work/several.py" | python3 - "$work" >"$work/host" 2>&1) &
	host=$!
	expect_status 0 tools/vm -kernel build/test/banos.elf -machine $1 -smp $2 -timeout 150 \
		-qemu "-monitor unix:$work/monitor,server=on,wait=off" \
		-qemu "-chardev file,id=con,path=$work/console -chardev file,id=two,path=$work/two" \
		-qemu "-chardev socket,id=one,path=$work/one,server=on,wait=off" \
		-qemu "-chardev socket,id=again,path=$work/again,server=on,wait=off" \
		-qemu "-device virtio-serial-pci,id=v$3 -device virtconsole,id=con,bus=v.0,nr=0,chardev=con" \
		-qemu "-device virtserialport,id=one,bus=v.0,nr=1,chardev=one,name=org.banos.one" \
		-qemu "-device virtserialport,bus=v.0,nr=2,chardev=two,name=two" \
		-put "$work/data" -put "$work/run:/run.sh" -- sh /run.sh
	wait $host || {
		cat "$work/host"
		fail "the host's side has failed"
	}
	expect_line '^hvc0 +ADDRESS port 0, 0 in, 0 out.*'
	expect_line '^vport0p1 +ADDRESS port 1, 0 in, 0 out, org.banos.one$'
	expect_line '^vport0p2 +ADDRESS port 2, 0 in, 0 out, host open, two$'
	expect_line '^nobody at the other end$'
	expect_line "can't open /dev/vport0p0: No such device or address"
	expect_line "can't open /dev/vport0p1: Device or resource busy"
	expect_line '^all has come in$'
	expect_line 'driver virtio-console is in use'
	expect_line '^the other end has closed$'
	expect_line '^write: 1$'
	expect_line '^read: 1$'
	expect_line '^console: 0$'
	expect_line '^virtio: instance [0-9]+ removed'
	! grep -Eq 'STUCK|it left|returned|makes no sense' "$work/out" || fail "a driver broke a rule"
	[ "$(cat "$work/console")" = "for the console" ] || fail "the console did not get its line"
	[ "$(cat "$work/two")" = "for the file
and again" ] || fail "port two did not get its lines"
}
several q35 2 ,disable-legacy=on
several pc 4 ,vectors=0,max_ports=3
several q35 2 ,max_ports=7
