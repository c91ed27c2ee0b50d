/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the check: every field of an object file is looked at here, once, before
 * anything is done with it. The file is hostile: it may be cut, contradict itself, or have been
 * made to break the loader. A plan that image_check() has accepted is safe to place and to relocate
 * without another bounds check; only values (does this address fit in 32 bits?) and what the
 * driver says about itself remain to be seen, in image_link.c and image_contents.c.
 *
 * The rule for what we do not know: a section that takes part in the image (SHF_ALLOC) must be of a
 * known type with known flags, else the driver is refused by name. A section that does not take
 * part (debug information above all) is only required to lie inside the file.
 *
 * Messages name what is wrong and, where the author can do something, what to do.
 *
 * Rejected: checking as one goes while loading, as most loaders do. It mixes undoing with checking,
 * and the checks that a later step needs are then the ones that are forgotten.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

int image_refuse(struct image_plan *plan, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_v(plan->error, sizeof(plan->error), fmt, ap);
	va_end(ap);
	return error;
}

#define malformed(plan, ...) image_refuse(plan, -ENOEXEC, __VA_ARGS__)

const char *image_show(struct shown_name *out, const char *name)
{
	size_t i;

	for (i = 0; name[i] && i < sizeof(out->text) - 1; i++)
		out->text[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
	out->text[i] = '\0';
	return out->text;
}

const char *image_section_name(const struct image_plan *plan, uint32_t index)
{
	return plan->section_names + plan->headers[index].sh_name;
}

/* Section symbols have no name of their own. */
const char *image_symbol_name(const struct image_plan *plan, const Elf64_Sym *symbol)
{
	if (ELF64_ST_TYPE(symbol->st_info) == STT_SECTION && symbol->st_shndx < plan->section_count)
		return image_section_name(plan, symbol->st_shndx);
	return plan->symbol_names + symbol->st_name;
}

/* --- the ELF header ------------------------------------------------------------------------- */

static const char *check_header(const Elf64_Ehdr *e, size_t size)
{
	uint64_t end;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
		return "not a 64-bit little-endian ELF file";
	if (e->e_ident[EI_VERSION] != EV_CURRENT || e->e_version != EV_CURRENT)
		return "unknown version of ELF";
	if (e->e_ident[EI_OSABI] != ELFOSABI_NONE && e->e_ident[EI_OSABI] != ELFOSABI_LINUX)
		return "made for another system (EI_OSABI)";
	if (e->e_machine != EM_X86_64)
		return "not for x86-64";
	if (e->e_type != ET_REL)
		return "not a relocatable object: link it with ld -r";
	if (e->e_ehsize != sizeof(Elf64_Ehdr) || e->e_phnum != 0)
		return "bad ELF header";
	if (e->e_shentsize != sizeof(Elf64_Shdr))
		return "bad size of section headers";
	if (e->e_shnum == 0 || e->e_shnum >= SHN_LORESERVE)
		return "no sections, or more than 65,279";
	if (e->e_shoff % 8 != 0 ||
	    add_overflow(e->e_shoff, e->e_shnum * sizeof(Elf64_Shdr), &end) || end > size ||
	    e->e_shoff < sizeof(Elf64_Ehdr))
		return "section headers beyond the end of the file: was it cut short?";
	if (e->e_shstrndx == SHN_UNDEF || e->e_shstrndx >= e->e_shnum)
		return "bad index of the section names";
	return NULL;
}

int image_count(const void *bytes, size_t size, uint32_t *sections, char error[IMAGE_ERROR_SIZE])
{
	const Elf64_Ehdr *e = bytes;
	const char *wrong;

	if (size > IMAGE_FILE_MAX) {
		format(error, IMAGE_ERROR_SIZE, "larger than %lu MiB", IMAGE_FILE_MAX >> 20);
		return -E2BIG;
	}
	wrong = size < sizeof(*e) ? "too short for an ELF file" : check_header(e, size);
	if (wrong) {
		strlcpy(error, wrong, IMAGE_ERROR_SIZE);
		return -ENOEXEC;
	}
	*sections = e->e_shnum;
	return 0;
}

/* --- sections --------------------------------------------------------------------------------- */

/* The string table with this index, inside the file and ending with a NUL. */
static int check_strings(struct image_plan *plan, uint32_t index, const char **strings,
			 uint64_t *size)
{
	const Elf64_Shdr *h = &plan->headers[index];
	uint64_t end;

	if (index >= plan->section_count || h->sh_type != SHT_STRTAB || h->sh_size == 0 ||
	    add_overflow(h->sh_offset, h->sh_size, &end) || end > plan->size ||
	    plan->bytes[end - 1] != '\0')
		return malformed(plan, "section %u is not a valid string table", index);
	*strings = (const char *)plan->bytes + h->sh_offset;
	*size = h->sh_size;
	return 0;
}

static enum image_area area_of(const Elf64_Shdr *h)
{
	if (h->sh_flags & SHF_EXECINSTR)
		return IMAGE_TEXT;
	return h->sh_flags & SHF_WRITE ? IMAGE_DATA : IMAGE_RODATA;
}

/* A section that asks to be part of the image: is it, and in which area? */
static int check_loaded(struct image_plan *plan, uint32_t i)
{
	const Elf64_Shdr *h = &plan->headers[i];
	uint64_t align = h->sh_addralign;
	struct shown_name name;

	image_show(&name, image_section_name(plan, i));
	if (h->sh_flags & SHF_COMPRESSED)
		return malformed(plan, "section %s is compressed", name.text);
	if (h->sh_flags & SHF_TLS)
		return malformed(plan, "section %s: thread-local variables are not supported",
				 name.text);
	if ((h->sh_flags & SHF_WRITE) && (h->sh_flags & SHF_EXECINSTR))
		return malformed(plan, "section %s is writable and executable", name.text);
	if (align > IMAGE_ALIGN_MAX || (align & (align - 1)) != 0)
		return malformed(plan, "section %s: bad alignment %#lx", name.text, align);
	switch (h->sh_type) {
	case SHT_NOTE:
		return 0; /* .note.gnu.property and such: for linkers */
	case SHT_NOBITS:
		if (h->sh_flags & SHF_EXECINSTR)
			return malformed(plan, "section %s: code without contents", name.text);
		break;
	case SHT_PROGBITS:
	case SHT_X86_64_UNWIND:
		break;
	case SHT_INIT_ARRAY:
	case SHT_FINI_ARRAY:
	case SHT_PREINIT_ARRAY:
		return malformed(plan,
				 "section %s: there are no static constructors in a driver; "
				 "call them from init",
				 name.text);
	default:
		return malformed(plan, "section %s: unknown type %#x", name.text, h->sh_type);
	}
	plan->sections[i].area = area_of(h);
	return 0;
}

/* .banos-*: ours. One that this kernel does not know says something it would have to heed. */
static int check_own(struct image_plan *plan, uint32_t i, const char *name)
{
	const Elf64_Shdr *h = &plan->headers[i];
	uint32_t *slot;
	struct shown_name shown;

	if (strcmp(name, BANOS_DRIVER_SECTION) == 0)
		slot = &plan->record_section;
	else if (strcmp(name, BANOS_META_SECTION) == 0)
		slot = &plan->meta_section;
	else if (strcmp(name, BANOS_EXPORT_SECTION) == 0)
		slot = &plan->export_section;
	else if (strcmp(name, BANOS_IMPORT_SECTION) == 0)
		slot = &plan->import_section;
	else
		return malformed(plan, "section %s needs a newer kernel", image_show(&shown, name));
	if (*slot)
		return malformed(plan, "two sections %s: link the objects with ld -r", name);
	if (h->sh_type != SHT_PROGBITS || plan->sections[i].area == IMAGE_NOT_LOADED ||
	    plan->sections[i].area == IMAGE_TEXT)
		return malformed(plan, "section %s is not data with contents", name);
	if (h->sh_addralign % 8 != 0 || h->sh_addralign == 0)
		return malformed(plan, "section %s is not aligned to 8", name);
	*slot = i;
	return 0;
}

static int check_section(struct image_plan *plan, uint32_t i)
{
	const Elf64_Shdr *h = &plan->headers[i];
	const char *name;
	uint64_t end;
	int r;

	plan->sections[i].area = IMAGE_NOT_LOADED;
	if (h->sh_name >= plan->section_names_size)
		return malformed(plan, "section %u: name out of range", i);
	if (h->sh_type == SHT_NULL)
		return 0;
	if (i == 0)
		return malformed(plan, "section 0 is in use");
	if (h->sh_type != SHT_NOBITS &&
	    (add_overflow(h->sh_offset, h->sh_size, &end) || end > plan->size))
		return malformed(
			plan, "section %u lies beyond the end of the file: was it cut short?", i);
	if (h->sh_type == SHT_SYMTAB_SHNDX)
		return malformed(plan, "too many sections");
	if (h->sh_flags & SHF_ALLOC) {
		r = check_loaded(plan, i);
		if (r)
			return r;
	}
	name = image_section_name(plan, i);
	return str_starts(name, ".banos-") ? check_own(plan, i, name) : 0;
}

/* A COMDAT group: we load whatever is there, but its contents must at least make sense. */
static int check_group(struct image_plan *plan, uint32_t i)
{
	const Elf64_Shdr *h = &plan->headers[i];
	uint32_t member;

	if (h->sh_size < 4 || h->sh_size % 4 != 0 || h->sh_entsize != 4)
		return malformed(plan, "section %u: bad group", i);
	for (uint64_t at = 4; at < h->sh_size; at += 4) {
		memcpy(&member, plan->bytes + h->sh_offset + at, sizeof(member));
		if (member == 0 || member >= plan->section_count ||
		    plan->headers[member].sh_type == SHT_GROUP)
			return malformed(plan, "section %u: bad member of a group", i);
	}
	return 0;
}

/* --- nothing of the file means two things ------------------------------------------------------
 */

/* Does section i have bytes in the file? */
static bool has_bytes(const struct image_plan *plan, uint32_t i)
{
	const Elf64_Shdr *h = &plan->headers[i];

	return h->sh_type != SHT_NULL && h->sh_type != SHT_NOBITS && h->sh_size != 0;
}

/* Restore the heap below `root` among the first n entries of sections[].order, latest on top. */
static void sift_down(struct image_plan *plan, uint32_t root, uint32_t n)
{
	struct image_section *s = plan->sections;

	for (;;) {
		uint32_t child = 2 * root + 1, swap;

		if (child >= n)
			return;
		if (child + 1 < n && plan->headers[s[child + 1].order].sh_offset >
					     plan->headers[s[child].order].sh_offset)
			child++;
		if (plan->headers[s[root].order].sh_offset >=
		    plan->headers[s[child].order].sh_offset)
			return;
		swap = s[root].order;
		s[root].order = s[child].order;
		s[child].order = swap;
		root = child;
	}
}

/* Heap sort: in place, and no file makes it slow. Returns how many sections have bytes. */
static uint32_t sort_by_offset(struct image_plan *plan)
{
	struct image_section *s = plan->sections;
	uint32_t n = 0, swap;

	for (uint32_t i = 0; i < plan->section_count; i++)
		if (has_bytes(plan, i))
			s[n++].order = i;
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(plan, i, n);
	for (uint32_t i = n; i-- > 1;) {
		swap = s[0].order;
		s[0].order = s[i].order;
		s[i].order = swap;
		sift_down(plan, 0, i);
	}
	return n;
}

/* Behind the ELF there may be a trailer, of which only the frame is fixed so far. */
static int check_trailer(struct image_plan *plan, uint64_t end)
{
	struct image_trailer trailer;
	uint64_t rest = plan->size - end;

	if (rest == 0)
		return 0;
	if (rest >= sizeof(trailer)) {
		memcpy(&trailer, plan->bytes + end, sizeof(trailer));
		if (memcmp(trailer.magic, IMAGE_TRAILER_MAGIC, sizeof(trailer.magic)) == 0 &&
		    trailer.length == rest)
			return 0;
	}
	return malformed(plan, "%lu bytes behind the end of the ELF file", rest);
}

static int check_overlap(struct image_plan *plan)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)plan->bytes;
	uint64_t table = e->e_shoff, table_end = table + e->e_shnum * sizeof(Elf64_Shdr);
	uint64_t end = sizeof(Elf64_Ehdr);
	uint32_t n = sort_by_offset(plan);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = plan->sections[k].order;
		uint64_t from = plan->headers[i].sh_offset, to = from + plan->headers[i].sh_size;

		if (from < end || (from < table_end && to > table))
			return malformed(plan, "section %u overlaps another part of the file", i);
		end = to;
	}
	return check_trailer(plan, max(end, table_end));
}

