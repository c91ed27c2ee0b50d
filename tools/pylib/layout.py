# SPDX-License-Identifier: BSD-2-Clause
"""The directories of the initramfs and their modes.

tools/vm needs them too: an archive that puts a file into /tmp must not take the mode of /tmp away.
"""

DIRECTORIES = {
    "/bin": 0o755,
    "/sbin": 0o755,
    "/dev": 0o755,
    "/etc": 0o755,
    "/lib": 0o755,
    "/lib/banos": 0o755,
    "/mnt": 0o755,
    "/proc": 0o755,
    "/put": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/sys": 0o755,
    "/tmp": 0o1777,
    "/usr": 0o755,
    "/usr/bin": 0o755,
    "/usr/sbin": 0o755,
    "/var": 0o755,
    "/var/log": 0o755,
    "/var/tmp": 0o1777,
}


def parents(path):
    """('/a', '/a/b') for '/a/b/c'."""
    words = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(words[: i + 1]) for i in range(len(words))]
