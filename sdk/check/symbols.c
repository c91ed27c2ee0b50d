/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver uses of the ABI: which functions, since which version, and does it say so? */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by name; made from include/banos. */
static const struct abi_symbol abi[] = {
#include "abi_symbols.inc"
};

static int compare_name(const void *name, const void *symbol)
{
	return strcmp(name, ((const struct abi_symbol *)symbol)->name);
}

const struct abi_symbol *abi_find(const char *name)
{
	return bsearch(name, abi, ARRAY_SIZE(abi), sizeof(abi[0]), compare_name);
}

#define VERSION_ROOM 16

static const char *version_text(uint32_t version, char room[VERSION_ROOM])
{
	snprintf(room, VERSION_ROOM, "%u.%u.%u", BANOS_VERSION_GET_MAJOR(version),
		 BANOS_VERSION_GET_MINOR(version), BANOS_VERSION_GET_PATCH(version));
	return room;
}

/* Is it an import, and used? */
static bool is_import(const struct check *c, uint32_t i)
{
	return c->links[i].needed && c->plan.symbols[i].st_shndx == SHN_UNDEF &&
	       strcmp(symbol_name(c, i), "_GLOBAL_OFFSET_TABLE_") != 0;
}

static bool is_compiler_thunk(const char *name)
{
	return !strncmp(name, "__x86_indirect_thunk_", 21) || !strncmp(name, "__llvm_", 7) ||
	       !strcmp(name, "__x86_return_thunk");
}

static bool is_sanitizer(const char *name)
{
	return !strncmp(name, "__asan_", 7) || !strncmp(name, "__ubsan_", 8);
}

bool uses_sanitizer(const struct check *c)
{
	for (uint32_t i = 1; i < c->plan.symbol_count; i++)
		if (is_import(c, i) && is_sanitizer(symbol_name(c, i)))
			return true;
	return false;
}

/* The oldest ABI version that has all it cannot do without. */
static uint32_t needed_version(const struct check *c, const struct abi_symbol **newest)
{
	uint32_t version = 0;

	*newest = NULL;
	for (uint32_t i = 1; i < c->plan.symbol_count; i++) {
		const struct abi_symbol *s = is_import(c, i) ? abi_find(symbol_name(c, i)) : NULL;

		if (s && s->since > version) {
			version = s->since;
			*newest = s;
		}
	}
	return version;
}

/* What drivers reach for by habit; sorted. memcpy and its like come from libbanos. */
static const char *const libc[] = {
	"__assert_fail", "__errno_location",
	"abort",	 "assert",
	"atoi",		 "calloc",
	"exit",		 "fprintf",
	"free",		 "getenv",
	"malloc",	 "memchr",
	"nanosleep",	 "printf",
	"putchar",	 "puts",
	"qsort",	 "rand",
	"realloc",	 "sleep",
	"snprintf",	 "sprintf",
	"sscanf",	 "stpcpy",
	"strcasecmp",	 "strcat",
	"strchr",	 "strcmp",
	"strcpy",	 "strcspn",
	"strdup",	 "strlcat",
	"strlcpy",	 "strlen",
	"strncasecmp",	 "strncat",
	"strncmp",	 "strncpy",
	"strndup",	 "strnlen",
	"strrchr",	 "strsep",
	"strspn",	 "strstr",
	"strtok",	 "strtol",
	"strtoul",	 "strtoull",
	"time",		 "usleep",
	"vsnprintf",
};

/* Of the arithmetic that compilers call by themselves: the ends of such names, behind __ and the
 * operation; floating point, and integers of 128 bits. */
static const char *const libgcc[] = {
	"sf2",	"df2",	"tf2",	"xf2", "sf3", "df3",  "tf3",  "xf3",  "sf",
	"df",	"tf",	"xf",	"ti3", "ti2", "ti4",  "sfti", "dfti", "sfdi",
	"dfdi", "sfsi", "dfsi", "di2", "si2", "vdi3", "vsi3", "vti3",
};

