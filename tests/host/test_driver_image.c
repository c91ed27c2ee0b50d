/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver loader's pure half in a process: a good object is built here byte by byte, loaded, and
 * run; then every field of it is broken in turn, and each breach must be refused without a
 * sanitizer's complaint. At the end, thousands of random breaches: refused or loaded, never a
 * crash.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c
 */
#include "test.h"
#include <driver/elf_types.h>
#include <driver/image.h>
#include <lib/errno.h>
#include <lib/string.h>
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
	S_DEBUG, /* not loaded */
	S_NOTE,	 /* loaded by flags, but ignored */
	S_GROUP,
	S_RELA_TEXT,
	S_RELA_DRIVER,
	S_RELA_EXPORT,
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
	uint8_t debug[16];
	uint8_t note[16];
	uint32_t group[2];
	Elf64_Rela rela_text[4];
	Elf64_Rela rela_driver[3];
	Elf64_Rela rela_export[2];
	Elf64_Rela rela_debug[1];
	Elf64_Sym symbols[Y_COUNT];
	char strings[64];
	char names[160];
	Elf64_Shdr headers[S_COUNT];
};

static struct object good;

static uint32_t add_string(char *table, size_t *at, const char *s)
{
	uint32_t where = *at;

	memcpy(table + where, s, strlen(s) + 1);
	*at += strlen(s) + 1;
	return where;
}

static void set_section(struct object *o, size_t *names, unsigned i, const char *name,
			uint32_t type, uint64_t flags, size_t offset, size_t size, uint64_t align)
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

static void build_sections(struct object *o)
{
	size_t names = 1;

	SECTION(S_TEXT, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, text, 16);
	SECTION(S_RODATA, ".rodata", SHT_PROGBITS, SHF_ALLOC, rodata, 1);
	SECTION(S_DATA, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, data, 4);
	set_section(o, &names, S_BSS, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 64, 100000, 8192);
	SECTION(S_DRIVER, ".banos-driver", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, driver, 8);
	SECTION(S_EXPORT, ".banos-export", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, exports, 8);
	SECTION(S_DEBUG, ".debug_info", SHT_PROGBITS, 0, debug, 1);
	SECTION(S_NOTE, ".note.gnu.property", SHT_NOTE, SHF_ALLOC, note, 8);
	SECTION(S_GROUP, ".group", SHT_GROUP, 0, group, 4);
	SECTION(S_RELA_TEXT, ".rela.text", SHT_RELA, 0, rela_text, 8);
	SECTION(S_RELA_DRIVER, ".rela.d", SHT_RELA, 0, rela_driver, 8);
	SECTION(S_RELA_EXPORT, ".rela.e", SHT_RELA, 0, rela_export, 8);
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
	o->headers[S_RELA_DEBUG].sh_info = S_DEBUG;
	o->headers[S_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	o->headers[S_SYMTAB].sh_link = S_STRTAB;
	o->headers[S_SYMTAB].sh_info = Y_PRINT;
	o->headers[S_GROUP].sh_entsize = 4;
	o->group[0] = 1;
	o->group[1] = S_DEBUG;
}

static void set_symbol(struct object *o, size_t *strings, unsigned i, const char *name,
		       unsigned bind, unsigned type, unsigned section, uint64_t value)
{
	o->symbols[i] = (Elf64_Sym){.st_name = *name ? add_string(o->strings, strings, name) : 0,
				    .st_info = bind << 4 | type,
				    .st_shndx = section,
				    .st_value = value};
}

static void build_symbols(struct object *o)
{
	size_t at = 1;

	set_symbol(o, &at, Y_FILE, "good.c", STB_LOCAL, STT_FILE, SHN_ABS, 0);
	set_symbol(o, &at, Y_TEXT, "", STB_LOCAL, STT_SECTION, S_TEXT, 0);
	set_symbol(o, &at, Y_RODATA, "", STB_LOCAL, STT_SECTION, S_RODATA, 0);
	set_symbol(o, &at, Y_DATA, "", STB_LOCAL, STT_SECTION, S_DATA, 0);
	set_symbol(o, &at, Y_BSS, "", STB_LOCAL, STT_SECTION, S_BSS, 0);
	set_symbol(o, &at, Y_INIT, "init", STB_LOCAL, STT_FUNC, S_TEXT, 0);
	set_symbol(o, &at, Y_COUNTER, "counter", STB_GLOBAL, STT_OBJECT, S_DATA, 8);
	set_symbol(o, &at, Y_PRINT, "banos_print", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0);
	set_symbol(o, &at, Y_UNUSED, "nobody_has_this", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF, 0);
}

#define RELA(field_, symbol, type, addend)                         \
	((Elf64_Rela){.r_offset = (field_),                        \
		      .r_info = (uint64_t)(symbol) << 32 | (type), \
		      .r_addend = (addend)})

static void build_good(void)
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
	o->rela_debug[0] = RELA(0, 77777, 99, 0); /* nobody looks at it */
}

