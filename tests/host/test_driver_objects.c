/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that compilers make, loaded into this process and run: gcc and clang, by the compiler
 * contract of today and as the first published revision of the API was used (-mcmodel=kernel,
 * unwind tables, jump tables, whatever the compiler likes), optimised and not, with debug
 * information and without, straight from the compiler and through ld -r.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c kernel/driver/image_reloc.c
 * HOST-LINK: kernel/driver/image_names.c
 */
#include "driver_object.h"
#include <sys/stat.h>
#include <unistd.h>

/*
 * The record as it was first published, typed here on purpose: a change of the headers must not
 * change this test. The init looks at all that a loader can get wrong and returns what it found.
 */
static const char published[] =
	"typedef unsigned long long u64; typedef unsigned u32;\n"
	"struct Banos_Driver { u64 driver_size; u32 minimal; const char *name, *license;\n"
	"	u32 version; int (*init)(struct Banos_Driver *); int (*uninit)(struct Banos_Driver "
	"*); };\n"
	"extern void banos_dprintln(const char *);\n"
	"extern void *banos_lookup_symbol(const char *);\n"
	"struct mine { struct Banos_Driver driver; u64 counter; char text[24]; };\n"
	"static int zeroes[5000]; int global = 5; char pad = 1; double aligned "
	"__attribute__((aligned(64)));\n"
	"static const char *const words[] = {\"zero\", \"one\", \"two\"};\n"
	"int twice(int x) { return 2 * x; }\n"
	"static int thrice(int x) { return 3 * x; }\n"
	"int (*table[])(int) = {twice, thrice, twice};\n"
	"__attribute__((noinline)) int pick(int x) { switch (x) { case 0: return 7; case 1: return "
	"9;\n"
	"	case 2: return 1; case 3: return 30; case 4: return 2; case 5: return 8; default: "
	"return 0; } }\n"
	"static int check(struct mine *m) {\n"
	"	int i; for (i = 0; i < 5000; i++) if (zeroes[i]++) return 1;\n"
	"	if (global++ != 5 || pad != 1) return 2;\n"
	"	if ((unsigned long)&aligned % 64) return 3;\n"
	"	if (words[2][1] != 'w' || words[0][0] != 'z') return 4;\n"
	"	if (table[m->counter](7) != 21 || table[2](7) != 14) return 5;\n"
	"	if (pick(3) != 30 || pick(global) != 0 || pick(global - 1) != 8) return 6;\n"
	"	if (m->text[0] != 'p' || m->driver.driver_size != sizeof(*m)) return 7;\n"
	"	if (banos_lookup_symbol(\"absent\") || !banos_lookup_symbol(\"present\")) return "
	"8;\n"
	"	return 0; }\n"
	"static int init(struct Banos_Driver *d) { banos_dprintln(words[1]); return check((struct "
	"mine *)d); }\n"
	"static int uninit(struct Banos_Driver *d) { return 4711; }\n"
	"struct mine the_driver __attribute__((used, section(\".banos-driver\"))) = {\n"
	"	{ sizeof(struct mine), 0, \"published\", \"MIT\", 0x01020003, init, uninit }, 1, "
	"\"private\" };\n"
	"static struct { const char *name; void *address; } export_of_twice\n"
	"	__attribute__((used, section(\".banos-export\"), aligned(8))) = {\"twice\", "
	"twice};\n";

static char folder[] = "/tmp/banos-objects.XXXXXX";
static char printed[64];

static void host_dprintln(const char *text)
{
	strlcpy(printed, text, sizeof(printed));
}

static void *host_lookup_symbol(const char *name)
{
	return __builtin_strcmp(name, "present") == 0 ? printed : NULL;
}

static uint64_t resolve_host(void *ctx, const char *name)
{
	if (__builtin_strcmp(name, "banos_dprintln") == 0)
		return (uintptr_t)host_dprintln;
	if (__builtin_strcmp(name, "banos_lookup_symbol") == 0)
		return (uintptr_t)host_lookup_symbol;
	return 0;
}

