/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A coverage-guided fuzz target: any bytes go the whole way through the loader's pure half, as the
 * kernel would take them. Built by clang with -fsanitize=fuzzer,address,undefined; the file and the
 * image lie in memory of exactly their sizes, so that a byte too far is seen. tests/host/fuzz runs
 * it.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c kernel/driver/image_reloc.c
 * HOST-LINK: kernel/driver/image_names.c
 */
#include <driver/image.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <stdlib.h>

#define IMAGE_LIMIT   (2ul << 20) /* larger ones only take time */
#define KERNEL_IMAGES 0xffffffffb0000000ul

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some names are near, some far away, some nowhere. */
static uint64_t resolve(void *ctx, const char *name)
{
	const struct image_plan *plan = ctx;

	switch (name[0] ? name[strlen(name) - 1] % 4 : 0) {
	case 0:
		return plan->address + (1ul << 20);
	case 1:
		return plan->address ^ (1ul << 40);
	case 2:
		return str_starts(name, "banos_") ? plan->address - 4096 : 0;
	default:
		return 4096;
	}
}

/* Reads all that the contents promise to be readable; a sanitizer sees if it is not. */
static uint64_t read_contents(const struct image_contents *c)
{
	Banos_Parameter p;
	Banos_Match m;
	Banos_Property property;
	uint64_t sum = strlen(c->record->name) + c->meta.size;

	for (size_t i = 0; i < c->export_count; i++)
		sum += strlen(c->exports[i].name);
	for (size_t i = 0; i < c->import_count; i++)
		sum += strlen(c->imports[i].name);
	for (uint32_t i = 0; i < c->meta.parameters.count; i++) {
		struct image_value value;

		image_list_get(&c->meta.parameters, i, &p, sizeof(p));
		sum += strlen(p.name);
		if (p.fallback && image_parameter_parse(&p, p.fallback, strlen(p.fallback), &value))
			abort(); /* it was checked */
	}
	for (uint32_t i = 0; i < c->meta.matches.count; i++) {
		image_list_get(&c->meta.matches, i, &m, sizeof(m));
		sum += strlen(m.bus);
		for (uint32_t k = 0; k < m.properties.count; k++) {
			image_list_get(&m.properties, k, &property, sizeof(property));
			sum += strlen(property.name);
		}
	}
	return sum;
}

static volatile uint64_t read_total; /* keeps the reading from being left out */

static void read_names(const struct image_plan *plan)
{
	size_t size = image_names_size(plan);
	void *memory = malloc(size ? size : 1);
	struct image_names names;
	uint64_t inside;

	if (!memory)
		abort();
	image_names_fill(plan, memory, size, &names);
	for (uint32_t i = 0; i < names.count; i++) {
		const char *name = image_names_find(&names, names.names[i].offset, &inside);

		if (!name || inside || names.names[i].offset >= plan->image_size ||
		    (i && names.names[i].offset < names.names[i - 1].offset))
			abort();
		read_total += strlen(name);
	}
	free(memory);
}

static void link_image(struct image_plan *plan, bool as_kernel)
{
	struct image_symbol *links = malloc(plan->symbol_count * sizeof(*links));
	void *memory = aligned_alloc(plan->align, ALIGN_UP(plan->image_size, plan->align));
	struct image_contents contents;

	if (!links || !memory)
		abort();
	image_place(plan, memory, as_kernel ? KERNEL_IMAGES : (uintptr_t)memory);
	if (image_resolve(plan, links, resolve, plan) == 0 && image_relocate(plan) == 0 &&
	    image_contents(plan, &contents) == 0 && !as_kernel)
		read_total += read_contents(&contents);
	read_names(plan);
	if (plan->got_slots > plan->got_room || plan->veneers > plan->undefined_count)
		abort();
	free(memory);
	free(links);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image_plan plan;
	struct image_section *sections;
	void *bytes;
	uint32_t count;

	bytes = malloc(size ? size : 1);
	if (!bytes)
		abort();
	memcpy(bytes, data, size);
	if (image_count(bytes, size, &count, plan.error) == 0) {
		sections = malloc(count * sizeof(*sections));
		if (!sections)
			abort();
		if (image_check(&plan, bytes, size, sections) == 0 &&
		    plan.image_size <= IMAGE_LIMIT)
			link_image(&plan, size % 2);
		free(sections);
	}
	free(bytes);
	return 0;
}
