/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A good driver object, built byte by byte, and the whole way through the loader's pure half. Tests
 * break one thing of a copy of it and say what the answer must be.
 *
 * With a directory as the program's argument every object that must be refused is also written
 * there, with a line "FILE ERRNO MESSAGE" in a list, so that a real kernel can be asked the same
 * questions (tests/vm/refused.sh). Objects about which a kernel may differ are left out: HERE_ONLY.
 */
#ifndef TESTS_HOST_DRIVER_OBJECT_H
#define TESTS_HOST_DRIVER_OBJECT_H

#include "test.h"
#include <driver/elf_types.h>
#include <driver/image.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <stdarg.h>
#include <sys/mman.h>

/* Sections of the good object, by index. */
enum {
	S_NULL,
	S_TEXT,
	S_RODATA,
	S_DATA,
	S_BSS,
	S_DRIVER,
	S_EXPORT,
	S_META,
	S_IMPORT,
	S_LISTS,
	S_DEBUG, /* not loaded */
	S_NOTE,	 /* loaded by flags, but ignored */
	S_GROUP,
	S_RELA_TEXT,
	S_RELA_DRIVER,
	S_RELA_EXPORT,
	S_RELA_META,
	S_RELA_IMPORT,
	S_RELA_LISTS,
	S_RELA_DEBUG,
	S_SYMTAB,
	S_STRTAB,
	S_SHSTRTAB,
	S_COUNT,
};

enum {
	Y_NULL,
	Y_FILE,
	Y_TEXT,
	Y_RODATA,
	Y_DATA,
	Y_BSS,
	Y_LISTS,
	Y_INIT,
	Y_COUNTER,
	Y_PRINT,
	Y_UNUSED,
	Y_COUNT
};

/*
 * The code of the good object:
 *   0: lea data(%rip), %rax ; 7: mov (%rax), %eax ; 9: add bss(%rip), %eax ; 15: jmp *got(print)
 *  21: call print (never reached; a PLT32)
 */
static const uint8_t code[] = {0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x8b, 0x00, 0x03, 0x05, 0, 0,   0,
			       0,    0xff, 0x25, 0, 0, 0, 0, 0xe8, 0,	 0,    0,    0, 0xc3};

#define NEEDS	     2
#define DEPENDENCIES 2
#define PARAMETERS   4
#define PROPERTIES   2
#define MATCHES	     2

/* What hangs on the metadata, and the texts of it. */
struct lists {
	Banos_Need needs[NEEDS];
	Banos_Dependency dependencies[DEPENDENCIES];
	Banos_Parameter parameters[PARAMETERS];
	Banos_Property properties[PROPERTIES];
	Banos_Match matches[MATCHES];
	char texts[4096];
};

struct object {
	Elf64_Ehdr ehdr;
	uint8_t text[32];
	char rodata[32];
	uint32_t data[4];
	struct {
		Banos_Driver record;
		uint64_t private_data;
	} driver;
	Banos_Export exports[1];
	Banos_Meta meta;
	Banos_Import imports[1];
	struct lists lists;
	uint8_t debug[16];
	uint8_t note[16];
	uint32_t group[2];
	Elf64_Rela rela_text[4];
	Elf64_Rela rela_driver[3];
	Elf64_Rela rela_export[2];
	Elf64_Rela rela_meta[10];
	Elf64_Rela rela_import[1];
	Elf64_Rela rela_lists[40];
	Elf64_Rela rela_debug[1];
	Elf64_Sym symbols[Y_COUNT];
	char strings[64];
	char names[240];
	Elf64_Shdr headers[S_COUNT];
};

static struct object good;

static inline uint32_t add_string(char *table, size_t *at, const char *s)
{
	uint32_t where = *at;

	memcpy(table + where, s, strlen(s) + 1);
	*at += strlen(s) + 1;
	return where;
}

static inline void set_section(struct object *o, size_t *names, unsigned i, const char *name,
			       uint32_t type, uint64_t flags, size_t offset, size_t size,
			       uint64_t align)
{
	o->headers[i] = (Elf64_Shdr){.sh_name = add_string(o->names, names, name),
				     .sh_type = type,
				     .sh_flags = flags,
				     .sh_offset = offset,
				     .sh_size = size,
				     .sh_addralign = align};
}

#define SECTION(i, name, type, flags, field, align)                                  \
	set_section(o, &names, i, name, type, flags, offsetof(struct object, field), \
		    sizeof(o->field), align)

