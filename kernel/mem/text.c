/* SPDX-License-Identifier: BSD-2-Clause */
/* The growing text buffer of base/stats.h; here because it needs memory. */
#include <base/stats.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>

static bool reserve(struct text *t, size_t more)
{
	size_t need, size;
	char *data;

	if (t->failed || add_overflow(t->len, more, &need) || add_overflow(need, (size_t)1, &need))
		return false;
	if (need <= t->size)
		return true;
	size = max(need, max(t->size * 2, (size_t)256));
	data = krealloc(t->data, size);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->size = size;
	return true;
}

void text_write(struct text *t, const char *s, size_t n)
{
	if (!reserve(t, n)) {
		t->failed = true;
		return;
	}
	memcpy(t->data + t->len, s, n);
	t->len += n;
	t->data[t->len] = '\0';
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = format_v(NULL, 0, fmt, ap);
	va_end(ap);
	if (!reserve(t, (size_t)n))
		return;
	va_start(ap, fmt);
	format_v(t->data + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

void text_free(struct text *t)
{
	kfree(t->data);
	*t = (struct text){0};
}
