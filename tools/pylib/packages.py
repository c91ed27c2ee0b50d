# SPDX-License-Identifier: BSD-2-Clause
"""Installed Debian packages, with all that they depend on, as a cpio archive for the guest.

The files are those of this machine, so that a program's run here is the oracle of its run there.
"""
import os
import re
import stat
import subprocess

from cpio import Archive
from layout import DIRECTORIES, MERGED, merged, parents

# Needed by maintainers' scripts only, which do not run in the guest.
NOT_FOLLOWED = {"adduser", "debconf", "dpkg", "init-system-helpers", "install-info", "lsb-base",
                "media-types", "mailcap", "sysvinit-utils", "tzdata", "ucf"}
NOT_COPIED = re.compile(r"/usr/share/(doc|doc-base|man|info|locale|lintian|bug|bash-completion|menu"
                        r"|pixmaps|icons|applications|zoneinfo)(/|$)|/usr/lib/systemd/|/lib/systemd/"
                        r"|/usr/lib/x86_64-linux-gnu/gconv/")


class Missing(Exception):
    """A package is not installed; the text names it."""


def _installed():
    """{name: [name or tuple of alternatives, ...]} and {virtual name: name} of what is installed."""
    result = subprocess.run(
        ["dpkg-query", "-W", "-f",
         "${db:Status-Status}\t${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"],
        check=True, capture_output=True, text=True)
    depends, provides = {}, {}

    def names(field):
        return [[re.split(r"[ (:]", word.strip())[0] for word in group.split("|")]
                for group in field.split(",") if group.strip()]

    for line in result.stdout.splitlines():
        status, name, needs, gives = line.split("\t")
        if status == "installed":
            depends[name] = names(needs)
            for group in names(gives):
                provides.setdefault(group[0], name)
    return depends, provides


def closure(wanted):
    """The packages and what they depend on, in a stable order."""
    depends, provides = _installed()
    found, queue = set(), list(wanted)
    while queue:
        name = queue.pop()
        name = name if name in depends else provides.get(name, name)
        if name in found:
            continue
        if name not in depends:
            raise Missing(f"package {name} is not installed; tools/setup installs what tests need")
        found.add(name)
        for group in depends[name]:
            present = [n for n in group if n in depends or n in provides]
            if present and present[0] not in NOT_FOLLOWED:
                queue.append(present[0])
    return sorted(found)


def _paths(packages):
    result = subprocess.run(["dpkg-query", "-L", *packages], check=True, capture_output=True,
                            text=True)
    return sorted({merged(path) for path in result.stdout.splitlines()
                   if path.startswith("/") and path != "/." and path not in MERGED
                   and not NOT_COPIED.search(path)})


def archive(wanted):
    """The bytes of the archive."""
    out, made = Archive(), set()

    def directory(path, mode):
        if path not in made:
            made.add(path)
            out.directory(path, DIRECTORIES.get(path, mode))

    for path in _paths(closure(wanted)):
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            continue  # dropped by a local dpkg configuration
        if stat.S_ISDIR(info.st_mode):
            directory(path, stat.S_IMODE(info.st_mode))
            continue
        for parent in parents(path):
            directory(parent, 0o755)
        if stat.S_ISLNK(info.st_mode):
            out.symlink(path, os.readlink(path))
        elif stat.S_ISREG(info.st_mode):
            with open(path, "rb") as f:
                out.file(path, f.read(), stat.S_IMODE(info.st_mode))
    return out.to_bytes()
