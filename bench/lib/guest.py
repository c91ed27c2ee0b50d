# SPDX-License-Identifier: BSD-2-Clause
"""One run of the bench's program on one kernel: the same machine for all."""
import os
import subprocess
import time

from cpio import Archive

MEMORY = 256
# QEMU counts every byte that rep movsb moves, so with these the copies would measure the emulator.
CPU = "max,-erms,-fsrm"


def initramfs(program, words, files):
    """words: what the program reads from /bench.words; files: bytes by path."""
    a = Archive()
    for folder in ("bin", "dev", "proc", "tmp"):
        a.directory(folder)
    a.character_device("dev/console", 5, 1)
    with open(program, "rb") as f:
        a.file("init", f.read(), 0o755)
    with open("/bin/busybox", "rb") as f:
        a.file("bin/busybox", f.read(), 0o755)
    for name in ("sh", "true"):
        a.symlink(f"bin/{name}", "busybox")
    for path, content in files.items():
        a.file(path, content)
    words = dict(words, MEMORY_BYTES=MEMORY << 20)
    a.file("bench.words", "".join(f"{k}={v}\n" for k, v in words.items()).encode())
    return a.to_bytes()


class Run:
    """Values by row, and why others have none."""

    def __init__(self, text, problem):
        self.values, self.why = {}, {}
        for line in text.splitlines():
            words = line.split(None, 3)
            if len(words) == 4 and words[0] == "row":
                self.values[words[1]] = (words[2], float(words[3]))
            elif len(words) >= 3 and words[0] == "why":
                self.why[words[1]] = line.split(None, 2)[2]
        self.complete = "bench ends" in text
        self.problem = None if self.complete else problem or "the machine stopped:\n" + text[-1000:]


def run(kernel, append, archive, virtual, smp, on_line=None, timeout=1200, extra=()):
    """archive: a file. on_line is told each row as it comes; extra: more words for QEMU."""
    clock = ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"] if virtual else []
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", *clock, "-cpu", CPU,
               "-smp", str(smp), "-m", str(MEMORY), "-display", "none", "-monitor", "none",
               "-serial", "stdio", "-no-reboot", "-seed", "1", "-nic", "none", "-device", "edu",
               "-kernel", kernel, "-initrd", archive, "-append", append, *extra]
    text, end = b"", time.monotonic() + timeout
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as qemu:
        os.set_blocking(qemu.stdout.fileno(), False)
        problem = None
        while True:
            if time.monotonic() > end:
                problem = f"not done after {timeout} s"
                qemu.kill()
            part = qemu.stdout.read()
            if part:
                text += part
                for line in part.splitlines():
                    if on_line and line.startswith(b"row "):
                        on_line(line.decode(errors="replace"))
            if qemu.poll() is not None and not part:
                break
            time.sleep(0.05)
    return Run(text.decode(errors="replace").replace("\r", ""), problem)
