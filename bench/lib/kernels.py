# SPDX-License-Identifier: BSD-2-Clause
"""Debian's kernels, fetched as packages and unpacked, not installed."""
import glob
import lzma
import os
import re
import shutil
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


def _package(of, pattern):
    """The package that `of` depends on and whose name matches."""
    m = re.search(rf"Depends: ({pattern})\n", _apt("apt-cache", "depends", of))
    if not m:
        raise Unavailable(f"apt knows no package {of}: is Debian's archive in its sources?")
    return m.group(1)


def _unpack(package, folder):
    os.makedirs(folder, exist_ok=True)
    # apt may drop its rights, and then needs a folder that it can enter; it can do without.
    _apt("apt-get", "download", package, cwd=folder)
    deb = glob.glob(os.path.join(folder, f"{package}_*.deb"))[0]
    _apt("dpkg-deb", "-x", deb, folder)
    os.remove(deb)


def linux(version, folder, say):
    """The path of the kernel's image; fetched once."""
    unpacked = os.path.join(folder, version)
    found = glob.glob(os.path.join(unpacked, "boot/vmlinuz-*"))
    if found:
        return found[0]
    package = _package(META[version], r"linux-image-\S+")
    say(f"fetching {package}")
    _unpack(package, unpacked)
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


def _headers(release, folder, say):
    """The folder that modules of this release are built in: packages too, and their paths mended."""
    source = os.path.join(folder, "usr/src")
    package = f"linux-headers-{release}"
    if not os.path.isdir(os.path.join(source, package)):
        common = _package(package, r"linux-headers-\S+-common")
        kbuild = _package(package, r"linux-kbuild-\S+")
        for p in (kbuild, common, package):
            say(f"fetching {p}")
            _unpack(p, folder)
        # Its makefile names the other packages' files from the root.
        path = os.path.join(source, package, "Makefile")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("/usr/src/", source + "/"))
    return os.path.join(source, package)


def built(version, folder, name, source, say):
    """The bytes of module `name`, built for a kernel that was fetched from the folder `source`."""
    unpacked = os.path.abspath(os.path.join(folder, version))
    release = os.path.basename(glob.glob(os.path.join(unpacked, "lib/modules/*"))[0])
    out = os.path.join(unpacked, "modules")
    headers = _headers(release, unpacked, say)
    os.makedirs(out, exist_ok=True)
    for path in glob.glob(os.path.join(source, "*")):
        shutil.copy2(path, out)
    # Type information is not wanted, and would need pahole.
    _apt("make", "-s", "-C", headers, f"M={out}", "CONFIG_DEBUG_INFO_BTF_MODULES=",
         f"BENCH={os.path.dirname(os.path.abspath(source))}", "modules")
    with open(os.path.join(out, name + ".ko"), "rb") as f:
        return f.read()
