/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI devices that lie: sizes of BARs and lists of capabilities, read from configuration space that
 * the test makes up. What comes out must be possible, whatever the device says.
 *
 * HOST-LINK: kernel/bus/pci_bar.c kernel/bus/pci_cap.c
 */
#include "test.h"
#include <bus/pci.h>
#include <stdlib.h>
#include <string.h>

static uint8_t space[4096];
static uint32_t writable[1024]; /* bits of each word that keep what is written */
static bool noise;		/* each read gives something else */

uint32_t pci_config_read(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset,
			 unsigned width)
{
	uint32_t value = 0;

	CHECK(offset + width <= sizeof(space) && offset % width == 0);
	if (noise)
		return ((uint32_t)rand() << rand() % 24) & (UINT32_MAX >> (32 - 8 * width));
	memcpy(&value, space + offset, width);
	return value;
}

void pci_config_write(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset, unsigned width,
		      uint32_t value)
{
	uint32_t word, mask = writable[offset / 4] >> (8 * (offset % 4));

	CHECK(offset + width <= sizeof(space) && offset % width == 0);
	memcpy(&word, space + offset, width);
	word = (word & ~mask) | (value & mask);
	memcpy(space + offset, &word, width);
}

static void put(uint32_t offset, uint32_t value, uint32_t keeps)
{
	memcpy(space + offset, &value, 4);
	writable[offset / 4] = keeps;
}

static struct pci_device *fresh(void)
{
	static struct pci_device p;

	memset(space, 0, sizeof(space));
	memset(writable, 0, sizeof(writable));
	memset(&p, 0, sizeof(p));
	p.config_size = sizeof(space);
	noise = false;
	put(4, 0x0010 << 16, 0xffff); /* capabilities */
	return &p;
}

static void bars_as_they_should_be(void)
{
	struct pci_device *p = fresh();

	put(0x10, 0xfe000000, 0xfffff000); /* 4 KiB */
	put(0x14, 0x0000c001, 0x0000ffe0); /* 32 ports */
	put(0x18, 0xfd00000c, 0xffff0000); /* 64 KiB, 64 bits, prefetchable */
	put(0x1c, 0x00000002, 0xffffffff);
	put(0x20, 0, 0);
	put(0x24, 0, 0xfff00000); /* not set */
	pci_bars_read(p);
	CHECK(p->bars[0].base == 0xfe000000 && p->bars[0].size == 4096 && !p->bars[0].io);
	CHECK(p->bars[1].base == 0xc000 && p->bars[1].size == 32 && p->bars[1].io);
	CHECK(p->bars[2].base == 0x2fd000000 && p->bars[2].size == 65536 && p->bars[2].wide);
	CHECK(p->bars[2].prefetch && !p->bars[3].size);
	CHECK(!p->bars[4].size && !p->bars[4].base);
	CHECK(!p->bars[5].base && p->bars[5].size == 1 << 20);
	/* All is as it was. */
	CHECK(pci_read(p, 0x10, 4) == 0xfe000000 && pci_read(p, 0x1c, 4) == 2);
}

static void bars_that_cannot_be(void)
{
	struct pci_device *p = fresh();

	put(0x10, 0xfe000000, 0xf0fff000); /* a hole among the bits */
	put(0x14, 0x0000c001, 0x0000fe00); /* 512 ports */
	put(0x18, 0xfe000004, 0xffff0000);
	put(0x1c, 0, 0xff);		   /* upper bits are missing */
	put(0x20, 0xfe000800, 0xfffff000); /* not aligned to its size */
	put(0x24, 0xfe000004, 0xfffff000); /* 64 bits, and the last */
	pci_bars_read(p);
	CHECK(!p->bars[0].size);
	CHECK(!p->bars[1].size && !p->bars[1].base);
	CHECK(!p->bars[2].size);
	CHECK(!p->bars[4].base || p->bars[4].base % p->bars[4].size == 0);
	CHECK(!p->bars[5].size && !p->bars[5].wide);
	p = fresh();
	put(0x10, 0x00000004, 0xfffff000);
	put(0x14, 0xfff00000, 0xffffffff); /* beyond what processors address */
	pci_bars_read(p);
	CHECK(!p->bars[0].base);
}

