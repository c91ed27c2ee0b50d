/* SPDX-License-Identifier: BSD-2-Clause */
/* What the architecture tells the kernel at boot, and the steps it takes when asked (init/main.c).
 */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#include <base/types.h>

/* Called once frames and kernel page tables work, on the boot stack, interrupts off. */
_Noreturn void kernel_main(void);

const char *boot_command_line(void);
/* Initramfs archives in order; valid until boot_archives_release(). */
unsigned boot_archive_count(void);
const void *boot_archive(unsigned i, size_t *size);
void boot_archives_release(void);

void arch_init_memory(void);  /* hands the driver arena over; needs kva */
void arch_init_devices(void); /* interrupt controllers, clocks; needs the heap */

struct cpu_info {
	const char *vendor, *model;
	unsigned family, model_number, stepping;
	bool smep, smap, umip;
};
void arch_cpu_info(struct cpu_info *out);

#endif
