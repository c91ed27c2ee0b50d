#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Calls of drivers that cannot be: the log, and banos install if init gives up, name the driver, the
# function, the field and the remedy; banos-host says the same.
. tests/vm/lib.inc

mkdir "$work/d"
: >"$work/expected"
: >"$work/hosted"

# wrong NAME EXPECTED BODY [METADATA] : a driver whose init does BODY and gives r back
wrong() {
	cat >"$work/$1.c" <<-END
		#include <banos/chardev.h>
		#include <banos/device.h>
		#include <banos/driver.h>
		#include <banos/irq.h>
		#include <banos/meta.h>
		#include <banos/port.h>
		#include <banos/text.h>
		#include <banos/x_block.h>
		#include <banos/x_tty.h>
		static void *handle;
		static void show(void *ctx, Banos_Text *t) { }
		static Banos_Text_Ops texts = { sizeof(texts), 0, show };
		static Banos_Chardev_Ops nodes = { sizeof(nodes) };
		static Banos_X_Block_Ops blocks = { sizeof(blocks) };
		static Banos_X_Tty_Ops ttys = { sizeof(ttys) };
		static Banos_Device_Ops devices = { sizeof(devices) };
		static int init(Banos_Driver *self) { int r = -5; $3; return r < 0 ? r : -5; }
		BANOS_DRIVER_API static Banos_Driver record = {
			.driver_size = sizeof(record), .name = "$1", .init = init,
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0) };
		static const Banos_Match matches[] = {{ .bus = "none" }};
		BANOS_META_API static const Banos_Meta meta = { BANOS_META_HEAD,
			.flags = BANOS_META_EXPERIMENTAL ${4:-} };
	END
	BANOS_CC=gcc build/sdk/banos-sdk-*/bin/banos-cc -O2 -w -o "$work/d/$1.banos" "$work/$1.c" ||
		fail "$1 does not compile"
	echo "driver $1: $2" >>"$work/expected"
}
D='Banos_Chardev_Desc d = { .size = sizeof(d)'
chardev='r = banos_chardev_register(self, &d, &nodes, 0, (void *)&handle)'
T='Banos_Text_Desc d = { .size = sizeof(d)'
text='r = banos_text_register(self, &d, &texts, 0, (void *)&handle)'
B='Banos_X_Block_Desc d = { .size = sizeof(d), .blocks = 8, .completion_stride = sizeof(Banos_X_Block_Completion)'
block='r = banos_x_block_register(self, &d, &blocks, 0, (void *)&handle)'
Y='Banos_X_Tty_Desc d = { .size = sizeof(d)'
tty='r = banos_x_tty_register(self, &d, &ttys, 0, (void *)&handle)'

wrong node_name 'init failed with EINVAL; not installed; last refused so: banos_chardev_register: "a b": desc.name cannot be below /dev: it must be 1 to 55 letters' \
	"$D, .name = \"a b\" }; $chardev"
wrong node_none 'init failed with EINVAL; not installed; last refused so: banos_chardev_register: "(null)": desc.name is NULL: name the device' \
	"$D }; $chardev"
wrong node_flags 'init failed with EINVAL; not installed; last refused so: banos_chardev_register: "n": desc.flags has a bit that this kernel does not know: use' \
	"$D, .name = \"n\", .flags = 8 }; $chardev"
wrong node_mode 'init failed with EINVAL; not installed; last refused so: banos_chardev_register: "n": desc.mode has more than permissions: 0777' \
	"$D, .name = \"n\", .mode = 0100600 }; $chardev"
wrong node_handle 'init failed with EINVAL; not installed; last refused so: banos_chardev_register: where the handle goes is NULL: give' \
	"$D, .name = \"n\" }; r = banos_chardev_register(self, &d, &nodes, 0, 0)"
wrong text_mode 'init failed with EINVAL; not installed; last refused so: banos_text_register: "t": desc.mode has more than permissions: 0777' \
	"$T, .name = \"t\", .mode = 01444 }; $text"
wrong text_show 'init failed with EINVAL; not installed; last refused so: banos_text_register: "t": ops.show is NULL: a text needs it' \
	"$T, .name = \"t\" }; texts.show = 0; $text"
wrong block_shift 'init failed with EINVAL; not installed; last refused so: banos_x_block_register: "b": desc.logical_shift must be 9 (512 bytes) to 12' \
	"$B, .name = \"b\", .logical_shift = 3 }; $block"
