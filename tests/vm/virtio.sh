#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# virtio: a bus that a driver brings, and the entropy device on it. By messages (MSI-X) and by line;
# both generations of device numbers; installed by probe, removed in the right order only.
. tests/vm/lib.inc

cat >"$work/run" <<'END'
answers() { # COUNT : until as many have come
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q "^answers: $1$" /proc/driver/virtio-rng && break
		sleep 0.5
	done
	cat /proc/driver/virtio-rng
}
banos probe
answers 2
grep virtio /proc/interrupts | sed 's/.*\(PCI-MSIX\|IO-APIC\).*-\(.*\)/\1 \2/' | sort
grep -c ^virtio /proc/banos/devices
banos remove virtio 2>&1
banos remove virtio-rng
grep -c virtio /proc/interrupts
grep ^virtio /proc/banos/devices | sed 's/.*revision=.. *//' | sort -u
banos remove virtio
grep -c ^virtio /proc/banos/devices
for round in 1 2 3 4 5 6 7 8; do
	banos probe >/dev/null
	banos remove virtio-rng >/dev/null
	banos remove virtio >/dev/null
done
banos probe >/dev/null
answers 2
banos list | tail -n +2 | cut -d' ' -f1
dmesg | grep -E 'it left|virtio: device|returned' || true
END
for machine in q35 pc; do
	expect_status 0 tools/vm -machine $machine -kernel build/test/banos.elf -smp 2 -timeout 120 \
		-qemu "-device virtio-rng-pci -device virtio-rng-pci,vectors=0,disable-legacy=on" \
		-put "$work/run:/run.sh" -- sh /run.sh
	sed 's/0000:00:0[0-9]\.0/ADDRESS/g; s/instance [0-9]*/instance N/; /^serial$/d' "$work/out" >"$work/plain" && mv "$work/plain" "$work/out"
	expect_output '/lib/banos/virtio.banos: installed as instance N for pci ADDRESS, pci ADDRESS
/lib/banos/virtio-rng.banos: installed as instance N for virtio ADDRESS, virtio ADDRESS
answers: 2
bytes: 128
IO-APIC level   virtio
PCI-MSIX edge   virtio
PCI-MSIX edge   virtio
2
banos: virtio: driver virtio is needed by virtio-rng, which must be removed first
virtio-rng: instance N removed
0

virtio: instance N removed
0
answers: 2
bytes: 128
virtio
virtio-rng'
done
