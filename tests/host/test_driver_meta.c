/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver says about itself beyond its record: .banos-meta with its lists, .banos-import, and
 * the values of parameters. One breach at a time, as in test_driver_image.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c kernel/driver/image_reloc.c
 */
#include "driver_object.h"

#define NEWER(statement) REFUSED(-EOPNOTSUPP, statement)

static void good_meta(void)
{
	const Banos_Meta *meta = &contents.meta;
	Banos_Parameter p;
	Banos_Match m;
	struct {
		Banos_Need need;
		uint64_t future[2];
	} longer;

	CHECK_EQ(load(&good, sizeof(good)), 0);
	CHECK(contents.has_meta);
	CHECK_EQ(meta->size, sizeof(*meta));
	CHECK_EQ(meta->flags, BANOS_META_SINGLE);
	CHECK_STR(meta->description, "a good driver");
	CHECK_EQ(contents.import_count, 1);
	CHECK_STR(contents.imports[0].name, "banos_later");
	CHECK_EQ(meta->parameters.count, PARAMETERS);
	image_list_get(&meta->parameters, 1, &p, sizeof(p));
	CHECK_STR(p.name, "offset_2");
	CHECK_EQ(p.minimum, -16);
	image_list_get(&meta->matches, 1, &m, sizeof(m));
	CHECK_STR(m.compatible, "uart,16550");
	/* What is read beyond the driver's own elements is zero. */
	memset(&longer, 0xff, sizeof(longer));
	image_list_get(&meta->needs, 1, &longer, sizeof(longer));
	CHECK_STR(longer.need.name, "banos.chardev");
	CHECK_EQ(longer.need.major, 1);
	CHECK(longer.future[0] == 0 && longer.future[1] == 0);
}

/* The section and the fields that are not lists. */
static void meta_head(void)
{
	MALFORMED(bad.meta.magic ^= 1);
	MALFORMED(bad.meta.size = 0);
	MALFORMED(bad.meta.size = 8);
	MALFORMED(bad.meta.size -= 4);
	MALFORMED(bad.meta.size += 8);
	MALFORMED(bad.meta.size = ~7u);
	MALFORMED(bad.meta.size -= 8); /* then something follows it */
	MALFORMED(bad.headers[S_META].sh_size -= 8);
	MALFORMED(bad.headers[S_META].sh_size = bad.meta.size = 108);
	MALFORMED(bad.headers[S_META].sh_size = 8);
	MALFORMED(bad.headers[S_META].sh_size = 0);
	MALFORMED(bad.headers[S_META].sh_addralign = 4);
	MALFORMED(bad.headers[S_META].sh_type = SHT_NOBITS);
	MALFORMED(bad.headers[S_META].sh_flags = 0);
	MALFORMED(bad.headers[S_META].sh_flags |= SHF_EXECINSTR);
	MALFORMED(bad.headers[S_DATA].sh_name = bad.headers[S_META].sh_name;
		  bad.headers[S_DATA].sh_addralign = 8);
	for (unsigned bit = 2; bit < 32; bit++)
		NEWER(bad.meta.flags |= 1u << bit);
	ACCEPTED(bad.meta.flags = 0);
	ACCEPTED(bad.meta.built_with = ~0u);
	MALFORMED(aim(&bad, &bad.meta.description, Y_LISTS, -(1 << 30)));
	MALFORMED(aim(&bad, &bad.meta.author, Y_PRINT, 0));
	ACCEPTED(aim_null(&bad, &bad.meta.description); aim_null(&bad, &bad.meta.author));
	MALFORMED(aim(&bad, &bad.meta.quiesce, Y_DATA, 0));
	MALFORMED(aim(&bad, &bad.meta.event, Y_LISTS, 0));
	MALFORMED(aim(&bad, &bad.meta.event, Y_PRINT, 0));
	ACCEPTED(aim_null(&bad, &bad.meta.quiesce); aim_null(&bad, &bad.meta.event));
	/* A relocation over the size, which was right in the file. */
	HERE_ONLY(-ENOEXEC, aim(&bad, &bad.meta, Y_DATA, 0));
}

