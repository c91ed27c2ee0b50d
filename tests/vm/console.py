#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make run` as a person uses it: prompt, line editing, history, job control, reboot, poweroff."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time

PROMPT = rb"banos:[^\n]*# (?:\x1b\[6n)?$"
BOOT_SECONDS = 60
STEP_SECONDS = 20


class Terminal:
    def __init__(self, arguments):
        self.seen = b""
        self.all = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Under `make check` the outer make's flags would reach this one.
            for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
                os.environ.pop(name, None)
            os.environ["TERM"] = "xterm"
            time.sleep(0.3)  # until the size is set
            os.execvp(arguments[0], arguments)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))

    def read_some(self, seconds):
        """Returns False at the end of the program."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        # Both terminals, the guest's and the host's, turn \n into \r\n.
        data = data.replace(b"\r", b"")
        self.seen += data
        self.all += data
        return True

    def expect(self, pattern, what, seconds=STEP_SECONDS):
        """Waits for the pattern in what came since the last call. Returns that text."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            if time.monotonic() > end or not self.read_some(0.2):
                self.fail(f"{what}: did not see {pattern!r}")
        text, self.seen = self.seen, b""
        return text

    def send(self, text):
        os.write(self.fd, text)

    def run(self, command, pattern, what):
        self.send(command + b"\r")
        # Behind the echo of the command and before the next prompt.
        text = self.expect(rb"\n[\s\S]*" + PROMPT, what)
        if not re.search(pattern, text):
            self.fail(f"{what}: no {pattern!r} in the answer")

    def fail(self, why):
        print(why)
        print(self.all.decode(errors="replace")[-3000:])
        self.stop()
        sys.exit(1)

    def stop(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass

    def expect_end(self, what):
        end = time.monotonic() + STEP_SECONDS
        while self.read_some(0.2):
            if time.monotonic() > end:
                self.fail(f"{what}: the machine goes on")
        _, status = os.waitpid(self.pid, 0)
        if status:
            self.fail(f"{what}: make run ended with {status}")


def check_devices(machine):
    with tempfile.TemporaryDirectory() as folder:
        disks = []
        for name in (b"first", b"second"):
            disks.append(os.path.join(folder, name.decode()))
            with open(disks[-1], "wb") as f:
                f.write(name + b" disk\n")
                f.truncate(1 << 20)
        t = Terminal(["make", "-s", "run-vm", "SMP=1", "MACHINE=" + machine,
                      "DISK=" + " ".join(disks), "DEVICES=edu virtio-rng-pci"])
        text = t.expect(PROMPT, f"boot of {machine}", BOOT_SECONDS)
        for driver in (b"edu", b"virtio", b"virtio-blk", b"virtio-rng"):
            if b"/lib/banos/" + driver + b".banos: installed as instance" not in text:
                t.fail(f"{machine}: init has not installed {driver.decode()}")
        t.run(b"head -n 1 /dev/vda; head -n 1 /dev/vdb", rb"\nfirst disk\nsecond disk\n", "disks")
        # Every function of a bus has its driver; bridges need none.
        t.run(b"grep -c -e ' driver=edu' -e ' driver=virtio' /proc/banos/devices", rb"\n7\n",
              "drivers of devices")
        # Ctrl-A X ends QEMU from outside.
        t.send(b"\x01x")
        t.expect_end("Ctrl-A X")


def main():
    t = Terminal(["make", "-s", "run-vm", "SMP=2"])
    t.expect(PROMPT, "boot", BOOT_SECONDS)
    t.run(b"echo $((6*7))", rb"\n42\n", "a command")
    t.run(b"stty size; echo $TERM", rb"33 101\nxterm", "the terminal's size and name")
    t.run(b"echo wrogn\x7f\x7fng", rb"\nwrong\n", "erasing with backspace")
    t.run(b"echo ac\x1b[Db", rb"\nabc\n", "moving with the arrow key")
    t.run(b"\x1b[A", rb"\nabc\n", "the history")
    t.run(b"ec\tho tab", rb"\n.*tab", "completion")
    # Keys to signals, and job control.
    t.send(b"sleep 1000\r")
    t.expect(rb"sleep 1000", "echo")
    time.sleep(1)
    t.send(b"\x03")
    t.expect(PROMPT, "Ctrl-C")
    t.run(b"echo $?", rb"\n130\n", "the status after Ctrl-C")
    t.send(b"sleep 1000\r")
    t.expect(rb"sleep 1000", "echo")
    time.sleep(1)
    t.send(b"\x1a")
    t.expect(rb"Stopped[\s\S]*" + PROMPT, "Ctrl-Z")
    t.run(b"bg", rb"sleep 1000", "bg")
    t.run(b"jobs", rb"Running +sleep 1000", "jobs")
    t.send(b"fg\r")
    time.sleep(1)
    t.send(b"\x03")
    t.expect(PROMPT, "Ctrl-C after fg")
    t.run(b"jobs; echo none", rb"\nnone\n", "no job left")
    # A reader in canonical mode, and the end of file.
    t.send(b"cat\r")
    time.sleep(0.5)
    t.send(b"one\x15two\r")
    t.expect(rb"two\ntwo\n", "Ctrl-U in cat")
    t.send(b"\x04")
    t.expect(PROMPT, "Ctrl-D")
    t.send(b"exit\r")
    t.expect(PROMPT, "a new shell after exit")
    t.send(b"reboot\r")
    # The old shell may prompt once more before it ends.
    t.expect(rb"reboot: restarting[\s\S]*" + PROMPT, "reboot", BOOT_SECONDS)
    t.run(b"echo up again", rb"\nup again\n", "a command after the reboot")
    t.send(b"poweroff\r")
    t.expect_end("poweroff")
    # Devices are there: init has installed their drivers, on either chip set.
    for machine in ("pc", "q35"):
        check_devices(machine)


main()
