/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's memory: <banos/memory.h>. */
#include <arch/page.h>
#include <banos/export.h>
#include <banos/memory.h>
#include <lib/string.h>
#include <mem/slab.h>

#define KMALLOC_ALIGN 16
#define ALLOC_MAX     (1ull << 30)

void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags)
{
	void *p;

	if (size == 0 || size > ALLOC_MAX || align > PAGE_SIZE || (align & (align - 1)) ||
	    (flags & ~BANOS_ALLOC_ZERO))
		return NULL;
	/* kmalloc gives whole pages from half a page on; smaller blocks are aligned to 16. */
	if (align > KMALLOC_ALIGN)
		size = max(size, (uint64_t)PAGE_SIZE);
	p = flags & BANOS_ALLOC_ZERO ? kzalloc(size) : kmalloc(size);
	if (p && align && !IS_ALIGNED((uintptr_t)p, align)) {
		kfree(p);
		return NULL;
	}
	return p;
}
BANOS_EXPORT(banos_alloc);

void banos_free(void *memory)
{
	kfree(memory);
}
BANOS_EXPORT(banos_free);
