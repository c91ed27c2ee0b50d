/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader told, in one form for both protocols. Everything is copied. */
#ifndef X86_BOOTINFO_H
#define X86_BOOTINFO_H

#include <base/types.h>

#define BOOT_RANGES_MAX	  128
#define BOOT_MODULES_MAX  16
#define COMMAND_LINE_SIZE 2048

enum boot_range_type {
	BOOT_RAM = 1,
	BOOT_RESERVED = 2,
	BOOT_ACPI = 3,
	BOOT_NVS = 4,
	BOOT_BAD = 5,
	BOOT_HELD = 0x100 /* ours: reserved by the firmware, but an archive lies there */
};

struct boot_range {
	paddr_t start;
	paddr_t end;
	uint32_t type; /* enum boot_range_type, as firmware numbers them */
};

struct boot_info {
	const char *loader;
	char command_line[COMMAND_LINE_SIZE];
	struct boot_range map[BOOT_RANGES_MAX]; /* sorted by start, without overlaps */
	unsigned map_count;
	struct boot_range modules[BOOT_MODULES_MAX]; /* initramfs archives, in order */
	unsigned module_count;
	paddr_t rsdp; /* ACPI root pointer, or 0: then rsdp_copy, if rsdp_size */
	uint8_t rsdp_copy[36];
	unsigned rsdp_size;
};

extern struct boot_info boot_info;

/* Fill boot_info from what start.S was handed. Panics with a clear text when it is unusable. */
void bootinfo_read(unsigned protocol, paddr_t info);

/* Copy bytes out of any physical memory, through the fast page. */
void phys_read(void *to, paddr_t from, size_t n);

#endif
