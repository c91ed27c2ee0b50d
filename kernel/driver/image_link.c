/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the linking: a checked plan becomes memory that can run. Sections are copied to
 * their places, symbols get addresses, and places are patched.
 *
 * Nothing here has an effect outside plan->memory; refusing is forgetting that memory.
 *
 * Values that may be wrong in a checked plan: whether a distance or an address fits in its 32 bits.
 * Addends are any 64-bit number, so all arithmetic on addresses is modulo 2^64 and the result is
 * what is checked.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

#define IMAGE_THUNK_NAME 24 /* bytes for "banos_thunk_" and a register */

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
	plan->plain_return = 0;
}

/* Which symbols are used, and by which a table slot each. */
static void mark_needed(struct image_plan *plan)
{
	uint64_t slots = 0;

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

/* A register that an indirect branch may go through: all but the stack pointer. */
static bool is_branch_register(const char *name)
{
	static const char names[][4] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
					"r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/*
 * The name by which a symbol is asked for. Compilers have names of their own for the functions that
 * branch through a register and that return.
 */
static const char *export_name(const char *name, char room[IMAGE_THUNK_NAME])
{
	static const char *const prefixes[] = {"__x86_indirect_thunk_", "__llvm_retpoline_",
					       "__llvm_external_retpoline_"};

	if (strcmp(name, "__x86_return_thunk") == 0)
		return "banos_return_thunk";
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *rest = name + strlen(prefixes[i]);

		if (!str_starts(name, prefixes[i]) || !is_branch_register(rest))
			continue;
		strlcpy(room, "banos_thunk_", IMAGE_THUNK_NAME);
		strlcat(room, rest, IMAGE_THUNK_NAME);
		return room;
	}
	return name;
}

int image_resolve(struct image_plan *plan, struct image_symbol *links, image_resolver resolver,
		  void *ctx)
{
	char room[IMAGE_THUNK_NAME];
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
			links[i].value = resolver(ctx, export_name(name, room));
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

static void store_slot(struct image_plan *plan, const struct image_symbol *link)
{
	memcpy(plan->memory + plan->got_offset + 8 * (uint64_t)(link->got - 1), &link->value,
	       sizeof(link->value));
}

/* jmp *slot(%rip), and a trap behind it. */
static void store_veneer(struct image_plan *plan, const struct image_symbol *link)
{
	uint64_t offset = plan->veneer_offset + IMAGE_VENEER_SIZE * (uint64_t)(link->veneer - 1);
	uint64_t slot = plan->got_offset + 8 * (uint64_t)(link->got - 1);
	uint32_t distance = (uint32_t)(slot - (offset + 6)); /* within the image: it fits */
	uint8_t code[IMAGE_VENEER_SIZE] = {0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc};

	memcpy(code + 2, &distance, sizeof(distance));
	memcpy(plan->memory + offset, code, sizeof(code));
}

/*
 * The address to call instead of a symbol that is out of reach. The addend is what a call has, so
 * nothing but the function's beginning is meant; only undefined symbols have room reserved.
 */
static bool veneer_for(struct image_plan *plan, uint32_t index, const Elf64_Rela *rela,
		       uint64_t *address)
{
	struct image_symbol *link = &plan->links[index];

	if (ELF64_R_TYPE(rela->r_info) != R_X86_64_PLT32 || rela->r_addend != -4 ||
	    plan->symbols[index].st_shndx != SHN_UNDEF)
		return false;
	if (!link->veneer) {
		if (!link->got) {
			link->got = ++plan->got_slots;
			store_slot(plan, link);
		}
		link->veneer = ++plan->veneers;
		store_veneer(plan, link);
	}
	*address = plan->address + plan->veneer_offset +
		   IMAGE_VENEER_SIZE * (uint64_t)(link->veneer - 1);
	return true;
}

/* Is it a jump to a function that only returns? Then return right here. */
static bool return_in_place(struct image_plan *plan, uint32_t section, const Elf64_Rela *rela,
			    uint64_t target)
{
	static const uint8_t code[] = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc}; /* ret, and traps */
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	uint8_t *jump = plan->memory + plan->sections[section].offset + rela->r_offset - 1;

	if (!plan->plain_return || target != plan->plain_return ||
	    (type != R_X86_64_PLT32 && type != R_X86_64_PC32) || rela->r_addend != -4 ||
	    !rela->r_offset || !(plan->headers[section].sh_flags & SHF_EXECINSTR) || *jump != 0xe9)
		return false;
	memcpy(jump, code, sizeof(code));
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

	if (type != R_X86_64_NONE && return_in_place(plan, target, rela, link->value))
		return 0;
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
	if (veneer_for(plan, index, rela, &value) &&
	    store(plan->memory + offset, type, value + rela->r_addend - place))
		return 0;
	return image_refuse(plan, -ENOEXEC,
			    "section %s: the address of %s does not fit in 32 bits: compile with "
			    "-fPIE -mcmodel=small",
			    image_show(&in, image_section_name(plan, target)),
			    image_show(&to, image_symbol_name(plan, &plan->symbols[index])));
}

int image_relocate(struct image_plan *plan)
{
	for (uint32_t i = 1; i < plan->symbol_count; i++)
		if (plan->links[i].got)
			store_slot(plan, &plan->links[i]);
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
