/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver says about itself, for people. */
#include "check.h"
#include <inttypes.h>
#include <stdio.h>

static void print_version(uint32_t version)
{
	printf("%u.%u.%u", BANOS_VERSION_GET_MAJOR(version), BANOS_VERSION_GET_MINOR(version),
	       BANOS_VERSION_GET_PATCH(version));
}

/* Text of the file made fit for a terminal. */
static void print_text(const struct check *c, const char *address)
{
	for (const char *t = at_address(c, address); *t; t++)
		putchar((unsigned char)*t >= 0x20 && *t != 0x7f ? *t : '?');
}

void show_head(const struct check *c)
{
	const Banos_Driver *d = c->contents.record;
	const Banos_Meta *meta = &c->contents.meta;

	printf("%s: driver ", c->name);
	print_text(c, d->name);
	printf(" ");
	print_version(d->version);
	if (d->license) {
		printf(", licence ");
		print_text(c, d->license);
	}
	printf("%s\n", d->uninit ? "" : ", cannot be removed");
	if (meta->description) {
		printf("  ");
		print_text(c, meta->description);
		printf("\n");
	}
	if (meta->flags & BANOS_META_SINGLE)
		printf("  one instance only\n");
	if (meta->flags & BANOS_META_EXPERIMENTAL)
		printf("  uses experimental interfaces: promises nothing\n");
}

/* Element i of a list, whose memory is here. */
static void get(const struct check *c, const Banos_List *list, uint32_t i, void *out, size_t size)
{
	Banos_List here = *list;

	here.first = at_address(c, list->first);
	image_list_get(&here, i, out, size);
}

static void show_dependencies(const struct check *c)
{
	const Banos_Meta *meta = &c->contents.meta;

	for (uint32_t i = 0; i < meta->needs.count; i++) {
		Banos_Need n;

		get(c, &meta->needs, i, &n, sizeof(n));
		printf("  needs interface ");
		print_text(c, n.name);
		printf(" %u.%u\n", n.major, n.minor);
	}
	for (uint32_t i = 0; i < meta->dependencies.count; i++) {
		Banos_Dependency d;

		get(c, &meta->dependencies, i, &d, sizeof(d));
		printf("  depends on driver ");
		print_text(c, d.name);
		if (d.minimum) {
			printf(", from ");
			print_version(d.minimum);
		}
		if (d.maximum) {
			printf(", up to ");
			print_version(d.maximum);
		}
		printf("%s\n", d.flags & BANOS_DEPENDENCY_OPTIONAL ? ", if it is there" : "");
	}
}

static void show_parameter(const struct check *c, const Banos_Parameter *p)
{
	static const char *const types[] = {"", "boolean", "unsigned", "signed", "text"};

	printf("  parameter ");
	print_text(c, p->name);
	printf(" (%s", types[p->type]);
	if (p->minimum || p->maximum)
		printf(", %" PRId64 " to %" PRId64, p->minimum, p->maximum);
	if (p->fallback) {
		printf(", else ");
		print_text(c, p->fallback);
	}
	printf(")");
	if (p->help) {
		printf(": ");
		print_text(c, p->help);
	}
	printf("\n");
}

static void show_match(const struct check *c, const Banos_Match *m)
{
	const uint32_t ids[] = {m->vendor, m->device, m->subvendor, m->subdevice};
	static const char *const names[] = {"vendor", "device", "subvendor", "subdevice"};

	printf("  for devices of ");
	print_text(c, m->bus);
	if (m->compatible) {
		printf(" ");
		print_text(c, m->compatible);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i] != BANOS_MATCH_ANY)
			printf(", %s %#x", names[i], ids[i]);
	if (m->class_mask)
		printf(", class %#x/%#x", m->class_code, m->class_mask);
	printf("\n");
}

void show_contents(const struct check *c)
{
	static const char *const areas[] = {"text", "constants", "data"};
	const Banos_Meta *meta = &c->contents.meta;

	show_dependencies(c);
	for (uint32_t i = 0; i < meta->parameters.count; i++) {
		Banos_Parameter p;

		get(c, &meta->parameters, i, &p, sizeof(p));
		show_parameter(c, &p);
	}
	for (uint32_t i = 0; i < meta->matches.count; i++) {
		Banos_Match m;

		get(c, &meta->matches, i, &m, sizeof(m));
		show_match(c, &m);
	}
	for (size_t i = 0; i < c->contents.export_count; i++) {
		printf("  exports ");
		print_text(c, c->contents.exports[i].name);
		printf("\n");
	}
	printf("  memory");
	for (unsigned i = 0; i < IMAGE_AREAS; i++)
		printf("%s %s %" PRIu64, i ? "," : "", areas[i], c->plan.areas[i].size);
	printf("\n");
}
