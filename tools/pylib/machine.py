# SPDX-License-Identifier: BSD-2-Clause
"""One run of the kernel in QEMU, as tools/vm and tests/run need it.

The guest has three serial lines. COM1 is the console and carries the kernel's log, into a file.
COM2 carries the output of the command, and nothing else, so that it is clean for binary data.
COM3 carries one line from init, "exit N". COM2 and COM3 are pipes to this process.

What ends a run, in the order of precedence: a panic in the log; a status on COM3; the time limit;
QEMU going away without any of them. On a panic the kernel resets the machine (panic=-1), and
-no-reboot turns the reset into the end of QEMU.
"""
import ctypes
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time

from cpio import Archive
from layout import DIRECTORIES, merged, parents

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KERNEL = os.path.join(ROOT, "build/release/banos.elf")
TEST_KERNEL = os.path.join(ROOT, "build/test/banos.elf")
KASAN_KERNEL = os.path.join(ROOT, "build/kasan/banos.elf")
INITRAMFS = os.path.join(ROOT, "build/initramfs.cpio")

PANIC = re.compile(rb"^(?:\[ *[0-9.]+\] )?PANIC: ", re.MULTILINE)
# How long a machine may take to stop after its panic or its status.
GRACE_SECONDS = 10
# How much longer a silent machine that computes is waited for.
BUSY_FACTOR = 4


class Failure(Exception):
    """The run could not be started; the text says why and what to do."""


class Result:
    """outcome is 'exit' (then status holds), 'panic', 'timeout' or 'stopped'; log is bytes."""

    def __init__(self, outcome, status, log, powered_off):
        self.outcome = outcome
        self.status = status
        self.log = log
        self.powered_off = powered_off

    def last_lines(self, count=30):
        return self.log.decode(errors="replace").replace("\r", "").splitlines()[-count:]

    def panic_text(self):
        found = PANIC.search(self.log)
        return self.log[found.start():].decode(errors="replace").replace("\r", "") if found else ""


class Payload:
    """The second archive behind the initramfs: the command, drivers and files of one run."""

    def __init__(self):
        self._archive = Archive()
        self._made = set()
        self._drivers = 0

    def _make_parents(self, path):
        for parent in parents(path):
            if parent not in self._made:
                self._made.add(parent)
                self._archive.directory(parent, DIRECTORIES.get(parent, 0o755))

    def _add(self, path, data, mode):
        path = merged(path)
        self._make_parents(path)
        self._archive.file(path, data, mode)

    def command(self, text):
        self._add("/vm/command", text.encode(errors="surrogateescape"), 0o644)

    def driver(self, host_path):
        self._add(f"/vm/drivers/{self._drivers:02}-{os.path.basename(host_path)}",
                  _read(host_path), 0o644)
        self._drivers += 1

    def put(self, host_path, guest_path):
        """A file with its mode, or a folder with all that is in it. Symbolic links are followed."""
        if os.path.isdir(host_path):
            guest_path = merged(guest_path)
            self._make_parents(guest_path)
            self._archive.directory(guest_path, os.stat(host_path).st_mode & 0o7777)
            self._made.add(guest_path)
            for name in sorted(os.listdir(host_path)):
                self.put(os.path.join(host_path, name), guest_path.rstrip("/") + "/" + name)
        else:
            data = _read(host_path)
            self._add(guest_path, data, os.stat(host_path).st_mode & 0o7777)

    def to_bytes(self):
        return self._archive.to_bytes()


def _read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        raise Failure(f"{path}: {e.strerror}") from e


