#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Our drivers in banos-host: what they do, in 50 orders of events, with each allocation failing once,
# as they are and instrumented; what a driver does wrong is found and named.
. tests/vm/host.inc

instrumented mailbox drivers/sample/mailbox/mailbox.c
instrumented hello drivers/sample/hello/hello.c
instrumented core drivers/test/core/core.c
instrumented faulty tests/vm/faulty.c
banos-cc -O2 -o "$work/plain.banos" tests/vm/faulty.c || fail "faulty.c does not compile"
banos-cc -O2 -isystem build/uapi -o "$work/forgetful.banos" tests/vm/forgetful.c ||
	fail "forgetful.c does not compile"

# --- our own drivers ---
for f in "$drivers/mailbox.banos" "$work/mailbox.banos"; do
	expect_status 0 banos-host --script tests/vm/mailbox.test "$f" capacity=8
	expect_status 0 banos-host --runs 50 --script tests/vm/mailbox.test "$f" capacity=8
	expect_output 'banos-host: 50 runs, 0 failed'
	expect_status 0 banos-host --fail-allocs --script tests/vm/mailbox.test "$f" capacity=8
	expect_output 'banos-host: 5 runs, 0 failed'
done
for options in '--runs 10' --fail-allocs; do
	# shellcheck disable=SC2086  # options are words
	expect_status 0 banos-host $options --script tests/vm/guard.test "$drivers/guard.banos"
done
for f in "$drivers/core.banos" "$work/core.banos"; do
	expect_status 0 banos-host --runs 20 "$f"
	expect_status 0 banos-host --fail-allocs "$f"
	expect_output 'banos-host: 32 runs, 0 failed'
done
for f in "$drivers/hello.banos" "$work/hello.banos"; do
	expect_status 0 banos-host "$f"
	expect_line 'hello: still here, tick 1' err
	expect_line 'hello: Goodbye!' err
	expect_status 0 banos-host --runs 50 "$f"
	expect_status 0 banos-host --fail-allocs "$f"
	expect_output 'banos-host: 2 runs, 0 failed'
done
# As the first published revision was compiled: absolute addresses of 32 bits, unwind tables.
gcc -O2 -g -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -fno-stack-protector \
	-I "$sdk/include" -c -o "$work/old.banos" \
	drivers/sample/hello/hello.c || fail "hello.c does not compile for -mcmodel=kernel"
expect_status 0 banos-host "$work/old.banos"
expect_line 'hello: still here, tick 1' err
cd "$drivers" || exit 1
expect_status 0 banos-host --runs 50 exporter.banos importer.banos
expect_status 0 banos-host exporter.banos importer.banos -- \
	'remove exporter -> EBUSY ~ "is needed by importer, which must be removed first"' \
	'remove importer; remove exporter; remove exporter -> ENOENT' \
	'install importer.banos -> ENOENT ~ "missing symbols: exporter_count"' \
	'install exporter.banos -> 2' \
	'install picky.banos -> ENOENT ~ "needs driver exporter 9.0.0 or newer, but 1.2.0 is installed"'
expect_status 0 banos-host -- \
	'install mailbox.banos capacity=0 -> EINVAL ~ "capacity=0 is out of range: 1 to 1048576"' \
	'install mailbox.banos size=1 -> EINVAL ~ "has no parameter size"' \
	'install flags -> ENOEXEC ~ "not an ELF file|too short"' \
	'install nothing -> ENOENT' 'install mailbox.banos; install mailbox.banos capacity=1' \
	'open mailbox1 as f; write f "ab" -> 1; user 1000; open mailbox0; cat /dev/mailbox2 -> ENOENT' \
	'shutdown'
expect_status 0 banos-host breaker.banos -- 'install mailbox.banos -> 1; user 1000' \
	'open breaker write as f; start a open breaker as g; user 0; wait a; close g' \
	'install hello.banos -> 2'
expect_status 0 banos-host "$work/plain.banos" -- 'user 1000; open faulty -> EACCES' \
	'start a open faulty; user 0; wait a -> EACCES; open faulty'
expect_status 1 banos-host importer.banos
expect_line 'importer\.banos: missing symbols: exporter_count' err

