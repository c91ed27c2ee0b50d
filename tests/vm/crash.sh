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

# In a driver, and in the kernel when it is called by one: that is said, with the function's name.
cat >"$work/crasher.c" <<'END'
#include <banos/driver.h>
#include <banos/memory.h>
#include <banos/param.h>
#include <banos/meta.h>
#include <banos/sync.h>
#include <banos/time.h>
#include <banos/timer.h>

static int *volatile nowhere;

__attribute__((noinline)) static int crash_here(void)
{
	return *nowhere + 1;
}

__attribute__((noinline)) static int crash_there(void)
{
	return *(int *)banos_pages_address((Banos_Pages *)nowhere) + 1;
}

static Banos_Mutex mutex;

static void tick(void *ctx)
{
	(void)ctx;
	banos_mutex_lock(&mutex);
	banos_mutex_unlock(&mutex);
}

/* A mutex in an interrupt: free, or taken by who is interrupted. */
static int sleep_in_interrupt(Banos_Driver *driver, uint64_t taken)
{
	Banos_Timer *timer;

	banos_mutex_init(&mutex, "crasher");
	if (banos_timer_create(driver, tick, 0, BANOS_TIMER_INTERRUPT, &timer))
		return -1;
	if (taken)
		banos_mutex_lock(&mutex);
	banos_timer_arm(timer, banos_time_mono_ns() + 1000000, 0, 0);
	for (int i = 0; i < 1000; i++)
		banos_delay_ns(10000);
	return 0;
}

static int crasher_init(Banos_Driver *driver)
{
	uint64_t there = 0;
	char sleep[8] = "";

	banos_param_get(driver, "there", BANOS_PARAM_BOOLEAN, &there, sizeof(there));
	banos_param_get(driver, "sleep", BANOS_PARAM_TEXT, sleep, sizeof(sleep));
	if (sleep[0])
		return sleep_in_interrupt(driver, sleep[0] == 't');
	return (there ? crash_there() : crash_here()) + 1;
}

static const Banos_Parameter parameters[] = {
	{.name = "there", .type = BANOS_PARAM_BOOLEAN, .fallback = "no", .help = "in the kernel"},
	{.name = "sleep", .type = BANOS_PARAM_TEXT, .help = "a mutex in an interrupt: free, taken"}};
BANOS_META_API static const Banos_Meta meta = {BANOS_META_HEAD,
					       .parameters = BANOS_LIST(parameters)};
BANOS_DRIVER_API static Banos_Driver crasher = {
	.driver_size = sizeof(crasher),
	.name = "crasher",
	.init = crasher_init,
};
END
gcc -std=gnu11 -O2 -ffreestanding -Iinclude -fPIE -mcmodel=small -mno-red-zone \
	-mgeneral-regs-only -fno-jump-tables -fno-asynchronous-unwind-tables \
	-fno-stack-protector -fno-common -w -c -o "$work/crasher.o" "$work/crasher.c" ||
	fail "the driver does not compile"
in_driver() { # PARAMETER PANIC PATTERN
	expect_status 125 tools/vm -timeout 60 -put "$work/crasher.o" -- banos install /put/crasher.o "$1"
	expect_line "PANIC: $2" err
	expect_line "^.*$3" err
}
in_driver there=no 'page fault' 'in driver crasher \(instance [0-9]+\): crash_here\+0x'
in_driver there=yes 'page fault' 'called by driver crasher \(instance [0-9]+\): crash_there\+0x'
in_driver sleep=taken 'sleeping in an interrupt handler' \
	'called by driver crasher \(instance [0-9]+\): tick\+0x'
# Where the mutex was free nothing happens, but it is said.
expect_status 0 tools/vm -timeout 60 -put "$work/crasher.o" -- \
	'banos install /put/crasher.o sleep=free && dmesg'
expect_line 'driver crasher .instance [0-9]+.: tick.*: calls banos_mutex_lock in an interrupt handler, where nothing may sleep'

# The address sanitiser's build finds what poison finds only later.
expect_status 125 tools/vm -timeout 100 -kernel build/kasan/banos.elf -append crash=freed -- true
expect_line 'PANIC: kasan: store of 1 bytes' err
