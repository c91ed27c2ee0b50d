/* SPDX-License-Identifier: BSD-2-Clause */
/* banos-check: what its parts share. */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <driver/image.h>

/* A symbol of the ABI, from its header. */
struct abi_symbol {
	const char *name;
	uint32_t since;
	const char *interface;
	const char *header;
};

struct check {
	const char *name; /* of the file, in messages */
	bool quiet;	  /* only problems */
	bool for_host;	  /* it need not load into a kernel */

	uint8_t *bytes;
	size_t size;
	struct image_plan plan;
	struct image_section *sections;
	struct image_symbol *links;
	uint8_t *memory;
	struct image_contents contents;

	unsigned errors, warnings;
};

enum severity { NOTE, WARNING, ERROR };

/* One line "NAME: error: WHAT", and one with how to mend it if `fix` is not NULL. */
void report(struct check *c, enum severity severity, const char *fix, const char *format, ...)
	__printf_like(4, 5);

/* symbols.c: what it uses of the ABI and of other drivers. */
const struct abi_symbol *abi_find(const char *name);
void check_symbols(struct check *c);
void show_symbols(const struct check *c);
/* Is it instrumented for banos-host? */
bool uses_sanitizer(const struct check *c);

/* code.c: the compiler contract, as far as the object shows it. */
void check_code(struct check *c);
void show_relocations(const struct check *c);

/* show.c: what it says about itself. */
void show_head(const struct check *c);
void show_contents(const struct check *c);

/* Names of the object's symbols, of sections for section symbols. */
const char *symbol_name(const struct check *c, uint32_t index);
const char *section_name(const struct check *c, uint32_t index);

/* Memory of the object at an address as the driver sees it; image_contents() accepted it. */
const void *at_address(const struct check *c, const void *address);

#endif
