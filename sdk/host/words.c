/* SPDX-License-Identifier: BSD-2-Clause */
/* A script in words: quotes, escapes, comments, numbers, bytes. */
#include "words.h"
#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define BYTES_MAX (16u << 20) /* of one value */
#define SHOWN_MAX 200	      /* bytes of one in a message */

/* --- words ----------------------------------------------------------------------------------- */

static bool is_end(char c)
{
	return c == '\0' || c == '\n' || c == ';';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash; *at goes behind it. -1: not known. */
static int escape(const char **at)
{
	static const char letters[] = "n\nt\tr\r0\0\\\\\"\"";
	char c = *(*at)++;

	if (c == 'x' && hex((*at)[0]) >= 0 && hex((*at)[1]) >= 0) {
		*at += 2;
		return hex((*at)[-2]) << 4 | hex((*at)[-1]);
	}
	for (unsigned i = 0; i + 1 < sizeof(letters); i += 2)
		if (letters[i] == c)
			return (uint8_t)letters[i + 1];
	return -1;
}

static const char *read_quoted(const char **at, struct word *w)
{
	const char *p = *at + 1;

	w->quoted = true;
	while (*p != '"') {
		int c = (uint8_t)*p++;

		if (!c)
			return "a quoted text does not end";
		if (c == '\\')
			c = escape(&p);
		if (c < 0)
			return "what stands behind a backslash is not n t r 0 \\ \" or xHH";
		w->text[w->length++] = (char)c;
	}
	*at = p + 1;
	return NULL;
}

/* NULL, or what is wrong. */
static const char *read_word(const char **at, struct word *w)
{
	const char *why = NULL;

	w->text = host_alloc(strlen(*at) + 1);
	if (**at == '"')
		why = read_quoted(at, w);
	else
		while (!is_end(**at) && !is_space(**at) && **at != '"')
			w->text[w->length++] = *(*at)++;
	if (!why && !is_end(**at) && !is_space(**at))
		why = "between two words there is no space";
	return why;
}

bool words_read(const char **at, struct words *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	*why = NULL;
	for (;;) {
		while (is_space(**at))
			(*at)++;
		if (**at == '#')
			while (**at && **at != '\n')
				(*at)++;
		if (is_end(**at))
			break;
		if (out->count == WORDS_MAX)
			*why = "there are too many words";
		else
			*why = read_word(at, &out->word[out->count++]);
		if (*why) {
			words_free(out);
			return false;
		}
	}
	*at += **at != '\0';
	out->wanted = out->count;
	for (unsigned i = out->count; i > 0; i--)
		if (word_is(&out->word[i - 1], "->"))
			out->wanted = i;
	return true;
}

void words_free(struct words *w)
{
	for (unsigned i = 0; i < w->count; i++)
		free(w->word[i].text);
	memset(w, 0, sizeof(*w));
}

struct words words_tail(const struct words *w, unsigned n)
{
	struct words tail = *w;

	tail.count -= n;
	tail.wanted -= n;
	memmove(&tail.word[0], &w->word[n], tail.count * sizeof(tail.word[0]));
	return tail;
}

char *words_show(const struct words *w)
{
	size_t size = 1;
	char *text, *shown;

	for (unsigned i = 0; i < w->count; i++)
		size += 4 * w->word[i].length + 4;
	text = host_alloc(size);
	for (unsigned i = 0; i < w->count; i++) {
		if (i)
			strlcat(text, " ", size);
		if (!w->word[i].quoted) {
			strlcat(text, w->word[i].text, size);
			continue;
		}
		shown = bytes_show((const uint8_t *)w->word[i].text, w->word[i].length);
		strlcat(text, shown, size);
		free(shown);
	}
	return text;
}

/* --- numbers --------------------------------------------------------------------------------- */

static bool parse(const char *text, const char **end, uint64_t *out)
{
	uint64_t base = 10, value = 0;
	const char *first;

	if (text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
	}
	for (first = text; hex(*text) >= 0 && (uint64_t)hex(*text) < base; text++)
		if (mul_overflow(value, base, &value) ||
		    add_overflow(value, (uint64_t)hex(*text), &value))
			return false;
	*end = text;
	*out = value;
	return text != first;
}

bool word_number(const struct word *w, uint64_t *out)
{
	const char *end;

	return !w->quoted && parse(w->text, &end, out) && !*end;
}

bool word_time(const struct word *w, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", NSEC_PER_USEC}, {"ms", NSEC_PER_MSEC}, {"s", NSEC_PER_SEC}};
	const char *end;

	if (w->quoted || !parse(w->text, &end, ns))
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].name) == 0)
			return !mul_overflow(*ns, units[i].ns, ns);
	return false;
}

