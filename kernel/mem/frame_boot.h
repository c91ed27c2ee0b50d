/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the frame allocator at boot. */
#ifndef MEM_FRAME_BOOT_H
#define MEM_FRAME_BOOT_H

#include <base/types.h>

/* Hand [start, end) of RAM, page-aligned and with mapped descriptors, to the allocator. */
void frame_boot_add(paddr_t start, paddr_t end);
/* True if physical address pa is RAM with a mapped descriptor. The architecture answers. */
bool frame_exists(paddr_t pa);
/* True if there is any RAM in [start, end); the end of the highest RAM. Likewise. */
bool frame_exists_between(paddr_t start, paddr_t end);
paddr_t frame_top(void);
/* Hand the arena of driver images to mem/kva.c. */
void kva_boot_add_arena(paddr_t start, paddr_t end);
void slab_init(void);

#endif
