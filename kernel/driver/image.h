/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images: from the bytes of an ELF64 relocatable object to code that can be called. Pure
 * functions of their arguments: they take no locks, allocate nothing and know nothing of the
 * kernel around them, so that they run in an ordinary process as well (tests/host).
 *
 * The steps, each of which may refuse with a negative errno and a text in plan->error:
 *	image_count()	 how much memory the plan needs
 *	image_check()	 every field checked; nothing that the later steps read can be wrong
 *	image_place()	 sections copied to their places in the memory of the image
 *	image_resolve()	 values of all symbols that are used; all missing names in one message
 *	image_relocate() places patched, with a check that each value fits
 *	image_contents() what the driver says about itself, now that its pointers mean something
 */
#ifndef DRIVER_IMAGE_H
#define DRIVER_IMAGE_H

#include <banos/driver.h>
#include <banos/export.h>
#include <banos/import.h>
#include <banos/meta.h>
#include <lib/compiler.h>
#include <linux/elf.h>

#define IMAGE_PAGE	    4096ul
#define IMAGE_FILE_MAX	    (64ul << 20)  /* bytes of an object file */
#define IMAGE_MEMORY_MAX    (128ul << 20) /* bytes of an image in memory */
#define IMAGE_ALIGN_MAX	    (1ul << 20)
#define IMAGE_ERROR_SIZE    1000
#define IMAGE_STRING_MAX    256		  /* bytes of a name or licence, terminator included */
#define IMAGE_TEXT_MAX	    1000	  /* of a description or help, likewise */
#define IMAGE_ENTRIES_MAX   10000	  /* exports, and imports */
#define IMAGE_NAMES_MAX	    (256ul << 10) /* bytes that the names of functions may take */
#define IMAGE_VENEER_SIZE   8
#define IMAGE_TRAILER_MAGIC "BANOSEND"

/* Behind the ELF, if anything is: where signatures will go. Unaligned. */
struct image_trailer {
	char magic[8];	 /* IMAGE_TRAILER_MAGIC */
	uint64_t length; /* of the whole trailer; it ends where the file ends */
};

/* Parts of the image by protection, each beginning on a page of its own. */
enum image_area {
	IMAGE_TEXT,   /* read, execute; the veneers end it */
	IMAGE_RODATA, /* read; the global offset table ends it */
	IMAGE_DATA,   /* read, write */
	IMAGE_AREAS,
	IMAGE_NOT_LOADED = IMAGE_AREAS,
};

struct image_section {
	enum image_area area;
	uint64_t offset; /* from the start of the image; meaningful when it is loaded */
	uint32_t order;	 /* unrelated scratch of the overlap check: a section index */
};

struct image_symbol {
	uint64_t value;	 /* address; valid when needed */
	uint32_t got;	 /* 1 + its slot in the global offset table, or 0 */
	uint32_t veneer; /* 1 + its veneer, or 0 */
	uint32_t needed; /* a relocation uses it */
};

struct image_plan {
	/* The file, which must not change under us: the caller's own copy, aligned to 8. */
	const uint8_t *bytes;
	size_t size;
	const Elf64_Shdr *headers;
	uint32_t section_count;
	const char *section_names;
	uint64_t section_names_size;
	const Elf64_Sym *symbols;
	uint32_t symbol_count;
	const char *symbol_names;
	uint64_t symbol_names_size;
	uint32_t record_section; /* index of .banos-driver */
	uint32_t meta_section;	 /* of .banos-meta, or 0 */
	uint32_t export_section; /* of .banos-export, or 0 */
	uint32_t import_section; /* of .banos-import, or 0 */

	/* The image. */
	struct {
		uint64_t offset, size; /* whole pages */
	} areas[IMAGE_AREAS];
	uint64_t align;	     /* of the image's start: a power of two, at least a page */
	uint64_t image_size; /* whole pages */
	uint64_t got_offset;
	uint64_t got_room;  /* slots there is room for */
	uint64_t got_slots; /* slots in use: set by image_resolve(), more by image_relocate() */
	/*
	 * Calls reach 2 GiB. What is called beyond that is called through a veneer, a jump through
	 * a slot of the table; there is room for one for each undefined symbol.
	 */
	uint64_t veneer_offset;
	uint32_t veneers; /* in use */
	uint32_t undefined_count;