# --- the rules that the gate checks ---
# breaks RULE LINE : the breaker breaks it, in write; it is named and the status says so.
breaks() {
	expect_status 1 banos-host breaker.banos -- 'open breaker as f' "write f \"$1\\n\" -> *"
	expect_line "$2" err
}
breaks spin 'driver breaker: write returned holding a spinlock'
expect_line 'it has kept the lock breaker' err
breaks interrupts 'driver breaker: write returned with interrupts disabled'
breaks direction 'driver breaker: write returned with the direction'
breaks mutex 'driver breaker: write returned holding a mutex'
breaks epoch 'driver breaker: write returned holding a spinlock, or inside an epoch section'
for thing in timer thread pool device interrupt; do
	breaks $thing "driver breaker: it left an? $thing behind, which is taken back"
done
breaks ports 'driver breaker: it left a range of ports behind'
breaks queue 'driver breaker: it left a work item behind'
expect_line 'driver breaker: it left a work queue behind' err
expect_status 1 banos-host --runs 20 breaker.banos -- 'open breaker as f; write f "crowd\n"; sleep 1ms'
grep -q 'heap-use-after-free' err && fail "what is taken back is still used: $(cat err)"
expect_status 0 banos-host breaker.banos -- 'open breaker as f; write f "deferred\n"' \
	'write f "itself\n" -> EDEADLK'
expect_line 'breaker: deferred twice' err
for rule in spin interrupts mutex; do
	expect_status 1 banos-host breaker.banos init=$rule
	expect_line 'driver breaker: init broke a rule' err
done
expect_status 1 banos-host breaker.banos init=late
expect_line 'driver breaker: init failed with EIO' err
expect_line 'driver breaker: it left a device behind' err
expect_line 'driver breaker: its mutex breaker goes without fini' err

# --- what only banos-host finds ---
cd "$work" || exit 1
# finds FAULT LINE [FILE] : in a driver as it is, or (FILE) instrumented.
finds() {
	expect_status 1 banos-host --timeout 60 "${3:-plain.banos}" -- 'open faulty as f' \
		"write f $1 -> *"
	expect_line "$2" err
}
where='driver faulty, [a-z_]+\+0x[0-9a-f]+'
finds leak "driver faulty: it left 1 block of memory behind, 40 bytes; .* at $where"
finds order "$where: takes lock a while it holds b, but elsewhere the order is the other way"
finds uninit "$where: banos_mutex_lock of a mutex before its init or after its fini"
finds foreign "$where: banos_mutex_unlock of mutex a, which the caller does not hold"
finds self "$where: banos_mutex_lock of mutex a, which the caller holds"
expect_line 'the script waits for mutex a, which is held by the script' err
expect_line "in banos_mutex_lock, called from $where" err
finds sleep "$where: calls banos_sleep_ns, which may sleep, with a spinlock held"
finds section "$where: calls banos_mutex_lock, which may sleep, in an epoch section"
finds interrupt "$where: calls banos_mutex_lock, which may sleep, in an interrupt"
finds freed "$where: frees memory with the mutex freed in it"
finds pool 'driver faulty: pool faulty is destroyed with 1 objects still out'
finds twice "$where: completes a request twice"
finds toomuch 'driver faulty: write has done 1000 bytes of 7'
finds errno 'driver faulty: write results in -5000, which is no errno'
finds bits "$where: says that 1 bytes have 9 random bits"
finds hlt "$where: executes hlt"
finds null "$where: a fault, at address 0x10"
finds recurse "$where: a fault, at address 0x"
expect_line 'AddressSanitizer: stack-overflow' err
finds divide "$where: a fault"
expect_line 'AddressSanitizer: FPE' err
finds pend 'deadlock: everybody waits'
expect_line 'the script waits for driver faulty to complete a write' err
finds hang 'hang: what was asked for does not end'
finds twice-freed 'attempting double-free'
finds overflow 'heap-buffer-overflow' faulty.banos
expect_line "is in $where" err
finds copy 'heap-buffer-overflow' faulty.banos
finds use 'heap-use-after-free' faulty.banos
finds global 'global-buffer-overflow' faulty.banos
finds undefined 'faulty\.c:[0-9]+:[0-9]+: runtime error: signed integer overflow' faulty.banos
expect_status 1 banos-host --timeout 5 plain.banos -- 'open faulty as f; write f loop'
expect_line "has not ended for 5 s \(--timeout\); the script runs, in $where" err
expect_status 1 banos-host plain.banos -- 'store faulty much -> EIO'
expect_line 'store returned 100 for 4 bytes' err
# Nobody is told of what poll gives now.
expect_status 1 banos-host plain.banos -- 'open faulty as f; start w await f in; pending w' \
	'write f ready; wait w'
expect_line 'w waits for driver faulty to notify those who poll faulty' err

