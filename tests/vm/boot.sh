#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Bad starts end with a clear message, not with a silent hang; the log can be kept.
. tests/vm/lib.inc

expect_status 0 tools/vm -log "$work/log" -- true
grep -q . "$work/log" || fail "the kernel's log is empty"

# An archive that is damaged, and one without /init.
head -c 1000 /dev/urandom >"$work/bad.cpio"
expect_status 125 tools/vm -initramfs "$work/bad.cpio" -timeout 60 -- true
expect_line 'initramfs' err

expect_status 125 tools/vm -m 8M -timeout 60 -- true
expect_line '[Mm]emory' err

# A processor that cannot run the kernel: it says so and halts.
for cpu in qemu32 qemu64,-nx; do
	expect_status 124 tools/vm -timeout 5 -log "$work/log" -qemu "-cpu $cpu" -- true
	expect_line 'Banos: this processor cannot run the kernel' log
done
# One without what is optional: SMEP, SMAP, XSAVE, 1 GiB pages, RDRAND.
expect_status 0 tools/vm -qemu '-cpu qemu64' -- 'echo works'
expect_output works
