#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The driver loader from outside: what loads, what init and its timer do, what is refused and why.
# Objects are made here with the compiler that makes drivers.
. tests/vm/lib.inc

mkdir "$work/d"

# object NAME [FLAG ...] : compiles stdin to d/NAME.o as a driver is compiled.
object() {
	name=$1
	shift
	gcc -std=gnu11 -O2 -ffreestanding -Iinclude -fPIE -mcmodel=small -mno-red-zone \
		-mgeneral-regs-only -fno-jump-tables -fno-asynchronous-unwind-tables \
		-fno-stack-protector -fno-common -w "$@" -x c - -c -o "$work/d/$name.o" ||
		fail "$name does not compile"
}

# driver NAME INIT-BODY [FLAG ...] : a driver with this init; definitions on stdin come before it.
driver() {
	name=$1 body=$2
	shift 2
	{
		cat <<-END
			#include <banos/driver.h>
			#include <banos/export.h>
			#include <banos/memory.h>
			#include <banos/print.h>
			#include <banos/time.h>
			#include <banos/timer.h>
		END
		cat
		cat <<-END
			static int init(Banos_Driver *self) { $body }
			BANOS_DRIVER_API static Banos_Driver record = {
				.driver_size = sizeof(record), .name = "$name",
				.version = BANOS_VERSION_MAKE(1, 2, 3), .init = init };
		END
	} | object "$name" "$@"
}

# --- drivers that load, in every way that compilers make them ---
driver plain 'return 0;' </dev/null
driver debug 'banos_dprintln("debug: loaded"); return 0;' -g3 -gz </dev/null
driver unoptimised 'banos_dprintln("unoptimised: loaded"); return 0;' -O0 </dev/null
driver sections 'banos_dprintln("sections: loaded"); return 0;' -ffunction-sections -fdata-sections \
	</dev/null
driver shared 'banos_dprintln("shared: loaded"); return 0;' -fPIC -fvisibility=default </dev/null
driver kernel 'static char *p = "kernel: loaded"; banos_dprintln(p); return 0;' -fno-pie \
	-mcmodel=kernel </dev/null
driver table 'extern int global; global++; f(); return global == 2 ? 0 : -5;' -fPIC <<-END
	int global = 1;
	__attribute__((visibility("default"), noinline)) int f(void) { return 1; }
END
{
	cat <<-END
		#include <banos/driver.h>
		#include <banos/print.h>
		struct private { Banos_Driver driver; char text[40]; };
		static int init(Banos_Driver *d) { banos_dprintln(((struct private *)d)->text); return 0; }
		BANOS_DRIVER_API struct private mine = { .driver = { sizeof(struct private), 0,
			"private", 0, 0, init, 0 }, .text = "private: behind the record" };
	END
} | object private
driver exporter 'return 0;' <<-END
	static int value = 4711;
	int exported(void);
	int exported(void) { return value; }
	BANOS_EXPORT(exported);
	BANOS_EXPORT_SYMBOL(number, "exported_value", &value);
END
driver importer 'extern int exported(void), exported_value;
	int *looked = banos_lookup_symbol("exported_value");
	return exported() == 4711 && looked == &exported_value &&
	       !banos_lookup_symbol("absent") ? 0 : -5;' -fPIC </dev/null

# --- drivers that do not ---
driver missing 'one(); two(); three(); one(); return 0;' <<-END
	void one(void), two(void), three(void), four(void);
END
driver nodevice 'return -19;' </dev/null
driver forgetful 'Banos_Timer *t; if (banos_timer_create(self, tick, 0, 0, &t)) return -5;
	banos_timer_arm(t, banos_time_mono_ns() + 1000000000, 100000, 0); return -19;' <<-END
	static void tick(void *ctx) { banos_dprintln("forgetful: must not be seen"); }
END
driver clash 'return 0;' <<-END
	static int value;
	BANOS_EXPORT_SYMBOL(number, "exported_value", &value);
END
driver likekernel 'return 0;' <<-END
	static int value;
	BANOS_EXPORT_SYMBOL(number, "banos_log", &value);
END
driver common 'return tentative;' -fcommon <<-END
	int tentative;
END
driver tls 'return local++;' <<-END
	static __thread int local = 0;
END
driver weak 'if (perhaps) perhaps(); return 0;' <<-END
	extern void perhaps(void) __attribute__((weak));
END
driver huge 'many[5] = 1; return many[7];' <<-END
	static volatile char many[1u << 30];
END
driver writable 'return 0;' <<-END
	asm(".section .wx,\"awx\"; .long 0; .previous");