/* --- loading ------------------------------------------------------------------------------------
 */

static char message[IMAGE_ERROR_SIZE];
static struct image_contents contents;
static uint8_t *arena; /* executable memory; the last page is for the functions of the "kernel" */

#define ARENA_SIZE (4ul << 20)

static uint64_t resolve(void *ctx, const char *name)
{
	(void)ctx;
	return __builtin_strcmp(name, "banos_print") == 0 ? (uintptr_t)arena + ARENA_SIZE - 4096
							  : 0;
}

static int load_checked(struct image_plan *plan)
{
	struct image_symbol *links = malloc(plan->symbol_count * sizeof(*links));
	int r = -ENOMEM;

	if (plan->image_size > ARENA_SIZE - 4096)
		goto out;
	image_place(plan, arena, (uintptr_t)arena);
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
static int load(const void *bytes, size_t size)
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
		sections = malloc(count * sizeof(*sections));
		r = image_check(plan, copy, size, sections);
		if (!r)
			r = load_checked(plan);
		memcpy(message, plan->error, sizeof(message));
	}
	CHECK(r == 0 || r == -ENOMEM || message[0] != '\0');
	free(sections);
	free(copy);
	free(plan);
	return r;
}

static void good_object(void)
{
	CHECK_EQ(load(&good, sizeof(good)), 0);
	CHECK_STR(message, "");
	CHECK_STR(contents.record->name, "good");
	CHECK_STR(contents.record->license, "MIT");
	CHECK(contents.record->uninit == NULL);
	CHECK_EQ(contents.export_count, 1);
	CHECK_STR(contents.exports[0].name, "counter");
	/* 42 + 0, by way of a jump through the table to a "ret". */
	arena[ARENA_SIZE - 4096] = 0xc3;
	CHECK_EQ(contents.record->init(contents.record), 42);
}

/* --- one breach at a time -----------------------------------------------------------------------
 */

static struct object bad;

