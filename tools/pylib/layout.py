# SPDX-License-Identifier: BSD-2-Clause
"""The directories of the initramfs and their modes.

tools/vm needs them too: an archive that puts a file into /tmp must not take the mode of /tmp away.
"""

DIRECTORIES = {
    "/dev": 0o755,
    "/etc": 0o755,
    "/mnt": 0o755,
    "/proc": 0o755,
    "/put": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/sys": 0o755,
    "/tmp": 0o1777,
    "/usr": 0o755,
    "/usr/bin": 0o755,
    "/usr/lib": 0o755,
    "/usr/lib/banos": 0o755,
    "/usr/lib64": 0o755,
    "/usr/sbin": 0o755,
    "/var": 0o755,
    "/var/log": 0o755,
    "/var/tmp": 0o1777,
}

# As on every Debian since 12, where packages count on it.
MERGED = {name: "usr" + name for name in ("/bin", "/lib", "/lib64", "/sbin")}


def merged(path):
    """/bin/sh -> /usr/bin/sh: an archive must not put a folder in the place of a link."""
    first, slash, rest = path[1:].partition("/")
    link = MERGED.get("/" + first)
    return f"/{link}{slash}{rest}" if link else path


def parents(path):
    """('/a', '/a/b') for '/a/b/c'."""
    words = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(words[: i + 1]) for i in range(len(words))]