wrong block_submit 'init failed with EINVAL; not installed; last refused so: banos_x_block_register: "b": ops.submit is NULL: a device needs it' \
	"$B, .name = \"b\", .logical_shift = 9 }; $block"
wrong tty_major 'init failed with EINVAL; not installed; last refused so: banos_x_tty_register: "tty": desc.major must be 1 to 4095' \
	"$Y, .name = \"tty\" }; $tty"
wrong tty_tx 'init failed with EINVAL; not installed; last refused so: banos_x_tty_register: "tty": ops.tx is NULL: a terminal needs it' \
	"$Y, .name = \"tty\", .major = 4 }; $tty"
wrong matchless 'init failed with EINVAL; not installed; last refused so: banos_device_driver_register: no match record says which devices the driver is for: give Banos_Meta.matches' \
	'r = banos_device_driver_register(self, &devices, 0, (void *)&handle)'
wrong probeless 'init failed with EINVAL; not installed; last refused so: banos_device_driver_register: ops.probe is NULL: a driver of devices needs it' \
	'r = banos_device_driver_register(self, &devices, 0, (void *)&handle)' ', .matches = BANOS_LIST(matches)'
wrong bus 'init failed with EINVAL; not installed; last refused so: banos_device_add: "d": desc.bus must be 1 to 31 letters' \
	'Banos_Device_Desc d = { .size = sizeof(d), .bus = "a bus", .name = "d" };
	r = banos_device_add(self, &d, 0, 0, (void *)&handle)'
wrong text_taken 'init failed with EEXIST; not installed; last refused so: banos_text_register: "t": there is such a name already: choose another' \
	"$T, .name = \"t\" }; $text; $text"
# Only in a kernel.
cp "$work/expected" "$work/hosted"
wrong node_taken 'init failed with EEXIST; not installed; last refused so: banos_chardev_register: "null": there is such a name already: choose another, or have %u in it' \
	"$D, .name = \"null\" }; $chardev"
wrong irq_flags 'init failed with EINVAL; not installed; last refused so: banos_irq_alloc_line: BANOS_IRQ_LEVEL and _LOW are for BANOS_IRQ_GSI' \
	'r = banos_irq_alloc_line(self, 5, BANOS_IRQ_LEVEL, (void *)&handle)'
wrong irq_line 'init failed with EINVAL; not installed; last refused so: banos_irq_alloc_line: no device can have line 77 of ISA: use 0 to 15' \
	'r = banos_irq_alloc_line(self, 77, 0, (void *)&handle)'
wrong irq_bind 'init failed with EINVAL; not installed; last refused so: banos_irq_bind: hard and thread are NULL: give one' \
	'r = banos_irq_alloc_line(self, 5, 0, (void *)&handle) ?: banos_irq_bind(handle, 0, 0, 0, 0, 0)'
wrong ports 'init failed with EINVAL; not installed; last refused so: banos_ports_claim: flags must be 0' \
	'r = banos_ports_claim(self, 0x500, 8, 1, (void *)&handle)'
wrong goes_on 'init failed with EIO; not installed' "$D }; $chardev; r = -5"

cat >"$work/run" <<'END'
for f in /put/d/*.banos; do banos install $f 2>&1; done | sed 's/^banos: [^ ]* //'
echo "== log"
dmesg
END
expect_status 0 tools/vm -put "$work/d" -put "$work/run:/run.sh" -- sh /run.sh
sed '/^== log/,$d' "$work/out" >"$work/said"
while read -r sentence; do
	grep -qF -- "$sentence" "$work/said" || {
		cat "$work/said"
		fail "the kernel does not say: $sentence"
	}
done <"$work/expected"
# init goes on, and fails for another reason: then the sentence is only in the log.
expect_line '^driver goes_on: init failed with EIO; not installed$' said
expect_line 'driver goes_on: banos_chardev_register: "\(null\)": desc.name is NULL.* \(EINVAL\)$'
[ "$(grep -c 'driver node_name: banos_chardev_register' "$work/out")" = 1 ] ||
	fail "a refused call is not in the log once"

while read -r sentence; do
	name=$(echo "$sentence" | sed 's/driver \([^:]*\):.*/\1/')
	build/sdk/banos-host "$work/d/$name.banos" >"$work/out" 2>&1 && fail "banos-host takes $name"
	grep -qF -- "$sentence" "$work/out" || {
		cat "$work/out"
		fail "banos-host does not say: $sentence"
	}
done <"$work/hosted"
