/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of drivers: what is given at installation is checked against what the metadata declare
 * before init runs, so that init finds good values and nothing else. Values and names are
 * copied: the driver may change its own memory afterwards.
 */
#include "params.h"

#include "instance.h"
#include <banos/export.h>
#include <banos/param.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

struct driver_value {
	char name[64];
	uint32_t type;	 /* BANOS_PARAM_* */
	bool given;	 /* by a word, as opposed to the fallback */
	uint64_t number; /* boolean, unsigned; signed as int64_t */
	char *text;	 /* of texts, terminated */
};

struct word {
	const char *name;
	size_t name_length;
	const char *value;
	size_t length;
};

/* Takes the next word off *at; false when there is none, or it is malformed (*error). */
static bool next_word(const char **at, struct word *w, bool *malformed)
{
	const char *p = *at, *end;

	while (*p == ' ' || *p == '\t' || *p == '\n')
		p++;
	if (!*p)
		return false;
	w->name = p;
	while (*p && *p != '=' && *p != ' ' && *p != '\t' && *p != '\n')
		p++;
	w->name_length = (size_t)(p - w->name);
	*malformed = *p != '=' || !w->name_length;
	if (*malformed)
		return false;
	p++;
	if (*p == '"') {
		end = strchr(++p, '"');
		*malformed = !end;
		if (*malformed)
			return false;
		w->value = p;
		w->length = (size_t)(end - p);
		*at = end + 1;
		return true;
	}
	w->value = p;
	while (*p && *p != ' ' && *p != '\t' && *p != '\n')
		p++;
	w->length = (size_t)(p - w->value);
	*at = p;
	return true;
}

static int set_value(struct driver_value *v, const Banos_Parameter *p, const char *text, size_t len)
{
	struct image_value parsed;
	int r = image_parameter_parse(p, text, len, &parsed);

	if (r)
		return r;
	if (p->type == BANOS_PARAM_TEXT) {
		char *copy = kmalloc(parsed.length + 1);

		if (!copy)
			return -ENOMEM;
		memcpy(copy, parsed.text, parsed.length);
		copy[parsed.length] = '\0';
		kfree(v->text);
		v->text = copy;
	}
	v->number = parsed.number;
	return 0;
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case BANOS_PARAM_BOOLEAN:
		return "yes or no";
	case BANOS_PARAM_UNSIGNED:
		return "a number";
	case BANOS_PARAM_SIGNED:
		return "a number with or without a sign";
	default:
		return "a text of at most 255 bytes";
	}
}

static int refuse_value(struct instance *i, const Banos_Parameter *p, const struct word *w, int r,
			struct driver_message *m)
{
	if (r == -ENOMEM)
		return driver_refuse(m, r, "out of memory");
	if (r == -ERANGE && (p->minimum || p->maximum))
		return driver_refuse(m, -EINVAL,
				     "driver %s: parameter %s=%.*s is out of range: %ld to %ld",
				     i->name, p->name, (int)min(w->length, (size_t)64), w->value,
				     p->minimum, p->maximum);
	return driver_refuse(m, -EINVAL, "driver %s: parameter %s=%.*s: give %s", i->name, p->name,
			     (int)min(w->length, (size_t)64), w->value, type_name(p->type));
}

static int set_word(struct instance *i, const struct word *w, struct driver_message *m)
{
	const Banos_List *list = &i->image.contents.meta.parameters;

	for (uint32_t k = 0; k < i->value_count; k++) {
		struct driver_value *v = &i->values[k];
		Banos_Parameter p;
		int r;

		if (strlen(v->name) != w->name_length || memcmp(v->name, w->name, w->name_length))
			continue;
		if (v->given)
			return driver_refuse(m, -EINVAL, "driver %s: parameter %s is given twice",
					     i->name, v->name);
		v->given = true;
		image_list_get(list, k, &p, sizeof(p));
		r = set_value(v, &p, w->value, w->length);
		return r ? refuse_value(i, &p, w, r, m) : 0;
	}
	return driver_refuse(m, -EINVAL,
			     "driver %s has no parameter %.*s: `banos info` lists those it has",
			     i->name, (int)min(w->name_length, (size_t)64), w->name);
}

static int set_fallbacks(struct instance *i, struct driver_message *m)
{
	const Banos_List *list = &i->image.contents.meta.parameters;

	i->values = kcalloc(list->count, sizeof(*i->values));
	if (!i->values)
		return driver_refuse(m, -ENOMEM, "out of memory");
	i->value_count = list->count;
	for (uint32_t k = 0; k < list->count; k++) {
		struct driver_value *v = &i->values[k];
		Banos_Parameter p;
		const char *text;
		int r;

		image_list_get(list, k, &p, sizeof(p));
		strlcpy(v->name, p.name, sizeof(v->name));
		v->type = p.type;
		text = p.fallback ? p.fallback : p.type == BANOS_PARAM_TEXT ? "" : "0";
		r = set_value(v, &p, text, strlen(text));
		if (r)
			return driver_refuse(m, r, "driver %s: parameter %s: bad fallback", i->name,
					     p.name);
	}
	return 0;
}

int params_set(struct instance *i, const char *words, struct driver_message *m)
{
	bool malformed = false;
	struct word w;
	int r = i->image.contents.meta.parameters.count ? set_fallbacks(i, m) : 0;

	while (!r && words && next_word(&words, &w, &malformed))
		r = set_word(i, &w, m);
	if (!r && malformed)
		r = driver_refuse(m, -EINVAL, "driver %s: parameters: write NAME=VALUE, not %.64s",
				  i->name, words);
	if (r)
		params_free(i);
	return r;
}

void params_free(struct instance *i)
{
	for (uint32_t k = 0; k < i->value_count; k++)
		kfree(i->values[k].text);
	kfree(i->values);
	i->values = NULL;
	i->value_count = 0;
}

void params_show(const struct instance *i, struct text *out)
{
	for (uint32_t k = 0; k < i->value_count; k++) {
		const struct driver_value *v = &i->values[k];

		if (v->type == BANOS_PARAM_TEXT)
			text_printf(out, " %s=\"%s\"", v->name, v->text);
		else if (v->type == BANOS_PARAM_SIGNED)
			text_printf(out, " %s=%ld", v->name, (int64_t)v->number);
		else
			text_printf(out, " %s=%lu", v->name, v->number);
	}
}

/* --- the ABI --------------------------------------------------------------------------------- */

static const struct driver_value *find(const struct instance *i, const char *name)
{
	for (uint32_t k = 0; k < i->value_count; k++)
		if (strcmp(i->values[k].name, name) == 0)
			return &i->values[k];
	return NULL;
}

int32_t banos_param_get(Banos_Driver *driver, const char *name, uint32_t type, void *buffer,
			uint32_t size)
{
	struct owner *owner = owner_find(driver);
	const struct driver_value *v;

	if (!owner || !name || !buffer)
		return -EINVAL;
	v = find(container_of(owner, struct instance, owner), name);
	if (!v)
		return -ENOENT;
	if (v->type != type)
		return -EINVAL;
	if (type == BANOS_PARAM_TEXT) {
		if (!size)
			return -EINVAL;
		return (int32_t)strlcpy(buffer, v->text, size);
	}
	if (size != sizeof(v->number))
		return -EINVAL;
	memcpy(buffer, &v->number, sizeof(v->number));
	return sizeof(v->number);
}
BANOS_EXPORT(banos_param_get);
