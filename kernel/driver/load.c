/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object file to protected memory: the kernel's side of image.h, which does the work.
 * Checks come first; the first thing that has an effect is the allocation, and undoing it undoes
 * everything.
 */
#include "load.h"

#include "instance.h"
#include "symbols.h"
#include "uses.h"
#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <mem/slab.h>

BUILD_ASSERT(IMAGE_PAGE == PAGE_SIZE, "image areas are whole pages");

extern const char banos_return_thunk[]; /* arch: thunk.S */

static int no_memory(struct driver_message *m)
{
	return driver_refuse(m, -ENOMEM, "out of memory");
}

/* One installation on its way. */
struct loading {
	struct driver_image *image;
	struct driver_uses *uses;
	struct driver_message *message;
	bool out_of_memory; /* while noting whom it uses */
};

/* The address of a name; whoever exports it is held from here on. */
static uint64_t find_and_use(struct loading *l, const char *name)
{
	struct driver_exports *from;
	uint64_t address = (uintptr_t)driver_symbol_find(name, &from);

	if (from && uses_add(l->uses, instance_of_exports(from)))
		l->out_of_memory = true;
	return address;
}

static uint64_t resolve(void *ctx, const char *name)
{
	return find_and_use(ctx, name);
}

static void fill_imports(struct loading *l)
{
	struct image_contents *c = &l->image->contents;

	for (size_t i = 0; i < c->import_count; i++)
		c->imports[i].address = (void *)find_and_use(l, c->imports[i].name);
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

/* For backtraces. False: out of memory. */
static bool keep_names(struct driver_image *d, const struct image_plan *plan)
{
	size_t size = image_names_size(plan);

	if (!size)
		return true;
	d->names_memory = kmalloc(size);
	if (d->names_memory)
		image_names_fill(plan, d->names_memory, size, &d->names);
	return d->names_memory;
}

static int link_image(struct loading *l, struct image_plan *plan)
{
	struct image_symbol *links = kcalloc(plan->symbol_count, sizeof(*links));
	struct driver_image *d = l->image;
	int r;

	if (!links)
		return no_memory(l->message);
	image_place(plan, (void *)d->address, d->address);
	/* On the processors we know it is one. */
	plan->plain_return = (uint64_t)(uintptr_t)banos_return_thunk;
	r = image_resolve(plan, links, resolve, l);
	if (!r)
		r = image_relocate(plan);
	if (!r)
		r = image_contents(plan, &d->contents);
	kfree(links);
	if (r)
		return driver_refuse(l->message, r, "%s", plan->error);
	fill_imports(l);
	return l->out_of_memory || !keep_names(d, plan) ? no_memory(l->message) : 0;
}

static int check_and_link(struct loading *l, struct image_plan *plan, const void *bytes,
			  size_t size, uint32_t count)
{
	struct image_section *sections = kcalloc(count, sizeof(*sections));
	int r;

	if (!sections)
		return no_memory(l->message);
	r = image_check(plan, bytes, size, sections);
	if (r) {
		driver_refuse(l->message, r, "%s", plan->error);
		goto out;
	}
	r = allocate(l->image, plan);
	if (r) {
		no_memory(l->message);
		goto out;
	}
	r = link_image(l, plan);
	if (r)
		driver_image_free(l->image);
	else
		protect(l->image);
out:
	kfree(sections);
	return r;
}

int driver_image_load(struct driver_image *d, struct driver_uses *uses, const void *bytes,
		      size_t size, struct driver_message *m)
{
	struct loading l = {.image = d, .uses = uses, .message = m};
	struct image_plan *plan;
	uint32_t sections;
	int r;

	memset(d, 0, sizeof(*d));
	r = image_count(bytes, size, &sections, m->text);
	if (r)
		return r;
	plan = kzalloc(sizeof(*plan));
	if (!plan)
		return no_memory(m);
	r = check_and_link(&l, plan, bytes, size, sections);
	kfree(plan);
	return r;
}

void driver_image_free(struct driver_image *d)
{
	if (d->allocation)
		kva_free_image(d->allocation);
	d->allocation = NULL;
	kfree(d->names_memory);
	d->names_memory = NULL;
	d->names.count = 0;
}