/* --- symbols ---------------------------------------------------------------------------------- */

static int check_symbol(struct image_plan *plan, uint32_t i)
{
	const Elf64_Sym *s = &plan->symbols[i];
	struct shown_name name;

	if (s->st_name >= plan->symbol_names_size)
		return malformed(plan, "symbol %u: name out of range", i);
	image_show(&name, image_symbol_name(plan, s));
	if (s->st_shndx == SHN_COMMON || ELF64_ST_TYPE(s->st_info) == STT_COMMON)
		return malformed(plan, "symbol %s is COMMON: compile with -fno-common", name.text);
	if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
		return malformed(plan, "symbol %s: indirect functions are not supported",
				 name.text);
	if (ELF64_ST_TYPE(s->st_info) == STT_TLS)
		return malformed(plan, "symbol %s: thread-local variables are not supported",
				 name.text);
	if (s->st_shndx == SHN_UNDEF)
		plan->undefined_count++;
	if (s->st_shndx == SHN_ABS || s->st_shndx == SHN_UNDEF)
		return 0; /* refused or resolved where it is used */
	if (s->st_shndx >= plan->section_count)
		return malformed(plan, "symbol %u: section out of range", i);
	/* The end of a section is a legal place for a label. */
	if (plan->sections[s->st_shndx].area != IMAGE_NOT_LOADED &&
	    s->st_value > plan->headers[s->st_shndx].sh_size)
		return malformed(plan, "symbol %u: value outside its section", i);
	return 0;
}