/* A driver of an older or of a newer kernel: shorter or longer than ours. */
static void meta_sizes(void)
{
	struct object *o = &bad;

	/* Short: only the head; the rest of the section is handed to another one. */
	ACCEPTED(o->meta.size = 16; o->headers[S_META].sh_size = 16; memset(o->rela_meta, 0, 240));
	CHECK_EQ(contents.meta.parameters.count, 0);
	CHECK(contents.meta.description == NULL && contents.meta.event == NULL);
	/* Long: the section reaches into what follows, which are the imports. */
	NEWER(o->headers[S_IMPORT].sh_type = o->headers[S_RELA_IMPORT].sh_type = SHT_NULL;
	      o->headers[S_META].sh_size += 16; o->meta.size += 16;
	      o->imports[0].address = (void *)1);
	ACCEPTED(o->headers[S_IMPORT].sh_type = o->headers[S_RELA_IMPORT].sh_type = SHT_NULL;
		 o->headers[S_META].sh_size += 16; o->meta.size += 16);
	CHECK_EQ(contents.meta.parameters.count, PARAMETERS);
}

static void list_frames(void)
{
	static const size_t lists[] = {
		offsetof(struct object, meta.needs), offsetof(struct object, meta.dependencies),
		offsetof(struct object, meta.parameters), offsetof(struct object, meta.matches),
		offsetof(struct object, lists.matches[0].properties)};

	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		Banos_List *list = (void *)((uint8_t *)&bad + lists[i]);

		MALFORMED(list->count = 1001);
		MALFORMED(list->count = 10000);
		MALFORMED(list->count = ~0u);
		MALFORMED(list->stride = 0);
		MALFORMED(list->stride = 8);
		MALFORMED(list->stride -= 8);
		MALFORMED(list->stride += 4);
		MALFORMED(list->stride = 4104);
		MALFORMED(list->stride = ~7u);
		MALFORMED(list->count = 200; list->stride = 4096);
		MALFORMED(aim_null(&bad, list));
		MALFORMED(aim(&bad, list, Y_LISTS, -(1 << 20)));
		MALFORMED(aim(&bad, list, Y_LISTS, 1));
		MALFORMED(aim(&bad, list, Y_PRINT, 0));
		MALFORMED(aim(&bad, list, Y_BSS, (100000 & ~7u) - 8));
		/* Elements of a later version, with nothing and with something in their tails. */
		ACCEPTED(aim(&bad, list, Y_LISTS, offsetof(struct lists, texts) + 3000);
			 list->stride += 8; list->count = 0);
		NEWER(list->stride += 8; list->count = 1);
		ACCEPTED(list->count = 0);
		ACCEPTED(list->count = 0; aim_null(&bad, list); list->stride = 0);
	}
	MALFORMED(bad.meta.parameters.count = 257);
	MALFORMED(bad.lists.matches[0].properties.count = 65);
}

static void needs_and_dependencies(void)
{
	Banos_Dependency *d = bad.lists.dependencies;
	Banos_Need *n = bad.lists.needs;
	Banos_Match *m = bad.lists.matches;

	MALFORMED(aim_null(&bad, &n[1].name));
	MALFORMED(aim(&bad, &n[0].name, Y_LISTS, offsetof(struct lists, texts))); /* "" */
	MALFORMED(aim_text(&bad, &n[0].name, "banos.x_net"));
	ACCEPTED(aim_text(&bad, &n[0].name, "banos.x_net");
		 bad.meta.flags |= BANOS_META_EXPERIMENTAL);
	MALFORMED(aim_null(&bad, &d[0].name));
	MALFORMED(aim_text(&bad, &d[1].name, "good"));
	CHECK_STR(message, "metadata: good depends on itself");
	NEWER(d[0].flags = 2);
	NEWER(d[0].flags = ~0u);
	NEWER(d[0].zero = 1);
	MALFORMED(d[0].minimum = 2; d[0].maximum = 1);
	ACCEPTED(d[0].minimum = 2; d[0].maximum = 0);
	MALFORMED(aim_null(&bad, &m[0].bus));
	MALFORMED(aim(&bad, &m[1].compatible, Y_PRINT, 0));
	ACCEPTED(aim_null(&bad, &m[1].compatible));
	MALFORMED(aim_null(&bad, &bad.lists.properties[0].name));
	MALFORMED(aim(&bad, &bad.lists.properties[1].text, Y_PRINT, 0));
	ACCEPTED(aim_null(&bad, &bad.lists.properties[1].text));
}

