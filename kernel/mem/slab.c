/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slab caches (Bonwick's design, reduced).
 *
 * A slab is a block of 2^order frames cut into equal objects; its first frame's struct page is its
 * head: cache, number in use, first free object, link. Free objects are chained by 16-bit indices
 * stored in their own first bytes. A slab is on its cache's `partial` list while it has both free
 * and used objects; full ones are on no list; empty ones go back to the frame allocator, but for
 * one kept per cache.
 *
 * In front each processor has a magazine, an array of object pointers used with interrupts disabled
 * and no lock; half a magazine at a time moves to and from the slabs under SLAB_DEPOT.
 * Magazines are allocated when a processor first uses the cache.
 *
 * Test builds (CONFIG_POISON): each object is followed by a red zone, freed objects are filled and
 * the filling is checked at the next allocation.
 *
 * kmalloc is a row of caches up to half a page, and whole blocks of frames above.
 */
#include "slab.h"

#include "fail.h"
#include "frame.h"
#include "frame_boot.h"

#include <base/kasan.h>
#include <base/panic.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/string.h>

#define MAGAZINE_SIZE 30
#define NONE	      0xffff
#define RED_SIZE      16
#define RED_BYTE      0xbb
#define FREE_BYTE     0x6b
#define FRESH_BYTE    0x5a

struct magazine {
	uint32_t count;
	uint32_t pad;
	void *objects[MAGAZINE_SIZE];
};

struct slab_cache {
	const char *name;     /* [I] */
	uint32_t size;	      /* [I] what the user asked for */
	uint32_t stride;      /* [I] distance of objects */
	uint16_t per_slab;    /* [I] objects in a slab */
	uint8_t order;	      /* [I] frames of a slab, log2 */
	struct spinlock lock; /* SLAB_DEPOT */
	struct list partial;  /* [lock] slabs with free objects, empty one last */
	uint32_t empty;	      /* [lock] slabs without used objects, 0 or 1 */
	uint64_t slabs;	      /* [lock] */
	uint64_t out;	      /* [lock] objects out of the slabs, those in magazines included */
	struct magazine *magazines[MAX_CPUS]; /* each by its processor, interrupts off */
	struct list link;		      /* [list_lock] */
};

static struct spinlock list_lock = SPINLOCK_INIT(LOCK_SLAB_DEPOT);
static struct list caches = LIST_INIT(caches);
static struct slab_cache cache_of_caches, magazine_cache;

static const uint16_t kmalloc_sizes[] = {16,  32,  48,	64,  96,   128,	 192,
					 256, 384, 512, 768, 1024, 1536, 2048};
static struct slab_cache kmalloc_caches[ARRAY_SIZE(kmalloc_sizes)];
static uint8_t kmalloc_index[2048 / 16 + 1]; /* by size in units of 16, rounded up */

static void *slab_base(struct page *slab)
{
	return page_address(slab);
}

static uint16_t *next_index(struct slab_cache *c, struct page *slab, uint16_t i)
{
	return (uint16_t *)((char *)slab_base(slab) + (size_t)i * c->stride);
}

static struct page *slab_of(const void *object)
{
	struct page *page = page_of_address(object);

	/* Tail frames of a slab carry the distance to its head in `order`'s alignment. */
	return page_of(page_paddr(page) & ~((PAGE_SIZE << page->order) - 1));
}

static void cache_setup(struct slab_cache *c, const char *name, size_t size, size_t align)
{
	size_t stride;

	size = max(size, (size_t)8); /* a free object holds an index */
	if (!align)
		align = size >= 64 && !(size & (size - 1)) ? min(size, (size_t)CACHE_LINE) : 16;
	align = max(align, (size_t)8);
	stride = ALIGN_UP(size + (CONFIG_POISON ? RED_SIZE : 0), align);
	c->name = name;
	c->size = (uint32_t)size;
	c->stride = (uint32_t)stride;
	c->order = 0;
	while ((PAGE_SIZE << c->order) / stride < 8 && c->order < 3)
		c->order++;
	c->per_slab = (uint16_t)min((PAGE_SIZE << c->order) / stride, 0xfff0UL);
	assert(c->per_slab > 0);
	spin_init(&c->lock, LOCK_SLAB_DEPOT);
	list_init(&c->partial);
	list_init(&c->link);
}

static void cache_publish(struct slab_cache *c)
{
	uint64_t irq = spin_lock_irq(&list_lock);

	list_add_tail(&c->link, &caches);
	spin_unlock_irq(&list_lock, irq);
}

struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align)
{
	struct slab_cache *c = slab_zalloc(&cache_of_caches);

	if (!c)
		panic("out of memory for the slab cache %s", name);
	cache_setup(c, name, size, align);
	cache_publish(c);
	return c;
}

