#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A panic ends the machine at once, with 125 and the panic on stderr, from any processor.
. tests/vm/lib.inc

# The pause lets the line send what was printed: a panic does not wait for it.
for smp in 1 4; do
	expect_status 125 tools/vm -smp $smp -- 'echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 100'
	expect_output before
	expect_line '^(\[ *[0-9.]+\] )?PANIC: ' err
done
# The backtrace names functions, not only numbers.
expect_line '[a-z_]+\+0x[0-9a-f]+' err