static void parameters(void)
{
	Banos_Parameter *p = bad.lists.parameters;
	char name[80];

	MALFORMED(aim_null(&bad, &p[0].name));
	for (const char *c = " =-\"%.\x01\x80"; *c; c++) {
		snprintf(name, sizeof(name), "ra%cte", *c);
		MALFORMED(aim_text(&bad, &p[0].name, name));
	}
	MALFORMED(aim_text(&bad, &p[0].name, ""));
	MALFORMED(aim_text(&bad, &p[0].name, "2nd"));
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	MALFORMED(aim_text(&bad, &p[0].name, name));
	name[63] = '\0';
	ACCEPTED(aim_text(&bad, &p[0].name, name));
	MALFORMED(aim_text(&bad, &p[3].name, "rate"));
	CHECK_STR(message, "metadata: two parameters are called rate");
	NEWER(p[0].type = 0);
	NEWER(p[0].type = 5);
	NEWER(p[0].type = ~0u);
	NEWER(p[0].flags = 1);
	MALFORMED(aim(&bad, &p[0].help, Y_PRINT, 0));
	MALFORMED(aim(&bad, &p[0].fallback, Y_PRINT, 0));
	MALFORMED(aim(&bad, &p[1].fallback, Y_PRINT, 0));
	MALFORMED(aim_text(&bad, &p[0].fallback, "0"));
	MALFORMED(aim_text(&bad, &p[0].fallback, "1001"));
	MALFORMED(aim_text(&bad, &p[0].fallback, "-1"));
	MALFORMED(aim_text(&bad, &p[0].fallback, ""));
	MALFORMED(aim_text(&bad, &p[0].fallback, "ten"));
	MALFORMED(aim_text(&bad, &p[2].fallback, "maybe"));
	MALFORMED(aim_null(&bad, &p[0].fallback)); /* 0 is not in the range */
	ACCEPTED(aim_null(&bad, &p[1].fallback));
	MALFORMED(p[0].minimum = 1000; p[0].maximum = 1);
	MALFORMED(p[0].minimum = -1);
	MALFORMED(p[2].maximum = 1);
	MALFORMED(p[3].minimum = 1);
	ACCEPTED(p[0].minimum = p[0].maximum = 0);
}

static void imports(void)
{
	MALFORMED(aim_null(&bad, &bad.imports[0].name));
	MALFORMED(aim(&bad, &bad.imports[0].name, Y_PRINT, 0));
	MALFORMED(aim_text(&bad, &bad.imports[0].name, ""));
	MALFORMED(bad.imports[0].address = &bad);
	MALFORMED(bad.headers[S_IMPORT].sh_size = 8);
	MALFORMED(bad.headers[S_IMPORT].sh_flags |= SHF_EXECINSTR);
	MALFORMED(bad.headers[S_IMPORT].sh_type = SHT_NOBITS);
	MALFORMED(bad.headers[S_IMPORT].sh_addralign = 4);
	MALFORMED(aim_text(&bad, &bad.imports[0].name, "banos_x_later"));
	ACCEPTED(aim_text(&bad, &bad.imports[0].name, "banos_x_later");
		 bad.meta.flags |= BANOS_META_EXPERIMENTAL);
	/* A symbol that is experimental: found in this arena, but not to be had silently. */
	HERE_ONLY(-ENOEXEC,
		  memcpy(bad.strings + bad.symbols[Y_PRINT].st_name, "banos_x_printl", 14));
	CHECK(__builtin_strstr(message, "banos_x_printl, which is experimental") != NULL);
	ACCEPTED(memcpy(bad.strings + bad.symbols[Y_PRINT].st_name, "banos_x_printl", 14);
		 bad.meta.flags |= BANOS_META_EXPERIMENTAL);
	/* Without the section nothing of it is there. */
	ACCEPTED(bad.headers[S_IMPORT].sh_type = bad.headers[S_RELA_IMPORT].sh_type = SHT_NULL;
		 bad.headers[S_META].sh_type = bad.headers[S_RELA_META].sh_type = SHT_NULL);
	CHECK(!contents.has_meta && contents.import_count == 0 && contents.meta.magic == 0);
}

/* --- values --------------------------------------------------------------------------------- */