def cpu_seconds(pid):
    """Processor time that a process of ours has used."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def busy(pid, before, seconds):
    """Has it used a noticeable part of a processor meanwhile? An idle machine uses next to none."""
    return cpu_seconds(pid) - before > seconds * 0.05


# Looked up here: between fork and exec of a process with threads little is safe.
_prctl = ctypes.CDLL(None).prctl
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    # Even when this process is killed with -9, its QEMU does not stay behind.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    def __init__(self, kernel=KERNEL, initramfs=INITRAMFS, payload=None, smp=1, memory="256M",
                 append="", disks=(), icount=False, machine="q35", log=None, extra=(),
                 archives=()):
        for path in (kernel, initramfs, *archives):
            if not os.path.exists(path):
                raise Failure(f"{path} does not exist: run make first")
        self.kernel = kernel
        self.initramfs = initramfs
        self.archives = archives  # unpacked behind the initramfs, before the payload
        self.payload = payload
        self.smp = smp
        self.memory = memory
        self.append = append
        self.disks = disks
        self.icount = icount
        self.machine = machine
        self.log = log
        self.extra = extra

    def _arguments(self, initrd, log, output_fd, control_fd):
        def escape(path):
            return path.replace(",", ",,")

        args = ["qemu-system-x86_64", "-machine", self.machine, "-cpu", "max",
                "-smp", str(self.smp), "-m", self.memory, "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", "-kernel", self.kernel, "-initrd", initrd,
                "-append", f"panic=-1 {self.append}".strip(),
                "-chardev", f"file,id=log,path={escape(log)}", "-serial", "chardev:log",
                "-chardev", f"file,id=out,path=/dev/fd/{output_fd}", "-serial", "chardev:out",
                "-chardev", f"file,id=ctl,path=/dev/fd/{control_fd}", "-serial", "chardev:ctl"]
        if self.icount:
            args += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm",
                     "-seed", "1"]
        for i, disk in enumerate(self.disks):
            if not os.path.exists(disk):
                raise Failure(f"{disk}: no such disk image")
            args += ["-drive", f"if=none,id=disk{i},format=raw,file={escape(disk)}",
                     "-device", f"virtio-blk-pci,disable-legacy=on,drive=disk{i}"]
        return args + list(self.extra)

    def _write_initrd(self, path):
        with open(path, "wb") as f:
            for archive in (self.initramfs, *self.archives):
                data = _read(archive)
                f.write(data + bytes(-len(data) % 4))
            if self.payload:
                f.write(self.payload.to_bytes())

    def run(self, timeout, on_output=None, quiet_limit=None):
        """Boots and waits. on_output(bytes) gets COM2 as it arrives. Returns a Result.

        With quiet_limit, a guest that writes nothing on any line for so many seconds is taken for
        hung, which is as good as its time limit; for several times as many if it computes: on a
        busy host all that processors say to each other takes long.
        """
        with tempfile.TemporaryDirectory(prefix="banos-vm-") as folder:
            initrd = os.path.join(folder, "initrd")
            log = self.log or os.path.join(folder, "log")
            self._write_initrd(initrd)
            open(log, "wb").close()
            output_read, output_write = os.pipe()
            control_read, control_write = os.pipe()
            qemu = None
            try:
                qemu = subprocess.Popen(
                    self._arguments(initrd, log, output_write, control_write),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    pass_fds=(output_write, control_write), preexec_fn=_die_with_parent)
                for fd in (output_write, control_write):
                    os.close(fd)
                output_write = control_write = -1
                return self._watch(qemu, log, output_read, control_read, timeout, on_output,
                                   quiet_limit or timeout)
            except FileNotFoundError as e:
                raise Failure("qemu-system-x86_64 is not installed: run tools/setup") from e
            finally:
                if qemu:
                    qemu.kill()
                    qemu.wait()
                    qemu.stdout.close()
                for fd in (output_read, control_read, output_write, control_write):
                    if fd >= 0:
                        os.close(fd)

    def _watch(self, qemu, log, output_read, control_read, timeout, on_output, quiet_limit):
        control = qemu_text = b""
        deadline = time.monotonic() + timeout
        limit = deadline  # moves closer once only the machine's stop is awaited
        timed_out = False
        last_sign, sign_cpu = time.monotonic(), cpu_seconds(qemu.pid)
        with selectors.DefaultSelector() as selector, open(log, "rb") as log_file:
            seen = b""
            for fd in (output_read, control_read, qemu.stdout.fileno()):
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                now = time.monotonic()
                if now >= limit or now >= last_sign + quiet_limit * BUSY_FACTOR:
                    timed_out = True
                    break
                if now >= last_sign + quiet_limit and not busy(qemu.pid, sign_cpu, now - last_sign):
                    timed_out = True
                    break
                for key, _ in selector.select(min(0.25, limit - now)):
                    data = os.read(key.fd, 65536)
                    last_sign, sign_cpu = time.monotonic(), cpu_seconds(qemu.pid)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == output_read:
                        if on_output:
                            on_output(data)
                    elif key.fd == control_read:
                        control += data
                    else:
                        qemu_text += data
                log_part = log_file.read()
                if log_part:
                    seen += log_part
                    last_sign, sign_cpu = time.monotonic(), cpu_seconds(qemu.pid)
                if limit == deadline and (b"\n" in control or PANIC.search(seen)):
                    limit = min(deadline, time.monotonic() + GRACE_SECONDS)
            if not timed_out:
                qemu.wait()
            seen += log_file.read()
        if qemu_text:
            seen += b"\nqemu: " + qemu_text
        return self._judge(seen, control, timed_out)

    @staticmethod
    def _judge(log, control, timed_out):
        status = re.search(rb"^exit (\d+)\r?\n", control, re.MULTILINE)
        if PANIC.search(log):
            return Result("panic", None, log, not timed_out)
        if status:
            return Result("exit", int(status.group(1)), log, not timed_out)
        return Result("timeout" if timed_out else "stopped", None, log, not timed_out)
