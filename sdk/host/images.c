/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for images of drivers, as the kernel's loader asks for it: at a random place in the lowest
 * 2 GiB, where our own code is as well, so that all addresses and distances fit in 32 bits as they
 * do in a kernel; between pages that nobody can touch; never writable and executable. And the way
 * back from an address to a driver and its function, for messages.
 *
 * A record of an image stays when the image has gone, so that a call that comes too late can be
 * named.
 */
#include "host.h"
#include <driver/image.h>
#include <mem/kva.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <lib/errno.h>
#include <lib/string.h>

#define PAGE  IMAGE_PAGE
#define FIRST 0x20000000ul /* banos-host is linked below, the sanitizer's shadow lies behind */
#define END   0x70000000ul
#define TRIES 200

struct image {
	struct image *next;
	uintptr_t at; /* as kva_alloc_image() gave it */
	size_t size;
	bool gone;
	bool constructed; /* its init comes next, or has been called */
	uintptr_t code, code_end;
	char name[64];
	const void *bytes; /* of the file */
	size_t file_size;
};

static struct image *images; /* the newest first */
static struct {
	char name[64];
	const void *bytes;
	size_t size;
} coming;

void images_next(const char *name, const void *bytes, size_t size)
{
	snprintf(coming.name, sizeof(coming.name), "%s", name);
	coming.bytes = bytes;
	coming.size = size;
}

/*
 * `size` bytes that nobody may touch; NULL: there is no room. Chance of its own: how
 * often we try depends on where the system has put us, and the seed's numbers must not.
 */
static uint8_t *reserve(size_t size)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t chance = 0;
		uintptr_t at;
		void *got;

		if (getrandom(&chance, sizeof(chance), 0) < 0)
			chance = i; /* without chance it works as well */
		at = FIRST + PAGE * (chance % ((END - FIRST - size) / PAGE));
		got = mmap((void *)at, size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (got == (void *)at)
			return got;
		if (got != MAP_FAILED)
			munmap(got, size); /* an old Linux, which took it for a hint */
	}
	return NULL;
}

void *kva_alloc_image(size_t size)
{
	uint8_t *memory = reserve(size + 2 * PAGE);
	struct image *image;

	if (!memory)
		return NULL;
	memory += PAGE;
	if (mprotect(memory, size, PROT_READ | PROT_WRITE)) {
		munmap(memory - PAGE, size + 2 * PAGE);
		return NULL;
	}
	image = host_alloc(sizeof(*image));
	image->at = (uintptr_t)memory;
	image->size = size;
	memcpy(image->name, coming.name, sizeof(image->name));
	image->bytes = coming.bytes;
	image->file_size = coming.size;
	image->next = images;
	images = image;
	return memory;
}

static struct image *find(uintptr_t address)
{
	struct image *found = NULL;

	for (struct image *i = images; i; i = i->next)
		if (address - i->at < i->size && (!found || !i->gone))
			found = i;
	return found;
}

void kva_protect(void *address, size_t size, enum kprot prot)
{
	static const int prots[] = {[KPROT_R] = PROT_READ,
				    [KPROT_RW] = PROT_READ | PROT_WRITE,
				    [KPROT_RX] = PROT_READ | PROT_EXEC};
	struct image *image = find((uintptr_t)address);

	if (mprotect(address, size, prots[prot])) {
		fprintf(stderr, "banos-host: this system does not let an image be executed\n");
		exit(EXIT_FAILURE);
	}
	if (image && prot == KPROT_RX) {
		image->code = (uintptr_t)address;
		image->code_end = image->code + size;
	}
}

/* --- what the file says ---------------------------------------------------------------------- */

/* The plan of an image, for its sections and symbols; NULL if there is none. */
static struct image_plan *plan_of(const struct image *image)
{
	struct image_plan *plan = host_alloc(sizeof(*plan));
	uint32_t count;

	if (image->bytes && image_count(image->bytes, image->file_size, &count, plan->error) == 0) {
		struct image_section *sections = host_alloc(count * sizeof(*sections));

		if (image_check(plan, image->bytes, image->file_size, sections) == 0)
			return plan;
		free(sections);
	}
	free(plan);
	return NULL;
}

