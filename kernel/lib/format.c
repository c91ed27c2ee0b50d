/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core of all printing: the kernel log, /proc and panic messages go through format_v.
 *
 * It works in the caller's buffer alone (no state, no allocation, about 200 bytes of stack), so it
 * is safe in a panic, in an NMI and before memory exists. A conversion is first parsed into a
 * `struct spec` and then printed; numbers are made back to front in a small array. Kernel types
 * get no letters of their own (as Linux's %pX): they would make low code know high code, and the
 * compiler could not check them.
 */
#include <lib/format.h>
#include <lib/errno.h>
#include <lib/string.h>

/* The text so far; `length` goes on counting when the buffer is full. */
struct out {
	char *buf;
	size_t size;
	size_t length;
};

struct spec {
	bool left;	/* - */
	bool zero;	/* 0 */
	bool plus;	/* + */
	bool space;	/* ' ' */
	bool alternate; /* # */
	int width;
	int precision;	 /* -1: none given */
	size_t arg_size; /* of the integer argument; smaller ones are passed as int */
};

/* 64 bits in octal, a sign or 0x, to spare. */
#define DIGITS_MAX 24

static void put(struct out *o, char c)
{
	if (o->length + 1 < o->size)
		o->buf[o->length] = c;
	o->length++;
}

static void put_run(struct out *o, char c, int count)
{
	while (count-- > 0)
		put(o, c);
}

static void put_padded(struct out *o, const struct spec *spec, const char *s, size_t length)
{
	/* A string longer than any int has no padding. */
	int pad = length < (size_t)spec->width ? spec->width - (int)length : 0;

	if (!spec->left)
		put_run(o, ' ', pad);
	while (length--)
		put(o, *s++);
	if (spec->left)
		put_run(o, ' ', pad);
}

static void put_string(struct out *o, const struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	put_padded(o, spec, s,
		   spec->precision < 0 ? strlen(s) : strnlen(s, (size_t)spec->precision));
}

/* `prefix` is the sign or 0x: it stands before zeros and behind spaces. */
static void put_number(struct out *o, const struct spec *spec, uint64_t value, unsigned base,
		       const char *prefix, const char *digit_set)
{
	char digits[DIGITS_MAX];
	int count = 0, prefix_length = (int)strlen(prefix), zeros, pad;

	/* As in C: the value 0 with the precision 0 has no digit. */
	for (uint64_t v = value; v || (!count && spec->precision); v /= base) {
		digits[count++] = digit_set[v % base];
		if (v < base)
			break;
	}
	zeros = spec->precision > count ? spec->precision - count : 0;
	if (spec->alternate && base == 8 && !zeros && !(count && digits[count - 1] == '0'))
		zeros = 1;
	if (spec->zero && !spec->left && spec->precision < 0 &&
	    spec->width > prefix_length + count + zeros)
		zeros = spec->width - prefix_length - count;
	/* In 64 bits, because precision and width may both be as large as int allows. */
	int64_t room = (int64_t)spec->width - prefix_length - zeros - count;

	pad = room > 0 ? (int)room : 0;
	if (!spec->left)
		put_run(o, ' ', pad);
	while (*prefix)
		put(o, *prefix++);
	put_run(o, '0', zeros);
	while (count)
		put(o, digits[--count]);
	if (spec->left)
		put_run(o, ' ', pad);
}

static void put_signed(struct out *o, const struct spec *spec, int64_t value)
{
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

	put_number(o, spec, magnitude, 10, sign, "0123456789");
}

static void put_unsigned(struct out *o, const struct spec *spec, uint64_t value, char conversion)
{
	const char *prefix = "";
	unsigned base = 10;

	if (conversion == 'o')
		base = 8;
	if (conversion == 'x' || conversion == 'X') {
		base = 16;
		if (spec->alternate && value)
			prefix = conversion == 'x' ? "0x" : "0X";
	}
	put_number(o, spec, value, base, prefix,
		   conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
}

static void put_pointer(struct out *o, struct spec *spec, const void *p)
{
	if (spec->precision < 0)
		spec->precision = 16;
	put_number(o, spec, (uintptr_t)p, 16, "0x", "0123456789abcdef");
}

static const char *parse_flags(const char *p, struct spec *spec)
{
	for (;; p++) {
		if (*p == '-')
			spec->left = true;
		else if (*p == '0')
			spec->zero = true;
		else if (*p == '+')
			spec->plus = true;
		else if (*p == ' ')
			spec->space = true;
		else if (*p == '#')
			spec->alternate = true;
		else
			return p;
	}
}

/* Digits as an int; one that is too large stops at a bound that no buffer reaches. */
static const char *parse_digits(const char *p, int *value)
{
	int v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		v = v < 100000000 ? v * 10 + (*p - '0') : v;
	*value = v;
	return p;
}

static const char *parse_length(const char *p, struct spec *spec)
{
	switch (*p) {
	case 'h':
		if (p[1] == 'h') {
			spec->arg_size = sizeof(char);
			return p + 2;
		}
		spec->arg_size = sizeof(short);
		return p + 1;
	case 'l':
		spec->arg_size = sizeof(long);
		return p[1] == 'l' ? p + 2 : p + 1;
	case 'z':
	case 'j':
	case 't':
		spec->arg_size = sizeof(long);
		return p + 1;
	default:
		spec->arg_size = sizeof(int);
		return p;
	}
}

/* long, long long, size_t, intmax_t and ptrdiff_t are one size here. */
BUILD_ASSERT(sizeof(long) == 8 && sizeof(long long) == 8 && sizeof(size_t) == 8, "LP64");

static uint64_t extend(uint64_t value, size_t arg_size, bool is_signed)
{
	unsigned unused = 64 - 8 * (unsigned)arg_size;

	value <<= unused;
	return is_signed ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}

/* va_list is an array type, so a struct is what lets functions share and advance one. */
struct args {
	va_list ap;
};

static const char *parse_width(const char *p, struct spec *spec, struct args *args)
{
	if (*p != '*')
		return parse_digits(p, &spec->width);
	spec->width = va_arg(args->ap, int);
	if (spec->width < 0) {
		spec->left = true;
		/* -INT_MIN does not exist. */
		spec->width = spec->width == INT32_MIN ? INT32_MAX : -spec->width;
	}
	return p + 1;
}

static const char *parse_precision(const char *p, struct spec *spec, struct args *args)
{
	if (*p != '.')
		return p;
	if (p[1] != '*')
		return parse_digits(p + 1, &spec->precision);
	spec->precision = va_arg(args->ap, int);
	if (spec->precision < 0)
		spec->precision = -1;
	return p + 2;
}

static uint64_t integer_arg(const struct spec *spec, struct args *args, bool is_signed)
{
	uint64_t value = spec->arg_size == sizeof(long) ? va_arg(args->ap, unsigned long)
							: va_arg(args->ap, unsigned);

	return extend(value, spec->arg_size, is_signed);
}

/* One conversion; `start` is its '%'. Returns: what follows it. */
static const char *convert(struct out *o, const char *start, struct args *args)
{
	struct spec spec = {.precision = -1};
	const char *p = parse_flags(start + 1, &spec);
	char c;

	p = parse_width(p, &spec, args);
	p = parse_precision(p, &spec, args);
	p = parse_length(p, &spec);
	switch (*p) {
	case 'd':
	case 'i':
		put_signed(o, &spec, (int64_t)integer_arg(&spec, args, true));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(o, &spec, integer_arg(&spec, args, false), *p);
		break;
	case 'c':
		c = (char)va_arg(args->ap, int);
		put_padded(o, &spec, &c, 1);
		break;
	case 's':
		put_string(o, &spec, va_arg(args->ap, const char *));
		break;
	case 'p':
		put_pointer(o, &spec, va_arg(args->ap, const void *));
		break;
	case '%':
		put(o, '%');
		break;
	default:
		/* A bug of the caller; show it rather than guess how large its argument is. */
		while (start < p)
			put(o, *start++);
		return p;
	}
	return p + 1;
}

int format_v(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {.buf = buf, .size = size};
	struct args args;

	va_copy(args.ap, ap);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&o, fmt, &args);
		else
			put(&o, *fmt++);
	}
	va_end(args.ap);
	if (size)
		buf[o.length < size ? o.length : size - 1] = '\0';
	return (int)min(o.length, (size_t)INT32_MAX);
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = format_v(buf, size, fmt, ap);
	va_end(ap);
	return length;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

int parse_u64(const char *s, unsigned base, uint64_t *out)
{
	bool hex_prefix = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	uint64_t value = 0;
	bool overflow = false;

	if (base == 0)
		base = hex_prefix ? 16 : s[0] == '0' ? 8 : 10;
	if (base == 16 && hex_prefix)
		s += 2;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit = digit_value(*s);

		if (digit >= base)
			return -EINVAL;
		overflow |= mul_overflow(value, base, &value);
		overflow |= add_overflow(value, digit, &value);
	}
	if (overflow)
		return -ERANGE;
	*out = value;
	return 0;
}