/* The shell's status of a command with these flags. */
static int run(const char *command, const char *flags)
{
	char line[1000];

	snprintf(line, sizeof(line), "%s %s", command, flags);
	return system(line);
}

/* The file's bytes; the caller frees them. */
static void *read_object(const char *name, size_t *size)
{
	FILE *f = fopen(name, "r");
	struct stat st;
	void *bytes;

	if (!f || fstat(fileno(f), &st) < 0)
		abort();
	*size = (size_t)st.st_size;
	bytes = malloc(*size + 1);
	if (!bytes || fread(bytes, 1, *size, f) != *size)
		abort();
	fclose(f);
	return bytes;
}

static const char *name_at(const struct image_names *n, const void *address, uint64_t *inside)
{
	return image_names_find(n, (uintptr_t)address - (uintptr_t)arena, inside) ?: "";
}

/* Of functions, as the object has them. */
static void check_names(void)
{
	size_t size = image_names_size(&linked);
	char *memory = malloc(size);
	struct image_names names;
	uint64_t inside = 99;

	image_names_fill(&linked, memory, size, &names);
	CHECK(size && (char *)names.names == memory && names.text < memory + size);
	if (contents.export_count == 1) {
		CHECK_STR(name_at(&names, contents.record->init, &inside), "init");
		CHECK_EQ(inside, 0);
		CHECK_STR(name_at(&names, (char *)contents.exports[0].address + 1, &inside),
			  "twice");
		CHECK_EQ(inside, 1);
	}
	for (uint32_t i = 1; i < names.count; i++)
		CHECK(names.names[i - 1].offset <= names.names[i].offset);
	CHECK(!image_names_find(&(struct image_names){.count = 0}, 0, &inside));
	free(memory);
}

/* In the lower 2 GiB, where -mcmodel=kernel can live; functions of this process are far away. */
static int load_object(const char *name)
{
	struct image_section *sections;
	struct image_symbol *links;
	uint32_t count;
	size_t size;
	void *bytes = read_object(name, &size);
	int r = image_count(bytes, size, &count, linked.error);

	if (r)
		goto out;
	sections = calloc(count, sizeof(*sections));
	r = image_check(&linked, bytes, size, sections);
	links = calloc(linked.symbol_count + 1, sizeof(*links));
	if (!r)
		image_place(&linked, arena, (uintptr_t)arena);
	if (!r)
		r = image_resolve(&linked, links, resolve_host, NULL);
	if (!r)
		r = image_relocate(&linked);
	if (!r)
		r = image_contents(&linked, &contents);
	if (!r)
		check_names();
	free(sections);
	free(links);
out:
	free(bytes);
	return r;
}

static void check_object(const char *name, const char *how)
{
	int failures = test_failures;
	int r = load_object(name);

	CHECK_EQ(r, 0);
	if (r == 0) {
		Banos_Driver *d = contents.record;

		printed[0] = '\0';
		CHECK_STR(d->name, "published");
		CHECK_EQ(d->version, BANOS_VERSION_MAKE(1, 2, 3));
		CHECK_EQ(d->init(d), 0);
		CHECK_STR(printed, "one");
		CHECK_EQ(d->uninit(d), 4711);
		CHECK_EQ(contents.export_count, 1);
		CHECK_EQ(((int (*)(int))contents.exports[0].address)(21), 42);
		CHECK(!contents.has_meta);
	}
	if (test_failures != failures)
		printf("%s: \"%s\"\n", how, linked.error);
}

static void compile_and_check(const char *compiler, const char *flags)
{
	char command[300], object[100], whole[100];

	snprintf(object, sizeof(object), "%s/one.o", folder);
	snprintf(whole, sizeof(whole), "%s/one.banos", folder);
	snprintf(command, sizeof(command), "%s -w -c %s/one.c -o %s", compiler, folder, object);
	CHECK_EQ(run(command, flags), 0);
	check_object(object, command);
	snprintf(command, sizeof(command), "ld -r -o %s %s", whole, object);
	CHECK_EQ(run(command, ""), 0);
	check_object(whole, flags);
}

#define MANY 4000u