static inline void build_sections(struct object *o)
{
	size_t names = 1;

	SECTION(S_TEXT, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, text, 16);
	SECTION(S_RODATA, ".rodata", SHT_PROGBITS, SHF_ALLOC, rodata, 1);
	SECTION(S_DATA, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, data, 4);
	set_section(o, &names, S_BSS, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 64, 100000, 8192);
	SECTION(S_DRIVER, ".banos-driver", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, driver, 8);
	SECTION(S_EXPORT, ".banos-export", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, exports, 8);
	SECTION(S_META, ".banos-meta", SHT_PROGBITS, SHF_ALLOC, meta, 8);
	SECTION(S_IMPORT, ".banos-import", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, imports, 8);
	SECTION(S_LISTS, ".data.rel.ro", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, lists, 8);
	SECTION(S_DEBUG, ".debug_info", SHT_PROGBITS, 0, debug, 1);
	SECTION(S_NOTE, ".note.gnu.property", SHT_NOTE, SHF_ALLOC, note, 8);
	SECTION(S_GROUP, ".group", SHT_GROUP, 0, group, 4);
	SECTION(S_RELA_TEXT, ".rela.text", SHT_RELA, 0, rela_text, 8);
	SECTION(S_RELA_DRIVER, ".rela.d", SHT_RELA, 0, rela_driver, 8);
	SECTION(S_RELA_EXPORT, ".rela.e", SHT_RELA, 0, rela_export, 8);
	SECTION(S_RELA_META, ".rela.m", SHT_RELA, 0, rela_meta, 8);
	SECTION(S_RELA_IMPORT, ".rela.i", SHT_RELA, 0, rela_import, 8);
	SECTION(S_RELA_LISTS, ".rela.l", SHT_RELA, 0, rela_lists, 8);
	SECTION(S_RELA_DEBUG, ".rela.g", SHT_RELA, 0, rela_debug, 8);
	SECTION(S_SYMTAB, ".symtab", SHT_SYMTAB, 0, symbols, 8);
	SECTION(S_STRTAB, ".strtab", SHT_STRTAB, 0, strings, 1);
	SECTION(S_SHSTRTAB, ".shstrtab", SHT_STRTAB, 0, names, 1);
	for (unsigned i = S_RELA_TEXT; i <= S_RELA_DEBUG; i++) {
		o->headers[i].sh_entsize = sizeof(Elf64_Rela);
		o->headers[i].sh_link = S_SYMTAB;
	}
	o->headers[S_RELA_TEXT].sh_info = S_TEXT;
	o->headers[S_RELA_DRIVER].sh_info = S_DRIVER;
	o->headers[S_RELA_EXPORT].sh_info = S_EXPORT;
	o->headers[S_RELA_META].sh_info = S_META;
	o->headers[S_RELA_IMPORT].sh_info = S_IMPORT;
	o->headers[S_RELA_LISTS].sh_info = S_LISTS;
	o->headers[S_RELA_DEBUG].sh_info = S_DEBUG;
	o->headers[S_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	o->headers[S_SYMTAB].sh_link = S_STRTAB;
	o->headers[S_SYMTAB].sh_info = Y_PRINT;
	o->headers[S_GROUP].sh_entsize = 4;
	o->group[0] = 1;
	o->group[1] = S_DEBUG;
}

static inline void set_symbol(struct object *o, size_t *strings, unsigned i, const char *name,
			      unsigned bind, unsigned type, unsigned section, uint64_t value)
{
	o->symbols[i] = (Elf64_Sym){.st_name = *name ? add_string(o->strings, strings, name) : 0,
				    .st_info = bind << 4 | type,
				    .st_shndx = section,
				    .st_value = value};
}

static inline void build_symbols(struct object *o)
{
	size_t at = 1;

	set_symbol(o, &at, Y_FILE, "good.c", STB_LOCAL, STT_FILE, SHN_ABS, 0);
	set_symbol(o, &at, Y_TEXT, "", STB_LOCAL, STT_SECTION, S_TEXT, 0);
	set_symbol(o, &at, Y_RODATA, "", STB_LOCAL, STT_SECTION, S_RODATA, 0);
	set_symbol(o, &at, Y_DATA, "", STB_LOCAL, STT_SECTION, S_DATA, 0);
	set_symbol(o, &at, Y_BSS, "", STB_LOCAL, STT_SECTION, S_BSS, 0);
	set_symbol(o, &at, Y_LISTS, "", STB_LOCAL, STT_SECTION, S_LISTS, 0);
	set_symbol(o, &at, Y_INIT, "init", STB_LOCAL, STT_FUNC, S_TEXT, 0);
	set_symbol(o, &at, Y_COUNTER, "counter", STB_GLOBAL, STT_OBJECT, S_DATA, 8);
	set_symbol(o, &at, Y_PRINT, "banos_dprintln", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0);
	set_symbol(o, &at, Y_UNUSED, "nobody_has_this", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0);
}

#define RELA(field_, symbol, type, addend)                         \
	((Elf64_Rela){.r_offset = (field_),                        \
		      .r_info = (uint64_t)(symbol) << 32 | (type), \
		      .r_addend = (addend)})

/* --- the metadata ---------------------------------------------------------------------------- */

/*
 * The relocation of the pointer at `field`, of an object's metadata, imports or lists: the one that
 * is there, or a new one.
 */
static inline Elf64_Rela *pointer_rela(struct object *o, const void *field)
{
	static const unsigned pairs[][2] = {
		{S_META, S_RELA_META}, {S_IMPORT, S_RELA_IMPORT}, {S_LISTS, S_RELA_LISTS}};
	uint64_t at = (const uint8_t *)field - (uint8_t *)o;

	for (unsigned k = 0; k < ARRAY_SIZE(pairs); k++) {
		const Elf64_Shdr *data = &o->headers[pairs[k][0]], *h = &o->headers[pairs[k][1]];
		Elf64_Rela *rela = (void *)((uint8_t *)o + h->sh_offset);

		for (size_t i = 0; i < h->sh_size / sizeof(*rela); i++)
			if (at - data->sh_offset < data->sh_size &&
			    (rela[i].r_info == 0 || rela[i].r_offset == at - data->sh_offset))
				return rela[i].r_offset = at - data->sh_offset, &rela[i];
	}
	abort(); /* no room for one more */
}

/* Let the pointer at `field` point to symbol + addend. */
static inline void aim(struct object *o, const void *field, unsigned symbol, int64_t addend)
{
	Elf64_Rela *rela = pointer_rela(o, field);

	*rela = RELA(rela->r_offset, symbol, R_X86_64_64, addend);
}

static inline void aim_null(struct object *o, const void *field)
{
	Elf64_Rela *rela = pointer_rela(o, field);

	*rela = RELA(rela->r_offset, 0, R_X86_64_NONE, 0);
}

/* Texts lie behind each other; the first byte is an empty text, the last one always 0. */
static inline void aim_text(struct object *o, const void *field, const char *text)
{
	size_t at = 1;

	while (o->lists.texts[at])
		at += strlen(o->lists.texts + at) + 1;
	if (at + strlen(text) + 1 >= sizeof(o->lists.texts))
		abort();
	memcpy(o->lists.texts + at, text, strlen(text) + 1);
	aim(o, field, Y_LISTS, offsetof(struct lists, texts) + at);
}

#define AIM_LIST(o, field, array)                                                  \
	do {                                                                       \
		(o)->field.count = ARRAY_SIZE((o)->lists.array);                   \
		(o)->field.stride = sizeof((o)->lists.array[0]);                   \
		aim(o, &(o)->field.first, Y_LISTS, offsetof(struct lists, array)); \
	} while (0)

static inline void build_parameters(struct object *o)
{
	Banos_Parameter *p = o->lists.parameters;

	aim_text(o, &p[0].name, "rate");
	aim_text(o, &p[0].help, "samples per second");
	aim_text(o, &p[0].fallback, "100");
	p[0].type = BANOS_PARAM_UNSIGNED;
	p[0].minimum = 1;
	p[0].maximum = 1000;
	aim_text(o, &p[1].name, "offset_2");
	aim_text(o, &p[1].fallback, "-0x10");
	p[1].type = BANOS_PARAM_SIGNED;
	p[1].minimum = -16;
	p[1].maximum = 16;
	aim_text(o, &p[2].name, "_loud");
	p[2].type = BANOS_PARAM_BOOLEAN;
	aim_text(o, &p[3].name, "Title");
	aim_text(o, &p[3].fallback, "two words");
	p[3].type = BANOS_PARAM_TEXT;
	AIM_LIST(o, meta.parameters, parameters);
}

static inline void build_matches(struct object *o)
{
	Banos_Match *m = o->lists.matches;

	aim_text(o, &o->lists.properties[0].name, "queues");
	o->lists.properties[0].number = 4;
	aim_text(o, &o->lists.properties[1].name, "quirk");
	aim_text(o, &o->lists.properties[1].text, "slow reset");
	aim_text(o, &m[0].bus, "pci");
	m[0].vendor = 0x1234;
	AIM_LIST(o, lists.matches[0].properties, properties);
	aim_text(o, &m[1].bus, "platform");
	aim_text(o, &m[1].compatible, "uart,16550");
	AIM_LIST(o, meta.matches, matches);
}

static inline void build_meta(struct object *o)
{
	struct lists *l = &o->lists;

	o->meta = (Banos_Meta){BANOS_META_HEAD, .flags = BANOS_META_SINGLE};
	aim_text(o, &o->meta.description, "a good driver");
	aim_text(o, &o->meta.author, "its author");
	aim(o, &o->meta.quiesce, Y_INIT, 0);
	aim(o, &o->meta.event, Y_INIT, 0);
	aim_text(o, &l->needs[0].name, "banos.core");
	aim_text(o, &l->needs[1].name, "banos.chardev");
	l->needs[1].major = 1;
	AIM_LIST(o, meta.needs, needs);
	aim_text(o, &l->dependencies[0].name, "bus");
	l->dependencies[0].minimum = l->dependencies[0].maximum = BANOS_VERSION_MAKE(1, 0, 0);
	aim_text(o, &l->dependencies[1].name, "extra");
	l->dependencies[1].flags = BANOS_DEPENDENCY_OPTIONAL;
	AIM_LIST(o, meta.dependencies, dependencies);
	build_parameters(o);
	build_matches(o);
	aim_text(o, &o->imports[0].name, "banos_later");
}

/* --- the whole ------------------------------------------------------------------------------- */

static inline void build_good(void)
{
	struct object *o = &good;

	memset(o, 0, sizeof(*o));
	memcpy(o->ehdr.e_ident, ELFMAG, SELFMAG);
	o->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	o->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	o->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	o->ehdr.e_type = ET_REL;
	o->ehdr.e_machine = EM_X86_64;
	o->ehdr.e_version = EV_CURRENT;
	o->ehdr.e_ehsize = sizeof(Elf64_Ehdr);
	o->ehdr.e_shoff = offsetof(struct object, headers);
	o->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	o->ehdr.e_shnum = S_COUNT;
	o->ehdr.e_shstrndx = S_SHSTRTAB;
	build_sections(o);
	build_symbols(o);
	memcpy(o->text, code, sizeof(code));
	memcpy(o->rodata, "good\0MIT\0counter", 17);
	o->data[0] = 42;
	o->driver.record.driver_size = sizeof(o->driver);
	o->driver.record.minimal_banos_version = BANOS_VERSION;
	o->rela_text[0] = RELA(3, Y_DATA, R_X86_64_PC32, -4);
	o->rela_text[1] = RELA(11, Y_BSS, R_X86_64_PC32, -4);
	o->rela_text[2] = RELA(17, Y_PRINT, R_X86_64_GOTPCREL, -4);
	o->rela_text[3] = RELA(22, Y_PRINT, R_X86_64_PLT32, -4);
	o->rela_driver[0] = RELA(16, Y_RODATA, R_X86_64_64, 0);
	o->rela_driver[1] = RELA(24, Y_RODATA, R_X86_64_64, 5);
	o->rela_driver[2] = RELA(40, Y_INIT, R_X86_64_64, 0);
	o->rela_export[0] = RELA(0, Y_RODATA, R_X86_64_64, 9);
	o->rela_export[1] = RELA(8, Y_COUNTER, R_X86_64_64, 0);
	build_meta(o);
	o->rela_debug[0] = RELA(0, 77777, 99, 0); /* nobody looks at it */
}

/* --- loading ------------------------------------------------------------------------------------
 */

static char message[IMAGE_ERROR_SIZE];
static struct image_contents contents;
static uint8_t *arena; /* executable memory; the last page is for the functions of the "kernel" */

static uint64_t print_at;	 /* of banos_dprintln; 0: the arena's last page */
static uint64_t plain_return;	 /* for the plan */
static char asked_for[64];	 /* the last name that was resolved */
static struct image_plan linked; /* of the last image; its pointers are not valid any more */

#define ARENA_SIZE (4ul << 20)

static inline uint64_t resolve(void *ctx, const char *name)
{
	(void)ctx;
	strlcpy(asked_for, name, sizeof(asked_for));
	if (__builtin_strcmp(name, "banos_dprintln") == 0 ||
	    __builtin_strcmp(name, "banos_x_printl") == 0)
		return print_at ? print_at : (uintptr_t)arena + ARENA_SIZE - 4096;
	if (str_starts(name, "banos_thunk_") || __builtin_strcmp(name, "banos_return_thunk") == 0)
		return (uintptr_t)arena + ARENA_SIZE - 4096;
	return 0;
}

static inline int load_checked(struct image_plan *plan)
{
	struct image_symbol *links = malloc(plan->symbol_count * sizeof(*links));
	int r = -ENOMEM;

	if (plan->image_size > ARENA_SIZE - 4096)
		goto out;
	image_place(plan, arena, (uintptr_t)arena);
	plan->plain_return = plain_return;
	r = image_resolve(plan, links, resolve, NULL);
	if (!r)
		r = image_relocate(plan);
	if (!r)
		r = image_contents(plan, &contents);
out:
	free(links);
	return r;
}

/* The whole way, from an exactly sized copy, so that the sanitizer sees every byte too far. */
static inline int load(const void *bytes, size_t size)
{
	struct image_plan *plan = malloc(sizeof(*plan));
	struct image_section *sections = NULL;
	void *copy = malloc(size ? size : 1);
	uint32_t count;
	int r;

	memcpy(copy, bytes, size);
	message[0] = '\0';
	r = image_count(copy, size, &count, message);
	if (!r) {
		sections = calloc(count, sizeof(*sections)); /* as the kernel does */
		r = image_check(plan, copy, size, sections);
		if (!r)
			r = load_checked(plan);
		memcpy(message, plan->error, sizeof(message));
		linked = *plan;
	}
	CHECK(r == 0 || r == -ENOMEM || message[0] != '\0');
	free(sections);
	free(copy);
	free(plan);
	return r;
}

/* --- refusing -------------------------------------------------------------------------------- */

static __maybe_unused struct object bad;
static FILE *corpus_list;
static const char *corpus_dir;

static inline void corpus_write(const char *name, const void *bytes, size_t size)
{
	char path[4096];
	FILE *file;

	if (!corpus_dir)
		return;
	snprintf(path, sizeof(path), "%s/%s.banos", corpus_dir, name);
	file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		abort();
}

static inline void corpus_add(const void *bytes, size_t size, int error)
{
	static unsigned number;
	char name[100];

	if (!corpus_dir)
		return;
	snprintf(name, sizeof(name), "%s-%04u", test_case, ++number);
	corpus_write(name, bytes, size);
	fprintf(corpus_list, "%s.banos %s %s\n", name, errno_name(error), message);
}

/* These bytes are refused with this errno, here and in a kernel. */
static inline void check_refused(const void *bytes, size_t size, int error)
{
	int r = load(bytes, size);

	CHECK_EQ(r, error);
	if (r == error && r)
		corpus_add(bytes, size, error);
}

/* Break a copy by a statement; it must be refused with this errno. */
#define REFUSED_BY(check, errno_, statement)                         \
	do {                                                         \
		int failures_ = test_failures;                       \
		bad = good;                                          \
		statement;                                           \
		check(&bad, sizeof(bad), errno_);                    \
		if (test_failures != failures_)                      \
			printf("%s: \"%s\"\n", #statement, message); \
	} while (0)
#define REFUSED(errno_, statement) REFUSED_BY(check_refused, errno_, statement)
#define ACCEPTED(statement)	   REFUSED(0, statement)
#define MALFORMED(statement)	   REFUSED(-ENOEXEC, statement)

/* The answer depends on where the image comes to lie, or on what there is beside it. */
static inline void check_refused_here(const void *bytes, size_t size, int error)
{
	CHECK_EQ(load(bytes, size), error);
}
#define HERE_ONLY(errno_, statement) REFUSED_BY(check_refused_here, errno_, statement)

/* What every test here begins with. */
static inline int object_start(int argc, char **argv)
{
	char path[4096];

	/* Room above for an image with a larger alignment than the mapping happens to have. */
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return -1;
	if (argc > 1) {
		corpus_dir = argv[1];
		snprintf(path, sizeof(path), "%s/list", corpus_dir);
		corpus_list = fopen(path, "a");
		if (!corpus_list)
			return -1;
	}
	build_good();
	corpus_write("good", &good, sizeof(good));
	return 0;
}

static inline int object_finish(void)
{
	if (corpus_list && fclose(corpus_list) != 0)
		test_failures++;
	return test_finish();
}

#endif
