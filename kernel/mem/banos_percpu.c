/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's processors: <banos/cpu.h>. */
#include <banos/cpu.h>
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/owner.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <mem/slab.h>

#define SIZE_MAX_EACH 65536

struct Banos_Percpu {
	struct owner_object object;
	uint64_t stride; /* [I] */
	void *block;	 /* [I] as allocated */
	uint8_t *first;	 /* [I] of processor 0 */
};

uint32_t banos_cpu_count(void)
{
	return cpu_count();
}
BANOS_EXPORT(banos_cpu_count);

uint32_t banos_cpu_self(void)
{
	return this_cpu_index();
}
BANOS_EXPORT(banos_cpu_self);

static void release(struct owner_object *object)
{
	banos_percpu_destroy(container_of(object, Banos_Percpu, object));
}

static const struct owner_class percpu_class = {.name = "per-processor block", .release = release};

int32_t banos_percpu_create(Banos_Driver *driver, uint64_t size, Banos_Percpu **percpu)
{
	struct owner *owner = owner_find(driver);
	Banos_Percpu *p;

	if (percpu)
		*percpu = NULL;
	if (!owner || !percpu)
		return BANOS_REFUSE_CALLER(owner);
	if (!size || size > SIZE_MAX_EACH)
		return BANOS_REFUSE(owner, -EINVAL, "size must be 1 to %u",
				    (unsigned)SIZE_MAX_EACH);
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->stride = ALIGN_UP(size, CACHE_LINE);
	p->block = kzalloc(p->stride * cpu_count() + CACHE_LINE);
	if (!p->block) {
		kfree(p);
		return -ENOMEM;
	}
	p->first = (uint8_t *)ALIGN_UP((uintptr_t)p->block, CACHE_LINE);
	owner_add(owner, &p->object, &percpu_class);
	*percpu = p;
	return 0;
}
BANOS_EXPORT(banos_percpu_create);

void *banos_percpu_get(Banos_Percpu *p, uint32_t cpu)
{
	return cpu < cpu_count() ? p->first + p->stride * cpu : NULL;
}
BANOS_EXPORT(banos_percpu_get);

void banos_percpu_destroy(Banos_Percpu *p)
{
	if (!p)
		return;
	owner_remove(&p->object);
	kfree(p->block);
	kfree(p);
}
BANOS_EXPORT(banos_percpu_destroy);