static int check_symbols(struct image_plan *plan)
{
	const Elf64_Shdr *h = NULL;
	int r;

	for (uint32_t i = 1; i < plan->section_count; i++) {
		if (plan->headers[i].sh_type != SHT_SYMTAB)
			continue;
		if (h)
			return malformed(plan, "two symbol tables");
		h = &plan->headers[i];
	}
	if (!h)
		return malformed(plan, "no symbol table: was it stripped?");
	if (h->sh_entsize != sizeof(Elf64_Sym) || h->sh_size % sizeof(Elf64_Sym) != 0 ||
	    h->sh_size == 0 || h->sh_offset % 8 != 0 || h->sh_info > h->sh_size / sizeof(Elf64_Sym))
		return malformed(plan, "bad symbol table");
	r = check_strings(plan, h->sh_link, &plan->symbol_names, &plan->symbol_names_size);
	if (r)
		return r;
	plan->symbols = (const Elf64_Sym *)(plan->bytes + h->sh_offset);
	plan->symbol_count = h->sh_size / sizeof(Elf64_Sym);
	for (uint32_t i = 1; i < plan->symbol_count; i++) {
		r = check_symbol(plan, i);
		if (r)
			return r;
	}
	return 0;
}

/* --- the layout ---------------------------------------------------------------------------------
 */

