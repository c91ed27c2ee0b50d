/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Driver images, the metadata: .banos-meta and the lists that hang on it, checked in the memory of
 * the linked image. What the installer later reads of them needs no further look.
 *
 * Sizes that may differ from ours, in both directions: of Banos_Meta and of the elements of lists.
 * What the driver leaves out is zero. What it has beyond our part must be zero, or it asks for
 * something that this kernel would silently not do.
 *
 * Bounds on every list keep the work small whatever the file says: lists may share their elements,
 * so the time is that of the counts and not of the file's size.
 */
#include "elf_types.h"
#include "image_internal.h"
#include <lib/errno.h>
#include <lib/format.h>

#define META_SIZE_MIN  16 /* the fields that say what it is */
#define META_FLAGS     (BANOS_META_SINGLE | BANOS_META_EXPERIMENTAL)
#define STRIDE_MAX     4096
#define LIST_MAX       1000 /* needs, dependencies, matches */
#define PARAMETERS_MAX 256  /* names are compared with each other */
#define PROPERTIES_MAX 64   /* of each match */
#define PARAM_NAME_MAX 64   /* bytes, terminator included */

#define malformed(plan, ...) image_refuse(plan, -ENOEXEC, __VA_ARGS__)

/* What a list of the metadata may be. */
struct list_rule {
	const char *name;
	uint32_t max;	/* elements */
	uint32_t first; /* size of an element in the version that introduced it */
	uint32_t known; /* size of an element that we know */
};

static int refuse_newer(struct image_plan *plan, const char *what)
{
	return image_refuse(plan, -EOPNOTSUPP,
			    "metadata: %s is unknown to Banos ABI %u.%u.%u: needs a newer kernel",
			    what, BANOS_VERSION_GET_MAJOR(BANOS_VERSION),
			    BANOS_VERSION_GET_MINOR(BANOS_VERSION),
			    BANOS_VERSION_GET_PATCH(BANOS_VERSION));
}

/* size: a multiple of 8, as all sizes here are. */
static bool is_zero(const uint8_t *memory, size_t size)
{
	uint64_t word;

	for (size_t i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, memory + i, sizeof(word));
		if (word)
			return false;
	}
	return true;
}

void image_list_get(const Banos_List *list, uint32_t i, void *element, size_t known)
{
	const uint8_t *from = (const uint8_t *)list->first + (size_t)i * list->stride;
	size_t size = min((size_t)list->stride, known);

	memcpy(element, from, size);
	memset((uint8_t *)element + size, 0, known - size);
}

/*
 * Check the frame of a list, and the tails of its elements. *here: the same list, at the place
 * where we can read it.
 */
static int check_list(struct image_plan *plan, const struct list_rule *rule, const Banos_List *list,
		      Banos_List *here)
{
	*here = *list;
	if (list->count == 0)
		return 0;
	if (list->count > rule->max)
		return malformed(plan, "metadata: %u %s, more than %u", list->count, rule->name,
				 rule->max);
	if (list->stride < rule->first || list->stride > STRIDE_MAX || list->stride % 8 != 0)
		return malformed(plan, "metadata: %s: stride %u is not possible", rule->name,
				 list->stride);
	here->first = image_at(plan, list->first, (uint64_t)list->count * list->stride);
	if (!here->first || (uintptr_t)list->first % 8 != 0)
		return malformed(plan, "metadata: the list of %s lies outside the driver",
				 rule->name);
	for (uint32_t i = 0; i < list->count && list->stride > rule->known; i++)
		if (!is_zero((const uint8_t *)here->first + (size_t)i * list->stride + rule->known,
			     list->stride - rule->known))
			return refuse_newer(plan, rule->name);
	return 0;
}

/* --- the lists ------------------------------------------------------------------------------ */

static const struct list_rule needs = {"needs", LIST_MAX, 16, sizeof(Banos_Need)};
static const struct list_rule dependencies = {"dependencies", LIST_MAX, 24,
					      sizeof(Banos_Dependency)};
static const struct list_rule parameters = {"parameters", PARAMETERS_MAX, 48,
					    sizeof(Banos_Parameter)};
static const struct list_rule properties = {"properties", PROPERTIES_MAX, 24,
					    sizeof(Banos_Property)};
static const struct list_rule matches = {"matches", LIST_MAX, 64, sizeof(Banos_Match)};

