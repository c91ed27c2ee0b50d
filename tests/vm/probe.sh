#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# banos probe: what the present devices need is installed, once, after what it depends on; the object
# that names most of a device first; objects that are no drivers are named, and so are drivers that
# cannot have what they need.
. tests/vm/lib.inc

# driver FOLDER/NAME PROBE-RESULT MATCH-FIELDS DEPENDENCIES : an object in $work/FOLDER.
mkdir "$work/d" "$work/needs"
driver() {
	name=${1#*/}
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
			.driver_size = sizeof(record), .name = "$name", .init = init, .uninit = uninit,
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0) };
		static const Banos_Match matches[] = {{ .bus = "pci", .vendor = 0x1234,
			.device = BANOS_MATCH_ANY, .subvendor = BANOS_MATCH_ANY,
			.subdevice = BANOS_MATCH_ANY, $3 }};
		static const Banos_Dependency needs[] = {$4};
		BANOS_META_API static const Banos_Meta meta = { BANOS_META_HEAD,
			.dependencies = BANOS_LIST(needs), .matches = BANOS_LIST(matches) };
	END
	BANOS_CC=gcc build/sdk/banos-sdk-*/bin/banos-cc -O2 -o "$work/$1.banos" "$work/$1.c" ||
		fail "$1 does not compile"
	rm "$work/$1.c"
}
some='{ .name = "exporter" }, { .name = "nobody", .flags = BANOS_DEPENDENCY_OPTIONAL }'
driver d/takes 0 '.device = 0x11e8' "$some"
driver d/refuses -19 '.device = 0x11e8, .subvendor = 0x1af4' "$some"
driver d/bare 0 '' "$some"
cp build/drivers/exporter.banos "$work/d"
echo nonsense >"$work/d/broken.banos"

# These want no device, so that each has its turn, in order of their names.
needs() {
	driver "needs/$1" -19 '.device = 0x11e8' "{ .name = \"$2\", ${3:-} }"
}
needs circle1 circle2
needs circle2 circle3
needs circle3 circle1
needs early early2 '.flags = BANOS_DEPENDENCY_OPTIONAL'
needs early2 early
needs lost nobody
needs outside circle2
needs too_new exporter '.maximum = BANOS_VERSION_MAKE(1, 1, 9)'
needs too_old exporter '.minimum = BANOS_VERSION_MAKE(1, 3, 0)'
needs will_do exporter '.minimum = BANOS_VERSION_MAKE(1, 2, 0)'
needs x_too_old exporter '.minimum = BANOS_VERSION_MAKE(2, 0, 0)'
cp build/drivers/exporter.banos "$work/needs"

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
echo "== needs"
for i in refuses takes exporter; do banos remove $i; done >/dev/null
banos probe /put/needs 2>&1; echo "status $?"
banos list | cut -d' ' -f1
banos install /put/needs/circle1.banos 2>&1; echo "status $?"
END
for machine in q35 pc; do
	expect_status 1 tools/vm -machine $machine -timeout 120 -put "$work/d" -put "$work/needs" \
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
banos: /lib/banos/pci-testdev.banos: only the superuser can do this
== needs
banos: /put/needs/circle1.banos: these drivers need each other, so none of them can be installed: circle1 -> circle2 -> circle3 -> circle1; make one of the dependencies optional
/put/needs/early.banos: installed as instance N for pci ADDRESS, which it does not take
/put/needs/early2.banos: installed as instance N for pci ADDRESS, which it does not take
banos: /put/needs/lost.banos: driver lost needs driver nobody, which is not installed: install it first
banos: /put/needs/outside.banos: driver outside needs driver circle2, which could not be installed
banos: /put/needs/too_new.banos: driver too_new needs driver exporter 1.1.9 or older, but /put/needs/exporter.banos is 1.2.0: put an older one into the folder
banos: /put/needs/too_old.banos: driver too_old needs driver exporter 1.3.0 or newer, but /put/needs/exporter.banos is 1.2.0: put a newer one into the folder
/put/needs/exporter.banos: installed as instance N for will_do
/put/needs/will_do.banos: installed as instance N for pci ADDRESS, which it does not take
banos: /put/needs/x_too_old.banos: driver x_too_old needs driver exporter 2.0.0 or newer, but 1.2.0 is installed: install a newer one
status 1
NAME
early
early2
exporter
will_do
banos: /put/needs/circle1.banos: driver circle1 needs driver circle2, which is not installed: install it first
status 1'
done
