/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object file to protected memory: the kernel's side of image.h, which does the work.
 * Checks come first; the first thing that has an effect is the allocation, and undoing it undoes
 * everything.
 */
#include "load.h"
#include "symbols.h"
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <mem/slab.h>

BUILD_ASSERT(IMAGE_PAGE == PAGE_SIZE, "image areas are whole pages");
BUILD_ASSERT(IMAGE_MEMORY_MAX + IMAGE_ALIGN_MAX < DRIVER_END - DRIVER_BASE, "images fit");

static int no_memory(char *error)
{
	strlcpy(error, "out of memory", IMAGE_ERROR_SIZE);
	return -ENOMEM;
}

static uint64_t resolve(void *ctx, const char *name)
{
	return (uintptr_t)driver_symbol_find(name);
}

static void protect(struct driver_image *d)
{
	static const enum kprot prot[IMAGE_AREAS] = {
		[IMAGE_TEXT] = KPROT_RX,
		[IMAGE_RODATA] = KPROT_R,
		[IMAGE_DATA] = KPROT_RW,
	};

	for (unsigned i = 0; i < IMAGE_AREAS; i++)
		if (d->areas[i].size && prot[i] != KPROT_RW)
			kva_protect((void *)d->areas[i].address, d->areas[i].size, prot[i]);
}

/* The plan is good: memory for it, at an address that suits the sections' alignment. */
static int allocate(struct driver_image *d, const struct image_plan *plan)
{
	d->size = plan->image_size;
	d->allocation = kva_alloc_image(plan->image_size + plan->align - PAGE_SIZE);
	if (!d->allocation)
		return -ENOMEM;
	d->address = ALIGN_UP((uintptr_t)d->allocation, plan->align);
	for (unsigned i = 0; i < IMAGE_AREAS; i++) {
		d->areas[i].address = d->address + plan->areas[i].offset;
		d->areas[i].size = plan->areas[i].size;
	}
	return 0;
}

static int link_image(struct driver_image *d, struct image_plan *plan)
{
	struct image_symbol *links = kcalloc(plan->symbol_count, sizeof(*links));
	struct image_contents contents;
	int r;

	if (!links)
		return no_memory(plan->error);
	image_place(plan, (void *)d->address, d->address);
	r = image_resolve(plan, links, resolve, NULL);
	if (!r)
		r = image_relocate(plan);
	if (!r)
		r = image_contents(plan, &contents);
	if (!r) {
		d->record = contents.record;
		d->exports = contents.exports;
		d->export_count = contents.export_count;
	}
	kfree(links);
	return r;
}

static int check_and_link(struct driver_image *d, struct image_plan *plan, const void *bytes,
			  size_t size, uint32_t count)
{
	struct image_section *sections = kcalloc(count, sizeof(*sections));
	int r;

	if (!sections)
		return no_memory(plan->error);
	r = image_check(plan, bytes, size, sections);
	if (r)
		goto out;
	r = allocate(d, plan);
	if (r) {
		no_memory(plan->error);
		goto out;
	}
	r = link_image(d, plan);
	if (r)
		driver_image_free(d);
	else
		protect(d);
out:
	kfree(sections);
	return r;
}

int driver_image_load(struct driver_image *d, const void *bytes, size_t size, char *error)
{
	struct image_plan *plan;
	uint32_t sections;
	int r;

	memset(d, 0, sizeof(*d));
	r = image_count(bytes, size, &sections, error);
	if (r)
		return r;
	plan = kzalloc(sizeof(*plan));
	if (!plan)
		return no_memory(error);
	r = check_and_link(d, plan, bytes, size, sections);
	if (r)
		strlcpy(error, plan->error, IMAGE_ERROR_SIZE);
	kfree(plan);
	return r;
}

void driver_image_free(struct driver_image *d)
{
	if (d->allocation)
		kva_free_image(d->allocation);
	d->allocation = NULL;
}
