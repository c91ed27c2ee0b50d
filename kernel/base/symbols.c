/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of kernel functions for backtraces. tools/gen_symbols makes the tables from the linked
 * image, sorted by address; in the first link they are empty.
 */
#include <arch/page.h>
#include <base/panic.h>
#include <lib/format.h>

extern const uint32_t ksym_count __weak;
extern const uint32_t ksym_offsets[] __weak, ksym_name_offsets[] __weak;
extern const char ksym_names[] __weak;

/* Drivers' functions: set by driver/ when it can name them. */
bool (*symbol_driver_hook)(char *buf, size_t size, uintptr_t addr);

void symbol_format(char *buf, size_t size, uintptr_t addr)
{
	uint32_t lo = 0, hi = &ksym_count ? ksym_count : 0, offset;

	if (symbol_driver_hook && symbol_driver_hook(buf, size, addr))
		return;
	if (addr < IMAGE_BASE || addr - IMAGE_BASE > UINT32_MAX || !hi) {
		format(buf, size, "%#lx", (unsigned long)addr);
		return;
	}
	offset = (uint32_t)(addr - IMAGE_BASE);
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (ksym_offsets[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	format(buf, size, "%s+%#x", &ksym_names[ksym_name_offsets[lo]], offset - ksym_offsets[lo]);
}
