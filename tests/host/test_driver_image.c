/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver loader's pure half in a process: a good object is built here byte by byte, loaded, and
 * run; then every field of it is broken in turn, and each breach must be refused without a
 * sanitizer's complaint. At the end, thousands of random breaches: refused or loaded, never a
 * crash.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c kernel/driver/image_reloc.c
 */
#include "driver_object.h"

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

	/* Some of them for the corpus. */
	for (size_t n = 0; n < sizeof(good); n += n < 700 ? 1 : 13)
		if ((n && n % 31 == 0) || n == 63)
			check_refused(&good, n, -ENOEXEC);
		else
			CHECK_EQ(load(&good, n), -ENOEXEC);
	check_refused(&good, sizeof(good) - 1, -ENOEXEC);

	memset(&longer, 0, sizeof(longer));
	longer.o = good;
	check_refused(&longer, sizeof(good) + 1, -ENOEXEC);
	check_refused(&longer, sizeof(longer), -ENOEXEC);
	memcpy(longer.t.magic, IMAGE_TRAILER_MAGIC, 8);
	longer.t.length = sizeof(longer) - sizeof(good);
	CHECK_EQ(load(&longer, sizeof(longer)), 0);
	check_refused(&longer, sizeof(longer) - 1, -ENOEXEC);
	check_refused(&longer, sizeof(good) + 8, -ENOEXEC);
	longer.t.length++;
	check_refused(&longer, sizeof(longer), -ENOEXEC);
	longer.t.length = 0;
	check_refused(&longer, sizeof(longer), -ENOEXEC);
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
	CHECK_STR(message, "missing symbols: anos_dprintln");
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
	/* Room for a second one behind it, where exports and metadata were. */
	MALFORMED(bad.headers[S_EXPORT].sh_type = bad.headers[S_RELA_EXPORT].sh_type = SHT_NULL;
		  bad.headers[S_META].sh_type = bad.headers[S_RELA_META].sh_type = SHT_NULL;
		  bad.headers[S_DRIVER].sh_size += sizeof(bad.exports) + sizeof(bad.meta));
	CHECK(str_starts(message, "more than one record"));
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
	HERE_ONLY(-ENOEXEC, bad.rela_driver[1] = RELA(0, Y_DATA, R_X86_64_64, 0));
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
	unsigned accepted = 0, rounds = 100000;

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

int main(int argc, char **argv)
{
	if (object_start(argc, argv) < 0)
		return 1;
	RUN(good_object);
	RUN(elf_header);
	RUN(cut_and_long);
	RUN(section_headers);
	RUN(symbols);
	RUN(relocations);
	RUN(records);
	if (!corpus_dir)
		RUN(random_breaches);
	return object_finish();
}