# An order of events in which a wake-up is lost: one seed is enough to see it again.
lost='open faulty as f; start r read f 1; write f wake; wait r'
expect_status 0 banos-host plain.banos -- "$lost"
expect_status 1 banos-host --runs 50 plain.banos -- "$lost"
expect_line '^banos-host: 50 runs, [0-9]+ failed$'
expect_line 'r waits for event woken' err
seed=$(sed -n 's/.*this run failed: --seed \([0-9]*\)$/\1/p' err | head -n 1)
expect_status 1 banos-host --seed "$seed" plain.banos -- "$lost"
mv err first
expect_status 1 banos-host --seed "$seed" plain.banos -- "$lost"
cmp -s first err || fail "seed $seed is not the same twice: $(diff first err)"

# The second allocation of init leaves what the first one was for.
expect_status 1 banos-host --fail-allocs plain.banos -- 'show faulty -> "faulty\n"'
expect_output 'banos-host: 3 runs, 1 failed'
expect_line '^banos-host: this run failed: --seed 0 --fail-alloc 2$' err
expect_line 'driver faulty: it left a text node behind' err

# --- simulated devices ---
model edu edu.c
model pci-testdev pci-testdev.c
cp "$root/tests/vm/edu.test" "$root/tests/vm/faulty_pci.c" .
instrumented edu drivers/misc/edu/edu.c
banos-cc -O1 -o pci.banos faulty_pci.c || fail "faulty_pci.c does not compile"
for f in "$drivers/edu.banos" edu.banos; do
	expect_status 0 banos-host --device ./edu.so --script edu.test "$f"
	expect_status 0 banos-host --runs 50 --device edu.so --script edu.test "$f"
	expect_status 0 banos-host --fail-allocs --device edu.so --script edu.test "$f"
done
# Messages and lines; two devices, one of which comes later; none.
for kind in msi line; do
	expect_status 0 banos-host --device edu.so --script edu.test edu.banos interrupt=$kind
done
expect_status 0 banos-host --device edu.so edu.banos -- 'plug edu.so as second' \
	'open edu1 as f; write f "two" at 0; open edu0 as g; read g 3 at 0 -> x:000000' \
	'plug edu.so -> ENODEV ~ "there is a device of that name"' 'plug none.so -> ENODEV' \
	'unplug second; read f 1 -> ENODEV; open edu1 -> ENOENT'
expect_status 0 banos-host --device edu.so --device edu.so,as=second edu.banos -- 'open edu1 as f' \
	'unplug second; read f 1 -> ENODEV'
expect_status 1 banos-host --device edu.so --device edu.so edu.banos
expect_line 'edu\.so: there is a device of that name: .* --device FILE,as=NAME' err
expect_status 1 banos-host --device edu.so,as= edu.banos
expect_line 'as= needs a name behind it' err
expect_status 0 banos-host edu.banos -- 'open edu0 -> ENOENT; plug edu.so; open edu0; shutdown'
# It says nothing any more; it does not come back; it goes in the middle of a transfer.
expect_status 0 banos-host --runs 20 --device edu.so edu.banos -- 'open edu0 as f' 'fault edu mute' \
	'start r read f 5 at 0; sleep 1s; pending r; wait r -> EIO; write f "x" at 0 -> EIO'
expect_status 0 banos-host --runs 20 --device edu.so edu.banos -- 'open edu0 as f' 'fault edu dead' \
	'write f "x" at 0 -> EIO; fault edu none; show edu/0 -> ~ "live: no"'
expect_status 0 banos-host --runs 50 --device edu.so edu.banos -- 'open edu0 as f' \
	'start r read f 5 at 0; unplug edu; wait r -> *; read f 1 at 0 -> ENODEV; open edu0 -> ENOENT'
expect_status 0 banos-host edu.banos -- "plug edu.so; fault edu dead; remove edu"

# device_fault NAME LINE
device_fault() {
	expect_status 1 banos-host --device edu.so pci.banos what="$1"
	expect_line "$2" err
}
expect_status 0 banos-host --device edu.so pci.banos
device_fault enable "$where: an access to device edu, which is not enabled"
device_fault outside "$where: banos_mmio_r32 of 4 bytes at offset 0x100 of 0x100"
device_fault unaligned "$where: banos_mmio_r32 of 4 bytes at offset 0x2 of 0x100"
device_fault master 'device edu reads 64 bytes at 0x[0-9a-f]+, but BANOS_PCI_MASTER is not enabled'
device_fault direction 'device edu writes 64 bytes .*, but the driver has mapped it for the other'
device_fault late 'device edu reads 64 bytes .*, but the driver has not given it to the device'
device_fault storm 'interrupt 0 of edu: nobody handles it, 1000 times in a row'
device_fault forget 'driver faulty: it left a mapping of registers of device 0000:00:01\.0 behind'
for rule in remove probe; do
	expect_status 1 banos-host --device edu.so "$work/forgetful.banos" rule=$rule
	for thing in interrupt 'mapping for transfers' 'buffer for transfers' 'mapping of registers'; do
		expect_line "driver forgetful: it left an? $thing of device 0000:00:01\\.0 behind" err
	done