static void bars_of_noise(void)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct pci_device *p = fresh();

		noise = true;
		pci_bars_read(p);
		for (unsigned k = 0; k < PCI_BARS; k++) {
			const struct pci_bar *b = &p->bars[k];

			CHECK((b->size & (b->size - 1)) == 0);
			CHECK(!b->io || b->size <= 256);
			CHECK(!b->wide || k < PCI_BARS - 1);
			CHECK(!b->base || !b->size || b->io || b->base + b->size - 1 < 1ull << 52);
		}
	}
}

static void capability(uint8_t at, uint8_t id, uint8_t next)
{
	space[at] = id;
	space[at + 1] = next;
}

static void capabilities(void)
{
	struct pci_device *p = fresh();

	space[0x34] = 0x40;
	capability(0x40, 9, 0x50);
	capability(0x50, 5, 0x63); /* the low bits do not count */
	capability(0x60, 9, 0);
	CHECK(pci_find_capability(p, 5, 0) == 0x50);
	CHECK(pci_find_capability(p, 9, 0) == 0x40);
	CHECK(pci_find_capability(p, 9, 0x40) == 0x60);
	CHECK(pci_find_capability(p, 9, 0x60) == 0);
	CHECK(pci_find_capability(p, 1, 0) == 0);
	capability(0x60, 9, 0x40); /* a circle */
	CHECK(pci_find_capability(p, 1, 0) == 0);
	capability(0x60, 9, 0x60);
	CHECK(pci_find_capability(p, 1, 0) == 0);
	capability(0x60, 9, 0x04); /* into the header */
	CHECK(pci_find_capability(p, 1, 0) == 0);
	capability(0x60, 9, 0xff);
	CHECK(pci_find_capability(p, 1, 0) == 0);
	put(4, 0, 0); /* it has no list */
	CHECK(pci_find_capability(p, 5, 0) == 0);
}

static void extended(uint32_t at, uint32_t id, uint32_t next)
{
	put(at, id | 1 << 16 | next << 20, 0);
}

static void extended_capabilities(void)
{
	struct pci_device *p = fresh();

	CHECK(pci_find_extended(p, 3, 0) == 0);
	extended(0x100, 1, 0x140);
	extended(0x140, 3, 0xffc);
	extended(0xffc, 1, 0);
	CHECK(pci_find_extended(p, 3, 0) == 0x140);
	CHECK(pci_find_extended(p, 1, 0x100) == 0xffc);
	CHECK(pci_find_extended(p, 1, 0xffc) == 0);
	extended(0xffc, 2, 0x100); /* a circle */
	CHECK(pci_find_extended(p, 9, 0) == 0);
	extended(0x140, 3, 0x140);
	CHECK(pci_find_extended(p, 9, 0) == 0);
	extended(0x140, 3, 0x40);
	CHECK(pci_find_extended(p, 9, 0) == 0);
	put(0x140, 0xffffffff, 0);
	CHECK(pci_find_extended(p, 9, 0) == 0);
	p->config_size = 256;
	CHECK(pci_find_extended(p, 1, 0) == 0);
}

static void lists_of_noise(void)
{
	for (unsigned i = 0; i < 5000; i++) {
		struct pci_device *p = fresh();
		uint32_t at;

		noise = true;
		at = pci_find_capability(p, (uint8_t)rand(), i % 2 ? 0x40 : 0);
		CHECK(!at || (at >= 0x40 && at <= 0xfc));
		at = pci_find_extended(p, (uint16_t)rand(), i % 2 ? 0x100 : 0);
		CHECK(!at || (at >= 0x100 && at <= 0xffc));
	}
}

int main(void)
{
	srand(1);
	RUN(bars_as_they_should_be);
	RUN(bars_that_cannot_be);
	RUN(bars_of_noise);
	RUN(capabilities);
	RUN(extended_capabilities);
	RUN(lists_of_noise);
	return test_finish();
}