static int check_needs(struct image_plan *plan, const Banos_Meta *meta)
{
	Banos_List list;
	Banos_Need need;
	int r = check_list(plan, &needs, &meta->needs, &list);

	for (uint32_t i = 0; !r && i < list.count; i++) {
		const char *name;
		struct shown_name shown;

		image_list_get(&list, i, &need, sizeof(need));
		name = image_name(plan, need.name);
		if (!name)
			return malformed(plan, "metadata: need %u: bad name", i);
		if (image_is_experimental(name) && !(meta->flags & BANOS_META_EXPERIMENTAL))
			return malformed(plan,
					 "metadata: needs %s, which is experimental and may "
					 "change: say that you know by .flags = "
					 "BANOS_META_EXPERIMENTAL",
					 image_show(&shown, name));
	}
	return r;
}

static int check_dependency(struct image_plan *plan, const Banos_Dependency *d, uint32_t i,
			    const char *self)
{
	const char *name = image_name(plan, d->name);
	struct shown_name shown;

	if (!name)
		return malformed(plan, "metadata: dependency %u: bad name", i);
	image_show(&shown, name);
	if (strcmp(name, self) == 0)
		return malformed(plan, "metadata: %s depends on itself", shown.text);
	if ((d->flags & ~BANOS_DEPENDENCY_OPTIONAL) || d->zero)
		return refuse_newer(plan, "a flag of a dependency");
	if (d->maximum && d->minimum > d->maximum)
		return malformed(plan,
				 "metadata: dependency on %s: the minimum version is above the "
				 "maximum",
				 shown.text);
	return 0;
}

static int check_dependencies(struct image_plan *plan, const Banos_Meta *meta, const char *self)
{
	Banos_List list;
	Banos_Dependency d;
	int r = check_list(plan, &dependencies, &meta->dependencies, &list);

	for (uint32_t i = 0; !r && i < list.count; i++) {
		image_list_get(&list, i, &d, sizeof(d));
		r = check_dependency(plan, &d, i, self);
	}
	return r;
}

