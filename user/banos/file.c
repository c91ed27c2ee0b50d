/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver object says about itself, without installing it. The kernel's own parser
 * (kernel/driver/image.h) goes through the file as an installation would, up to where names are
 * looked up. banos info FILE shows it, banos probe looks for devices and dependencies.
 */
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_ADDRESS  0x10000000ul
#define IMPORT_ADDRESS (IMAGE_ADDRESS - 0x1000)

static uint64_t resolve(void *ctx, const char *name)
{
	(void)ctx, (void)name;
	return IMPORT_ADDRESS;
}

static int link_file(struct file *f, const struct image *image)
{
	struct image_plan *plan = &f->plan;
	struct image_section *sections;
	struct image_symbol *links;
	uint32_t count;
	int r = image_count(image->bytes, image->size, &count, plan->error);

	if (r)
		return r;
	sections = calloc(count, sizeof(*sections));
	r = sections ? image_check(plan, image->bytes, image->size, sections) : -1;
	if (r)
		return r;
	links = calloc(plan->symbol_count, sizeof(*links));
	f->memory = calloc(1, plan->image_size);
	if (!links || !f->memory) {
		strcpy(plan->error, "out of memory");
		return -1;
	}
	image_place(plan, f->memory, IMAGE_ADDRESS);
	r = image_resolve(plan, links, resolve, NULL);
	if (!r)
		r = image_relocate(plan);
	return r ? r : image_contents(plan, &f->contents);
}

/* Memory of the image at an address as the driver sees it, which image_contents() has accepted. */
static const void *at(const struct file *f, const void *address)
{
	return address ? f->memory + ((uintptr_t)address - IMAGE_ADDRESS) : NULL;
}

/* Element i of a list: the image is not where it would run, so image_list_get() cannot be used. */
static void element(const struct file *f, const Banos_List *list, uint32_t i, void *out,
		    size_t known)
{
	memset(out, 0, known);
	memcpy(out, (const char *)at(f, list->first) + (size_t)i * list->stride,
	       list->stride < known ? list->stride : known);
}

static void show_text(const struct file *f, const char *key, const char *address)
{
	if (!address)
		return;
	printf("%s: ", key);
	for (const char *c = at(f, address); *c; c++)
		putchar((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
	putchar('\n');
}

static void show_version(const char *before, uint32_t version, const char *after)
{
	printf("%s%u.%u.%u%s", before, BANOS_VERSION_GET_MAJOR(version),
	       BANOS_VERSION_GET_MINOR(version), BANOS_VERSION_GET_PATCH(version), after);
}

static void show_parameters(const struct file *f)
{
	static const char *const types[] = {"?", "yes or no", "number", "number with sign", "text"};
	const Banos_List *list = &f->contents.meta.parameters;

	for (uint32_t i = 0; i < list->count; i++) {
		Banos_Parameter p;

		element(f, list, i, &p, sizeof(p));
		printf("parameter: %s (%s", (const char *)at(f, p.name),
		       types[p.type <= BANOS_PARAM_TEXT ? p.type : 0]);
		if (p.minimum || p.maximum)
			printf(", %lld to %lld", (long long)p.minimum, (long long)p.maximum);
		if (p.fallback)
			printf(", else %s", (const char *)at(f, p.fallback));
		printf(")%s%s\n", p.help ? ": " : "", p.help ? (const char *)at(f, p.help) : "");
	}
}

static void show_dependencies(const struct file *f)
{
	const Banos_List *list = &f->contents.meta.dependencies;

	for (uint32_t i = 0; i < list->count; i++) {
		Banos_Dependency d;

		element(f, list, i, &d, sizeof(d));
		printf("depends on: %s", (const char *)at(f, d.name));
		if (d.minimum)
			show_version(" from ", d.minimum, "");
		if (d.maximum)
			show_version(" to ", d.maximum, "");
		printf("%s\n", d.flags & BANOS_DEPENDENCY_OPTIONAL ? ", if it is there" : "");
	}
	list = &f->contents.meta.needs;
	for (uint32_t i = 0; i < list->count; i++) {
		Banos_Need n;

		element(f, list, i, &n, sizeof(n));
		printf("needs: %s %u.%u\n", (const char *)at(f, n.name), n.major, n.minor);
	}
}

static void show_number(const char *key, uint32_t value)
{
	if (value != BANOS_MATCH_ANY)
		printf(" %s=%04x", key, value);
}

static void show_matches(const struct file *f)
{
	for (uint32_t i = 0; i < f->contents.meta.matches.count; i++) {
		Banos_Match m;

		file_match(f, i, &m);
		printf("for: %s", m.bus);
		show_number("vendor", m.vendor);
		show_number("device", m.device);
		show_number("subvendor", m.subvendor);
		show_number("subdevice", m.subdevice);
		if (m.class_mask)
			printf(" class=%06x/%06x", m.class_code, m.class_mask);
		if (m.compatible)
			printf(" compatible=%s", m.compatible);
		putchar('\n');
	}
}

static void show(const struct file *f)
{
	const Banos_Driver *record = f->contents.record;
	const Banos_Meta *meta = &f->contents.meta;

	show_text(f, "name", record->name);
	show_version("version: ", record->version, "\n");
	show_text(f, "description", meta->description);
	show_text(f, "author", meta->author);
	show_text(f, "license", record->license);
	show_version("needs Banos ABI: ", record->minimal_banos_version, "\n");
	printf("size: %llu\n", (unsigned long long)f->plan.image_size);
	show_dependencies(f);
	show_parameters(f);
	show_matches(f);
	for (size_t i = 0; i < f->contents.export_count; i++)
		show_text(f, "exports", f->contents.exports[i].name);
	if (meta->flags & BANOS_META_SINGLE)
		printf("one instance only\n");
	if (!record->uninit)
		printf("it cannot be removed\n");
}

struct file *file_read(const char *path)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f || !read_image(path, &f->image))
		return NULL;
	if (link_file(f, &f->image)) {
		fprintf(stderr, "banos: %s: not a driver that a kernel can load: %s\n", path,
			f->plan.error);
		return NULL;
	}
	f->path = path;
	f->name = at(f, f->contents.record->name);
	return f;
}

void file_match(const struct file *f, uint32_t i, Banos_Match *match)
{
	element(f, &f->contents.meta.matches, i, match, sizeof(*match));
	match->bus = at(f, match->bus);
	match->compatible = at(f, match->compatible);
}

void file_dependency(const struct file *f, uint32_t i, Banos_Dependency *dependency)
{
	element(f, &f->contents.meta.dependencies, i, dependency, sizeof(*dependency));
	dependency->name = at(f, dependency->name);
}

int info_file(const char *path)
{
	struct file *f = file_read(path);

	if (!f)
		return EXIT_FAILURE;
	show(f);
	return EXIT_SUCCESS;
}