	/* Where it is: set by image_place(). */
	uint8_t *memory;  /* through which it is written */
	uint64_t address; /* at which it will run */
	/* A function that does nothing but return, or 0: the caller sets it after that. A jump
	 * there becomes a return. */
	uint64_t plain_return;

	struct image_section *sections; /* [section_count] the caller's */
	struct image_symbol *links; /* [symbol_count] the caller's; used from image_resolve() on */
	char error[IMAGE_ERROR_SIZE];
};

/* The address of an exported name, or 0. */
typedef uint64_t (*image_resolver)(void *ctx, const char *name);

/* Checks the header only, as far as to say how many sections there are. error: as in the plan. */
int image_count(const void *bytes, size_t size, uint32_t *sections, char error[IMAGE_ERROR_SIZE]);

/*
 * Fill in `plan` for the file. `sections` has room for as many as image_count() said. 0, -ENOEXEC
 * for what is malformed or not supported, -E2BIG for what is too large.
 */
int image_check(struct image_plan *plan, const void *bytes, size_t size,
		struct image_section *sections);

/* `memory`: image_size bytes, writable; `address`: what its first byte will have when it runs. */
void image_place(struct image_plan *plan, void *memory, uint64_t address);

/*
 * `links` has room for symbol_count. The resolver is asked for banos_thunk_REG and
 * banos_return_thunk also where the object has the names that compilers give these. 0, or -ENOENT
 * with the list of what nobody exports.
 */
int image_resolve(struct image_plan *plan, struct image_symbol *links, image_resolver resolver,
		  void *ctx);

/* 0, or -ENOEXEC when a value does not fit its place. */
int image_relocate(struct image_plan *plan);

/* What a linked image says about itself. Pointers are addresses that the driver sees. */
struct image_contents {
	Banos_Driver *record; /* in plan->memory, like the next two */
	Banos_Export *exports;
	size_t export_count;
	Banos_Import *imports; /* the caller fills in the addresses */
	size_t import_count;
	Banos_Meta meta; /* a copy of the part that we know, the rest zero; valid if has_meta */
	bool has_meta;
};

/*
 * Check all that the driver says about itself, in the memory of the linked image: every pointer
 * inside the image (of functions: in its text), every string ended inside it, every list as long as
 * it says, every value one that we know. 0, -ENOEXEC, or -EOPNOTSUPP for a driver that needs a
 * newer kernel.
 */
int image_contents(struct image_plan *plan, struct image_contents *out);

/*
 * Copy element `i` of a list that image_contents() has accepted: the first `known` bytes, as far as
 * the driver's elements have them, and zeroes. plan->memory must be where the driver runs.
 */
void image_list_get(const Banos_List *list, uint32_t i, void *element, size_t known);

/* Where a function begins, from the start of the image, and its name, from the start of the texts.
 */
struct image_name {
	uint32_t offset;
	uint32_t text;
};

/* All of them, sorted by place. */
struct image_names {
	uint32_t count;
	struct image_name *names;
	char *text;
};

/*
 * The names of functions that a checked plan has: how many bytes they take (0: none, or more than
 * IMAGE_NAMES_MAX), and putting them there, aligned to 4.
 */
size_t image_names_size(const struct image_plan *plan);
void image_names_fill(const struct image_plan *plan, void *memory, size_t size,
		      struct image_names *out);
/* The function that an offset in the text of the image is in, and how far; or NULL. */
const char *image_names_find(const struct image_names *n, uint64_t offset, uint64_t *inside);

/* A parameter's value. */
struct image_value {
	uint64_t number;  /* boolean: 0 or 1; signed: as int64_t */
	const char *text; /* of the type TEXT: what was given, without a terminator */
	size_t length;
};

/*
 * The value that `len` bytes of text give a parameter. 0, -EINVAL for what is not of its type,
 * -ERANGE for what is outside its range or too long, -EOPNOTSUPP for an unknown type. Only type,
 * minimum and maximum of `p` are read.
 */
int image_parameter_parse(const Banos_Parameter *p, const char *text, size_t len,
			  struct image_value *out);

#endif
