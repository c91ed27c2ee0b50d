/* SPDX-License-Identifier: MIT */
/* Memory from the kernel's heap. */
#ifndef BANOS_MEMORY_H
#define BANOS_MEMORY_H

#include <banos/types.h>

/* Contents all zero. */
#define BANOS_ALLOC_ZERO 1u

BANOS_API_BEGIN

/*
 * `size` bytes, aligned to `align`: a power of two up to 4096, or 0 for 16. Never sleeps. The
 * caller owns the memory and gives it back with banos_free. NULL: out of memory, size 0, a bad
 * alignment or an unknown flag. Context: any. Since 0.9.
 */
void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags);
/* NULL is allowed. Context: any. Since 0.9. */
void banos_free(void *memory);

BANOS_API_END

#endif
