/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X86_BOOT_MEMORY_H
#define X86_BOOT_MEMORY_H

#include <base/types.h>

/* The one page below 1 MiB that the kernel needs: real-mode start of the other processors. */
#define TRAMPOLINE_ADDRESS 0x8000

void boot_memory_init(void);
/* RAM that the direct map leaves out; start == end when there is none. */
void boot_memory_driver_arena(paddr_t *start, paddr_t *end);
/* The archives are unpacked: their frames become free. */
void boot_memory_release_modules(void);

#endif
