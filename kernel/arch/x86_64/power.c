/* SPDX-License-Identifier: BSD-2-Clause */
/* Power-off and reset through the registers that the FADT names; doc/boot.md says how QEMU's
 * machines behave. */
#include "arch.h"

#include <arch/io.h>
#include <arch/power.h>
#include <arch/smp.h>
#include <base/log.h>
#include <sched/clock.h>

#define SLEEP_ENABLE 0x2000

_Noreturn void power_off(void)
{
	irq_disable();
	/*
	 * The sleep type of S5 is told only by AML (\_S5 in the DSDT), which we do not interpret;
	 * on QEMU's pc and q35 it is 0.
	 */
	if (acpi_power.pm1a)
		io_write16(acpi_power.pm1a, SLEEP_ENABLE);
	if (acpi_power.pm1b)
		io_write16(acpi_power.pm1b, SLEEP_ENABLE);
	/* The machine may take its time: QEMU goes on for a while. */
	for (nsec_t end = clock_mono_ns() + 3 * NSEC_PER_SEC; clock_mono_ns() < end;)
		cpu_relax();
	log_error("power: the machine did not switch off; it may be switched off now");
	arch_stop_others();
	cpu_stop();
}

_Noreturn void power_reset(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __packed none = {0, 0};

	irq_disable();
	if (acpi_power.reset_valid && acpi_power.reset_io)
		io_write8((uint16_t)acpi_power.reset_address, acpi_power.reset_value);
	/* The keyboard controller's pulse, then a triple fault. */
	io_write8(0x64, 0xfe);
	for (unsigned i = 0; i < 1000000; i++)
		cpu_relax();
	__asm__ volatile("lidt %0; int3" : : "m"(none));
	cpu_stop();
}
