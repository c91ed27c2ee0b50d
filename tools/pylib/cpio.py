# SPDX-License-Identifier: BSD-2-Clause
"""Writes newc cpio archives, the same bytes for the same content: no times, no host ids."""
import stat


class Archive:
    """Parents must be added before what they contain, as the kernel unpacks in this order."""

    def __init__(self):
        self._parts = []
        self._inode = 0

    def _entry(self, path, mode, data=b"", rdev=(0, 0)):
        self._inode += 1
        name = path.lstrip("/").encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name), 0)
        header = b"070701" + b"".join(b"%08x" % f for f in fields) + name
        for part in (header, data):
            self._parts.append(part + bytes(-len(part) % 4))

    def directory(self, path, mode=0o755):
        self._entry(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        self._entry(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor, mode=0o600):
        self._entry(path, stat.S_IFCHR | mode, rdev=(major, minor))

    def to_bytes(self):
        self._entry("TRAILER!!!", 0)
        data = b"".join(self._parts)
        self._parts.pop()
        return data
