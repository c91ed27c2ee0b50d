/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler contract, as far as an object shows it. Each rule is a row of a table with what is
 * wrong and how to mend it; a finding is counted, with the first place where it was found.
 *
 * Code is read function by function, from the symbol to its end; bytes that belong to no function
 * with a size (assembler) are not read. What cannot be seen: red-zone accesses below a frame
 * pointer (those below the stack pointer can), and indirect calls that the compiler made direct.
 */
#include "check.h"
#include "decode.h"
#include <driver/elf_types.h>
#include <stdio.h>
#include <string.h>

enum rule {
	VECTOR,
	SEGMENT,
	RED_ZONE,
	JUMP_TABLE,
	LANDING_PAD,
	UNWIND,
	MODEL,
	INDIRECT,
	RETURN,
	UNREADABLE,
	RULES
};

static const struct {
	enum severity severity;
	const char *what, *fix;
} rules[RULES] = {
	[VECTOR] =
		{ERROR, "uses floating point or vector registers",
		 "compile with -mgeneral-regs-only (banos-cc does), and without double and float"},
	[SEGMENT] = {ERROR, "uses %fs or %gs, as stack protectors and thread-local variables do",
		     "compile with -fno-stack-protector (banos-cc does)"},
	[RED_ZONE] = {ERROR, "keeps data below the stack pointer, where interrupts write",
		      "compile with -mno-red-zone (banos-cc does)"},
	[JUMP_TABLE] = {ERROR, "has a jump table, whose branch goes through no thunk",
			"compile with -fno-jump-tables (banos-cc does)"},
	[LANDING_PAD] = {ERROR, "has functions without a landing pad whose address is taken",
			 "compile with -fcf-protection=branch (banos-cc does)"},
	[UNWIND] = {ERROR, "has unwind tables, which nobody reads",
		    "compile with -fno-asynchronous-unwind-tables (banos-cc does)"},
	[MODEL] = {WARNING, "has relocations that banos-cc does not make, and cannot lie anywhere",
		   "compile with -fPIE -mcmodel=small, and include <banos/...> for declarations"},
	[INDIRECT] =
		{WARNING, "branches indirectly without a thunk: not protected on all processors",
		 "compile with -mindirect-branch=thunk-extern -mindirect-branch-register (gcc) or "
		 "-mretpoline-external-thunk (clang); banos-cc does"},
	[RETURN] = {WARNING, "returns without a thunk: not protected on all processors",
		    "compile with -mfunction-return=thunk-extern (gcc, and clang from 15)"},
	[UNREADABLE] = {NOTE, "has code that banos-check cannot read to its end", NULL},
};

struct findings {
	unsigned count[RULES];
	char first[RULES][96];
};

static void find(struct findings *f, enum rule rule, const char *where)
{
	if (f->count[rule]++ == 0)
		snprintf(f->first[rule], sizeof(f->first[rule]), "%s", where);
}

/* --- machine code --------------------------------------------------------------------------- */

static void check_instruction(const struct instruction *i, const char *function, struct findings *f)
{
	unsigned group = i->modrm >> 3 & 7;

	if (i->vector)
		find(f, VECTOR, function);
	if (i->segment && (i->has_modrm || (i->map == 0 && i->opcode >= 0xa0 && i->opcode <= 0xa3)))
		find(f, SEGMENT, function);
	/* lea only computes. */
	if (i->base_stack && i->offset < 0 && !(i->map == 0 && i->opcode == 0x8d))
		find(f, RED_ZONE, function);
	if (i->map == 0 && i->opcode == 0xff && group >= 2 && group <= 5)
		find(f, INDIRECT, function);
	if (i->map == 0 && (i->opcode == 0xc3 || i->opcode == 0xc2))
		find(f, RETURN, function);
}

static void check_function(const struct check *c, uint32_t index, struct findings *f)
{
	const Elf64_Sym *s = &c->plan.symbols[index];
	const Elf64_Shdr *h = &c->plan.headers[s->st_shndx];
	const uint8_t *at = c->bytes + h->sh_offset + s->st_value, *end;
	const char *name = symbol_name(c, index);
	struct instruction i;

	if (s->st_size > h->sh_size - s->st_value)
		return find(f, UNREADABLE, name);
	for (end = at + s->st_size; at < end; at += i.length) {
		if (!decode(at, (size_t)(end - at), &i))
			return find(f, UNREADABLE, name);
		check_instruction(&i, name, f);
	}
}

static bool is_function(const struct check *c, uint32_t index)
{
	const Elf64_Sym *s = &c->plan.symbols[index];

	return ELF64_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF &&
	       s->st_shndx < c->plan.section_count &&
	       c->plan.sections[s->st_shndx].area == IMAGE_TEXT;
}

/* --- relocations ---------------------------------------------------------------------------- */

static const char *relocation_name(uint32_t type)
{
	switch (type) {
	case R_X86_64_NONE:
		return "NONE";
	case R_X86_64_64:
		return "64";
	case R_X86_64_PC32:
		return "PC32";
	case R_X86_64_PLT32:
		return "PLT32";
	case R_X86_64_PC64:
		return "PC64";
	case R_X86_64_32:
		return "32";
	case R_X86_64_32S:
		return "32S";
	case R_X86_64_GOTPC32:
		return "GOTPC32";
	default:
		return "GOTPCREL";
	}
}

