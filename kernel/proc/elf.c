/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading ELF programs (System V ABI, chapter 5; AMD64 supplement). The file is hostile: headers
 * are checked completely, against the file's size and the address space, before anything is mapped.
 *
 * Position-independent files get a random base; the program below mmap_base in an area of its own
 * (like Linux, at two thirds of the address space), its interpreter where mmap would put it.
 */
#include "elf.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <vfs/file.h>
#include <vm/space.h>

#define HEADERS_MAX	128
#define PIE_BASE	0x555555554000UL
#define PIE_RANDOM	(1UL << 38)
#define INTERPRETER_MAX 256

struct image {
	struct file *file;
	struct elf64_hdr header;
	struct elf64_phdr *phdrs; /* phnum of them */
	uint64_t low, high;	  /* page-aligned range of all segments, before the base is added */
	uint64_t base;
	char interpreter[INTERPRETER_MAX];
};

static int read_exactly(struct file *f, void *to, size_t n, uint64_t at)
{
	ssize_t got;

	if (at > INT64_MAX)
		return -ENOEXEC;
	got = file_read_kernel(f, to, n, (off64_t)at);
	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

static bool header_ok(const struct elf64_hdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == EM_X86_64 &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_phentsize == sizeof(struct elf64_phdr) && h->e_phnum > 0 &&
	       h->e_phnum <= HEADERS_MAX;
}

/* One PT_LOAD: sane by itself and above the one before. */
static bool load_ok(const struct elf64_phdr *ph, uint64_t *floor)
{
	uint64_t end;

	if (ph->p_filesz > ph->p_memsz || add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
	    end > USER_END || (ph->p_vaddr ^ ph->p_offset) & ~PAGE_MASK ||
	    ph->p_offset > INT64_MAX - ph->p_filesz)
		return false;
	if (ph->p_vaddr < *floor)
		return false;
	*floor = ALIGN_UP(end, PAGE_SIZE);
	return true;
}

static int check_segments(struct image *im)
{
	uint64_t floor = 0;
	bool any = false, entry_ok = false;

	for (unsigned i = 0; i < im->header.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		if (ph->p_type != PT_LOAD || !ph->p_memsz)
			continue;
		if (!load_ok(ph, &floor))
			return -ENOEXEC;
		if (!any)
			im->low = ALIGN_DOWN(ph->p_vaddr, PAGE_SIZE);
		any = true;
		im->high = floor;
		entry_ok |= im->header.e_entry - ph->p_vaddr < ph->p_memsz;
	}
	if (!any || !entry_ok)
		return -ENOEXEC;
	if (im->header.e_type == ET_EXEC && im->low < USER_START)
		return -ENOEXEC;
	return 0;
}

static int read_interpreter(struct image *im)
{
	for (unsigned i = 0; i < im->header.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];
		int r;

		if (ph->p_type != PT_INTERP)
			continue;
		if (ph->p_filesz < 2 || ph->p_filesz > sizeof(im->interpreter))
			return -ENOEXEC;
		r = read_exactly(im->file, im->interpreter, ph->p_filesz, ph->p_offset);
		if (r)
			return r;
		return im->interpreter[ph->p_filesz - 1] ? -ENOEXEC : 0;
	}
	return 0;
}

static int image_read(struct image *im, struct file *f)
{
	size_t size;
	int r;

	im->file = f;
	r = read_exactly(f, &im->header, sizeof(im->header), 0);
	if (r)
		return r;
	if (!header_ok(&im->header))
		return -ENOEXEC;
	size = im->header.e_phnum * sizeof(*im->phdrs);
	im->phdrs = kmalloc(size);
	if (!im->phdrs)
		return -ENOMEM;
	r = read_exactly(f, im->phdrs, size, im->header.e_phoff);
	if (!r)
		r = check_segments(im);
	return r;
}

static unsigned prot_of(uint32_t flags)
{
	return (flags & PF_R ? VM_READ : 0) | (flags & PF_W ? VM_WRITE : 0) |
	       (flags & PF_X ? VM_EXEC : 0);
}

/* Fresh zero pages [at, end). */
static int map_zero(struct vm_space *s, uint64_t at, uint64_t end, unsigned prot)
{
	struct vm_map_args a = {
		.addr = at, .length = end - at, .prot = prot, .flags = VM_MAY_WRITE, .fixed = true};
	uint64_t out;

	return at < end ? vm_map(s, &a, &out) : 0;
}