/* Break a copy by a statement; it must be refused with this errno. */
#define REFUSED(errno_, statement)                                   \
	do {                                                         \
		int refused_;                                        \
		bad = good;                                          \
		statement;                                           \
		refused_ = load(&bad, sizeof(bad));                  \
		if (refused_ != (errno_))                            \
			printf("%s: \"%s\"\n", #statement, message); \
		CHECK_EQ(refused_, (errno_));                        \
	} while (0)
#define ACCEPTED(statement)  REFUSED(0, statement)
#define MALFORMED(statement) REFUSED(-ENOEXEC, statement)

static void elf_header(void)
{
	for (unsigned i = 0; i < 8; i++)
		MALFORMED(bad.ehdr.e_ident[i] ^= 0x40);
	MALFORMED(bad.ehdr.e_ident[EI_CLASS] = ELFCLASS32);
	MALFORMED(bad.ehdr.e_ident[EI_DATA] = ELFDATA2MSB);
	MALFORMED(bad.ehdr.e_type = ET_EXEC);
	MALFORMED(bad.ehdr.e_type = ET_DYN);
	MALFORMED(bad.ehdr.e_machine = EM_386);
	MALFORMED(bad.ehdr.e_machine = EM_AARCH64);
	MALFORMED(bad.ehdr.e_version = 2);
	MALFORMED(bad.ehdr.e_ehsize = 52);
	MALFORMED(bad.ehdr.e_phnum = 1);
	MALFORMED(bad.ehdr.e_shentsize = 63);
	MALFORMED(bad.ehdr.e_shentsize = 0);
	MALFORMED(bad.ehdr.e_shentsize = 0xffff);
	MALFORMED(bad.ehdr.e_shnum = 0);
	MALFORMED(bad.ehdr.e_shnum = 1);
	MALFORMED(bad.ehdr.e_shnum = S_COUNT + 1);
	MALFORMED(bad.ehdr.e_shnum = 0xffff);
	MALFORMED(bad.ehdr.e_shnum = SHN_LORESERVE);
	MALFORMED(bad.ehdr.e_shoff = 0);
	MALFORMED(bad.ehdr.e_shoff += 1);
	MALFORMED(bad.ehdr.e_shoff += 4);
	MALFORMED(bad.ehdr.e_shoff = ~0ull - 7);
	MALFORMED(bad.ehdr.e_shoff = -(uint64_t)sizeof(good.headers));
	MALFORMED(bad.ehdr.e_shoff = 1ull << 63);
	MALFORMED(bad.ehdr.e_shstrndx = 0);
	MALFORMED(bad.ehdr.e_shstrndx = S_COUNT);
	MALFORMED(bad.ehdr.e_shstrndx = 0xffff);
	MALFORMED(bad.ehdr.e_shstrndx = S_TEXT);
	MALFORMED(bad.ehdr.e_shstrndx = S_BSS);
	ACCEPTED(bad.ehdr.e_shstrndx = S_SHSTRTAB);
}

static void cut_and_long(void)
{
	struct {
		struct object o;
		struct image_trailer t;
		char rest[8];
	} longer;

	for (size_t n = 0; n < sizeof(good); n += n < 100 ? 1 : 13)
		CHECK_EQ(load(&good, n), -ENOEXEC);
	CHECK_EQ(load(&good, sizeof(good) - 1), -ENOEXEC);

	memset(&longer, 0, sizeof(longer));
	longer.o = good;
	CHECK_EQ(load(&longer, sizeof(good) + 1), -ENOEXEC);
	CHECK_EQ(load(&longer, sizeof(longer)), -ENOEXEC);
	memcpy(longer.t.magic, IMAGE_TRAILER_MAGIC, 8);
	longer.t.length = sizeof(longer) - sizeof(good);
	CHECK_EQ(load(&longer, sizeof(longer)), 0);
	CHECK_EQ(load(&longer, sizeof(longer) - 1), -ENOEXEC);
	CHECK_EQ(load(&longer, sizeof(good) + 8), -ENOEXEC);
	longer.t.length++;
	CHECK_EQ(load(&longer, sizeof(longer)), -ENOEXEC);
	longer.t.length = 0;
	CHECK_EQ(load(&longer, sizeof(longer)), -ENOEXEC);
}

static void section_headers(void)
{
	for (unsigned i = 1; i < S_COUNT; i++) {
		MALFORMED(bad.headers[i].sh_name = sizeof(bad.names));
		MALFORMED(bad.headers[i].sh_name = 0xffffffff);
		if (i == S_BSS)
			continue;
		MALFORMED(bad.headers[i].sh_offset = ~0ull);
		MALFORMED(bad.headers[i].sh_offset = sizeof(bad));
		MALFORMED(bad.headers[i].sh_offset = -bad.headers[i].sh_size);
		MALFORMED(bad.headers[i].sh_size = ~0ull);
		MALFORMED(bad.headers[i].sh_size = 1ull << 46);
		MALFORMED(bad.headers[i].sh_offset = 0);
		MALFORMED(bad.headers[i].sh_offset = bad.ehdr.e_shoff);
	}
	MALFORMED(bad.headers[0].sh_type = SHT_PROGBITS);
	MALFORMED(bad.headers[S_TEXT].sh_type = SHT_NOBITS);
	MALFORMED(bad.headers[S_DATA].sh_type = SHT_INIT_ARRAY);
	MALFORMED(bad.headers[S_DATA].sh_type = 0x6fff0000);
	MALFORMED(bad.headers[S_DATA].sh_type = SHT_SYMTAB);
	MALFORMED(bad.headers[S_DEBUG].sh_type = SHT_SYMTAB_SHNDX);
	MALFORMED(bad.headers[S_TEXT].sh_flags |= SHF_WRITE);
	MALFORMED(bad.headers[S_DATA].sh_flags |= SHF_EXECINSTR);
	MALFORMED(bad.headers[S_DATA].sh_flags |= SHF_COMPRESSED);
	MALFORMED(bad.headers[S_BSS].sh_flags |= SHF_TLS);
	MALFORMED(bad.headers[S_BSS].sh_flags |= SHF_EXECINSTR);
	ACCEPTED(bad.headers[S_DEBUG].sh_flags |= SHF_COMPRESSED);
	ACCEPTED(bad.headers[S_DEBUG].sh_type = 0x6fff4c03);
	for (unsigned i = S_TEXT; i <= S_BSS; i++) {
		MALFORMED(bad.headers[i].sh_addralign = 3);
		MALFORMED(bad.headers[i].sh_addralign = 1ull << 40);
		MALFORMED(bad.headers[i].sh_addralign = ~0ull);
		ACCEPTED(bad.headers[i].sh_addralign = 0);
		ACCEPTED(bad.headers[i].sh_addralign = 65536);
	}
	REFUSED(-E2BIG, bad.headers[S_BSS].sh_size = 1ull << 46);
	REFUSED(-E2BIG, bad.headers[S_BSS].sh_size = ~0ull);
	REFUSED(-E2BIG, bad.headers[S_BSS].sh_size = -(1ull << 20));
	ACCEPTED(bad.headers[S_BSS].sh_offset = ~0ull);
	/* Groups. */
	MALFORMED(bad.group[1] = S_COUNT);
	MALFORMED(bad.group[1] = S_GROUP);
	MALFORMED(bad.group[1] = 0);
	MALFORMED(bad.headers[S_GROUP].sh_entsize = 0);
	MALFORMED(bad.headers[S_GROUP].sh_size = 6);
	MALFORMED(bad.headers[S_GROUP].sh_size = 0);
	/* Names. */
	MALFORMED(bad.names[sizeof(bad.names) - 1] = 'x');
	MALFORMED(bad.headers[S_SHSTRTAB].sh_size = 0);
	MALFORMED(bad.headers[S_SHSTRTAB].sh_type = SHT_PROGBITS);
	MALFORMED(memcpy(strchr(bad.names + 1, '.'), ".text", 5); bad.names[1] = 0;
		  bad.headers[S_DEBUG].sh_name = bad.headers[S_DRIVER].sh_name;
		  bad.headers[S_DEBUG].sh_flags = SHF_ALLOC);
}

static void symbols(void)
{
	MALFORMED(bad.headers[S_SYMTAB].sh_type = SHT_PROGBITS);
	MALFORMED(bad.headers[S_DEBUG].sh_type = SHT_SYMTAB);
	MALFORMED(bad.headers[S_SYMTAB].sh_entsize = 16);
	MALFORMED(bad.headers[S_SYMTAB].sh_entsize = 0);
	MALFORMED(bad.headers[S_SYMTAB].sh_size -= 1);
	MALFORMED(bad.headers[S_SYMTAB].sh_size = 0);
	MALFORMED(bad.headers[S_SYMTAB].sh_info = Y_COUNT + 1);
	MALFORMED(bad.headers[S_SYMTAB].sh_link = S_COUNT);
	MALFORMED(bad.headers[S_SYMTAB].sh_link = 0);
	MALFORMED(bad.headers[S_SYMTAB].sh_link = S_TEXT);
	MALFORMED(bad.headers[S_SYMTAB].sh_link = ~0u);
	MALFORMED(bad.strings[sizeof(bad.strings) - 1] = 'x');
	for (unsigned i = 1; i < Y_COUNT; i++) {
		MALFORMED(bad.symbols[i].st_name = sizeof(bad.strings));
		MALFORMED(bad.symbols[i].st_name = ~0u);
		MALFORMED(bad.symbols[i].st_shndx = S_COUNT);
		MALFORMED(bad.symbols[i].st_shndx = SHN_COMMON);
		MALFORMED(bad.symbols[i].st_shndx = SHN_XINDEX);
		MALFORMED(bad.symbols[i].st_info = STT_TLS);
		MALFORMED(bad.symbols[i].st_info = STT_GNU_IFUNC);
	}
	for (unsigned i = Y_TEXT; i <= Y_COUNTER; i++) {
		MALFORMED(bad.symbols[i].st_value = 1 << 20);
		MALFORMED(bad.symbols[i].st_value = ~0ull);
		if (i == Y_TEXT)
			continue; /* nothing uses it */
		MALFORMED(bad.symbols[i].st_shndx = SHN_ABS);
		MALFORMED(bad.symbols[i].st_shndx = S_DEBUG);
		MALFORMED(bad.symbols[i].st_shndx = S_NOTE);
	}
	MALFORMED(bad.symbols[Y_PRINT].st_info = STB_WEAK << 4);
	ACCEPTED(bad.symbols[Y_UNUSED].st_info = STB_WEAK << 4);
	ACCEPTED(bad.symbols[Y_COUNTER].st_info = STB_WEAK << 4 | STT_OBJECT);
	MALFORMED(bad.symbols[Y_PRINT].st_name = 0);
	REFUSED(-ENOENT, bad.symbols[Y_PRINT].st_name += 1);
	CHECK_STR(message, "missing symbols: anos_print");
	REFUSED(-ENOENT, bad.symbols[Y_PRINT].st_name = bad.symbols[Y_UNUSED].st_name;
		bad.symbols[Y_COUNTER].st_shndx = SHN_UNDEF);
	CHECK_STR(message, "missing symbols: counter, nobody_has_this");
	/* A global offset table of its own. */
	ACCEPTED(strlcpy(bad.strings + bad.symbols[Y_UNUSED].st_name, "_GLOBAL_OFFSET_TABLE_", 22);
		 bad.rela_text[3] = RELA(22, Y_UNUSED, R_X86_64_GOTPC32, 0));
}

static void relocations(void)
{
	for (unsigned i = S_RELA_TEXT; i <= S_RELA_EXPORT; i++) {
		MALFORMED(bad.headers[i].sh_info = 0);
		MALFORMED(bad.headers[i].sh_info = S_COUNT);
		MALFORMED(bad.headers[i].sh_info = ~0u);
		MALFORMED(bad.headers[i].sh_info = i);
		MALFORMED(bad.headers[i].sh_info = S_SYMTAB);
		MALFORMED(bad.headers[i].sh_info = S_STRTAB);
		MALFORMED(bad.headers[i].sh_info = S_BSS);
		MALFORMED(bad.headers[i].sh_link = 0);
		MALFORMED(bad.headers[i].sh_link = S_STRTAB);
		MALFORMED(bad.headers[i].sh_link = S_COUNT);
		MALFORMED(bad.headers[i].sh_entsize = 16);
		MALFORMED(bad.headers[i].sh_entsize = 0);
		MALFORMED(bad.headers[i].sh_size -= 8);
		MALFORMED(bad.headers[i].sh_type = SHT_REL);
		MALFORMED(bad.headers[i].sh_offset += 4; bad.headers[i].sh_size -= 24);
	}
	MALFORMED(bad.rela_text[0].r_offset = sizeof(bad.text));
	MALFORMED(bad.rela_text[0].r_offset = sizeof(bad.text) - 3);
	MALFORMED(bad.rela_text[0].r_offset = ~0ull);
	MALFORMED(bad.rela_text[0].r_offset = ~0ull - 3);
	MALFORMED(bad.rela_driver[0].r_offset = sizeof(bad.driver) - 7);
	MALFORMED(bad.rela_text[0] = RELA(3, 0, R_X86_64_PC32, -4));
	MALFORMED(bad.rela_text[0] = RELA(3, Y_COUNT, R_X86_64_PC32, -4));
	MALFORMED(bad.rela_text[0] = RELA(3, ~0u, R_X86_64_PC32, -4));
	MALFORMED(bad.rela_text[0] = RELA(3, Y_COUNT, R_X86_64_NONE, -4));
	ACCEPTED(bad.rela_text[3] = RELA(~0ull, 0, R_X86_64_NONE, 0));
	for (uint32_t type = 0; type < 50; type++) {
		bool known = type == 0 || type == 1 || type == 2 || type == 4 || type == 9 ||
			     type == 10 || type == 11 || type == 24 || type == 26 || type == 41 ||
			     type == 42;
		int r;

		bad = good;
		bad.rela_text[3] = RELA(22, Y_PRINT, type, 0);
		r = load(&bad, sizeof(bad));
		/* The arena is above 4 GiB: 32-bit addresses do not fit. */
		if (!known || type == R_X86_64_32 || type == R_X86_64_32S)
			CHECK_EQ(r, -ENOEXEC);
		else
			CHECK_EQ(r, 0);
	}
	ACCEPTED(bad.rela_driver[1] = RELA(24, Y_RODATA, R_X86_64_64, 5));
	/* Values that do not fit. */
	MALFORMED(bad.rela_text[0].r_addend = 1ll << 40);
	MALFORMED(bad.rela_text[0].r_addend = -(1ll << 32));
	MALFORMED(bad.rela_text[2].r_addend = INT64_MAX);
	MALFORMED(bad.rela_text[3].r_addend = INT64_MIN);
}

static void records(void)
{
	MALFORMED(bad.headers[S_DRIVER].sh_type = SHT_NOBITS; bad.headers[S_DRIVER].sh_flags = 0);
	MALFORMED(bad.headers[S_DRIVER].sh_name = bad.headers[S_DATA].sh_name);
	MALFORMED(bad.headers[S_DRIVER].sh_size = 48);
	MALFORMED(bad.headers[S_DRIVER].sh_size = 0);
	MALFORMED(bad.headers[S_DRIVER].sh_addralign = 1);
	MALFORMED(bad.headers[S_DRIVER].sh_flags = 0);
	MALFORMED(bad.headers[S_DATA].sh_name = bad.headers[S_DRIVER].sh_name);
	MALFORMED(bad.headers[S_EXPORT].sh_name = bad.headers[S_DRIVER].sh_name);
	MALFORMED(bad.driver.record.driver_size = 0);
	MALFORMED(bad.driver.record.driver_size = 48);
	MALFORMED(bad.driver.record.driver_size = 57);
	MALFORMED(bad.driver.record.driver_size = sizeof(bad.driver) + 8);
	MALFORMED(bad.driver.record.driver_size = ~7ull);
	ACCEPTED(bad.driver.record.driver_size = 56);
	ACCEPTED(bad.driver.record.minimal_banos_version = 0);
	REFUSED(-EOPNOTSUPP, bad.driver.record.minimal_banos_version = BANOS_VERSION + 1);
	REFUSED(-EOPNOTSUPP, bad.driver.record.minimal_banos_version = ~0u);
	/* The name: NULL, outside, without end. */
	MALFORMED(bad.rela_driver[0] = RELA(0, 0, R_X86_64_NONE, 0));
	MALFORMED(bad.rela_driver[0].r_addend = -1);
	MALFORMED(bad.rela_driver[0].r_addend = 1 << 30);
	MALFORMED(bad.rela_driver[0].r_addend = 4); /* "" */
	MALFORMED(bad.rela_driver[0] = RELA(16, Y_PRINT, R_X86_64_64, 0));
	MALFORMED(memset(bad.rodata, 'x', sizeof(bad.rodata));
		  bad.headers[S_RODATA].sh_addralign = 1; bad.headers[S_BSS].sh_size = 0;
		  bad.rela_driver[0] = RELA(16, Y_DATA, R_X86_64_64, 4095));
	MALFORMED(bad.rela_driver[1].r_addend = 1 << 30);
	ACCEPTED(bad.rela_driver[1] = RELA(0, 0, R_X86_64_NONE, 0)); /* no licence */
	/* init: NULL, in data, outside. */
	MALFORMED(bad.rela_driver[2] = RELA(0, 0, R_X86_64_NONE, 0));
	MALFORMED(bad.rela_driver[2] = RELA(40, Y_DATA, R_X86_64_64, 0));
	MALFORMED(bad.rela_driver[2] = RELA(40, Y_RODATA, R_X86_64_64, 0));
	MALFORMED(bad.rela_driver[2] = RELA(40, Y_INIT, R_X86_64_64, -1));
	MALFORMED(bad.rela_driver[2] = RELA(40, Y_PRINT, R_X86_64_64, 0));
	MALFORMED(bad.driver.record.uninit = (void *)8);
	/* A relocation over a field that was already looked at. */
	MALFORMED(bad.rela_driver[1] = RELA(0, Y_DATA, R_X86_64_64, 0));
	/* Exports. */
	MALFORMED(bad.headers[S_EXPORT].sh_size = 8);
	MALFORMED(bad.rela_export[0].r_addend = 1 << 30);
	MALFORMED(bad.rela_export[0].r_addend = 8); /* "" */
	MALFORMED(bad.rela_export[1].r_addend = 1 << 30);
	MALFORMED(bad.rela_export[1] = RELA(8, Y_PRINT, R_X86_64_64, 0));
	MALFORMED(bad.rela_export[1] = RELA(8, 0, R_X86_64_NONE, 0));
	ACCEPTED(bad.headers[S_EXPORT].sh_size = 0; bad.rela_export[0].r_info = 0;
		 bad.rela_export[1].r_info = 0);
	/* Ours, but from the future. */
	MALFORMED(bad.names[bad.headers[S_EXPORT].sh_name + 7] = 'x');
}

/* Random bytes at random places: any answer but a sanitizer's report will do. */
static void random_breaches(void)
{
	unsigned accepted = 0, rounds = 200000;

	for (unsigned i = 0; i < rounds; i++) {
		unsigned breaches = 1 + test_random() % 3;

		bad = good;
		while (breaches--) {
			size_t at = test_random() % sizeof(bad);
			uint64_t what = test_random();

			memcpy((uint8_t *)&bad + min(at, sizeof(bad) - 8), &what,
			       1ul << (test_random() % 4));
		}
		accepted += load(&bad, sizeof(bad)) == 0;
	}
	CHECK(accepted > 0 && accepted < rounds);
	printf("%u of %u random breaches did no harm\n", accepted, rounds);
}

int main(void)
{
	/* Room above for an image with a larger alignment than the mapping happens to have. */
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return 1;
	build_good();
	RUN(good_object);
	RUN(elf_header);
	RUN(cut_and_long);
	RUN(section_headers);
	RUN(symbols);
	RUN(relocations);
	RUN(records);
	RUN(random_breaches);
	return test_finish();
}
