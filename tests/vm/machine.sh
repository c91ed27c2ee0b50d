#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Machines of all sizes boot: both chip sets, 1 to 8 processors, little and much memory.
. tests/vm/lib.inc

for smp in 1 3 8; do
	expect_status 0 tools/vm -smp $smp -timeout 120 -- nproc
	expect_output $smp
done
for machine in pc q35; do
	expect_status 0 tools/vm -machine $machine -smp 2 -- nproc
	expect_output 2
done
# 5 GiB reach above 4 GiB, past the hole for devices.
for size in 64M 1G 5G; do
	expect_status 0 tools/vm -m $size -- "awk '/MemTotal/ { print \$2 }' /proc/meminfo"
	kib=$(cat "$work/out")
	case $size in
	64M) least=40000 most=65536 ;;
	1G) least=950000 most=1048576 ;;
	5G) least=5000000 most=5242880 ;;
	esac
	[ "$kib" -ge $least ] && [ "$kib" -le $most ] || fail "-m $size: the guest sees $kib KiB"
done
