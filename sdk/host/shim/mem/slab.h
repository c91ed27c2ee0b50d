/* SPDX-License-Identifier: BSD-2-Clause */
/* For banos-host: the kernel's heap, where the loader uses it, is the process's. */
#ifndef HOST_SLAB_H
#define HOST_SLAB_H

#include <stdlib.h>
#include <base/types.h>

static inline void *kmalloc(size_t size)
{
	return malloc(size);
}

static inline void *kzalloc(size_t size)
{
	return calloc(1, size);
}

/* With nothing asked for NULL would mean that there is no memory. */
static inline void *kcalloc(size_t n, size_t size)
{
	return calloc(n ? n : 1, size);
}

static inline void *krealloc(void *p, size_t size)
{
	return realloc(p, size);
}

static inline void kfree(const void *p)
{
	free((void *)(uintptr_t)p);
}

#endif