static int map_segment(struct vm_space *s, struct image *im, const struct elf64_phdr *ph,
		       struct vm_object *object)
{
	uint64_t start = im->base + ph->p_vaddr, at = ALIGN_DOWN(start, PAGE_SIZE);
	uint64_t file_end = start + ph->p_filesz, end = ALIGN_UP(start + ph->p_memsz, PAGE_SIZE);
	uint64_t file_pages_end = ph->p_filesz ? ALIGN_UP(file_end, PAGE_SIZE) : at, out, zero;
	unsigned prot = prot_of(ph->p_flags);
	static const char zeroes[256];
	int r;

	if (ph->p_filesz) {
		struct vm_map_args a = {.addr = at,
					.length = file_pages_end - at,
					.prot = prot,
					.flags = VM_MAY_WRITE,
					.fixed = true,
					.object = object,
					.offset = ALIGN_DOWN(ph->p_offset, PAGE_SIZE),
					.file = im->file};

		r = vm_map(s, &a, &out);
		if (r)
			return r;
	}
	/* What the file has behind the segment in its last page must not show in .bss. */
	if (ph->p_memsz > ph->p_filesz && prot & VM_WRITE)
		for (zero = file_end; zero < min(file_pages_end, end); zero += out) {
			out = min((uint64_t)sizeof(zeroes), file_pages_end - zero);
			if (vm_access(s, zero, (void *)zeroes, out, true, true) != out)
				return -ENOMEM;
		}
	return map_zero(s, file_pages_end, end, prot);
}

static int image_map(struct vm_space *s, struct image *im)
{
	struct vm_map_args a = {.length = im->high - im->low, .prot = VM_READ | VM_EXEC};
	int r;

	r = file_mmap(im->file, &a);
	if (r)
		return r == -ENODEV ? -ENOEXEC : r;
	for (unsigned i = 0; i < im->header.e_phnum && !r; i++)
		if (im->phdrs[i].p_type == PT_LOAD && im->phdrs[i].p_memsz)
			r = map_segment(s, im, &im->phdrs[i], a.object);
	vm_object_put(a.object);
	return r;
}

/* Where the program headers are in memory, for AT_PHDR. */
static uint64_t phdr_address(const struct image *im)
{
	for (unsigned i = 0; i < im->header.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->phdrs[i];

		if (ph->p_type == PT_LOAD && im->header.e_phoff >= ph->p_offset &&
		    im->header.e_phoff - ph->p_offset < ph->p_filesz)
			return im->base + ph->p_vaddr + (im->header.e_phoff - ph->p_offset);
	}
	return 0;
}

static int load_interpreter(struct vm_space *s, const char *path, struct elf_program *out)
{
	struct image *im = kzalloc(sizeof(*im));
	struct file *f = NULL;
	uint64_t span, at;
	int r;

	if (!im)
		return -ENOMEM;
	r = file_open_exec(NULL, path, WALK_FOLLOW, &f);
	if (!r)
		r = image_read(im, f);
	if (r)
		goto out;
	span = im->high - im->low;
	if (im->header.e_type == ET_DYN) {
		at = s->mmap_base - span;
		im->base = ALIGN_DOWN(at, PAGE_SIZE) - im->low;
	}
	r = image_map(s, im);
	out->interpreter_base = im->base;
	out->entry = im->base + im->header.e_entry;
out:
	if (r == -ENOEXEC)
		r = -ELIBBAD;
	kfree(im->phdrs);
	kfree(im);
	file_put(f);
	return r;
}

int elf_load(struct vm_space *s, struct file *f, struct elf_program *out)
{
	struct image *im = kzalloc(sizeof(*im));
	int r;

	if (!im)
		return -ENOMEM;
	r = image_read(im, f);
	if (!r)
		r = read_interpreter(im);
	if (r)
		goto out;
	if (im->header.e_type == ET_DYN)
		im->base = PIE_BASE + exec_random_pages(PIE_RANDOM) - im->low;
	if (im->base + im->high > s->mmap_base) {
		r = -ENOMEM;
		goto out;
	}
	r = image_map(s, im);
	if (r)
		goto out;
	out->program_entry = out->entry = im->base + im->header.e_entry;
	out->phdr = phdr_address(im);
	out->phnum = im->header.e_phnum;
	out->end = im->base + im->high;
	s->code_start = im->base + im->low;
	s->code_end = im->base + im->high;
	if (im->interpreter[0])
		r = load_interpreter(s, im->interpreter, out);
out:
	kfree(im->phdrs);
	kfree(im);
	return r;
}