END
driver constructor 'return 0;' <<-END
	__attribute__((constructor)) static void early(void) { banos_dprintln("too early"); }
END
driver future 'return 0;' </dev/null
printf '\001\000\000\177' >"$work/version"
offset=$(readelf -WS "$work/d/future.o" | sed -n 's/.* \.banos-driver  *PROGBITS  *[0-9a-f]* \([0-9a-f]*\).*/\1/p')
dd if="$work/version" of="$work/d/future.o" bs=1 seek=$((0x$offset + 8)) conv=notrunc 2>/dev/null
objcopy --remove-section=.banos-driver --remove-section=.rela.banos-driver \
	"$work/d/plain.o" "$work/d/recordless.o"
objcopy --strip-all "$work/d/plain.o" "$work/d/stripped.o" 2>/dev/null || rm -f "$work/d/stripped.o"
for n in 0 1 63 64 200 700; do
	head -c $n "$work/d/plain.o" >"$work/d/cut$n.o"
done
{ cat "$work/d/plain.o"; echo trailing; } >"$work/d/trailing.o"
cp "$work/d/plain.o" "$work/d/machine.o"
printf '\267' | dd of="$work/d/machine.o" bs=1 seek=18 conv=notrunc 2>/dev/null

cat >"$work/run" <<'END'
good() { banos install /d/$1.o >/dev/null && echo "$1 loaded" || echo "$1 NOT LOADED"; }
bad() { banos install /d/$1.o 2>/dev/null && echo "$1 LOADED" || echo "$1 refused"; }
all_bad() {
	for f in missing nodevice forgetful clash likekernel common tls weak huge writable constructor \
		future recordless cut0 cut1 cut63 cut64 cut200 cut700 trailing machine; do
		bad $f
	done
}
memory() { sed -n 's/MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo; }
for f in plain debug unoptimised sections shared kernel table private exporter exporter importer; do
	good $f
done
all_bad
dmesg | grep 'driver' >/tmp/log
all_bad >/dev/null
before=$(memory)
for i in 1 2 3 4 5 6 7 8 9 10; do all_bad >/dev/null; done
after=$(memory)
# Fewer than it would be if each refusal kept one page.
[ $((before - after)) -lt 400 ] && echo memory returned || echo "memory lost: $before $after"
banos install /lib/banos/hello.banos >/dev/null
sleep 1.2 # the timers of those that forget
echo modules:
sed 's/ .*//' /proc/modules | sort | uniq -c
echo log:
dmesg
END
expect_status 0 tools/vm -smp 2 -timeout 200 -put "$work/d:/d" -put "$work/run:/run.sh" -- sh /run.sh

for f in plain debug unoptimised sections shared kernel table private exporter importer; do
	expect_line "^$f loaded"
done
for f in missing nodevice forgetful clash likekernel common tls weak huge writable constructor \
	future recordless cut0 cut1 cut63 cut64 cut200 cut700 trailing machine; do
	expect_line "^$f refused"
done
expect_line '^memory returned'
for f in debug unoptimised sections shared kernel; do
	expect_line "$f: loaded"
done
expect_line 'private: behind the record'
expect_line 'hello: Hello from a driver!'
expect_line 'hello: still here, tick 1'
expect_line 'driver hello 1\.0\.0: instance [0-9]'
expect_line 'driver plain 1\.2\.3: instance [0-9]+'
expect_line '^ *2 exporter'
expect_line '^ *1 importer'
# Each refusal says what is wrong.
expect_line 'missing symbols: one, two, three'
expect_line 'nodevice: init failed with ENODEV'
expect_line 'forgetful: it left a timer behind'
expect_line 'clash exports exported_value, which already exists'
expect_line 'likekernel exports banos_log, which already exists'
expect_line 'drivers: .*COMMON: compile with -fno-common'
expect_line 'drivers: .*thread-local'
expect_line 'drivers: .*perhaps is weak'
expect_line 'drivers: needs more than'
expect_line 'drivers: section \.wx is writable and executable'
expect_line 'drivers: section \.init_array: there are no static constructors'
expect_line 'drivers: needs Banos ABI 127\.0\.1, this kernel has 0\.10\.0'
expect_line 'drivers: no section \.banos-driver'
expect_line 'drivers: too short for an ELF file'
expect_line 'drivers: .*was it cut short'
expect_line 'drivers: 9 bytes behind the end'
expect_line 'drivers: not for x86-64'
if grep -q 'must not be seen' "$work/out"; then
	fail "a timer outlived its driver"
fi
