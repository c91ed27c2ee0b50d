/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which line of the I/O interrupt controller a device's pin drives. In general only AML tells; for
 * the chipsets of QEMU's machines it is known (doc/boot.md has the sources). On others there is no
 * answer, and devices must use messages.
 *
 * Behind a bridge the pins are turned by the slot at each (PCI-to-PCI Bridge 1.2, 9.1).
 */
#include "pci.h"

#define INTEL	  0x8086
#define I440FX	  0x1237 /* the host bridge of pc */
#define Q35	  0x29c0 /* of q35 */
#define PIIX3_ISA 1	 /* its slot */

#define PIIX_ROUTES   0x60
#define ROUTE_NONE    0x80
#define FIRST_OWN     25 /* slots of the chipset's own functions */
#define PIRQ_A	      16 /* the line of the first of eight */
#define CHIPSET_PIRQS 4	 /* the others' pins go to the upper four */

static unsigned host_bridge(void)
{
	if (pci_config_read(0, 0, 0, PCI_VENDOR_ID, 2) != INTEL)
		return 0;
	return pci_config_read(0, 0, 0, PCI_DEVICE_ID, 2);
}

/* Four bytes of the ISA bridge's, each an ISA interrupt. */
static bool route_pc(unsigned slot, unsigned pin, struct irq_mode *out)
{
	unsigned pirq = (slot - 1 + pin) & 3;
	unsigned irq = pci_config_read(0, PIIX3_ISA, 0, PIIX_ROUTES + pirq, 1);

	/* Overrides say how the line asks. */
	return !(irq & ROUTE_NONE) && irq_isa_line(irq & 15, out) && (out->level = true);
}

/*
 * The chipset's own devices have registers of their own for this, which the firmware leaves as they
 * are after a reset: pin A goes to the first line and so on. Slot 30 is a bridge like other
 * devices.
 */
static bool route_q35(unsigned slot, unsigned pin, struct irq_mode *out)
{
	bool own = slot >= FIRST_OWN && slot != 30;
	unsigned pirq = own ? pin : CHIPSET_PIRQS + ((slot + pin) & 3);

	*out = (struct irq_mode){.gsi = PIRQ_A + pirq, .level = true, .active_low = true};
	return irq_line_exists(out->gsi);
}

bool pci_route(const struct pci_device *p, struct irq_mode *out)
{
	unsigned slot = p->slot, pin = p->pin - 1u;

	if (!p->pin)
		return false;
	for (const struct pci_device *b = p->bridge; b; b = b->bridge) {
		pin = (pin + slot) & 3;
		slot = b->slot;
	}
	switch (host_bridge()) {
	case I440FX:
		return route_pc(slot, pin, out);
	case Q35:
		return route_q35(slot, pin, out);
	default:
		return false;
	}
}
