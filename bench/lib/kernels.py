# SPDX-License-Identifier: BSD-2-Clause
"""Debian's kernels, fetched as packages and unpacked, not installed."""
import glob
import lzma
import os
import re
import subprocess

# The cloud kernel of Debian 12, and the newer one beside it.
META = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}


# What the rows of drivers install: the smallest module with an init of its own, and one that is
# mostly tables.
MODULES = {"small": "nls_utf8", "large": "nls_cp949"}


class Unavailable(Exception):
    pass


def _apt(*words, cwd=None):
    r = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if r.returncode:
        raise Unavailable(f"{' '.join(words)}: {r.stderr.strip() or r.stdout.strip()}")
    return r.stdout


def _image_package(meta):
    depends = _apt("apt-cache", "depends", meta)
    m = re.search(r"Depends: (linux-image-\S+)", depends)
    if not m:
        raise Unavailable(f"apt knows no package {meta}: is Debian's archive in its sources?")
    return m.group(1)


def linux(version, folder, say):
    """The path of the kernel's image; fetched once."""
    unpacked = os.path.join(folder, version)
    found = glob.glob(os.path.join(unpacked, "boot/vmlinuz-*"))
    if found:
        return found[0]
    package = _image_package(META[version])
    say(f"fetching {package}")
    os.makedirs(unpacked, exist_ok=True)
    # apt may drop its rights, and then needs a folder that it can enter; it can do without.
    _apt("apt-get", "download", package, cwd=unpacked)
    deb = glob.glob(os.path.join(unpacked, f"{package}_*.deb"))[0]
    _apt("dpkg-deb", "-x", deb, unpacked)
    os.remove(deb)
    found = glob.glob(os.path.join(unpacked, "boot/vmlinuz-*"))
    if not found:
        raise Unavailable(f"{package} has no boot/vmlinuz")
    return found[0]


def module(version, folder, name):
    """The bytes of a module of a kernel that was fetched."""
    pattern = os.path.join(folder, version, "lib/modules/*/kernel/fs/nls", name + ".ko*")
    found = glob.glob(pattern)
    if not found:
        raise Unavailable(f"Linux {version} has no module {name}")
    opened = lzma.open(found[0]) if found[0].endswith(".xz") else open(found[0], "rb")
    with opened as f:
        return f.read()
