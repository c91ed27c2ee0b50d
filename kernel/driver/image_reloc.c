/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the check of relocations: that each is of a type that we can apply, patches a
 * place inside its section, and uses a symbol that can have an address.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>
#include <lib/string.h>

#define malformed(plan, ...) image_refuse(plan, -ENOEXEC, __VA_ARGS__)

/* Bytes that a relocation patches; 0 for a type that we do not know. NONE counts as 1. */
static unsigned relocation_width(uint32_t type)
{
	switch (type) {
	case R_X86_64_NONE:
		return 1;
	case R_X86_64_64:
	case R_X86_64_PC64:
		return 8;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_GOTPC32:
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		return 4;
	default:
		return 0;
	}
}

static bool relocation_uses_got(uint32_t type)
{
	return type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
	       type == R_X86_64_REX_GOTPCRELX;
}

/* Can this symbol have an address in the image? */
static int check_use(struct image_plan *plan, uint32_t index)
{
	const Elf64_Sym *s = &plan->symbols[index];
	struct shown_name name;

	if (index == 0)
		return malformed(plan, "a relocation without a symbol");
	image_show(&name, image_symbol_name(plan, s));
	if (s->st_shndx == SHN_UNDEF) {
		if (name.text[0] == '\0')
			return malformed(plan, "symbol %u is undefined and has no name", index);
		if (ELF64_ST_BIND(s->st_info) == STB_WEAK)
			return malformed(plan,
					 "symbol %s is weak and undefined: ask for it with "
					 "BANOS_OPTIONAL instead",
					 name.text);
		return 0;
	}
	if (s->st_shndx == SHN_ABS)
		return malformed(plan, "symbol %s is absolute", name.text);
	if (plan->sections[s->st_shndx].area == IMAGE_NOT_LOADED)
		return malformed(plan, "symbol %s is in section %u, which is not loaded", name.text,
				 s->st_shndx);
	return 0;
}

static int check_relocation(struct image_plan *plan, uint32_t target, const Elf64_Rela *rela)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info), symbol = ELF64_R_SYM(rela->r_info);
	unsigned width = relocation_width(type);
	uint64_t end;

	if (width == 0)
		return malformed(plan,
				 "section %u: relocation type %u is not supported: compile with "
				 "-fPIE -mcmodel=small",
				 target, type);
	if (symbol >= plan->symbol_count)
		return malformed(plan, "section %u: a relocation's symbol is out of range", target);
	if (type == R_X86_64_NONE)
		return 0;
	if (add_overflow(rela->r_offset, width, &end) || end > plan->headers[target].sh_size)
		return malformed(plan, "section %u: a relocation lies outside the section", target);
	if (relocation_uses_got(type))
		plan->got_room++;
	return check_use(plan, symbol);
}

int image_check_relocations(struct image_plan *plan, uint32_t i)
{
	const Elf64_Shdr *h = &plan->headers[i];
	const Elf64_Rela *rela;
	uint64_t count;
	uint32_t type;
	int r;

	if (h->sh_info == 0 || h->sh_info >= plan->section_count)
		return malformed(plan, "section %u: relocations of no section", i);
	type = plan->headers[h->sh_info].sh_type;
	if (h->sh_type == SHT_REL && plan->sections[h->sh_info].area == IMAGE_NOT_LOADED)
		return 0;
	if (h->sh_type == SHT_REL)
		return malformed(plan, "section %u: relocations without addends", i);
	if (h->sh_entsize != sizeof(Elf64_Rela) || h->sh_size % sizeof(Elf64_Rela) != 0 ||
	    h->sh_offset % 8 != 0)
		return malformed(plan, "section %u: bad relocation table", i);
	if (h->sh_link >= plan->section_count || plan->headers[h->sh_link].sh_type != SHT_SYMTAB)
		return malformed(plan, "section %u: relocations without the symbol table", i);
	if (type == SHT_RELA || type == SHT_REL || type == SHT_SYMTAB || type == SHT_STRTAB ||
	    type == SHT_GROUP || (type == SHT_NOBITS && h->sh_size))
		return malformed(plan, "section %u: relocations of a section that has no such", i);
	rela = image_relocations(plan, i, &count);
	for (uint64_t k = 0; rela && k < count; k++) {
		r = check_relocation(plan, h->sh_info, &rela[k]);
		if (r)
			return r;
	}
	return 0;
}
