/* SPDX-License-Identifier: MIT */
/* Formatted text: <banos/format.h>. */
#include <banos/format.h>

#define NUMBER_ROOM 72 /* 64 digits of base 2 would fit, and a prefix */

/* Where text goes: what does not fit is only counted. */
struct sink {
	char *buf;
	uint64_t size, length;
};

struct conversion {
	uint8_t left, zero, plus, space, alternate;
	uint8_t has_precision;
	uint8_t size; /* bytes of the argument */
	char kind;
	uint32_t width, precision;
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_many(struct sink *s, char c, uint32_t n)
{
	while (n--)
		put(s, c);
}

/* Text of n bytes in its field. */
static void put_field(struct sink *s, const struct conversion *c, const char *text, uint32_t n)
{
	uint32_t pad = c->width > n ? c->width - n : 0;

	if (!c->left)
		put_many(s, ' ', pad);
	for (uint32_t i = 0; i < n; i++)
		put(s, text[i]);
	if (c->left)
		put_many(s, ' ', pad);
}

static void put_text(struct sink *s, const struct conversion *c, const char *text)
{
	uint32_t n = 0;

	if (!text)
		text = "(null)";
	while ((!c->has_precision || n < c->precision) && text[n])
		n++;
	put_field(s, c, text, n);
}

/* The digits of a number, backwards from the end of the room; returns the first. */
static char *digits_of(uint64_t value, unsigned base, int upper, char *end)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	while (value) {
		*--end = digits[value % base];
		value /= base;
	}
	return end;
}

static void put_number(struct sink *s, const struct conversion *c, uint64_t value, int negative)
{
	unsigned base = c->kind == 'o' ? 8 : c->kind == 'x' || c->kind == 'X' ? 16 : 10;
	char room[NUMBER_ROOM], prefix[3];
	char *first = digits_of(value, base, c->kind == 'X', room + sizeof(room));
	uint32_t count = (uint32_t)(room + sizeof(room) - first), prefixes = 0, zeroes = 0, pad;

	if (negative)
		prefix[prefixes++] = '-';
	else if (c->kind == 'd' && (c->plus || c->space))
		prefix[prefixes++] = c->plus ? '+' : ' ';
	if (c->alternate && base == 16 && value) {
		prefix[prefixes++] = '0';
		prefix[prefixes++] = c->kind;
	}
	if (!c->has_precision && count == 0)
		zeroes = 1;
	if (c->has_precision && c->precision > count)
		zeroes = c->precision - count;
	if (c->alternate && base == 8 && zeroes == 0)
		zeroes = 1;
	pad = c->width > prefixes + zeroes + count ? c->width - (prefixes + zeroes + count) : 0;
	if (c->zero && !c->left && !c->has_precision) {
		zeroes += pad;
		pad = 0;
	}
	if (!c->left)
		put_many(s, ' ', pad);
	for (uint32_t i = 0; i < prefixes; i++)
		put(s, prefix[i]);
	put_many(s, '0', zeroes);
	for (uint32_t i = 0; i < count; i++)
		put(s, first[i]);
	if (c->left)
		put_many(s, ' ', pad);
}

/* A number in the text of the format; what is absurdly large is cut. */
static uint32_t parse_number(const char **at)
{
	uint32_t n = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		n = n < 100000 ? n * 10 + (uint32_t)(**at - '0') : n;
	return n;
}

static const char *parse_size(const char *at, struct conversion *c)
{
	c->size = 4;
	switch (*at) {
	case 'h':
		c->size = at[1] == 'h' ? 1 : 2;
		return at + (c->size == 1 ? 2 : 1);
	case 'l':
		c->size = 8;
		return at + (at[1] == 'l' ? 2 : 1);
	case 'z':
	case 'j':
	case 't':
		c->size = 8;
		return at + 1;
	default:
		return at;
	}
}

static const char *parse_flags(const char *at, struct conversion *c)
{
	for (;; at++) {
		if (*at == '-')
			c->left = 1;
		else if (*at == '0')
			c->zero = 1;
		else if (*at == '+')
			c->plus = 1;
		else if (*at == ' ')
			c->space = 1;
		else if (*at == '#')
			c->alternate = 1;
		else
			return at;
	}
}

/* The value cut to the size that the format says, with its sign. */
static int64_t signed_value(int64_t value, unsigned size)
{
	return size == 8   ? value
	       : size == 4 ? (int32_t)value
	       : size == 2 ? (int16_t)value
			   : (int8_t)value;
}

static uint64_t unsigned_value(uint64_t value, unsigned size)
{
	return size == 8 ? value : value & ((1ull << (8 * size)) - 1);
}

struct arguments {
	va_list list;
};

/* Write one conversion; 0 if we do not know it. */
static int convert(struct sink *s, struct conversion *c, struct arguments *a)
{
	int64_t value;
	char one;

	switch (c->kind) {
	case 'd':
		value = c->size == 8 ? va_arg(a->list, int64_t) : va_arg(a->list, int);
		value = signed_value(value, c->size);
		put_number(s, c, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
		return 1;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		value = c->size == 8 ? va_arg(a->list, int64_t) : va_arg(a->list, int);
		put_number(s, c, unsigned_value((uint64_t)value, c->size), 0);
		return 1;
	case 'p':
		c->kind = 'x';
		c->alternate = 1;
		put_number(s, c, (uintptr_t)va_arg(a->list, void *), 0);
		return 1;
	case 'c':
		one = (char)va_arg(a->list, int);
		put_field(s, c, &one, 1);
		return 1;
	case 's':
		put_text(s, c, va_arg(a->list, const char *));
		return 1;
	default:
		return 0;
	}
}

/* What follows a %; returns where the format goes on. */
static const char *format_one(struct sink *s, const char *at, struct arguments *a)
{
	struct conversion c = {0};
	const char *start = at;
	int n;

	at = parse_flags(at, &c);
	if (*at == '*') {
		n = va_arg(a->list, int);
		c.left |= n < 0;
		c.width = n < 0 ? 0 - (uint32_t)n : (uint32_t)n;
		at++;
	} else {
		c.width = parse_number(&at);
	}
	if (*at == '.') {
		at++;
		c.has_precision = 1;
		if (*at == '*') {
			n = va_arg(a->list, int);
			c.has_precision = n >= 0;
			c.precision = n < 0 ? 0 : (uint32_t)n;
			at++;
		} else {
			c.precision = parse_number(&at);
		}
	}
	at = parse_size(at, &c);
	c.kind = *at == 'i' ? 'd' : *at;
	if (*at && convert(s, &c, a))
		return at + 1;
	put(s, '%');
	return *start == '%' ? start + 1 : start;
}

uint64_t banos_format_v(char *buf, uint64_t size, const char *format, va_list arguments)
{
	struct sink s = {buf, size, 0};
	struct arguments a;

	va_copy(a.list, arguments);
	while (*format)
		if (*format == '%')
			format = format_one(&s, format + 1, &a);
		else
			put(&s, *format++);
	va_end(a.list);
	if (size)
		buf[s.length < size ? s.length : size - 1] = '\0';
	return s.length;
}

uint64_t banos_format(char *buf, uint64_t size, const char *format, ...)
{
	va_list arguments;
	uint64_t n;

	va_start(arguments, format);
	n = banos_format_v(buf, size, format, arguments);
	va_end(arguments);
	return n;
}