bool word_errno(const struct word *w, int64_t *out)
{
	if (w->quoted || w->text[0] != 'E' || w->text[1] == '?')
		return false;
	for (int e = 1; e < MAX_ERRNO; e++)
		if (strcmp(errno_name(e), w->text) == 0) {
			*out = -e;
			return true;
		}
	return false;
}

/* --- bytes ----------------------------------------------------------------------------------- */

static bool hex_bytes(const char *text, uint8_t **bytes, size_t *size)
{
	size_t length = strlen(text);

	if (length % 2)
		return false;
	*bytes = host_alloc(length / 2);
	*size = length / 2;
	for (size_t i = 0; i < length; i += 2) {
		if (hex(text[i]) < 0 || hex(text[i + 1]) < 0) {
			free(*bytes);
			return false;
		}
		(*bytes)[i / 2] = (uint8_t)(hex(text[i]) << 4 | hex(text[i + 1]));
	}
	return true;
}

/* "u32:5" */
static bool integer_bytes(const char *text, uint8_t **bytes, size_t *size)
{
	static const struct {
		const char *name;
		unsigned size;
	} kinds[] = {{"u8:", 1}, {"u16:", 2}, {"u32:", 4}, {"u64:", 8}};
	uint64_t value;
	const char *end;

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_starts(text, kinds[i].name))
			continue;
		if (!parse(text + strlen(kinds[i].name), &end, &value) || *end)
			return false;
		*size = kinds[i].size;
		*bytes = host_alloc(*size);
		memcpy(*bytes, &value, *size); /* least significant first, as this processor does */
		return true;
	}
	return false;
}

void words_noise(uint64_t key, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t mixed = (key + i / 7 + 1) * 0x9e3779b97f4a7c15ull;

		bytes[i] = (uint8_t)((mixed ^ mixed >> 31) >> 8 * (i % 7));
	}
}

/* "zero:N"; "noise:KEY:N" */
static bool many_bytes(const char *text, bool noise, uint8_t **bytes, size_t *size)
{
	uint64_t key = 0, count;
	const char *end;

	if (noise && (!parse(text, &end, &key) || *end != ':'))
		return false;
	if (!parse(noise ? end + 1 : text, &end, &count) || *end || count > BYTES_MAX)
		return false;
	*bytes = host_alloc(count);
	*size = count;
	if (noise)
		words_noise(key, *bytes, count);
	return true;
}

bool word_bytes(const struct word *w, uint8_t **bytes, size_t *size, bool *typed)
{
	*typed = true;
	if (!w->quoted && str_starts(w->text, "x:"))
		return hex_bytes(w->text + 2, bytes, size);
	if (!w->quoted && str_starts(w->text, "zero:"))
		return many_bytes(w->text + 5, false, bytes, size);
	if (!w->quoted && str_starts(w->text, "noise:"))
		return many_bytes(w->text + 6, true, bytes, size);
	if (!w->quoted && integer_bytes(w->text, bytes, size))
		return true;
	*typed = w->quoted;
	*size = w->length;
	*bytes = host_alloc(w->length);
	memcpy(*bytes, w->text, w->length);
	return true;
}

static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] >= 0x7f)
			return false;
	return true;
}

char *bytes_show(const uint8_t *bytes, size_t size)
{
	size_t shown = min(size, (size_t)SHOWN_MAX), n = 0;
	char *text = host_alloc(2 * shown + 8);

	if (!is_text(bytes, shown)) {
		n = (size_t)sprintf(text, "x:");
		for (size_t i = 0; i < shown; i++)
			n += (size_t)sprintf(text + n, "%02x", bytes[i]);
	} else {
		text[n++] = '"';
		for (size_t i = 0; i < shown; i++) {
			char c = (char)bytes[i];

			if (c == '\n' || c == '\t' || c == '"' || c == '\\')
				text[n++] = '\\';
			text[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : c;
		}
		text[n++] = '"';
	}
	memcpy(text + n, shown < size ? "..." : "", shown < size ? 4 : 1);
	return text;
}