/* Append `size` bytes at the next multiple of align; false when the image gets too large. */
static bool append(uint64_t *end, uint64_t size, uint64_t align, uint64_t *offset)
{
	*offset = ALIGN_UP(*end, align ? align : 1); /* both below IMAGE_MEMORY_MAX: no overflow */
	return !add_overflow(*offset, size, end) && *end <= IMAGE_MEMORY_MAX;
}

/* Sections with contents first, then those of zeroes, each in the order of the file. */
static int lay_out_area(struct image_plan *plan, enum image_area area, uint64_t *end)
{
	uint64_t start = *end;

	for (unsigned zeroes = 0; zeroes < 2; zeroes++) {
		for (uint32_t i = 1; i < plan->section_count; i++) {
			const Elf64_Shdr *h = &plan->headers[i];

			if (plan->sections[i].area != area || (h->sh_type == SHT_NOBITS) != zeroes)
				continue;
			plan->align = max(plan->align, (uint64_t)h->sh_addralign);
			if (!append(end, h->sh_size, h->sh_addralign, &plan->sections[i].offset))
				goto too_large;
		}
	}
	if (area == IMAGE_TEXT && !append(end, (uint64_t)plan->undefined_count * IMAGE_VENEER_SIZE,
					  IMAGE_VENEER_SIZE, &plan->veneer_offset))
		goto too_large;
	if (area == IMAGE_RODATA && !append(end, plan->got_room * 8, 8, &plan->got_offset))
		goto too_large;
	*end = ALIGN_UP(*end, IMAGE_PAGE);
	plan->areas[area].offset = start;
	plan->areas[area].size = *end - start;
	return 0;

too_large:
	return image_refuse(plan, -E2BIG, "needs more than %lu MiB of memory",
			    IMAGE_MEMORY_MAX >> 20);
}

