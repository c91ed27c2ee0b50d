/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the contents: the record, the exports and the optional imports of a linked image,
 * checked in the memory it will be used from. Their pointers mean something only now, after
 * relocation; and a relocation may have been applied to any other field as well, so all of them are
 * looked at here even if the file was looked at before.
 *
 * An address as the driver sees it and the place through which we read it differ when the image is
 * linked for another address than it lies at (banos-check); image_at() is the only way across.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>

/* --- what a pointer may point to ------------------------------------------------------------ */

const void *image_at(const struct image_plan *plan, const void *address, uint64_t size)
{
	uint64_t offset = (uintptr_t)address - plan->address;

	if (offset >= plan->image_size || size > plan->image_size - offset)
		return NULL;
	return plan->memory + offset;
}

bool image_is_code(const struct image_plan *plan, uintptr_t function)
{
	uint64_t offset = function - plan->address - plan->areas[IMAGE_TEXT].offset;

	return offset < plan->areas[IMAGE_TEXT].size;
}

const char *image_text(const struct image_plan *plan, const char *address, size_t limit)
{
	const char *text = image_at(plan, address, 1);
	uint64_t room;

	if (!text)
		return NULL;
	room = plan->image_size - ((uintptr_t)address - plan->address);
	return memchr(text, '\0', min(room, (uint64_t)limit)) ? text : NULL;
}

const char *image_name(const struct image_plan *plan, const char *address)
{
	const char *name = image_text(plan, address, IMAGE_STRING_MAX);

	return name && *name ? name : NULL;
}

/* --- the record ----------------------------------------------------------------------------- */

int image_check_record(struct image_plan *plan, uint64_t driver_size, uint32_t minimal_version,
		       uint64_t section_size)
{
	if (driver_size < sizeof(Banos_Driver) || driver_size % 8 != 0 ||
	    driver_size > section_size)
		return image_refuse(plan, -ENOEXEC,
				    "record: driver_size is %lu in a section of %lu bytes: it is a "
				    "multiple of 8, at least %lu, as sizeof gives",
				    (unsigned long)driver_size, (unsigned long)section_size,
				    (unsigned long)sizeof(Banos_Driver));
	if (section_size - driver_size >= sizeof(Banos_Driver))
		return image_refuse(plan, -ENOEXEC,
				    "more than one record in section " BANOS_DRIVER_SECTION
				    ", or driver_size does not count the private data");
	if (minimal_version > BANOS_VERSION)
		return image_refuse(plan, -EOPNOTSUPP,
				    "needs Banos ABI %u.%u.%u, this kernel has %u.%u.%u",
				    BANOS_VERSION_GET_MAJOR(minimal_version),
				    BANOS_VERSION_GET_MINOR(minimal_version),
				    BANOS_VERSION_GET_PATCH(minimal_version),
				    BANOS_VERSION_GET_MAJOR(BANOS_VERSION),
				    BANOS_VERSION_GET_MINOR(BANOS_VERSION),
				    BANOS_VERSION_GET_PATCH(BANOS_VERSION));
	return 0;
}

/* A section of ours, which need not be there, and how many entries it has. */
static void *section_memory(const struct image_plan *plan, uint32_t section)
{
	return section ? plan->memory + plan->sections[section].offset : NULL;
}

static size_t section_entries(const struct image_plan *plan, uint32_t section, size_t size)
{
	return section ? plan->headers[section].sh_size / size : 0;
}

static int check_record(struct image_plan *plan, const Banos_Driver *d)
{
	int r = image_check_record(plan, d->driver_size, d->minimal_banos_version,
				   plan->headers[plan->record_section].sh_size);

	if (r)
		return r;
	if (!image_name(plan, d->name))
		return image_refuse(plan, -ENOEXEC, "record: no valid name");
	if (d->license && !image_text(plan, d->license, IMAGE_STRING_MAX))
		return image_refuse(plan, -ENOEXEC, "record: no valid license");
	if (!d->init)
		return image_refuse(plan, -ENOEXEC, "record: init is NULL");
	if (!image_is_code(plan, (uintptr_t)d->init))
		return image_refuse(plan, -ENOEXEC, "record: init is not a function of the driver");
	if (d->uninit && !image_is_code(plan, (uintptr_t)d->uninit))
		return image_refuse(plan, -ENOEXEC,
				    "record: uninit is not a function of the driver");
	return 0;
}

/* --- exports and imports -------------------------------------------------------------------- */

static int check_exports(struct image_plan *plan, const struct image_contents *c)
{
	for (size_t i = 0; i < c->export_count; i++) {
		if (!image_name(plan, c->exports[i].name))
			return image_refuse(plan, -ENOEXEC, "export %lu: bad name", i);
		if (!image_at(plan, c->exports[i].address, 1))
			return image_refuse(plan, -ENOEXEC,
					    "export %lu: address outside the driver", i);
	}
	return 0;
}

static int refuse_experimental(struct image_plan *plan, const char *name)
{
	struct shown_name shown;

	return image_refuse(plan, -ENOEXEC,
			    "uses %s, which is experimental and may change: say that you know by "
			    ".flags = BANOS_META_EXPERIMENTAL in its Banos_Meta",
			    image_show(&shown, name));
}

static int check_imports(struct image_plan *plan, const struct image_contents *c, bool experimental)
{
	for (size_t i = 0; i < c->import_count; i++) {
		const char *name = image_name(plan, c->imports[i].name);

		if (!name)
			return image_refuse(plan, -ENOEXEC, "optional import %lu: bad name", i);
		if (c->imports[i].address)
			return image_refuse(plan, -ENOEXEC,
					    "optional import %lu: has an address already", i);
		if (!experimental && image_is_experimental(name))
			return refuse_experimental(plan, name);
	}
	return 0;
}

static int check_symbols(struct image_plan *plan, bool experimental)
{
	for (uint32_t i = 1; i < plan->symbol_count && !experimental; i++) {
		const Elf64_Sym *s = &plan->symbols[i];
		const char *name = image_symbol_name(plan, s);

		if (plan->links[i].needed && s->st_shndx == SHN_UNDEF &&
		    image_is_experimental(name))
			return refuse_experimental(plan, name);
	}
	return 0;
}

int image_contents(struct image_plan *plan, struct image_contents *out)
{
	bool experimental;
	int r;

	memset(out, 0, sizeof(*out));
	out->record = section_memory(plan, plan->record_section);
	out->exports = section_memory(plan, plan->export_section);
	out->imports = section_memory(plan, plan->import_section);
	out->export_count = section_entries(plan, plan->export_section, sizeof(Banos_Export));
	out->import_count = section_entries(plan, plan->import_section, sizeof(Banos_Import));
	out->has_meta = plan->meta_section != 0;
	r = check_record(plan, out->record);
	if (!r && out->has_meta)
		r = image_check_meta(plan, out);
	experimental = out->meta.flags & BANOS_META_EXPERIMENTAL;
	if (!r)
		r = check_exports(plan, out);
	if (!r)
		r = check_imports(plan, out, experimental);
	return r ? r : check_symbols(plan, experimental);
}