static void poison_free(struct slab_cache *c, void *o)
{
	const uint8_t *red = (uint8_t *)o + c->size, *b = o;
	size_t i = 8;

	while (i < c->size && b[i] == FREE_BYTE)
		i++;
	if (c->size > 8 && i == c->size)
		panic("slab %s: object %p is freed twice", c->name, o);
	for (i = 0; i < RED_SIZE; i++)
		if (red[i] != RED_BYTE)
			panic("slab %s: object %p was written beyond its end (byte %zu is %#x)",
			      c->name, o, i, red[i]);
	memset(o, FREE_BYTE, c->size);
}

static void poison_check(struct slab_cache *c, void *o, size_t from)
{
	const uint8_t *b = o;

	for (size_t i = from; i < c->size; i++)
		if (b[i] != FREE_BYTE)
			panic("slab %s: object %p was written after it was freed (byte %zu is %#x)",
			      c->name, o, i, b[i]);
}

static struct page *slab_create(struct slab_cache *c)
{
	struct page *slab = frame_alloc(c->order, 0);

	if (!slab)
		return NULL;
	for (unsigned i = 0; i < 1u << c->order; i++) {
		slab[i].kind = PAGE_SLAB;
		slab[i].order = c->order;
	}
	slab->cache = c;
	slab->in_use = 0;
	slab->free_index = 0;
	for (uint16_t i = 0; i < c->per_slab; i++) {
		uint16_t *o = next_index(c, slab, i);

		if (CONFIG_POISON) {
			memset(o, FREE_BYTE, c->size);
			memset((uint8_t *)o + c->size, RED_BYTE, RED_SIZE);
		}
		*o = i + 1 < c->per_slab ? (uint16_t)(i + 1) : NONE;
		kasan_poison((char *)o + 8, c->stride - 8);
	}
	list_add(&slab->slab_link, &c->partial);
	c->slabs++;
	c->empty++;
	return slab;
}

/* One object out of the slabs. Holds c->lock. */
static void *slab_take(struct slab_cache *c)
{
	struct page *slab;
	uint16_t *o;

	if (list_empty(&c->partial) && !slab_create(c))
		return NULL;
	slab = list_first_entry(&c->partial, struct page, slab_link);
	o = next_index(c, slab, slab->free_index);
	if (!slab->in_use)
		c->empty--;
	slab->free_index = *o;
	slab->in_use++;
	c->out++;
	if (slab->free_index == NONE)
		list_del(&slab->slab_link);
	if (CONFIG_POISON)
		memset(o, FREE_BYTE, sizeof(*o));
	return o;
}

/* One object back. Holds c->lock. */
static void slab_return(struct slab_cache *c, void *object)
{
	struct page *slab = slab_of(object);
	size_t offset = (size_t)((char *)object - (char *)slab_base(slab));

	if (slab->kind != PAGE_SLAB || slab->cache != c || offset % c->stride)
		panic("slab %s: %p is not an object of this cache", c->name, object);
	if (slab->free_index == NONE)
		list_add(&slab->slab_link, &c->partial);
	*(uint16_t *)object = slab->free_index;
	slab->free_index = (uint16_t)(offset / c->stride);
	c->out--;
	if (--slab->in_use)
		return;
	if (c->empty) {
		list_del(&slab->slab_link);
		for (unsigned i = 0; i < 1u << c->order; i++)
			slab[i].kind = PAGE_ALLOCATED;
		frame_free(slab, c->order);
		c->slabs--;
		return;
	}
	c->empty = 1;
	list_move_tail(&slab->slab_link, &c->partial);
}

/* Make this processor's magazine if it has none. Interrupts are off. */
static struct magazine *magazine_get(struct slab_cache *c)
{
	struct magazine *m = c->magazines[this_cpu_index()];

	if (m || c == &magazine_cache)
		return m;
	spin_lock(&magazine_cache.lock);
	m = slab_take(&magazine_cache);
	spin_unlock_noresched(&magazine_cache.lock);
	preempt_enable_noresched();
	if (m) {
		kasan_unpoison(m, sizeof(*m));
		m->count = 0;
	}
	c->magazines[this_cpu_index()] = m;
	return m;
}

static void *alloc_slow(struct slab_cache *c, struct magazine *m)
{
	void *o;

	spin_lock(&c->lock);
	o = slab_take(c);
	while (o && m && m->count < MAGAZINE_SIZE / 2) {
		void *more = slab_take(c);

		if (!more)
			break;
		m->objects[m->count++] = more;
	}
	spin_unlock_noresched(&c->lock);
	preempt_enable_noresched();
	return o;
}

void *slab_alloc(struct slab_cache *c)
{
	uint64_t irq;
	struct magazine *m;
	void *o;

	if (alloc_should_fail())
		return NULL;
	irq = irq_save();
	m = magazine_get(c);
	o = m && m->count ? m->objects[--m->count] : alloc_slow(c, m);
	irq_restore(irq);
	if (!o)
		return NULL;
	kasan_unpoison(o, c->size);
	if (CONFIG_POISON) {
		poison_check(c, o, 0);
		memset(o, FRESH_BYTE, c->size);
	}
	return o;
}

void *slab_zalloc(struct slab_cache *c)
{
	void *o = slab_alloc(c);

	if (o)
		memset(o, 0, c->size);
	return o;
}

