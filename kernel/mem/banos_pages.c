/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' pages: <banos/memory.h>. Each frame has a reference of ours, and one for each mapping.
 */
#include "banos_pages.h"

#include <arch/page.h>
#include <banos/export.h>
#include <lib/errno.h>
#include <mem/slab.h>

#define PAGES_MAX 1024

static void release(struct owner_object *object)
{
	banos_pages_destroy(container_of(object, Banos_Pages, object));
}

static const struct owner_class pages_class = {.name = "block of pages", .release = release};

int32_t banos_pages_create(Banos_Driver *driver, uint32_t count, uint32_t flags,
			   Banos_Pages **pages)
{
	struct owner *owner = owner_find(driver);
	Banos_Pages *p;

	if (!owner || !pages || !count || count > PAGES_MAX || (flags & ~BANOS_ALLOC_ZERO))
		return -EINVAL;
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->count = count;
	p->first = frame_alloc_range(count, flags & BANOS_ALLOC_ZERO ? FRAME_ZERO : 0);
	if (!p->first) {
		kfree(p);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		p->first[i].refs = 1;
	owner_add(owner, &p->object, &pages_class);
	*pages = p;
	return 0;
}
BANOS_EXPORT(banos_pages_create);

void *banos_pages_address(Banos_Pages *p)
{
	return page_address(p->first);
}
BANOS_EXPORT(banos_pages_address);

void banos_pages_destroy(Banos_Pages *p)
{
	if (!p)
		return;
	owner_remove(&p->object);
	for (uint32_t i = 0; i < p->count; i++)
		page_put(&p->first[i]);
	kfree(p);
}
BANOS_EXPORT(banos_pages_destroy);
