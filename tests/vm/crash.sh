#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is broken on purpose (kernel/init/test/crash.c) is noticed at once and reported with its
# cause, a backtrace, and the end of the machine.
. tests/vm/lib.inc

# crash KIND PATTERN : PATTERN is in the panic's text.
crash() {
	expect_status 125 tools/vm -smp 2 -timeout 60 -kernel build/test/banos.elf -append "crash=$1" -- true
	expect_line "PANIC: .*$2" err
	expect_line 'processor [0-9]+, thread [a-z]+' err
	expect_line 'backtrace:' err
}

crash irq 'in an interrupt'
expect_line 'in an interrupt handler' err
expect_line 'kernel_timer_interrupt\+0x' err
crash other 'on another processor'
expect_line 'kernel_message_(interrupt|look)\+0x' err
crash stack 'double fault|page fault'
crash frame 'page fault in the kernel'
crash order 'TEST_OUTER is taken while TEST_INNER is held'
crash sleep 'sleeping with the spinlock TEST_SPIN held'
crash irqlock 'TIMER is taken by interrupt handlers too'
crash overrun 'written beyond its end'
crash freed 'written after it was freed'
crash text 'page fault'
crash alias 'page fault'
crash execute 'page fault'
crash user 'page fault'
crash overflow 'signed addition overflows at kernel/init/test/crash.c'
crash guard 'page fault'
crash smash 'stack protector'

# A printer that faults: the first panic is on the console, and the machine still ends.
expect_status 125 tools/vm -smp 2 -timeout 60 -kernel build/test/banos.elf -append crash=printer -- true
expect_line 'PANIC: crash: with a printer that breaks' err

# The address sanitiser's build finds what poison finds only later.
expect_status 125 tools/vm -timeout 100 -kernel build/kasan/banos.elf -append crash=freed -- true
expect_line 'PANIC: kasan: store of 1 bytes' err