static void plan_free(struct image_plan *plan)
{
	free(plan->sections);
	free(plan);
}

/* Call the functions of a section, which banos-cc has made of the compiler's constructors. */
static void call_all(const struct image *image, const char *name)
{
	struct image_plan *plan = plan_of(image);

	for (uint32_t i = 1; plan && i < plan->section_count; i++) {
		uint8_t *at =
			(uint8_t *)ALIGN_UP(image->at, plan->align) + plan->sections[i].offset;
		void (*function)(void);

		if (plan->sections[i].area == IMAGE_NOT_LOADED ||
		    strcmp(plan->section_names + plan->headers[i].sh_name, name))
			continue;
		for (uint64_t k = 0; k + 8 <= plan->headers[i].sh_size; k += 8) {
			memcpy(&function, at + k, sizeof(function));
			function();
		}
	}
	if (plan)
		plan_free(plan);
}

void images_begin(uintptr_t address, const char *name)
{
	struct image *image = find(address);

	if (!image || image->constructed)
		return;
	snprintf(image->name, sizeof(image->name), "%s", name);
	image->constructed = true;
	call_all(image, ".asan-init");
}

void kva_free_image(void *address)
{
	struct image *image = find((uintptr_t)address);

	if (!image)
		return;
	if (image->constructed)
		call_all(image, ".asan-fini");
	memory_check_left(image->at, image->name);
	sync_check_left(image->at, image->name);
	image->gone = true;
	munmap((void *)(image->at - PAGE), image->size + 2 * PAGE);
}

bool images_contain(uintptr_t at, uintptr_t address)
{
	const struct image *image = find(at);

	return image && address - image->at < image->size;
}

bool images_is_code(uintptr_t address)
{
	const struct image *image = find(address);

	return image && !image->gone && address >= image->code && address < image->code_end;
}

const char *images_name(uintptr_t address)
{
	const struct image *image = find(address);

	return image ? image->name : NULL;
}

/* --- names of places ------------------------------------------------------------------------- */

/* The symbol that begins closest before `offset` in the image; *distance from it. */
static const char *nearest(struct image_plan *plan, uint64_t offset, uint64_t *distance)
{
	const char *name = NULL;

	for (uint32_t i = 1; i < plan->symbol_count; i++) {
		const Elf64_Sym *s = &plan->symbols[i];
		unsigned type = ELF64_ST_TYPE(s->st_info);
		uint64_t at;

		if ((type != STT_FUNC && type != STT_OBJECT) || s->st_shndx == SHN_UNDEF ||
		    s->st_shndx >= plan->section_count ||
		    plan->sections[s->st_shndx].area == IMAGE_NOT_LOADED)
			continue;
		at = plan->sections[s->st_shndx].offset + s->st_value;
		if (at <= offset && (!name || offset - at < *distance)) {
			name = plan->symbol_names + s->st_name;
			*distance = offset - at;
		}
	}
	return name;
}

static bool find_symbol(const struct image *image, uintptr_t address, char *room, size_t size)
{
	struct image_plan *plan = plan_of(image);
	const char *name = NULL;
	uint64_t distance;

	if (!plan)
		return false;
	name = nearest(plan, address - ALIGN_UP(image->at, plan->align), &distance);
	if (name)
		snprintf(room, size, "%s+0x%llx", name, (unsigned long long)distance);
	plan_free(plan);
	return name != NULL;
}

const char *images_where(uintptr_t address, char room[WHERE_SIZE])
{
	const struct image *image = find(address);
	char symbol[WHERE_SIZE - 32];

	if (!image)
		snprintf(room, WHERE_SIZE, "address 0x%lx", address);
	else if (image->gone)
		snprintf(room, WHERE_SIZE, "driver %.60s, which is no longer there", image->name);
	else if (find_symbol(image, address, symbol, sizeof(symbol)))
		snprintf(room, WHERE_SIZE, "driver %.30s, %.80s", image->name, symbol);
	else
		snprintf(room, WHERE_SIZE, "driver %.30s, +0x%lx", image->name,
			 address - image->at);
	return room;
}
