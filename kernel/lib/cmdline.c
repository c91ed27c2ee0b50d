/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/cmdline.h>
#include <lib/string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next character of the word at *p, without its quotes. Returns: NUL at the word's end. */
static char word_char(const char **p, bool *quoted)
{
	while (**p == '"') {
		*quoted = !*quoted;
		(*p)++;
	}
	if (!**p || (!*quoted && is_space(**p)))
		return '\0';
	return *(*p)++;
}

/* Moves *p over one word. Returns: whether it is the key's, with its value in `buf`. */
static bool match_word(const char **p, const char *key, char *buf, size_t size)
{
	bool quoted = false, matched;
	size_t used = 0;
	char c;

	while ((c = word_char(p, &quoted)) && c == *key)
		key++;
	matched = !*key && (!c || c == '=');
	while (c) {
		c = word_char(p, &quoted);
		if (matched && c && used + 1 < size)
			buf[used++] = c;
	}
	if (matched && size)
		buf[used] = '\0';
	return matched;
}

bool cmdline_get(const char *line, const char *key, char *buf, size_t size)
{
	bool found = false;

	while (*line) {
		if (is_space(*line))
			line++;
		else
			found |= match_word(&line, key, buf, size);
	}
	return found;
}