done
expect_line 'device pci 0000:00:01\.0: probe failed with EIO' err
expect_status 1 banos-host --device edu.so "$work/forgetful.banos" rule=driver
expect_line 'driver forgetful: it left a device driver behind' err
expect_status 1 banos-host --device edu.so "$work/forgetful.banos" rule=thread -- 'sleep 1ms'
expect_line 'forgetful: -35 in the thread' err
grep -q 'cannot be taken back' err && fail "something stayed: $(cat err)"
expect_status 1 banos-host --device edu.so "$work/forgetful.banos" rule=spin
expect_line "driver forgetful: an interrupt's handler returned holding a spinlock" err
# Ports and memory; a device that says what cannot be.
expect_status 0 banos-host --device pci-testdev.so "$drivers/pci-testdev.banos" -- 'cat pci-testdev'
for line in 'mmio-byte: 1 bytes, 100 of 100' 'mmio-long: 4 bytes, 100 of 100' \
	'port-byte: 1 bytes, 100 of 100' 'port-word: 2 bytes, 100 of 100'; do
	expect_line "^$line$"
done
expect_status 0 banos-host --fail-allocs --device pci-testdev.so "$drivers/pci-testdev.banos"
expect_status 0 banos-host "$drivers/pci-testdev.banos" -- 'plug pci-testdev.so wild' \
	'show pci-testdev -> ~ "mmio-byte: 1 bytes, 0 of 100, impossible"'
expect_status 1 banos-host --device pci.banos edu.banos
expect_line 'pci\.banos: .*(ELF|file type|ET_DYN)' err

# A driver that brings a bus, and one that waits for devices on it.
for options in '--runs 20' --fail-allocs; do
	# shellcheck disable=SC2086  # options are words
	expect_status 0 banos-host $options "$drivers/virtio.banos" "$drivers/virtio-rng.banos"
done

# --- commands ---
expect_status 0 banos-host plain.banos -- 'cat /proc/driver/faulty'
expect_output faulty
expect_status 1 banos-host plain.banos -- 'show faulty -> "other"'
expect_line 'command:1: show faulty -> "other": gives "faulty\\n"' err
cat >commands <<'END'
show faulty -> ~^faulty$ ~ "ult" # a comment; show nothing
open faulty as "a name"; write "a name" x -> 1
END
expect_status 0 banos-host --script commands plain.banos
expect_status 0 banos-host --runs 3 --script - plain.banos <commands
# malformed COMMAND MESSAGE
malformed() {
	expect_status 2 banos-host plain.banos -- "$1"
	expect_line "$2" err
}
malformed 'opne faulty' 'command:1: opne: there is no such command'
malformed 'open faulty; read faulty' 'read: how many bytes\? \(read FILE SIZE'
malformed 'read f 1' 'no file of that name is open'
malformed 'open faulty; close faulty now' 'there is a word too many'
malformed 'sleep 10' 'a time has a unit'
malformed 'show "faulty' 'a quoted text does not end'
malformed 'show "faulty"-> 7' 'between two words there is no space'
malformed 'show faulty -> ~"f"' 'between two words there is no space'
malformed 'fault edu dead' 'there is no simulated device of that name'
malformed 'interrupt 99' 'there is no such line'
malformed 'wait nobody' 'there is no job of that name'
malformed 'show faulty -> faulty' 'neither a number, an errno'
malformed 'show faulty -> x:0' 'malformed'
malformed 'show faulty -> ~(' 'no extended regular expression'
expect_status 2 banos-host
expect_line 'no file was given' err
expect_status 2 banos-host nothing.banos
expect_status 2 banos-host --seed
expect_status 2 banos-host --runs 0 plain.banos
expect_status 2 banos-host a=b
expect_status 0 banos-host --help
expect_line 'usage: banos-host'
expect_status 0 banos-host --version

# --- the loader refuses what the kernel refuses ---
printf '\177ELF and nothing behind it' >short.banos
expect_status 1 banos-host short.banos
expect_line 'short\.banos: too short for an ELF file' err
