#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel image as loaders see it: Multiboot2 header, PVH note, no segment writable and executable."""

import struct
import sys

image = open("build/release/banos.elf", "rb").read()


def fail(text):
    print(text)
    sys.exit(1)


# Multiboot2, 3.1.1: in the first 32 KiB, 8-byte aligned, the four words sum to 0.
at = image.find(struct.pack("<I", 0xE85250D6), 0, 32768)
if at < 0 or at % 8:
    fail("no Multiboot2 header in the first 32 KiB")
magic, arch, length, checksum = struct.unpack_from("<4I", image, at)
if (magic + arch + length + checksum) & 0xFFFFFFFF or arch != 0:
    fail("the Multiboot2 header's checksum is wrong")
tags, pos = {}, at + 16
while pos < at + length:
    kind, _flags, size = struct.unpack_from("<HHI", image, pos)
    tags[kind] = image[pos + 8:pos + size]
    if kind == 0:
        break
    pos += (size + 7) & ~7
if 0 not in tags or 3 not in tags:
    fail(f"the Multiboot2 header lacks its end or entry tag: {sorted(tags)}")
entry = struct.unpack("<I", tags[3])[0]

phoff, = struct.unpack_from("<Q", image, 32)
phentsize, phnum = struct.unpack_from("<HH", image, 54)
loads, notes = [], []
for i in range(phnum):
    kind, flags, offset, vaddr, paddr, filesz, memsz, _ = struct.unpack_from(
        "<IIQQQQQQ", image, phoff + i * phentsize)
    if kind == 1:
        loads.append((flags, paddr, memsz))
        if flags & 1 and flags & 2:
            fail(f"segment {i} is writable and executable")
    if kind == 4:
        notes.append((offset, filesz))
if not any(f & 1 and p <= entry < p + m for f, p, m in loads):
    fail(f"the Multiboot2 entry {entry:#x} is in no executable segment")
for offset, _ in notes:
    namesz, descsz, kind = struct.unpack_from("<3I", image, offset)
    if image[offset + 12:offset + 16] == b"Xen\0" and kind == 18:
        pvh = struct.unpack_from("<Q", image, offset + 16)[0]
        if any(f & 1 and p <= pvh < p + m for f, p, m in loads):
            sys.exit(0)
        fail(f"the PVH entry {pvh:#x} is in no executable segment")
fail("no PVH note")