static int parse(uint32_t type, int64_t low, int64_t high, const char *text, uint64_t *out)
{
	Banos_Parameter p = {.type = type, .minimum = low, .maximum = high};
	struct image_value v;
	size_t n = strlen(text);
	/* Without its terminator, so that the sanitizer sees a byte too far. */
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, text, n);
	r = image_parameter_parse(&p, copy, n, &v);
	*out = v.number;
	free(copy);
	return r;
}

static void values(void)
{
	static const struct {
		uint32_t type;
		int64_t low, high;
		const char *text;
		int error;
		uint64_t value;
	} cases[] = {
		{BANOS_PARAM_UNSIGNED, 0, 0, "0", 0, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "18446744073709551615", 0, ~0ull},
		{BANOS_PARAM_UNSIGNED, 0, 0, "18446744073709551616", -ERANGE, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "99999999999999999999999", -ERANGE, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "010", 0, 10},
		{BANOS_PARAM_UNSIGNED, 0, 0, "0xFfFfFfFfFfFfFfFf", 0, ~0ull},
		{BANOS_PARAM_UNSIGNED, 0, 0, "0x10000000000000000", -ERANGE, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "0X1f", 0, 31},
		{BANOS_PARAM_UNSIGNED, 0, 0, "0x", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "0xg", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "+1", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "1 ", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 0, "1f", -EINVAL, 0},
		{BANOS_PARAM_UNSIGNED, 0, 5, "6", -ERANGE, 0},
		{BANOS_PARAM_UNSIGNED, 0, 5, "18446744073709551615", -ERANGE, 0},
		{BANOS_PARAM_UNSIGNED, 5, 5, "5", 0, 5},
		{BANOS_PARAM_SIGNED, 0, 0, "-9223372036854775808", 0, 1ull << 63},
		{BANOS_PARAM_SIGNED, 0, 0, "-9223372036854775809", -ERANGE, 0},
		{BANOS_PARAM_SIGNED, 0, 0, "9223372036854775808", -ERANGE, 0},
		{BANOS_PARAM_SIGNED, 0, 0, "-0x8000000000000000", 0, 1ull << 63},
		{BANOS_PARAM_SIGNED, 0, 0, "+7", 0, 7},
		{BANOS_PARAM_SIGNED, 0, 0, "-0", 0, 0},
		{BANOS_PARAM_SIGNED, 0, 0, "-", -EINVAL, 0},
		{BANOS_PARAM_SIGNED, 0, 0, "--1", -EINVAL, 0},
		{BANOS_PARAM_SIGNED, -5, -1, "-5", 0, (uint64_t)-5},
		{BANOS_PARAM_SIGNED, -5, -1, "0", -ERANGE, 0},
		{BANOS_PARAM_SIGNED, -5, -1, "-6", -ERANGE, 0},
		{BANOS_PARAM_BOOLEAN, 0, 0, "yes", 0, 1},
		{BANOS_PARAM_BOOLEAN, 0, 0, "off", 0, 0},
		{BANOS_PARAM_BOOLEAN, 0, 0, "Yes", -EINVAL, 0},
		{BANOS_PARAM_BOOLEAN, 0, 0, "", -EINVAL, 0},
		{BANOS_PARAM_TEXT, 0, 0, "", 0, 0},
		{77, 0, 0, "1", -EOPNOTSUPP, 0},
	};
	char text[400];
	uint64_t value;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = parse(cases[i].type, cases[i].low, cases[i].high, cases[i].text, &value);

		if (r != cases[i].error || (r == 0 && value != cases[i].value))
			printf("%s:\n", cases[i].text);
		CHECK_EQ(r, cases[i].error);
		if (r == 0)
			CHECK_EQ(value, cases[i].value);
	}
	memset(text, 'x', sizeof(text));
	text[256] = '\0';
	CHECK_EQ(parse(BANOS_PARAM_TEXT, 0, 0, text, &value), -ERANGE);
	text[255] = '\0';
	CHECK_EQ(parse(BANOS_PARAM_TEXT, 0, 0, text, &value), 0);
}

int main(int argc, char **argv)
{
	if (object_start(argc, argv) < 0)
		return 1;
	RUN(good_meta);
	RUN(meta_head);
	RUN(meta_sizes);
	RUN(list_frames);
	RUN(needs_and_dependencies);
	RUN(parameters);
	RUN(imports);
	RUN(values);
	return object_finish();
}
