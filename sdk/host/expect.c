/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind "->": numbers, errnos, bytes, patterns; all of them must hold. */
#include "script.h"
#include "host.h"
#include <banos/chardev.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

static const struct {
	const char *name;
	uint32_t event;
} events[] = {{"in", BANOS_POLL_IN},
	      {"out", BANOS_POLL_OUT},
	      {"error", BANOS_POLL_ERROR},
	      {"hangup", BANOS_POLL_HANGUP},
	      {"none", 0}};

bool expect_event(const struct word *w, uint32_t *event)
{
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++)
		if (word_is(w, events[i].name)) {
			*event = events[i].event;
			return true;
		}
	return false;
}

static bool matches(const char *pattern, const struct result *r, const char **why)
{
	const char *from = r->sentence ? r->sentence : (const char *)r->bytes;
	size_t size = r->sentence ? strlen(r->sentence) : r->size;
	char *text = host_alloc(size + 1);
	regex_t compiled;
	bool met = false;

	if (size)
		memcpy(text, from, size);
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)) {
		*why = "the pattern behind ~ is no extended regular expression";
	} else {
		met = regexec(&compiled, text, 0, NULL, 0) == 0;
		regfree(&compiled);
	}
	free(text);
	return met;
}

static bool bytes_met(const struct word *w, const struct result *r, const char **why)
{
	uint8_t *bytes;
	size_t size;
	bool typed, met;

	if (!word_bytes(w, &bytes, &size, &typed)) {
		*why = "behind -> there are bytes that are malformed";
		return false;
	}
	if (!typed)
		*why = "behind -> there is neither a number, an errno, a \"text\", bytes, nor "
		       "~PATTERN";
	met = r->has_bytes && r->size == size && memcmp(r->bytes, bytes, size) == 0;
	free(bytes);
	return met;
}

static bool word_met(const struct word *w, const struct result *r, uint32_t *wanted_events,
		     bool *has_events, const char **why)
{
	uint64_t number;
	int64_t error;
	uint32_t event;

	if (word_is(w, "*"))
		return true;
	if (!w->quoted && w->text[0] == '~')
		return matches(w->text + 1, r, why);
	if (expect_event(w, &event)) {
		*wanted_events |= event;
		*has_events = true;
		return true;
	}
	if (word_number(w, &number))
		return r->number == (int64_t)number;
	if (word_errno(w, &error))
		return r->number == error;
	return bytes_met(w, r, why);
}

static char *show_events(int64_t number)
{
	char text[64] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(events); i++)
		if (number & events[i].event || (!number && !events[i].event)) {
			strlcat(text, text[0] ? " " : "", sizeof(text));
			strlcat(text, events[i].name, sizeof(text));
		}
	return host_strdup(text);
}

/* What it gave, for people. */
static char *show(const struct result *r)
{
	char number[24], *bytes = NULL, *text = NULL;
	const char *what = number;

	snprintf(number, sizeof(number), "%lld", (long long)r->number);
	if (r->number < 0)
		what = errno_name((int)r->number);
	else if (r->has_bytes)
		what = bytes = bytes_show(r->bytes, r->size);
	else if (r->is_events)
		what = bytes = show_events(r->number);
	if (asprintf(&text, "%s%s%s", what, r->sentence ? ": " : "",
		     r->sentence ? r->sentence : "") < 0)
		abort();
	free(bytes);
	return text;
}

bool expect_met(const struct words *w, const struct result *r, char **said, const char **why)
{
	bool met = true, has_events = false;
	uint32_t wanted_events = 0;
	struct word pattern;

	*said = NULL;
	if (w->wanted == w->count)
		met = r->number >= 0;
	for (unsigned i = w->wanted; i < w->count; i++) {
		const struct word *word = &w->word[i];

		/* "~" may stand apart, so that a pattern can be quoted. */
		if (word_is(word, "~") && i + 1 < w->count) {
			pattern = w->word[++i];
			met = matches(pattern.text, r, why) && met;
			continue;
		}
		met = word_met(word, r, &wanted_events, &has_events, why) && met;
	}
	if (has_events && r->number != (int64_t)wanted_events)
		met = false;
	if (!met)
		*said = show(r);
	return met;
}
