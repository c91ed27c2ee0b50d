/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus.h"

#include "irq.h"
#include "port.h"

void bus_init(void)
{
	irq_show_init();
	port_init();
}
