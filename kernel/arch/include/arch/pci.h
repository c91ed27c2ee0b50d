/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware's tables say of PCI. */
#ifndef ARCH_PCI_H
#define ARCH_PCI_H

#include <base/types.h>

/* Configuration space in memory (PCI Express, 7.2.2): 1 MiB for each bus. */
struct pci_window {
	paddr_t base; /* of bus 0, also if that is not in it */
	uint8_t first_bus, last_bus;
};

/* That of segment 0. False: there is none, and ports must do. Context: any. */
bool arch_pci_window(struct pci_window *out);

#endif
