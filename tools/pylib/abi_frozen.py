# SPDX-License-Identifier: BSD-2-Clause
"""What tests/abi/VERSION keeps of a frozen version of the driver ABI, read back: what its kernel exports,
and what its headers say. Neither is taken from abi/VERSION.abi, which is checked against them."""
import lzma
import os
import re
import struct
import tarfile

from abi_headers import ROOT
from abi_lines import read_lines

FROZEN = os.path.join(ROOT, "tests/abi")
# What the SDK adds to include/banos.
SDK_HEADERS = os.path.join(ROOT, "sdk/include/banos")
PT_LOAD = 1


def number(version):
    return tuple(map(int, version.split(".")))


def versions():
    """Those that are frozen, the oldest first."""
    names = os.listdir(FROZEN) if os.path.isdir(FROZEN) else []
    return sorted((n for n in names if re.fullmatch(r"\d+\.\d+", n)), key=number)


class Image:
    """An ELF file, by the addresses that it is linked for."""

    def __init__(self, data):
        self.data = data
        table, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        self.segments = []  # (address, offset in the file, bytes there)
        for i in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, table + i * size)
            if kind == PT_LOAD:
                self.segments.append((address, offset, length))

    def offset(self, address):
        """Where it is in the file, or None."""
        for first, offset, length in self.segments:
            if first <= address < first + length:
                return offset + address - first
        return None

    def text(self, address):
        offset = self.offset(address)
        if offset is None:
            return ""
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii", "replace")

    def exports(self):
        """Names in the table of exports. The kept image has no symbols, but the table itself is in
        it: a pointer to a name, and one to what it is."""
        names = set()
        for _, offset, length in self.segments:
            words = struct.unpack_from(f"<{length // 8}Q", self.data, offset)
            for name, what in zip(words, words[1:]):
                # Of 64 bits few are addresses in the image, so this is looked at first.
                if name >> 32 == 0xffffffff and self.offset(what) is not None:
                    text = self.text(name)
                    if re.fullmatch(r"banos_\w+", text):
                        names.add(text)
        return names


def exports(version):
    with lzma.open(os.path.join(FROZEN, version, "kernel.elf.xz")) as f:
        return Image(f.read()).exports()


def unpack_headers(version, folder):
    """include/banos of that time into a folder, without what is the SDK's own."""
    own = set(os.listdir(SDK_HEADERS)) if os.path.isdir(SDK_HEADERS) else set()
    os.makedirs(folder)
    with tarfile.open(os.path.join(FROZEN, version, "sdk.tar.xz")) as tar:
        for member in tar.getmembers():
            where, name = os.path.split(member.name)
            if where == "sdk/include/banos" and name.endswith(".h") and name not in own:
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(tar.extractfile(member).read())


def lines(version, work):
    """The lines of its record, anew from its headers."""
    folder = os.path.join(work, version, "banos")
    unpack_headers(version, folder)
    return read_lines(folder, strict=False)[0]
