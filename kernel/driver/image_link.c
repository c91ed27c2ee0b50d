/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the linking: a checked plan becomes memory that can run. Sections are copied to
 * their places, symbols get addresses, places are patched, and the driver's record, whose
 * pointers mean something only now, is checked in the memory it will be used from.
 *
 * Nothing here has an effect outside plan->memory; refusing is forgetting that memory.
 *
 * Values that may be wrong in a checked plan: whether a distance or an address fits in its 32 bits,
 * and where the record's pointers point. Addends are any 64-bit number, so all arithmetic on
 * addresses is modulo 2^64 and the result is what is checked.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

void image_place(struct image_plan *plan, void *memory, uint64_t address)
{
	plan->memory = memory;
	plan->address = address;
	memset(memory, 0, plan->image_size);
	for (uint32_t i = 1; i < plan->section_count; i++) {
		const Elf64_Shdr *h = &plan->headers[i];

		if (plan->sections[i].area != IMAGE_NOT_LOADED && h->sh_type != SHT_NOBITS)
			memcpy(plan->memory + plan->sections[i].offset, plan->bytes + h->sh_offset,
			       h->sh_size);
	}
}

/* Which symbols are used, and by which a table slot each. */
static void mark_needed(struct image_plan *plan)
{
	uint32_t slots = 0;

	for (uint32_t i = 1; i < plan->section_count; i++) {
		uint64_t count;
		const Elf64_Rela *rela = image_relocations(plan, i, &count);

		for (uint64_t k = 0; rela && k < count; k++) {
			struct image_symbol *link = &plan->links[ELF64_R_SYM(rela[k].r_info)];

			switch (ELF64_R_TYPE(rela[k].r_info)) {
			case R_X86_64_NONE:
				continue;
			case R_X86_64_GOTPCREL:
			case R_X86_64_GOTPCRELX:
			case R_X86_64_REX_GOTPCRELX:
				/* Slots of one symbol are shared: at most as many as were counted.
				 */
				if (!link->got)
					link->got = ++slots;
				break;
			}
			link->needed = true;
		}
	}
	plan->got_slots = slots;
}

/* One name more for the list of missing ones; `count` so far. */
static void add_missing(struct image_plan *plan, const char *name, uint32_t count)
{
	struct shown_name shown;

	image_show(&shown, name);
	if (count == 0)
		strlcpy(plan->error, "missing symbols: ", sizeof(plan->error));
	else
		strlcat(plan->error, ", ", sizeof(plan->error));
	/* Leave room to say that there are more. */
	if (strlen(plan->error) + strlen(shown.text) + 40 < sizeof(plan->error))
		strlcat(plan->error, shown.text, sizeof(plan->error));
	else
		strlcat(plan->error, "?", sizeof(plan->error));
}

int image_resolve(struct image_plan *plan, struct image_symbol *links, image_resolver resolver,
		  void *ctx)
{
	uint32_t missing = 0;

	plan->links = links;
	memset(links, 0, plan->symbol_count * sizeof(*links));
	mark_needed(plan);
	for (uint32_t i = 1; i < plan->symbol_count; i++) {
		const Elf64_Sym *s = &plan->symbols[i];
		const char *name = image_symbol_name(plan, s);

		if (!links[i].needed)
			continue;
		if (s->st_shndx != SHN_UNDEF) {
			links[i].value =
				plan->address + plan->sections[s->st_shndx].offset + s->st_value;
			continue;
		}
		if (strcmp(name, "_GLOBAL_OFFSET_TABLE_") == 0)
			links[i].value = plan->address + plan->got_offset;
		else
			links[i].value = resolver(ctx, name);
		if (!links[i].value)
			add_missing(plan, name, missing++);
	}
	return missing ? -ENOENT : 0;
}

/* Store `value` in `width` bytes at `place`, unless that loses something. */
static bool store(uint8_t *place, uint32_t type, uint64_t value)
{
	uint32_t half = value;

	switch (type) {
	case R_X86_64_64:
	case R_X86_64_PC64:
		memcpy(place, &value, sizeof(value));
		return true;
	case R_X86_64_32:
		if (value != half)
			return false;
		break;
	default:
		if (value != (uint64_t)(int64_t)(int32_t)half)
			return false;
		break;
	}
	memcpy(place, &half, sizeof(half));
	return true;
}