/* The function that begins at this place of a section; 0 if none does. */
static uint32_t function_at(const struct check *c, uint32_t section, uint64_t offset)
{
	for (uint32_t i = 1; i < c->plan.symbol_count; i++)
		if (is_function(c, i) && c->plan.symbols[i].st_shndx == section &&
		    c->plan.symbols[i].st_value == offset)
			return i;
	return 0;
}

static bool has_landing_pad(const struct check *c, uint32_t function)
{
	static const uint8_t pad[] = {0xf3, 0x0f, 0x1e, 0xfa};
	const Elf64_Sym *s = &c->plan.symbols[function];
	const Elf64_Shdr *h = &c->plan.headers[s->st_shndx];

	return h->sh_size - s->st_value >= sizeof(pad) &&
	       !memcmp(c->bytes + h->sh_offset + s->st_value, pad, sizeof(pad));
}

/* A place outside the text, or an instruction other than a call, that has an address in the text.
 */
static void check_address(const struct check *c, uint32_t target, const Elf64_Rela *r,
			  struct findings *f)
{
	const Elf64_Sym *s = &c->plan.symbols[ELF64_R_SYM(r->r_info)];
	bool in_text = c->plan.sections[target].area == IMAGE_TEXT;
	bool relative = ELF64_R_TYPE(r->r_info) == R_X86_64_PC32;
	uint64_t offset = s->st_value + (uint64_t)r->r_addend + (in_text && relative ? 4 : 0);
	uint32_t function;

	if (s->st_shndx == SHN_UNDEF || s->st_shndx >= c->plan.section_count ||
	    c->plan.sections[s->st_shndx].area != IMAGE_TEXT)
		return;
	function = function_at(c, s->st_shndx, offset);
	if (!in_text &&
	    (relative || (!function && !strncmp(section_name(c, target), ".rodata", 7))))
		find(f, JUMP_TABLE, section_name(c, target));
	else if (function && !has_landing_pad(c, function))
		find(f, LANDING_PAD, symbol_name(c, function));
}

static void check_relocation(const struct check *c, uint32_t target, const Elf64_Rela *r,
			     struct findings *f)
{
	uint32_t type = ELF64_R_TYPE(r->r_info);

	if (!strncmp(section_name(c, target), ".eh_frame", 9) || type == R_X86_64_NONE)
		return;
	if (type == R_X86_64_64 || type == R_X86_64_PC32)
		check_address(c, target, r, f);
	else if (type != R_X86_64_PLT32)
		find(f, MODEL, relocation_name(type));
}

/* Calls `each` for every relocation that is applied. */
static void for_each_relocation(const struct check *c, void *ctx,
				void (*each)(const struct check *, uint32_t, const Elf64_Rela *,
					     void *))
{
	for (uint32_t i = 1; i < c->plan.section_count; i++) {
		const Elf64_Shdr *h = &c->plan.headers[i];
		const Elf64_Rela *r = (const void *)(c->bytes + h->sh_offset);

		if (h->sh_type != SHT_RELA || c->plan.sections[h->sh_info].area == IMAGE_NOT_LOADED)
			continue;
		for (uint64_t k = 0; k < h->sh_size / sizeof(*r); k++)
			each(c, h->sh_info, &r[k], ctx);
	}
}

static void look_at(const struct check *c, uint32_t target, const Elf64_Rela *r, void *findings)
{
	check_relocation(c, target, r, findings);
}

/* --- the whole ------------------------------------------------------------------------------ */

void check_code(struct check *c)
{
	struct findings f = {0};

	for (uint32_t i = 1; i < c->plan.symbol_count; i++)
		if (is_function(c, i))
			check_function(c, i, &f);
	for (uint32_t i = 1; i < c->plan.section_count; i++)
		if (c->plan.sections[i].area != IMAGE_NOT_LOADED &&
		    !strncmp(section_name(c, i), ".eh_frame", 9))
			find(&f, UNWIND, section_name(c, i));
	for_each_relocation(c, &f, look_at);
	for (unsigned r = 0; r < RULES; r++)
		if (f.count[r] > 1)
			report(c, rules[r].severity, rules[r].fix, "%s (%s, and %u more)",
			       rules[r].what, f.first[r], f.count[r] - 1);
		else if (f.count[r])
			report(c, rules[r].severity, rules[r].fix, "%s (%s)", rules[r].what,
			       f.first[r]);
}

#define TYPES 64

static void count_type(const struct check *c, uint32_t target, const Elf64_Rela *r, void *counts)
{
	((unsigned *)counts)[ELF64_R_TYPE(r->r_info) % TYPES]++;
}

void show_relocations(const struct check *c)
{
	unsigned counts[TYPES] = {0};
	const char *comma = "";

	for_each_relocation(c, counts, count_type);
	printf("  relocations");
	for (uint32_t type = 0; type < TYPES; type++)
		if (counts[type]) {
			printf("%s %s %u", comma, relocation_name(type), counts[type]);
			comma = ",";
		}
	printf("%s\n", *comma ? "" : " none");
}
