/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by image.c and image_link.c. */
#ifndef DRIVER_IMAGE_INTERNAL_H
#define DRIVER_IMAGE_INTERNAL_H

#include "image.h"

/* Room for a name of the file in a message. */
struct shown_name {
	char text[64];
};

/* Writes a message and returns `error`: the last statement of every refusal. */
int image_refuse(struct image_plan *plan, int error, const char *fmt, ...) __printf_like(3, 4);

/* A name of the file made fit for the log: cut, and without control characters. */
const char *image_show(struct shown_name *out, const char *name);

const char *image_section_name(const struct image_plan *plan, uint32_t index);
const char *image_symbol_name(const struct image_plan *plan, const Elf64_Sym *symbol);

/* The relocations of a section with index `i`, if it is one whose target is loaded. */
static inline const Elf64_Rela *image_relocations(const struct image_plan *plan, uint32_t i,
						  uint64_t *count)
{
	const Elf64_Shdr *h = &plan->headers[i];

	if (h->sh_type != SHT_RELA || plan->sections[h->sh_info].area == IMAGE_NOT_LOADED)
		return NULL;
	*count = h->sh_size / sizeof(Elf64_Rela);
	return (const Elf64_Rela *)(plan->bytes + h->sh_offset);
}

/* What the fields of the record that are not pointers say. */
int image_check_record(struct image_plan *plan, uint64_t driver_size, uint32_t minimal_version,
		       uint64_t section_size);

#endif
