/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists of capabilities (PCI Local Bus 3.0, 6.7; PCI Express Base 4.0, 7.6). The device says
 * where the next one is, and may say anything.
 */
#include "pci.h"

/* More than fit into the space: the list runs in a circle. */
#define CAPABILITIES_MAX 48
#define EXTENDED_MAX	 960
#define EXTENDED_FIRST	 0x100

uint32_t pci_find_capability(const struct pci_device *p, uint8_t id, uint32_t after)
{
	uint32_t at;

	if (!(pci_read(p, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_read(p, after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST, 1);
	for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
		at &= ~3u;
		if (at < 0x40)
			return 0;
		if (pci_read(p, at + PCI_CAP_LIST_ID, 1) == id)
			return at;
		at = pci_read(p, at + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

uint32_t pci_find_extended(const struct pci_device *p, uint16_t id, uint32_t after)
{
	uint32_t at = EXTENDED_FIRST, header;

	if (p->config_size <= EXTENDED_FIRST)
		return 0;
	if (after)
		at = pci_read(p, after, 4) >> 20;
	for (unsigned i = 0; i < EXTENDED_MAX; i++) {
		at &= ~3u;
		if (at < EXTENDED_FIRST || at > p->config_size - 4)
			return 0;
		header = pci_read(p, at, 4);
		/* Nothing here, or nobody. */
		if (!header || header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20;
	}
	return 0;
}