void slab_free(struct slab_cache *c, void *o)
{
	uint64_t irq;
	struct magazine *m;

	if (!o)
		return;
	if (CONFIG_POISON) {
		kasan_unpoison(o, c->stride); /* the red zone is to be looked at */
		poison_free(c, o);
	}
	kasan_poison((char *)o + 8, c->stride - 8);
	irq = irq_save();
	m = magazine_get(c);
	if (!m || m->count == MAGAZINE_SIZE) {
		spin_lock(&c->lock);
		while (m && m->count > MAGAZINE_SIZE / 2)
			slab_return(c, m->objects[--m->count]);
		if (!m)
			slab_return(c, o);
		spin_unlock_noresched(&c->lock);
		preempt_enable_noresched();
	}
	if (m)
		m->objects[m->count++] = o;
	irq_restore(irq);
}

void slab_init(void)
{
	unsigned k = 0;

	cache_setup(&cache_of_caches, "slab_cache", sizeof(struct slab_cache), 0);
	cache_publish(&cache_of_caches);
	cache_setup(&magazine_cache, "magazine", sizeof(struct magazine), 0);
	cache_publish(&magazine_cache);
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++) {
		cache_setup(&kmalloc_caches[i], "kmalloc", kmalloc_sizes[i], 0);
		cache_publish(&kmalloc_caches[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_index); i++) {
		while (kmalloc_sizes[k] < i * 16)
			k++;
		kmalloc_index[i] = (uint8_t)k;
	}
}

static void *alloc_large(size_t size)
{
	unsigned order = 0;
	struct page *page;

	while ((PAGE_SIZE << order) < size)
		if (++order > FRAME_MAX_ORDER)
			return NULL;
	page = frame_alloc(order, 0);
	if (!page)
		return NULL;
	page->kind = PAGE_LARGE;
	return page_address(page);
}

void *kmalloc(size_t size)
{
	if (size > 2048)
		return alloc_large(size);
	return slab_alloc(&kmalloc_caches[kmalloc_index[(size + 15) / 16]]);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	if (mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes);
}

static struct page *head_of(const void *p)
{
	struct page *page = page_of_address(p);

	return page->kind == PAGE_SLAB ? slab_of(p) : page;
}

size_t kmalloc_usable(const void *p)
{
	const struct page *page = head_of(p);

	return page->kind == PAGE_SLAB ? page->cache->size : PAGE_SIZE << page->order;
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	page = head_of(p);
	if (page->kind == PAGE_SLAB) {
		slab_free(page->cache, (void *)p);
		return;
	}
	if (page->kind != PAGE_LARGE || (uintptr_t)p & (PAGE_SIZE - 1))
		panic("kfree of %p, which kmalloc did not give", p);
	page->kind = PAGE_ALLOCATED;
	frame_free(page, page->order);
}

void *krealloc(void *p, size_t size)
{
	size_t have;
	void *q;

	if (!p)
		return kmalloc(size);
	have = kmalloc_usable(p);
	if (size <= have)
		return p;
	q = kmalloc(size);
	if (!q)
		return NULL;
	memcpy(q, p, have);
	kfree(p);
	return q;
}

void *kmemdup(const void *p, size_t n)
{
	void *q = kmalloc(n);

	if (q)
		memcpy(q, p, n);
	return q;
}

char *kstrdup(const char *s)
{
	return kmemdup(s, strlen(s) + 1);
}

/* Objects handed out of one cache. Holds list_lock; a snapshot, since caches go on being used. */
static uint64_t objects_out(const struct slab_cache *c)
{
	uint64_t out = READ_ONCE(c->out);

	for_each_cpu(cpu) {
		const struct magazine *m = READ_ONCE(c->magazines[cpu->index]);

		out -= m ? READ_ONCE(m->count) : 0;
	}
	return out;
}

void slab_stats(struct slab_stats *out)
{
	uint64_t irq = spin_lock_irq(&list_lock);
	struct slab_cache *c;

	*out = (struct slab_stats){0};
	list_for_each_entry(c, &caches, link) {
		out->pages += READ_ONCE(c->slabs) << c->order;
		out->objects += objects_out(c);
	}
	spin_unlock_irq(&list_lock, irq);
}

/* /proc/slabinfo: a line a cache, in the columns that Linux's readers know. */
static void show_slabs(struct stats_node *n, struct text *out)
{
	const struct slab_cache *c;

	text_printf(out, "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> "
			 "<objperslab> <pagesperslab>\n");
	/* Caches live for ever and are only added at the end: the walk needs no lock. */
	list_for_each_entry(c, &caches, link)
		text_printf(out, "%-20s %6lu %6lu %6u %4u %4u\n", c->name,
			    (unsigned long)objects_out(c),
			    (unsigned long)(READ_ONCE(c->slabs) * c->per_slab), c->size,
			    c->per_slab, 1u << c->order);
}

static struct stats_node slabs_node = {.path = "slabinfo", .show = show_slabs, .mode = 0400};

void slab_show_init(void)
{
	stats_add(&slabs_node);
}
