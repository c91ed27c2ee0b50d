/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of the image library. */
#ifndef DRIVER_IMAGE_INTERNAL_H
#define DRIVER_IMAGE_INTERNAL_H

#include "image.h"
#include <lib/string.h>

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

/* A relocation section: its own fields, and its entries if what it patches is loaded. */
int image_check_relocations(struct image_plan *plan, uint32_t i);

/* The bytes of the image at an address as the driver sees it; NULL unless `size` bytes lie there.
 */
const void *image_at(const struct image_plan *plan, const void *address, uint64_t size);
bool image_is_code(const struct image_plan *plan, uintptr_t function);

/*
 * Text that begins there and ends, after at most limit - 1 bytes, inside the image; NULL if there
 * is none.
 */
const char *image_text(const struct image_plan *plan, const char *address, size_t limit);
/* The same for names: not empty, at most IMAGE_STRING_MAX - 1 bytes. */
const char *image_name(const struct image_plan *plan, const char *address);

/* Is this the name of an interface that promises nothing? */
static inline bool image_is_experimental(const char *name)
{
	return str_starts(name, "banos_x_") || str_starts(name, "banos.x_");
}

/* Fill in out->meta from the section .banos-meta, which is there, and check it. */
int image_check_meta(struct image_plan *plan, struct image_contents *out);

/* What the fields of the record that are not pointers say. */
int image_check_record(struct image_plan *plan, uint64_t driver_size, uint32_t minimal_version,
		       uint64_t section_size);

#endif