static int compare_text(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

static bool is_libc(const char *name)
{
	return bsearch(name, libc, ARRAY_SIZE(libc), sizeof(libc[0]), compare_text) != NULL;
}

static bool is_libgcc(const char *name)
{
	size_t length = strlen(name);

	if (strncmp(name, "__", 2) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(libgcc); i++) {
		size_t end = strlen(libgcc[i]);

		if (length > end + 4 && strcmp(name + length - end, libgcc[i]) == 0)
			return true;
	}
	return false;
}

/* Does the driver say that there are others whose names it uses? */
static bool depends_on_others(const struct check *c)
{
	return c->contents.meta.dependencies.count != 0;
}

/* Whose is it, if not the ABI's? */
static void check_foreign(struct check *c, const char *name)
{
	if (depends_on_others(c))
		return;
	if (is_libc(name))
		report(c, ERROR,
		       "text: <banos/format.h>; memory: <banos/memory.h>; other functions: write "
		       "them, static",
		       "%s is of the C library, which drivers do not have: no kernel takes it",
		       name);
	else if (is_libgcc(name))
		report(c, ERROR, "use integers of at most 64 bits, without floating point",
		       "%s is of the compiler's library (floating point or wide integers), which "
		       "drivers do not have: no kernel takes it",
		       name);
	else
		report(c, WARNING,
		       "is it spelt as in its header? If another driver exports it, say which by a "
		       "Banos_Dependency in the metadata (<banos/meta.h>)",
		       "%s is neither of the Banos ABI nor of a driver that it depends on", name);
}

static void check_import(struct check *c, const char *name)
{
	if (abi_find(name) || is_compiler_thunk(name) || is_sanitizer(name))
		return;
	if (strncmp(name, "banos_", 6) != 0) {
		check_foreign(c, name);
		return;
	}
	report(c, ERROR,
	       "is it spelt as in its header? If it is newer than this SDK, use that SDK; what may "
	       "be "
	       "absent is asked for with BANOS_OPTIONAL",
	       "%s is not part of Banos ABI %u.%u", name, BANOS_VERSION_GET_MAJOR(BANOS_VERSION),
	       BANOS_VERSION_GET_MINOR(BANOS_VERSION));
}

/* Names that it gives to others: each once, and none that the kernel has. */
static void check_exports(struct check *c)
{
	for (size_t i = 0; i < c->contents.export_count; i++) {
		const char *name = at_address(c, c->contents.exports[i].name);

		if (abi_find(name))
			report(c, ERROR, "give it a name of the driver's own",
			       "exports %s, which the kernel exports", name);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(at_address(c, c->contents.exports[k].name), name))
				report(c, ERROR, "export it once", "exports %s twice", name);
	}
}

void check_symbols(struct check *c)
{
	uint32_t declared = c->contents.record->minimal_banos_version, needed;
	char have[VERSION_ROOM], need[VERSION_ROOM], fix[160];
	const struct abi_symbol *newest;

	for (uint32_t i = 1; i < c->plan.symbol_count; i++)
		if (is_import(c, i))
			check_import(c, symbol_name(c, i));
	check_exports(c);
	needed = needed_version(c, &newest);
	if (needed <= declared)
		return;
	version_text(declared, have);
	version_text(needed, need);
	snprintf(fix, sizeof(fix), ".minimal_banos_version = BANOS_VERSION_MAKE(%u, %u, %u)",
		 BANOS_VERSION_GET_MAJOR(needed), BANOS_VERSION_GET_MINOR(needed),
		 BANOS_VERSION_GET_PATCH(needed));
	report(c, WARNING, fix,
	       "says that Banos ABI %s will do, but uses %s, which exists since %s", have,
	       newest->name, need);
}

static void show_symbol(const struct abi_symbol *s)
{
	printf("    %-34s since %u.%u  %s%s%s%s\n", s->name, BANOS_VERSION_GET_MAJOR(s->since),
	       BANOS_VERSION_GET_MINOR(s->since), s->interface, s->header[0] ? "  <banos/" : "",
	       s->header, s->header[0] ? ">" : "");
}

static void show_optional(const struct check *c)
{
	for (size_t i = 0; i < c->contents.import_count; i++) {
		const char *name = at_address(c, c->contents.imports[i].name);
		const struct abi_symbol *s = abi_find(name);

		if (s)
			printf("    %-34s since %u.%u  if it is there\n", name,
			       BANOS_VERSION_GET_MAJOR(s->since),
			       BANOS_VERSION_GET_MINOR(s->since));
		else
			printf("    %-34s if another driver has it\n", name);
	}
}

void show_symbols(const struct check *c)
{
	const struct abi_symbol *newest;
	char need[VERSION_ROOM], have[VERSION_ROOM];

	for (size_t i = 0; !c && i < ARRAY_SIZE(abi); i++)
		show_symbol(&abi[i]);
	if (!c)
		return;
	printf("  needs Banos ABI %s by its symbols, declares %s\n",
	       version_text(needed_version(c, &newest), need),
	       version_text(c->contents.record->minimal_banos_version, have));
	printf("  uses\n");
	for (uint32_t i = 1; i < c->plan.symbol_count; i++) {
		const struct abi_symbol *s;

		if (!is_import(c, i))
			continue;
		s = abi_find(symbol_name(c, i));
		if (s)
			show_symbol(s);
		else
			printf("    %-34s of %s\n", symbol_name(c, i),
			       is_compiler_thunk(symbol_name(c, i)) ? "the compiler (a thunk)"
			       : is_sanitizer(symbol_name(c, i))    ? "the sanitizer"
			       : depends_on_others(c)		    ? "another driver"
								    : "nobody it names");
	}
	show_optional(c);
}
