/* SPDX-License-Identifier: MIT */
/*
 * Memory: blocks of any size, pools of equal objects, whole pages. Interface "banos.core".
 */
#ifndef BANOS_MEMORY_H
#define BANOS_MEMORY_H

#include <banos/driver.h>

/* Contents all zero. */
#define BANOS_ALLOC_ZERO 1u

typedef struct Banos_Pool Banos_Pool;
typedef struct Banos_Pages Banos_Pages;

BANOS_API_BEGIN

/*
 * `size` bytes, aligned to `align`: a power of two up to 4096, or 0 for 16. Never sleeps. The
 * caller owns the memory and gives it back with banos_free. NULL: out of memory, size 0, a bad
 * alignment or an unknown flag. Context: any. Since 0.9.
 */
void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags);
/* NULL is allowed. Context: any. Since 0.9. */
void banos_free(void *memory);

/*
 * A pool of objects of one size, for what comes and goes often, in *pool; name: 31 bytes are shown.
 * size: 1 to 65,536; align: as above. Free objects are kept for the next. flags: BANOS_ALLOC_ZERO.
 * 0; -EINVAL; -ENOMEM. Context: any. Since 0.9.
 */
int32_t banos_pool_create(Banos_Driver *driver, const char *name, uint64_t size, uint32_t align,
			  uint32_t flags, Banos_Pool **pool);
/* Up to `count` objects into objects[], which are the caller's until it puts them back. Returns how
 * many there was memory for. Context: any. Since 0.9. */
uint32_t banos_pool_get(Banos_Pool *pool, void **objects, uint32_t count);
/* Give back `count` objects that came from this pool. The array stays the caller's. Context: any.
 * Since 0.9. */
void banos_pool_put(Banos_Pool *pool, void *const *objects, uint32_t count);
/* All objects are back. NULL is allowed. Context: any. Since 0.9. */
void banos_pool_destroy(Banos_Pool *pool);

/*
 * `count` pages of 4,096 bytes that follow each other in memory, also physically, in *pages; what
 * programs map and devices reach (dma.h). flags: BANOS_ALLOC_ZERO. 0; -EINVAL for 0 or above 1,024
 * of them; -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_pages_create(Banos_Driver *driver, uint32_t count, uint32_t flags,
			   Banos_Pages **pages);
/* Where the driver reaches the first byte. Context: any. Since 0.9. */
void *banos_pages_address(Banos_Pages *pages);
/* NULL is allowed. Programs that have mapped them keep them until they unmap. Not while an mmap
 * or map callback that returns them may run. Context: may sleep. Since 0.9. */
void banos_pages_destroy(Banos_Pages *pages);

BANOS_API_END

#endif
