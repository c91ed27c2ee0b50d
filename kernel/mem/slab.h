/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slab caches of equal objects, and kmalloc on top of them. Never sleeps; NULL when memory is
 * out. Context of everything but cache creation: any.
 */
#ifndef MEM_SLAB_H
#define MEM_SLAB_H

#include <base/types.h>
#include <lib/compiler.h>

struct slab_cache;

/* A cache of objects of `size` bytes aligned to `align` (power of two, 0: natural). Lives for ever.
 * Panics at boot when memory is out. */
struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align);
void *slab_alloc(struct slab_cache *c);		    /* contents undefined */
void *slab_zalloc(struct slab_cache *c);	    /* zeroed */
void slab_free(struct slab_cache *c, void *object); /* NULL is allowed */

/* Up to 1 GiB; beyond half a page it takes whole power-of-two blocks of frames. Aligned to 16. */
void *kmalloc(size_t size) __malloc_like;
void *kzalloc(size_t size) __malloc_like;
/* n * size with overflow check, zeroed. */
void *kcalloc(size_t n, size_t size) __malloc_like;
/* Usable size does not shrink; on failure the old block stays. */
void *krealloc(void *p, size_t size);
void kfree(const void *p); /* NULL is allowed */
char *kstrdup(const char *s);
void *kmemdup(const void *p, size_t n);
/* The size that an allocation really has. */
size_t kmalloc_usable(const void *p);

/*
 * Fault injection (test builds): let the nth allocation from now fail (1 = the next), in the
 * current thread only; 0 turns it off. Returns how many allocations were still to go.
 */
unsigned alloc_fail_nth(unsigned n);

struct slab_stats {
	uint64_t pages;	  /* frames held by caches */
	uint64_t objects; /* objects handed out, kmalloc included */
};
void slab_stats(struct slab_stats *out);
void slab_show_init(void); /* /proc/slabinfo, at boot */

#endif
