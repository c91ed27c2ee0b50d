/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * banos-check: says of a driver object what it needs, and where it breaks the rules of the ABI.
 *
 * The kernel's own image library (kernel/driver/image*.c) does the first half: the object goes the
 * same way as in a kernel, with every imported symbol found. What it refuses no kernel takes.
 * The second half looks at what a loader cannot or need not see: the declared versions against the
 * symbols that are used (symbols.c), and the machine code against the compiler contract (code.c).
 *
 * What the object needs goes to stdout, what is wrong with it to stderr.
 *
 * Exit status: 0 fine, perhaps with warnings; 1 refused or errors; 2 wrong usage.
 */
#include "check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>

#define EXIT_USAGE 2

/* Where a kernel would put it, so that every kind of address fits that fits there. */
#define IMAGE_ADDRESS  0xffffffffb0000000ul
#define IMPORT_ADDRESS 0xffffffff81000000ul

void report(struct check *c, enum severity severity, const char *fix, const char *format, ...)
{
	static const char *const words[] = {"note", "warning", "error"};
	va_list ap;

	c->errors += severity == ERROR;
	c->warnings += severity == WARNING;
	fflush(stdout); /* so that the two stay in order where they go to the same place */
	fprintf(stderr, "%s: %s: ", c->name, words[severity]);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	if (fix)
		fprintf(stderr, "    fix: %s\n", fix);
}

const char *section_name(const struct check *c, uint32_t index)
{
	return c->plan.section_names + c->plan.headers[index].sh_name;
}

const char *symbol_name(const struct check *c, uint32_t index)
{
	const Elf64_Sym *s = &c->plan.symbols[index];

	if (ELF64_ST_TYPE(s->st_info) == STT_SECTION && s->st_shndx < c->plan.section_count)
		return section_name(c, s->st_shndx);
	return c->plan.symbol_names + s->st_name;
}

const void *at_address(const struct check *c, const void *address)
{
	return c->memory + ((uintptr_t)address - c->plan.address);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory) {
		fprintf(stderr, "banos-check: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return memory;
}

static bool read_file(struct check *c, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	bool good;

	if (!file || fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode)) {
		fprintf(stderr, "banos-check: %s: cannot be read: %s\n", path,
			file ? "it is no file" : strerror(errno));
		if (file)
			fclose(file);
		return false;
	}
	c->size = (size_t)st.st_size;
	c->bytes = allocate(c->size, 1);
	good = fread(c->bytes, 1, c->size, file) == c->size;
	fclose(file);
	if (!good)
		fprintf(stderr, "banos-check: %s: cannot be read to its end\n", path);
	return good;
}

static uint64_t resolve(void *ctx, const char *name)
{
	return IMPORT_ADDRESS;
}

/* The way that the kernel goes. */
static int link_image(struct check *c)
{
	struct image_plan *plan = &c->plan;
	uint32_t count;
	int r = image_count(c->bytes, c->size, &count, plan->error);

	if (r)
		return r;
	c->sections = allocate(count, sizeof(*c->sections));
	r = image_check(plan, c->bytes, c->size, c->sections);
	if (r)
		return r;
	c->links = allocate(plan->symbol_count, sizeof(*c->links));
	c->memory = allocate(1, plan->image_size);
	image_place(plan, c->memory, IMAGE_ADDRESS);
	r = image_resolve(plan, c->links, resolve, NULL);
	if (!r)
		r = image_relocate(plan);
	return r ? r : image_contents(plan, &c->contents);
}

static int check_file(struct check *c, const char *path)
{
	if (!read_file(c, path))
		return EXIT_FAILURE;
	if (link_image(c)) {
		report(c, ERROR, NULL, "no kernel takes it: %s", c->plan.error);
		return EXIT_FAILURE;
	}
	if (!c->quiet) {
		show_head(c);
		show_symbols(c);
		show_contents(c);
		show_relocations(c);
	}
	check_symbols(c);
	/* An object for banos-host runs in a process, where the contract does not matter. */
	if (uses_sanitizer(c))
		report(c, c->for_host ? NOTE : ERROR,
		       c->for_host ? NULL : "compile it without -fsanitize",
		       "is instrumented by -fsanitize: for banos-host only, no kernel has the "
		       "functions that it calls");
	else
		check_code(c);
	if (!c->quiet && !c->errors)
		printf("%s: %s\n", c->name, c->warnings ? "loads, with warnings" : "fine");
	return c->errors ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void release(struct check *c)
{
	free(c->bytes);
	free(c->sections);
	free(c->links);
	free(c->memory);
	free(c);
}

static void usage(void)
{
	printf("usage: banos-check [OPTION ...] FILE.banos ...\n"
	       "Says what a driver needs, and what is wrong with it.\n\n"
	       "  -q, --quiet    only what is wrong\n"
	       "  --for-host     it is meant for banos-host, not for a kernel\n"
	       "  --name NAME    call the file by this name\n"
	       "  --symbols      the functions of the ABI that this SDK knows, and since when\n"
	       "  --help, --version\n\n"
	       "Exit status: 0 fine, 1 something is wrong, 2 wrong usage.\n");
}

static int misused(const char *what, const char *word)
{
	fprintf(stderr, "banos-check: %s%s\nTry 'banos-check --help'.\n", what, word);
	return EXIT_USAGE;
}

static struct {
	bool quiet, for_host;
	const char *name;
} options;

/* Returns the exit status if an option is all that was asked for or is wrong, or -1; *first: the
 * first word that is none. */
static int take_options(int argc, char **argv, int *first)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		const char *o = argv[i];

		if (!strcmp(o, "--")) {
			i++;
			break;
		}
		if (!strcmp(o, "-q") || !strcmp(o, "--quiet")) {
			options.quiet = true;
		} else if (!strcmp(o, "--for-host")) {
			options.for_host = true;
		} else if (!strcmp(o, "--name") && i + 1 < argc) {
			options.name = argv[++i];
		} else if (!strcmp(o, "--help")) {
			usage();
			return EXIT_SUCCESS;
		} else if (!strcmp(o, "--symbols")) {
			show_symbols(NULL);
			return EXIT_SUCCESS;
		} else if (!strcmp(o, "--version")) {
			printf("banos-check, Banos ABI %u.%u.%u\n",
			       BANOS_VERSION_GET_MAJOR(BANOS_VERSION),
			       BANOS_VERSION_GET_MINOR(BANOS_VERSION),
			       BANOS_VERSION_GET_PATCH(BANOS_VERSION));
			return EXIT_SUCCESS;
		} else {
			return misused("the option is not known, or needs a value: ", o);
		}
	}
	*first = i;
	return -1;
}

static int check_files(int count, char **paths)
{
	int status = EXIT_SUCCESS;

	if (!count)
		return misused("no file was given", "");
	for (int i = 0; i < count; i++) {
		struct check *c = allocate(1, sizeof(*c));

		c->name = options.name ? options.name : paths[i];
		c->quiet = options.quiet;
		c->for_host = options.for_host;
		if (check_file(c, paths[i]) != EXIT_SUCCESS)
			status = EXIT_FAILURE;
		release(c);
	}
	return status;
}

/* Of a part that was lost before the end nobody has kept the reason. */
static int finish(int status)
{
	if (fflush(stdout))
		fprintf(stderr, "banos-check: the report cannot be written: %s\n", strerror(errno));
	else if (ferror(stdout))
		fprintf(stderr,
			"banos-check: the report cannot be written: a part of it is lost\n");
	else
		return status;
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int first, status = take_options(argc, argv, &first);

	if (status < 0)
		status = check_files(argc - first, argv + first);
	return finish(status);
}