/* A name that can stand before '=': letters, digits and _, not beginning with a digit. */
static const char *parameter_name(const struct image_plan *plan, const char *address)
{
	const char *name = image_text(plan, address, PARAM_NAME_MAX);

	if (!name || !*name || (*name >= '0' && *name <= '9'))
		return NULL;
	for (const char *c = name; *c; c++) {
		bool letter = (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z';

		if (!letter && !(*c >= '0' && *c <= '9') && *c != '_')
			return NULL;
	}
	return name;
}

/* The range that values must lie in, and that the value lies in when none is given. */
static int check_range(struct image_plan *plan, const Banos_Parameter *p, const char *name)
{
	bool number = p->type == BANOS_PARAM_UNSIGNED || p->type == BANOS_PARAM_SIGNED;
	const char *fallback = p->fallback ? image_text(plan, p->fallback, IMAGE_STRING_MAX) : NULL;
	struct image_value value;
	int r = 0;

	if (!number && (p->minimum || p->maximum))
		return malformed(plan, "metadata: parameter %s: a range is for numbers", name);
	if (p->minimum > p->maximum || (p->type == BANOS_PARAM_UNSIGNED && p->minimum < 0))
		return malformed(plan, "metadata: parameter %s: no value is in its range", name);
	if (p->fallback && !fallback)
		return malformed(plan, "metadata: parameter %s: no valid fallback", name);
	if (fallback)
		r = image_parameter_parse(p, fallback, strlen(fallback), &value);
	else if (number)
		r = image_parameter_parse(p, "0", 1, &value);
	if (r)
		return malformed(plan,
				 "metadata: parameter %s: its fallback %s is not a value of its "
				 "type and range",
				 name, fallback ? fallback : "0 (none is given)");
	return 0;
}

static int check_parameter(struct image_plan *plan, const Banos_List *list, uint32_t i)
{
	Banos_Parameter p, other;
	const char *name;

	image_list_get(list, i, &p, sizeof(p));
	name = parameter_name(plan, p.name);
	if (!name)
		return malformed(plan,
				 "metadata: parameter %u: its name must be of letters, digits and "
				 "_, and shorter than %d",
				 i, PARAM_NAME_MAX);
	if (p.type < BANOS_PARAM_BOOLEAN || p.type > BANOS_PARAM_TEXT)
		return refuse_newer(plan, "a parameter's type");
	if (p.flags)
		return refuse_newer(plan, "a flag of a parameter");
	if (p.help && !image_text(plan, p.help, IMAGE_TEXT_MAX))
		return malformed(plan, "metadata: parameter %s: no valid help", name);
	for (uint32_t k = 0; k < i; k++) {
		image_list_get(list, k, &other, sizeof(other));
		if (strcmp(image_text(plan, other.name, PARAM_NAME_MAX), name) == 0)
			return malformed(plan, "metadata: two parameters are called %s", name);
	}
	return check_range(plan, &p, name);
}

static int check_parameters(struct image_plan *plan, const Banos_Meta *meta)
{
	Banos_List list;
	int r = check_list(plan, &parameters, &meta->parameters, &list);

	for (uint32_t i = 0; !r && i < list.count; i++)
		r = check_parameter(plan, &list, i);
	return r;
}

static int check_properties(struct image_plan *plan, const Banos_Match *match, uint32_t i)
{
	Banos_List list;
	Banos_Property p;
	int r = check_list(plan, &properties, &match->properties, &list);

	for (uint32_t k = 0; !r && k < list.count; k++) {
		image_list_get(&list, k, &p, sizeof(p));
		if (!image_name(plan, p.name) ||
		    (p.text && !image_text(plan, p.text, IMAGE_TEXT_MAX)))
			return malformed(plan, "metadata: match %u: bad property %u", i, k);
	}
	return r;
}

static int check_matches(struct image_plan *plan, const Banos_Meta *meta)
{
	Banos_List list;
	Banos_Match match;
	int r = check_list(plan, &matches, &meta->matches, &list);

	for (uint32_t i = 0; !r && i < list.count; i++) {
		image_list_get(&list, i, &match, sizeof(match));
		if (!image_name(plan, match.bus) ||
		    (match.compatible && !image_text(plan, match.compatible, IMAGE_STRING_MAX)))
			return malformed(plan, "metadata: match %u: bad name", i);
		r = check_properties(plan, &match, i);
	}
	return r;
}

/* --- the whole ------------------------------------------------------------------------------ */

/* Copy what we know of it. */
static int copy_meta(struct image_plan *plan, Banos_Meta *meta)
{
	const uint8_t *from = plan->memory + plan->sections[plan->meta_section].offset;
	uint64_t room = plan->headers[plan->meta_section].sh_size;
	uint32_t size;

	if (room < META_SIZE_MIN)
		return malformed(plan, "section " BANOS_META_SECTION " has only %lu bytes",
				 (unsigned long)room);
	memcpy(meta, from, META_SIZE_MIN);
	size = meta->size;
	if (meta->magic != BANOS_META_MAGIC)
		return malformed(plan, "metadata: does not begin with BANOS_META_HEAD");
	if (size < META_SIZE_MIN || size % 8 != 0 || size > room)
		return malformed(plan, "metadata: its size is %u in a section of %lu bytes", size,
				 (unsigned long)room);
	if (size != room)
		return malformed(plan, "more than one Banos_Meta in section " BANOS_META_SECTION);
	if (size > sizeof(*meta) && !is_zero(from + sizeof(*meta), size - sizeof(*meta)))
		return refuse_newer(plan, "what is behind the last field");
	memcpy(meta, from, min((size_t)size, sizeof(*meta)));
	return 0;
}

static int check_fields(struct image_plan *plan, const Banos_Meta *meta)
{
	char flags[32];

	if (meta->flags & ~META_FLAGS) {
		format(flags, sizeof(flags), "a flag (of 0x%x)", meta->flags & ~META_FLAGS);
		return refuse_newer(plan, flags);
	}
	if (meta->description && !image_text(plan, meta->description, IMAGE_TEXT_MAX))
		return malformed(plan, "metadata: no valid description");
	if (meta->author && !image_text(plan, meta->author, IMAGE_TEXT_MAX))
		return malformed(plan, "metadata: no valid author");
	if (meta->quiesce && !image_is_code(plan, (uintptr_t)meta->quiesce))
		return malformed(plan, "metadata: quiesce is not a function of the driver");
	if (meta->event && !image_is_code(plan, (uintptr_t)meta->event))
		return malformed(plan, "metadata: event is not a function of the driver");
	return 0;
}

int image_check_meta(struct image_plan *plan, struct image_contents *out)
{
	const char *self = image_name(plan, out->record->name); /* checked before */
	int r = copy_meta(plan, &out->meta);

	if (!r)
		r = check_fields(plan, &out->meta);
	if (!r)
		r = check_needs(plan, &out->meta);
	if (!r)
		r = check_dependencies(plan, &out->meta, self);
	if (!r)
		r = check_parameters(plan, &out->meta);
	return r ? r : check_matches(plan, &out->meta);
}
