#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# banos probe: what the present devices need is installed, once, after what it depends on; the object
# that names most of a device first; objects that are no drivers are named.
. tests/vm/lib.inc

# driver NAME INIT-BODY METADATA : an object in $work/d.
mkdir "$work/d"
driver() {
	cat >"$work/$1.c" <<-END
		#include <banos/device.h>
		#include <banos/driver.h>
		#include <banos/meta.h>
		extern uint64_t exporter_count(void);
		static int32_t probe(void *c, Banos_Device *d, uint32_t m, void **data) { return $2; }
		static void gone(void *data) {}
		static const Banos_Device_Ops ops = {
			.size = sizeof(ops), .probe = probe, .remove = gone };
		static Banos_Device_Driver *handle;
		static int init(Banos_Driver *self) {
			return banos_device_driver_register(self, &ops, 0, &handle) < 0 ? -5 : 0; }
		static int uninit(Banos_Driver *self) { return banos_device_driver_unregister(handle); }
		BANOS_DRIVER_API static Banos_Driver record = {
			.driver_size = sizeof(record), .name = "$1", .init = init, .uninit = uninit,
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0) };
		static const Banos_Match matches[] = {{ .bus = "pci", .vendor = 0x1234,
			.device = BANOS_MATCH_ANY, .subvendor = BANOS_MATCH_ANY,
			.subdevice = BANOS_MATCH_ANY, $3 }};
		static const Banos_Dependency needs[] = {{ .name = "exporter" },
			{ .name = "nobody", .flags = BANOS_DEPENDENCY_OPTIONAL }};
		BANOS_META_API static const Banos_Meta meta = { BANOS_META_HEAD,
			.dependencies = BANOS_LIST(needs), .matches = BANOS_LIST(matches) };
	END
	BANOS_CC=gcc build/sdk/banos-sdk-*/bin/banos-cc -O2 -o "$work/d/$1.banos" "$work/$1.c" ||
		fail "$1 does not compile"
}
driver takes 0 '.device = 0x11e8'
driver refuses -19 '.device = 0x11e8, .subvendor = 0x1af4'
driver bare 0 ''
cp build/drivers/exporter.banos "$work/d"
echo nonsense >"$work/d/broken.banos"

cat >"$work/run" <<'END'
echo "== ours"
banos probe; echo "status $?"
banos probe; echo "status $?"
banos list | cut -d' ' -f1
banos remove edu
banos remove pci-testdev
echo "== folder"
banos probe /put/d 2>&1; echo "status $?"
banos list | cut -d' ' -f1
banos probe /nowhere 2>&1; echo "status $?"
banos info /lib/banos/edu.banos | grep for:
su nobody -s /bin/sh -c 'banos probe' 2>&1
END
for machine in q35 pc; do
	expect_status 1 tools/vm -machine $machine -timeout 120 -put "$work/d" \
		-qemu "-device edu -device pci-testdev -device edu" -put "$work/run:/run.sh" \
		-- 'sh /run.sh; exit 1'
	sed 's/0000:00:0[0-9]\.0/ADDRESS/g; s/instance [0-9]*/instance N/; /^serial$/d' "$work/out" >"$work/plain" && mv "$work/plain" "$work/out"
	expect_output '== ours
/lib/banos/edu.banos: installed as instance N for pci ADDRESS, pci ADDRESS
/lib/banos/pci-testdev.banos: installed as instance N for pci ADDRESS
status 0
status 0
NAME
edu
pci-testdev
edu: instance N removed
pci-testdev: instance N removed
== folder
banos: /put/d/broken.banos: not a driver that a kernel can load: too short for an ELF file
/put/d/exporter.banos: installed as instance N for refuses
/put/d/refuses.banos: installed as instance N for pci ADDRESS, which it does not take
/put/d/takes.banos: installed as instance N for pci ADDRESS, pci ADDRESS
status 1
NAME
exporter
refuses
takes
banos: /nowhere: No such file or directory
status 1
for: pci vendor=1234 device=11e8
banos: /lib/banos/pci-testdev.banos: only the superuser can do this'
done
