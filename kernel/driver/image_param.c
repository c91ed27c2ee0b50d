/* SPDX-License-Identifier: BSD-2-Clause */
/* The value of a driver's parameter, from text. Pure; of fallbacks and of what is given alike. */
#include "image.h"
#include <lib/errno.h>
#include <lib/string.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Decimal, also with leading zeroes, or hexadecimal after 0x. */
static int parse_digits(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	int base = 10;

	if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
		len -= 2;
	}
	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_value(text[i]);

		if (digit >= base)
			return -EINVAL;
		if (mul_overflow(value, (uint64_t)base, &value) ||
		    add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*out = value;
	return 0;
}

static bool is_unlimited(const Banos_Parameter *p)
{
	return p->minimum == 0 && p->maximum == 0;
}

static int parse_unsigned(const Banos_Parameter *p, const char *text, size_t len, uint64_t *out)
{
	int r = parse_digits(text, len, out);

	if (r || is_unlimited(p))
		return r;
	if (*out > INT64_MAX || (int64_t)*out < p->minimum || (int64_t)*out > p->maximum)
		return -ERANGE;
	return 0;
}

static int parse_signed(const Banos_Parameter *p, const char *text, size_t len, uint64_t *out)
{
	bool sign = len > 0 && (text[0] == '-' || text[0] == '+');
	bool negative = sign && text[0] == '-';
	uint64_t magnitude;
	int64_t value;
	int r = parse_digits(text + sign, len - sign, &magnitude);

	if (r)
		return r;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? 0 - magnitude : magnitude;
	value = (int64_t)*out;
	if (!is_unlimited(p) && (value < p->minimum || value > p->maximum))
		return -ERANGE;
	return 0;
}

static int parse_boolean(const char *text, size_t len, uint64_t *out)
{
	static const struct {
		const char *word;
		uint64_t value;
	} words[] = {{"0", 0}, {"n", 0}, {"no", 0},  {"off", 0},
		     {"1", 1}, {"y", 1}, {"yes", 1}, {"on", 1}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == len && memcmp(words[i].word, text, len) == 0) {
			*out = words[i].value;
			return 0;
		}
	return -EINVAL;
}

static int parse_text(const char *text, size_t len)
{
	if (len >= IMAGE_STRING_MAX)
		return -ERANGE;
	return len && memchr(text, '\0', len) ? -EINVAL : 0;
}

int image_parameter_parse(const Banos_Parameter *p, const char *text, size_t len,
			  struct image_value *out)
{
	*out = (struct image_value){0};
	switch (p->type) {
	case BANOS_PARAM_BOOLEAN:
		return parse_boolean(text, len, &out->number);
	case BANOS_PARAM_UNSIGNED:
		return parse_unsigned(p, text, len, &out->number);
	case BANOS_PARAM_SIGNED:
		return parse_signed(p, text, len, &out->number);
	case BANOS_PARAM_TEXT:
		out->text = text;
		out->length = len;
		return parse_text(text, len);
	default:
		return -EOPNOTSUPP;
	}
}
