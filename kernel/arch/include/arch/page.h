/* SPDX-License-Identifier: BSD-2-Clause */
/* Page sizes and the layout of the address space (doc/boot.md draws the map). */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* User half: one page short of the canonical hole, so that no user address + 1 page is in it. */
#define USER_START 0x10000UL
#define USER_END   0x00007ffffffff000UL

/* All of RAM but the driver arena, read-write, never executable; kernel text is read-only here. */
#define DIRECT_BASE 0xffff888000000000UL
#define DIRECT_SIZE (64UL << 40)
/* Kernel mappings (stacks, large buffers, device memory): mem/kva.c. */
#define KVA_BASE 0xffffc90000000000UL
#define KVA_SIZE (1UL << 40)
/* Frame descriptors, one struct page per frame of RAM: mem/frame.c. */
#define PAGES_BASE 0xffffea0000000000UL
/* The kernel image, then driver images, both in the top 2 GiB: 32-bit signed reach. */
#define IMAGE_BASE  0xffffffff80000000UL
#define DRIVER_BASE 0xffffffffa0000000UL
#define DRIVER_END  0xfffffffff0000000UL
/* Fast pages: a window of FASTPAGE_SLOTS pages for each processor (mem/fastpage.h). */
#define FASTPAGE_BASE 0xffffffffff400000UL

#endif
