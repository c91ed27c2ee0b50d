/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports that this architecture's code uses, or that a driver would break the machine with. */
#include "arch.h"

#include <arch/io.h>
#include <lib/compiler.h>

/* Where PCs have had them since the first ones. */
static const struct io_ports fixed[] = {
	{0x00, 16, "DMA controller 1"},	 {0x20, 2, "interrupt controller 1"},
	{0x40, 4, "interval timer"},	 {0x70, 2, "battery clock"},
	{0x80, 16, "DMA pages"},	 {0xa0, 2, "interrupt controller 2"},
	{0xc0, 32, "DMA controller 2"},	 {0x4d0, 2, "interrupt levels"},
	{0xcf8, 8, "PCI configuration"},
};

bool arch_io_ports_used(unsigned i, struct io_ports *out)
{
	const struct io_ports from_firmware[] = {
		{acpi_power.pm1a, 2, "ACPI PM1a control"},
		{acpi_power.pm1b, 2, "ACPI PM1b control"},
		{acpi_power.pm_timer, 4, "ACPI PM timer"},
	};

	for (unsigned k = 0; k < ARRAY_SIZE(fixed) + ARRAY_SIZE(from_firmware); k++) {
		*out = k < ARRAY_SIZE(fixed) ? fixed[k] : from_firmware[k - ARRAY_SIZE(fixed)];
		if (k >= ARRAY_SIZE(fixed) && !out->first)
			continue; /* the machine does not have it */
		if (i-- == 0)
			return true;
	}
	return false;
}
