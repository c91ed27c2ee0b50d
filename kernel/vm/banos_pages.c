/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' pages: <banos/memory.h>. They are the pages of a vm_object, all there from the
 * beginning, so that programs map them as they map a file, and keep them for as long as they do.
 * Each has a reference of the driver's besides, because a program can take pages out of an object
 * that it maps (MADV_REMOVE).
 */
#include "banos_pages.h"

#include <arch/page.h>
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <vm/object.h>

#define PAGES_MAX 1024

static void release(struct owner_object *object)
{
	banos_pages_destroy(container_of(object, Banos_Pages, object));
}

static const struct owner_class pages_class = {.name = "block of pages", .release = release};

static void put_all(Banos_Pages *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		page_put(&p->first[i]);
}

/* One reference to each frame for us, and one for the object. */
static int fill(Banos_Pages *p)
{
	int r = 0;

	for (uint32_t i = 0; i < p->count; i++)
		p->first[i].refs = 1;
	for (uint32_t i = 0; i < p->count && !r; i++) {
		page_get(&p->first[i]);
		r = vm_object_adopt(p->mapped, i, &p->first[i]);
		if (r)
			page_put(&p->first[i]);
	}
	if (r)
		put_all(p);
	return r;
}

int32_t banos_pages_create(Banos_Driver *driver, uint32_t count, uint32_t flags,
			   Banos_Pages **pages)
{
	struct owner *owner = owner_find(driver);
	Banos_Pages *p;

	if (pages)
		*pages = NULL;
	if (!owner || !pages)
		return BANOS_REFUSE_CALLER(owner);
	if (!count || count > PAGES_MAX)
		return BANOS_REFUSE(owner, -EINVAL, "count must be 1 to %u pages",
				    (unsigned)PAGES_MAX);
	if (flags & ~BANOS_ALLOC_ZERO)
		return BANOS_REFUSE(owner, -EINVAL, "flags must be BANOS_ALLOC_ZERO or 0");
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->count = count;
	p->mapped = vm_object_create_anon((uint64_t)count * PAGE_SIZE);
	if (!p->mapped)
		goto out_free;
	/* A program that maps them sees all that is in them: never what was there before. */
	p->first = frame_alloc_range(count, FRAME_ZERO);
	if (!p->first || fill(p))
		goto out_put;
	owner_add(owner, &p->object, &pages_class);
	*pages = p;
	return 0;

out_put:
	vm_object_put(p->mapped);
out_free:
	kfree(p);
	return -ENOMEM;
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
	vm_object_put(p->mapped);
	put_all(p);
	kfree(p);
}
BANOS_EXPORT(banos_pages_destroy);
