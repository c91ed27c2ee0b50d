#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installing and removing every driver of ours with each allocation on the way failing once: refused
# with ENOMEM and without a trace, or it works; all memory comes back.
. tests/vm/lib.inc

gcc -std=gnu11 -D_GNU_SOURCE -O1 -static -Wall -Wextra -Werror tests/vm/driver_no_memory.c \
	-o "$work/no_memory" || fail "driver_no_memory.c does not compile"
truncate -s 1M "$work/disk.img"
devices="-device edu -device pci-testdev -device virtio-rng-pci -device virtio-serial-pci"
devices="$devices -chardev null,id=n -device virtconsole,chardev=n"
devices="$devices -drive if=none,id=d,format=raw,file=$work/disk.img -device virtio-blk-pci,drive=d"
plain='hello mailbox core guard breaker ramdisk loopline edu pci-testdev exporter virtio'
behind='+exporter importer +virtio virtio-rng virtio-blk virtio-console'
words=
for driver in $plain $behind; do
	words="$words $driver.banos"
done
expect_status 0 tools/vm -kernel build/test/banos.elf -smp 2 -timeout 200 -qemu "$devices" \
	-put "$work/no_memory" -- "cd /lib/banos; /put/no_memory $words"
# As many drivers as there are; those that cannot be installed, or are part of the kernel, aside.
[ "$(grep -c ' refused, ' "$work/out")" = $(($(ls build/drivers/*.banos | wc -l) - 2)) ] ||
	fail "a driver is missing: $(cat "$work/out")"
