/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus.h"

#include "device.h"
#include "irq.h"
#include "pci.h"
#include "port.h"

void bus_init(void)
{
	irq_show_init();
	port_init();
	device_init();
	pci_init();
}