static int relocate_one(struct image_plan *plan, uint32_t target, const Elf64_Rela *rela)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info), index = ELF64_R_SYM(rela->r_info);
	uint64_t offset = plan->sections[target].offset + rela->r_offset;
	uint64_t got = plan->address + plan->got_offset, place = plan->address + offset;
	const struct image_symbol *link = &plan->links[index];
	struct shown_name in, to;
	uint64_t value;

	switch (type) {
	case R_X86_64_NONE:
		return 0;
	case R_X86_64_64:
	case R_X86_64_32:
	case R_X86_64_32S:
		value = link->value + rela->r_addend;
		break;
	case R_X86_64_GOTPC32:
		value = got + rela->r_addend - place;
		break;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		value = got + 8 * (uint64_t)(link->got - 1) + rela->r_addend - place;
		break;
	default:
		value = link->value + rela->r_addend - place;
		break;
	}
	if (store(plan->memory + offset, type, value))
		return 0;
	return image_refuse(plan, -ENOEXEC,
			    "section %s: the address of %s does not fit in 32 bits: compile with "
			    "-fPIE -mcmodel=small",
			    image_show(&in, image_section_name(plan, target)),
			    image_show(&to, image_symbol_name(plan, &plan->symbols[index])));
}

int image_relocate(struct image_plan *plan)
{
	for (uint32_t i = 1; i < plan->symbol_count; i++) {
		const struct image_symbol *link = &plan->links[i];

		if (link->got)
			memcpy(plan->memory + plan->got_offset + 8 * (uint64_t)(link->got - 1),
			       &link->value, sizeof(link->value));
	}
	for (uint32_t i = 1; i < plan->section_count; i++) {
		uint64_t count;
		const Elf64_Rela *rela = image_relocations(plan, i, &count);

		for (uint64_t k = 0; rela && k < count; k++) {
			int r = relocate_one(plan, plan->headers[i].sh_info, &rela[k]);

			if (r)
				return r;
		}
	}
	return 0;
}

/* --- the record --------------------------------------------------------------------------------
 */

int image_check_record(struct image_plan *plan, uint64_t driver_size, uint32_t minimal_version,
		       uint64_t section_size)
{
	if (driver_size < sizeof(Banos_Driver) || driver_size % 8 != 0 ||
	    driver_size > section_size)
		return image_refuse(plan, -ENOEXEC,
				    "record: driver_size is %lu in a section of %lu bytes",
				    (unsigned long)driver_size, (unsigned long)section_size);
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

/* The offset in the image of an address as the driver sees it. */
static bool image_offset(const struct image_plan *plan, const void *pointer, uint64_t *offset)
{
	*offset = (uintptr_t)pointer - plan->address;
	return *offset < plan->image_size;
}

static bool is_code(const struct image_plan *plan, uintptr_t function)
{
	uint64_t offset = function - plan->address - plan->areas[IMAGE_TEXT].offset;

	return offset < plan->areas[IMAGE_TEXT].size;
}

/* Does a text of reasonable length that begins there end inside the image? */
static bool is_text(const struct image_plan *plan, const char *pointer)
{
	uint64_t offset, room;

	if (!image_offset(plan, pointer, &offset))
		return false;
	room = min(plan->image_size - offset, (uint64_t)IMAGE_STRING_MAX);
	return memchr(plan->memory + offset, '\0', room) != NULL;
}

static int check_exports(struct image_plan *plan, const Banos_Export *exports, size_t count)
{
	uint64_t offset;

	for (size_t i = 0; i < count; i++) {
		if (!is_text(plan, exports[i].name) ||
		    *(plan->memory + ((uintptr_t)exports[i].name - plan->address)) == '\0')
			return image_refuse(plan, -ENOEXEC, "export %lu: bad name", i);
		if (!image_offset(plan, exports[i].address, &offset))
			return image_refuse(plan, -ENOEXEC,
					    "export %lu: address outside the driver", i);
	}
	return 0;
}

int image_record(struct image_plan *plan, Banos_Driver **record, Banos_Export **exports,
		 size_t *export_count)
{
	Banos_Driver *d = (void *)(plan->memory + plan->sections[plan->record_section].offset);
	/* Again: a relocation may have been applied to these, too. */
	int r = image_check_record(plan, d->driver_size, d->minimal_banos_version,
				   plan->headers[plan->record_section].sh_size);

	if (r)
		return r;
	if (!is_text(plan, d->name) || plan->memory[(uintptr_t)d->name - plan->address] == '\0')
		return image_refuse(plan, -ENOEXEC, "record: no valid name");
	if (d->license && !is_text(plan, d->license))
		return image_refuse(plan, -ENOEXEC, "record: no valid license");
	if (!is_code(plan, (uintptr_t)d->init))
		return image_refuse(plan, -ENOEXEC, "record: init is not a function of the driver");
	if (d->uninit && !is_code(plan, (uintptr_t)d->uninit))
		return image_refuse(plan, -ENOEXEC,
				    "record: uninit is not a function of the driver");
	*record = d;
	*exports = NULL;
	*export_count = 0;
	if (plan->export_section) {
		*exports = (void *)(plan->memory + plan->sections[plan->export_section].offset);
		*export_count = plan->headers[plan->export_section].sh_size / sizeof(Banos_Export);
	}
	return check_exports(plan, *exports, *export_count);
}