static int lay_out(struct image_plan *plan)
{
	uint64_t end = 0;
	int r;

	/* A veneer needs a slot, too. */
	plan->got_room += plan->undefined_count;
	plan->align = IMAGE_PAGE;
	for (enum image_area area = IMAGE_TEXT; area < IMAGE_AREAS; area++) {
		r = lay_out_area(plan, area, &end);
		if (r)
			return r;
	}
	plan->image_size = end;
	return 0;
}

/* --- the record, as far as it can be seen in the file -------------------------------------------
 */

/* A section of so many records of 16 bytes. */
static int check_entries(struct image_plan *plan, uint32_t i)
{
	uint64_t size = plan->headers[i].sh_size;

	if (i == 0)
		return 0;
	if (size % sizeof(Banos_Export) != 0)
		return malformed(plan, "section %s has %lu bytes, which is no multiple of %lu",
				 image_section_name(plan, i), (unsigned long)size,
				 sizeof(Banos_Export));
	if (size / sizeof(Banos_Export) > IMAGE_ENTRIES_MAX)
		return malformed(plan, "section %s has %lu entries, more than %d",
				 image_section_name(plan, i),
				 (unsigned long)(size / sizeof(Banos_Export)), IMAGE_ENTRIES_MAX);
	return 0;
}

static int check_own_sections(struct image_plan *plan)
{
	const Elf64_Shdr *h = &plan->headers[plan->record_section];
	Banos_Driver record;
	int r;

	if (!plan->record_section)
		return malformed(plan, "no section " BANOS_DRIVER_SECTION
				       ": not a Banos driver (BANOS_DRIVER_API is missing)");
	if (h->sh_size < sizeof(record))
		return malformed(plan, "section " BANOS_DRIVER_SECTION " has %lu bytes, not %lu",
				 (unsigned long)h->sh_size, sizeof(record));
	memcpy(&record, plan->bytes + h->sh_offset, sizeof(record));
	r = check_entries(plan, plan->export_section);
	if (!r)
		r = check_entries(plan, plan->import_section);
	return r ? r
		 : image_check_record(plan, record.driver_size, record.minimal_banos_version,
				      h->sh_size);
}

int image_check(struct image_plan *plan, const void *bytes, size_t size,
		struct image_section *sections)
{
	const Elf64_Ehdr *e = bytes;
	uint32_t i;
	int r;

	memset(plan, 0, sizeof(*plan));
	r = image_count(bytes, size, &plan->section_count, plan->error);
	if (r)
		return r;
	plan->bytes = bytes;
	plan->size = size;
	plan->headers = (const Elf64_Shdr *)(plan->bytes + e->e_shoff);
	plan->sections = sections;
	r = check_strings(plan, e->e_shstrndx, &plan->section_names, &plan->section_names_size);
	for (i = 0; !r && i < plan->section_count; i++)
		r = check_section(plan, i);
	if (!r)
		r = check_overlap(plan);
	if (!r)
		r = check_symbols(plan);
	for (i = 1; !r && i < plan->section_count; i++) {
		if (plan->headers[i].sh_type == SHT_RELA || plan->headers[i].sh_type == SHT_REL)
			r = image_check_relocations(plan, i);
		else if (plan->headers[i].sh_type == SHT_GROUP)
			r = check_group(plan, i);
	}
	if (!r)
		r = check_own_sections(plan);
	return r ? r : lay_out(plan);
}
