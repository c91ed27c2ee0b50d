/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' pools: objects of one size from the heap, of which a few are kept when they come back,
 * so that a batch costs one lock and mostly no allocation. Lock: the pool's, DRIVER_SPIN.
 */
#include <arch/page.h>
#include <banos/export.h>
#include <banos/memory.h>
#include <base/banos_refuse.h>
#include <base/log.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#define OBJECT_MAX 65536
#define KEPT_MAX   64

struct Banos_Pool {
	struct owner_object object;
	char name[32];	      /* [I] */
	uint64_t size;	      /* [I] */
	uint32_t align;	      /* [I] */
	uint32_t flags;	      /* [I] BANOS_ALLOC_* */
	struct spinlock lock; /* DRIVER_SPIN */
	uint32_t kept;	      /* [lock] */
	uint64_t out;	      /* [lock] objects that the driver has */
	void *free[KEPT_MAX]; /* [lock] */
};

static void release(struct owner_object *object)
{
	banos_pool_destroy(container_of(object, Banos_Pool, object));
}

static const struct owner_class pool_class = {.name = "pool", .release = release};

int32_t banos_pool_create(Banos_Driver *driver, const char *name, uint64_t size, uint32_t align,
			  uint32_t flags, Banos_Pool **pool)
{
	struct owner *owner = owner_find(driver);
	Banos_Pool *p;

	if (pool)
		*pool = NULL;
	if (!owner || !pool)
		return BANOS_REFUSE_CALLER(owner);
	if (!name)
		return BANOS_REFUSE(owner, -EINVAL, "name is NULL: name the pool");
	if (!size || size > OBJECT_MAX)
		return BANOS_REFUSE(owner, -EINVAL, "size must be 1 to %u", (unsigned)OBJECT_MAX);
	if (align > PAGE_SIZE || (align & (align - 1)))
		return BANOS_REFUSE(owner, -EINVAL,
				    "align must be 0 or a power of two, 4096 at most");
	if (flags & ~BANOS_ALLOC_ZERO)
		return BANOS_REFUSE(owner, -EINVAL, "flags must be BANOS_ALLOC_ZERO or 0");
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	strlcpy(p->name, name, sizeof(p->name));
	p->size = size;
	p->align = align;
	p->flags = flags;
	spin_init(&p->lock, LOCK_DRIVER_SPIN);
	owner_add(owner, &p->object, &pool_class);
	*pool = p;
	return 0;
}
BANOS_EXPORT(banos_pool_create);

uint32_t banos_pool_get(Banos_Pool *p, void **objects, uint32_t count)
{
	uint64_t irq = spin_lock_irq(&p->lock);
	uint32_t n = 0, kept;

	while (n < count && p->kept)
		objects[n++] = p->free[--p->kept];
	kept = n;
	p->out += count;
	spin_unlock_irq(&p->lock, irq);
	if (p->flags & BANOS_ALLOC_ZERO)
		for (uint32_t i = 0; i < kept; i++)
			memset(objects[i], 0, p->size);
	while (n < count) {
		objects[n] = banos_alloc(p->size, p->align, p->flags);
		if (!objects[n])
			break;
		n++;
	}
	if (n < count) {
		irq = spin_lock_irq(&p->lock);
		p->out -= count - n;
		spin_unlock_irq(&p->lock, irq);
	}
	return n;
}
BANOS_EXPORT(banos_pool_get);

void banos_pool_put(Banos_Pool *p, void *const *objects, uint32_t count)
{
	uint64_t irq = spin_lock_irq(&p->lock);
	uint32_t n = 0;

	while (n < count && p->kept < KEPT_MAX)
		p->free[p->kept++] = objects[n++];
	p->out -= count;
	spin_unlock_irq(&p->lock, irq);
	while (n < count)
		banos_free(objects[n++]);
}
BANOS_EXPORT(banos_pool_put);

void banos_pool_destroy(Banos_Pool *p)
{
	if (!p)
		return;
	if (p->out)
		log_warn("driver %s: pool %s is destroyed with %lu objects still out",
			 p->object.owner->name, p->name, p->out);
	owner_remove(&p->object);
	while (p->kept)
		banos_free(p->free[--p->kept]);
	kfree(p);
}
BANOS_EXPORT(banos_pool_destroy);
