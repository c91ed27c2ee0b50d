/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of an image's functions, for backtraces: those that the object's symbol table has, kept
 * apart from the object, which goes when it is linked. Sorted by their places in the image.
 */
#include "image_internal.h"

#include <lib/string.h>

#define NAME_MAX_KEPT 63 /* bytes; longer ones are cut */

/* The name of a function that lies in the image; NULL: the symbol is something else. */
static const char *function(const struct image_plan *plan, const Elf64_Sym *s, uint64_t *offset)
{
	const struct image_section *section;

	if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || !s->st_shndx ||
	    s->st_shndx >= plan->section_count || s->st_name >= plan->symbol_names_size)
		return NULL;
	section = &plan->sections[s->st_shndx];
	if (section->area != IMAGE_TEXT || s->st_value >= plan->headers[s->st_shndx].sh_size)
		return NULL;
	*offset = section->offset + s->st_value;
	return plan->symbol_names + s->st_name;
}

static size_t kept(const char *name)
{
	return strnlen(name, NAME_MAX_KEPT);
}

size_t image_names_size(const struct image_plan *plan)
{
	uint64_t size = 0, offset;

	for (uint32_t i = 1; i < plan->symbol_count; i++) {
		const char *name = function(plan, &plan->symbols[i], &offset);

		if (name)
			size += sizeof(struct image_name) + kept(name) + 1;
	}
	return size <= IMAGE_NAMES_MAX ? size : 0;
}

static void sift_down(struct image_name *names, uint32_t at, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		struct image_name swapped = names[at];

		if (child >= count)
			return;
		if (child + 1 < count && names[child + 1].offset > names[child].offset)
			child++;
		if (names[child].offset <= swapped.offset)
			return;
		names[at] = names[child];
		names[child] = swapped;
		at = child;
	}
}

/* A heap: no memory, no recursion, and no order that is slow, since the object makes it. */
static void sort(struct image_name *names, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		sift_down(names, i, count);
	for (uint32_t last = count; last-- > 1;) {
		struct image_name greatest = names[0];

		names[0] = names[last];
		names[last] = greatest;
		sift_down(names, 0, last);
	}
}

void image_names_fill(const struct image_plan *plan, void *memory, size_t size,
		      struct image_names *out)
{
	struct image_name *names = memory;
	uint32_t count = 0, text = 0;
	uint64_t offset;

	for (uint32_t i = 1; size && i < plan->symbol_count; i++)
		count += function(plan, &plan->symbols[i], &offset) != NULL;
	*out = (struct image_names){
		.count = count, .names = names, .text = (char *)memory + count * sizeof(*names)};
	for (uint32_t i = 1, n = 0; n < count; i++) {
		const char *name = function(plan, &plan->symbols[i], &offset);
		size_t length;

		if (!name)
			continue;
		length = kept(name);
		names[n++] = (struct image_name){.offset = (uint32_t)offset, .text = text};
		for (size_t k = 0; k < length; k++)
			out->text[text++] = name[k] >= ' ' && name[k] < 0x7f ? name[k] : '?';
		out->text[text++] = '\0';
	}
	sort(names, count);
}

const char *image_names_find(const struct image_names *n, uint64_t offset, uint64_t *inside)
{
	uint32_t lo = 0, hi = n->count;

	if (!hi || n->names[0].offset > offset)
		return NULL;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (n->names[mid].offset <= offset)
			lo = mid;
		else
			hi = mid;
	}
	*inside = offset - n->names[lo].offset;
	return n->text + n->names[lo].text;
}
