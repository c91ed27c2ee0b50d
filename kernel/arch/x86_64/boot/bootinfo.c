/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the boot loader's information: PVH (hvm_start_info, Xen's
 * public/arch-x86/hvm/start_info.h) and Multiboot2 (specification 3.6). It lies anywhere in
 * physical memory, so it is read through the fast page, and copied, since its memory is handed to
 * the frame allocator afterwards.
 */
#include "bootinfo.h"
#include "../layout.h"

#include <base/log.h>
#include <base/panic.h>
#include <lib/string.h>
#include <mem/fastpage.h>
#include <arch/page.h>

struct boot_info boot_info;

struct pvh_start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp;
	uint64_t map; /* from version 1 on */
	uint32_t map_entries, reserved;
};
struct pvh_module {
	uint64_t address, size, command_line, reserved;
};
struct pvh_range {
	uint64_t address, size;
	uint32_t type, reserved;
};
#define PVH_MAGIC 0x336ec578

struct mb2_tag {
	uint32_t type, size;
};

void phys_read(void *to, paddr_t from, size_t n)
{
	while (n) {
		size_t offset = from % PAGE_SIZE;
		size_t part = min(n, PAGE_SIZE - offset);
		const char *window = fastpage_map(from - offset);

		memcpy(to, window + offset, part);
		fastpage_unmap((void *)window);
		to = (char *)to + part;
		from += part;
		n -= part;
	}
}

static void read_command_line(paddr_t from, size_t limit)
{
	size_t n = 0;

	while (n < limit && n < COMMAND_LINE_SIZE - 1) {
		phys_read(&boot_info.command_line[n], from + n, 1);
		if (!boot_info.command_line[n])
			break;
		n++;
	}
	boot_info.command_line[n] = '\0';
}

static void add_range(paddr_t start, uint64_t size, uint32_t type)
{
	struct boot_range *r = &boot_info.map[boot_info.map_count];

	if (!size || start + size < start)
		return;
	if (boot_info.map_count == BOOT_RANGES_MAX) {
		log_warn("boot: more than %d memory ranges; the rest is not used", BOOT_RANGES_MAX);
		return;
	}
	*r = (struct boot_range){.start = start, .end = start + size, .type = type};
	boot_info.map_count++;
}

static void add_module(paddr_t start, uint64_t size)
{
	if (!size)
		return;
	if (boot_info.module_count == BOOT_MODULES_MAX) {
		log_warn("boot: more than %d modules; the rest is ignored", BOOT_MODULES_MAX);
		return;
	}
	boot_info.modules[boot_info.module_count++] =
		(struct boot_range){.start = start, .end = start + size, .type = BOOT_RAM};
}

static void read_pvh(paddr_t info)
{
	struct pvh_start_info si;
	struct pvh_module module;
	struct pvh_range range;

	phys_read(&si, info, sizeof(si));
	if (si.magic != PVH_MAGIC)
		panic("boot: no PVH start information at %#lx (magic %#x): boot this kernel with "
		      "QEMU's -kernel or with a Multiboot2 loader such as GRUB",
		      (unsigned long)info, si.magic);
	boot_info.loader = "PVH";
	if (si.command_line)
		read_command_line(si.command_line, COMMAND_LINE_SIZE);
	boot_info.rsdp = si.rsdp;
	for (uint32_t i = 0; i < si.modules && i < 1024; i++) {
		phys_read(&module, si.module_list + i * sizeof(module), sizeof(module));
		add_module(module.address, module.size);
	}
	for (uint32_t i = 0; si.version >= 1 && i < si.map_entries && i < 1024; i++) {
		phys_read(&range, si.map + i * sizeof(range), sizeof(range));
		add_range(range.address, range.size, range.type);
	}
}

static void read_multiboot_tag(paddr_t at, struct mb2_tag tag)
{
	uint32_t words[4];
	uint64_t range[3];

	switch (tag.type) {
	case 1: /* command line */
		read_command_line(at + 8, tag.size - 8);
		break;
	case 3: /* module: start, end */
		phys_read(words, at + 8, 8);
		if (words[1] > words[0])
			add_module(words[0], words[1] - words[0]);
		break;
	case 6: /* memory map: entry size, version, entries */
		phys_read(words, at + 8, 8);
		if (words[0] < sizeof(range))
			break;
		for (uint32_t off = 16; off + sizeof(range) <= tag.size; off += words[0]) {
			phys_read(range, at + off, sizeof(range));
			add_range(range[0], range[1], (uint32_t)range[2]);
		}
		break;
	case 14: /* a copy of the ACPI 1.0 root pointer; 15: of the 2.0 one */
	case 15:
		if (tag.size - 8 <= boot_info.rsdp_size)
			break;
		boot_info.rsdp_size = min(tag.size - 8, (uint32_t)sizeof(boot_info.rsdp_copy));
		phys_read(boot_info.rsdp_copy, at + 8, boot_info.rsdp_size);
		break;
	}
}

static void read_multiboot(paddr_t info)
{
	uint32_t total;
	struct mb2_tag tag;

	boot_info.loader = "Multiboot2";
	phys_read(&total, info, sizeof(total));
	for (uint32_t off = 8; off + sizeof(tag) <= total; off += ALIGN_UP(tag.size, 8)) {
		phys_read(&tag, info + off, sizeof(tag));
		if (tag.type == 0 || tag.size < sizeof(tag) || tag.size > total - off)
			break;
		read_multiboot_tag(info + off, tag);
	}
}

/* Insertion sort by start; then cut overlaps in favour of the range that is not RAM. */
static void sort_map(void)
{
	struct boot_range *m = boot_info.map;

	for (unsigned i = 1; i < boot_info.map_count; i++) {
		struct boot_range r = m[i];
		unsigned j = i;

		for (; j > 0 && m[j - 1].start > r.start; j--)
			m[j] = m[j - 1];
		m[j] = r;
	}
	for (unsigned i = 0; i + 1 < boot_info.map_count; i++) {
		if (m[i].end <= m[i + 1].start)
			continue;
		if (m[i].type == BOOT_RAM)
			m[i].end = m[i + 1].start;
		else
			m[i + 1].start = min(m[i].end, m[i + 1].end);
	}
}

void bootinfo_read(unsigned protocol, paddr_t info)
{
	if (protocol == BOOT_PVH)
		read_pvh(info);
	else
		read_multiboot(info);
	if (!boot_info.map_count)
		panic("boot: the boot loader gave no memory map");
	sort_map();
}
