/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel mappings: ranges of kernel addresses outside the direct map. Never sleeps. */
#ifndef MEM_KVA_H
#define MEM_KVA_H

#include <base/types.h>

enum kprot { KPROT_R, KPROT_RW, KPROT_RX };
enum kcache { KCACHE_NORMAL, KCACHE_DEVICE, KCACHE_WRITE_COMBINING };

/*
 * `size` bytes (whole pages) of fresh zeroed memory mapped read-write, with an unmapped guard
 * page on both sides. NULL when memory is out. Unmapped and freed by kva_free.
 */
void *kva_alloc(size_t size);
void kva_free(void *address);

/* Map physical memory that is not RAM (device registers). Offset within the page is kept. */
void *kva_map_device(paddr_t pa, size_t size, enum kcache cache);
void kva_unmap_device(void *address);

/*
 * Driver images: `size` bytes at a random place of the driver area with guard pages on both sides,
 * on frames that are not in the direct map, first read-write and zeroed. kva_protect() then sets
 * the final protection of page ranges inside; W and X never meet.
 */
void *kva_alloc_image(size_t size);
void kva_protect(void *address, size_t size, enum kprot prot);
void kva_free_image(void *address);

#endif