#define CONTRACT                                                                   \
	"-ffreestanding -fPIE -mcmodel=small -mno-red-zone -mgeneral-regs-only "   \
	"-fno-jump-tables -fcf-protection=branch -fno-asynchronous-unwind-tables " \
	"-fno-stack-protector -fno-common -fvisibility=hidden"

static void compilers(void)
{
	static const char *const models[] = {
		CONTRACT,
		"-mcmodel=kernel -fno-pie -ffreestanding -mno-red-zone",
		"-fPIC -ffreestanding",
		"-fno-pic -mcmodel=large -ffreestanding -ffunction-sections -fdata-sections",
	};
	static const char *const levels[] = {"-O0", "-O2 -g", "-O3", "-O0 -g3 -gz"};
	char flags[400];

	for (unsigned m = 0; m < ARRAY_SIZE(models); m++)
		for (unsigned l = 0; l < ARRAY_SIZE(levels); l++) {
			snprintf(flags, sizeof(flags), "%s %s", models[m], levels[l]);
			compile_and_check("gcc", flags);
			compile_and_check("clang", flags);
		}
}

/* Thousands of sections, each with its relocations; and a driver that is hardly more than .bss. */
static void sizes(void)
{
	static const char head[] =
		"struct d { unsigned long size; unsigned v; const char *n, *l; unsigned w;\n"
		"	int (*i)(struct d *), (*u)(struct d *); };\n";
	static const char tail[] =
		"static struct d r __attribute__((used, section(\".banos-driver\"))) =\n"
		"	{sizeof(r), 0, \"large\", 0, 0, init, 0};\n";
	char command[400], name[100];
	FILE *f;

	snprintf(name, sizeof(name), "%s/many.c", folder);
	f = fopen(name, "w");
	if (!f)
		abort();
	fputs(head, f);
	for (unsigned i = 0; i < MANY; i++)
		fprintf(f, "int n%u = %u; int f%u(int x) { return %s%u%s + n%u; }\n", i, i, i,
			i ? "f" : "x + ", i ? i - 1 : 0, i ? "(x)" : "", i);
	fprintf(f, "static int init(struct d *d) { return f%u(0) == %u ? 0 : -5; }\n%s", MANY - 1,
		MANY * (MANY - 1) / 2, tail);
	fclose(f);
	snprintf(command, sizeof(command),
		 "gcc -w -O0 -ffunction-sections -fdata-sections -c %s -o %s/many.o " CONTRACT,
		 name, folder);
	CHECK_EQ(run(command, ""), 0);
	snprintf(name, sizeof(name), "%s/many.o", folder);
	CHECK_EQ(load_object(name), 0);
	CHECK(linked.section_count > 3 * MANY);
	CHECK_EQ(contents.record->init(contents.record), 0);

	snprintf(name, sizeof(name), "%s/bss.c", folder);
	f = fopen(name, "w");
	if (!f)
		abort();
	fprintf(f,
		"%sstatic volatile char zeroes[2000000];\n"
		"static int init(struct d *d) { for (unsigned i = 0; i < sizeof(zeroes); i++)\n"
		"	if (zeroes[i]) return -5; return 0; }\n%s",
		head, tail);
	fclose(f);
	snprintf(command, sizeof(command), "gcc -w -c %s -o %s/bss.o " CONTRACT, name, folder);
	CHECK_EQ(run(command, "-O2"), 0);
	snprintf(name, sizeof(name), "%s/bss.o", folder);
	memset(arena, 0xaa, ARENA_SIZE);
	CHECK_EQ(load_object(name), 0);
	CHECK_EQ(contents.record->init(contents.record), 0);
}

int main(void)
{
	char name[100];
	FILE *f;

	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (arena == MAP_FAILED || !mkdtemp(folder))
		return 1;
	snprintf(name, sizeof(name), "%s/one.c", folder);
	f = fopen(name, "w");
	if (!f || fputs(published, f) < 0 || fclose(f) != 0)
		return 1;
	RUN(compilers);
	RUN(sizes);
	snprintf(name, sizeof(name), "rm -r %s", folder);
	CHECK_EQ(run(name, ""), 0);
	return test_finish();
}
