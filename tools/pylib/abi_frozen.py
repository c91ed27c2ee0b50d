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
SHT_SYMTAB = 2
SYMBOL_SIZE = 24
# In kernel/arch/x86_64/kernel.ld.
TABLE_START = "__banos_export_start"
TABLE_END = "__banos_export_end"


class ImageError(Exception):
    """What is wrong with a kernel that is looked at."""


def number(version):
    return tuple(map(int, version.split(".")))


def versions():
    """Those that are frozen, the oldest first."""
    names = os.listdir(FROZEN) if os.path.isdir(FROZEN) else []
    return sorted((n for n in names if re.fullmatch(r"\d+\.\d+", n)), key=number)


class Image:
    """An ELF file, by the addresses that it is linked for."""

    def __init__(self, data):
        if data[:5] != b"\x7fELF\x02":
            raise ImageError("it is no ELF file of 64 bits: give a kernel")
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

    def words(self, address, length):
        """The words from an address on; all in one segment."""
        offset = self.offset(address)
        if offset is None or (length and self.offset(address + length - 1) != offset + length - 1):
            raise ImageError(f"{length} bytes at {address:#x} are not in the image")
        return struct.unpack_from(f"<{length // 8}Q", self.data, offset)

    def symbols(self):
        """name -> address; none when it is stripped."""
        table, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        heads = [struct.unpack_from("<IIQQQQII", self.data, table + i * size) for i in range(count)]
        found = {}
        for _, kind, _, _, offset, length, link, _ in heads:
            if kind != SHT_SYMTAB:
                continue
            names = heads[link][4]
            for at in range(offset, offset + length, SYMBOL_SIZE):
                name, _, _, _, value = struct.unpack_from("<IBBHQ", self.data, at)
                end = self.data.index(b"\0", names + name)
                found[self.data[names + name:end].decode("ascii", "replace")] = value
        return found

    def table_of_exports(self):
        """Names in the table of exports, which symbols of the linker script bound."""
        symbols = self.symbols()
        if TABLE_START not in symbols or TABLE_END not in symbols:
            raise ImageError(f"it has no symbols {TABLE_START} and {TABLE_END}: give a kernel that is "
                             "not stripped")
        start = symbols[TABLE_START]
        names = [self.text(name) for name in self.words(start, symbols[TABLE_END] - start)[::2]]
        if "" in names:
            raise ImageError("its table of exports has an entry without a name")
        return names

    def longest_table(self):
        """The same of an image without symbols: of all rows of a pointer to a name and a pointer to
        what it is, the longest. A shorter one only looks like exports."""
        longest = []
        for address, _, length in self.segments:
            words = self.words(address, length // 8 * 8)
            rows = [[], []]  # one ends at the last even word, one at the last odd one
            for i, (name, what) in enumerate(zip(words, words[1:])):
                text = ""
                # Of 64 bits few are addresses in the image, so this is looked at first.
                if name >> 32 == 0xffffffff and self.offset(what) is not None:
                    text = self.text(name)
                rows[i % 2] = rows[i % 2] + [text] if re.fullmatch(r"banos_\w+", text) else []
                longest = max(longest, rows[i % 2], key=len)
        return longest


def exports_of(path):
    """What a kernel with symbols exports, sorted."""
    with open(path, "rb") as f:
        data = f.read()
    try:
        return sorted(Image(data).table_of_exports())
    except ImageError as e:
        raise ImageError(f"{path}: {e}") from e


def exports(version):
    """By the list that tools/abi_freeze has written; 0.9 was kept before there were lists."""
    path = os.path.join(FROZEN, version, "exports")
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            return set(f.read().split())
    with lzma.open(os.path.join(FROZEN, version, "kernel.elf.xz")) as f:
        return set(Image(f.read()).longest_table())


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
