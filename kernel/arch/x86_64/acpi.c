/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Static ACPI tables (ACPI 6.4, chapter 5): RSDP, RSDT or XSDT, then MADT for processors and
 * interrupt controllers, FADT for power and the PM timer, HPET, MCFG for PCI. No AML is
 * interpreted. The tables come from firmware and are read as hostile: every length is checked.
 */
#include "arch.h"

#include "boot/bootinfo.h"

#include <arch/pci.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/string.h>
#include <mem/slab.h>

struct acpi_power acpi_power;
static bool madt_seen;

#define TABLE_MAX (1024 * 1024)

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __packed;

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
} __packed;

static bool checksum_ok(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (n--)
		sum += *b++;
	return sum == 0;
}

/* A copy of the table at pa (kfree), or NULL. */
static struct header *table_read(paddr_t pa)
{
	struct header h, *t;

	if (pa >> cpu_features.phys_bits)
		return NULL;
	phys_read(&h, pa, sizeof(h));
	if (h.length < sizeof(h) || h.length > TABLE_MAX)
		return NULL;
	t = kmalloc(h.length);
	if (!t)
		return NULL;
	phys_read(t, pa, h.length);
	t->length = h.length;
	if (!checksum_ok(t, h.length)) {
		log_warn("acpi: table %.4s at %#lx has a wrong checksum; ignored", h.signature,
			 (unsigned long)pa);
		kfree(t);
		return NULL;
	}
	return t;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void madt_entry(const uint8_t *e, uint8_t len)
{
	switch (e[0]) {
	case 0: /* local APIC: id, flags (enabled, online capable) */
		if (len >= 8)
			smp_add_processor(e[3], get32(e + 4) & 1);
		break;
	case 1: /* I/O APIC */
		if (len >= 12)
			ioapic_add(get32(e + 4), get32(e + 8));
		break;
	case 2: /* interrupt source override: bus, source, gsi, flags */
		if (len >= 10) {
			uint16_t flags = (uint16_t)(e[8] | e[9] << 8);

			irq_isa_override(e[3], get32(e + 4), (flags >> 2 & 3) == 3,
					 (flags & 3) == 3);
		}
		break;
	case 9: /* x2APIC processor: ids above 254 need a mode we do not have */
		if (len >= 16 && get32(e + 8) & 1)
			log_warn("acpi: processor with x2APIC id %u left out", get32(e + 4));
		break;
	}
}

static void madt_read(const struct header *t)
{
	const uint8_t *p = (const uint8_t *)t;

	if (t->length < 44)
		return;
	apic_init(get32(p + 36));
	madt_seen = true;
	for (uint32_t off = 44; off + 2 <= t->length;) {
		uint8_t len = p[off + 1];

		if (len < 2 || len > t->length - off)
			break;
		madt_entry(p + off, len);
		off += len;
	}
}

static void fadt_read(const struct header *t)
{
	const uint8_t *p = (const uint8_t *)t;
	uint32_t flags;

	if (t->length < 116)
		return;
	acpi_power.pm1a = (uint16_t)get32(p + 64);
	acpi_power.pm1b = (uint16_t)get32(p + 68);
	acpi_power.pm_timer = (uint16_t)get32(p + 76);
	flags = get32(p + 112);
	if (get32(p + 76))
		pm_timer_init((uint16_t)get32(p + 76), flags >> 8 & 1);
	if (t->length >= 129 && flags >> 10 & 1) {
		acpi_power.reset_valid = true;
		acpi_power.reset_io = p[116] == 1;
		acpi_power.reset_address = get64(p + 120);
		acpi_power.reset_value = p[128];
	}
}

static void hpet_read(const struct header *t)
{
	const uint8_t *p = (const uint8_t *)t;

	if (t->length >= 56 && p[40] == 0)
		hpet_init(get64(p + 44));
}

static struct pci_window pci_window;
static bool have_pci_window;

/* PCI Firmware Specification 3.0, 4.1.2: entries of base, segment, first and last bus. */
static void mcfg_read(const struct header *t)
{
	const uint8_t *p = (const uint8_t *)t;

	for (uint32_t off = 44; off + 16 <= t->length && !have_pci_window; off += 16) {
		paddr_t base = get64(p + off);

		if (p[off + 8] || p[off + 9] || p[off + 10] > p[off + 11])
			continue;
		if (!base || base & 0xfffff || base >> (cpu_features.phys_bits - 1))
			continue;
		pci_window = (struct pci_window){
			.base = base, .first_bus = p[off + 10], .last_bus = p[off + 11]};
		have_pci_window = true;
	}
}

bool arch_pci_window(struct pci_window *out)
{
	*out = pci_window;
	return have_pci_window;
}

static const struct {
	char signature[5];
	void (*read)(const struct header *t);
} readers[] = {{"APIC", madt_read}, {"FACP", fadt_read}, {"HPET", hpet_read}, {"MCFG", mcfg_read}};

static void table_visit(paddr_t pa)
{
	struct header *t = table_read(pa);

	for (unsigned i = 0; t && i < ARRAY_SIZE(readers); i++)
		if (!memcmp(t->signature, readers[i].signature, 4))
			readers[i].read(t);
	kfree(t);
}

/* Firmware without PVH leaves the pointer in the BIOS area, on a 16-byte boundary. */
static paddr_t rsdp_search(void)
{
	char sig[8];

	for (paddr_t pa = 0xe0000; pa < 0x100000; pa += 16) {
		phys_read(sig, pa, 8);
		if (!memcmp(sig, "RSD PTR ", 8))
			return pa;
	}
	return 0;
}

void acpi_init(paddr_t pa)
{
	struct rsdp r = {0};
	struct header *root;
	unsigned entry;

	if (!pa && boot_info.rsdp_size) {
		memcpy(&r, boot_info.rsdp_copy, boot_info.rsdp_size);
	} else {
		pa = pa ? pa : rsdp_search();
		if (!pa)
			panic("boot: no ACPI tables: this kernel needs them to find processors and "
			      "interrupt controllers");
		phys_read(&r, pa, sizeof(r));
	}
	if (memcmp(r.signature, "RSD PTR ", 8) || !checksum_ok(&r, 20))
		panic("boot: the ACPI root pointer at %#lx is damaged", (unsigned long)pa);
	entry = r.revision >= 2 && r.xsdt ? 8 : 4;
	root = table_read(entry == 8 ? r.xsdt : r.rsdt);
	if (!root)
		panic("boot: the ACPI root table is damaged");
	for (uint32_t off = sizeof(*root); off + entry <= root->length; off += entry) {
		const uint8_t *e = (const uint8_t *)root + off;

		table_visit(entry == 8 ? get64(e) : get32(e));
	}
	kfree(root);
	if (!madt_seen)
		panic("boot: the ACPI tables name no interrupt controller (no MADT)");
}
