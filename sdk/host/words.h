/* SPDX-License-Identifier: BSD-2-Clause */
/* A script in words. Its grammar: banos-host(1). */
#ifndef HOST_WORDS_H
#define HOST_WORDS_H

#include <base/types.h>

#define WORDS_MAX 64

struct word {
	char *text; /* its bytes, and a terminator */
	size_t length;
	bool quoted; /* it is what it says, whatever it looks like */
};

/* A command. */
struct words {
	struct word word[WORDS_MAX];
	unsigned count;
	unsigned wanted; /* index of the first word behind "->"; count if there is none */
};

/*
 * Read the next command from *at on, which ends with a line or a semicolon; *at goes behind it. An
 * empty one has no words. false, with a message in *why: it is malformed.
 */
bool words_read(const char **at, struct words *out, const char **why);
void words_free(struct words *w);
/* Without the first `n`: the words stay the original's. */
struct words words_tail(const struct words *w, unsigned n);
/* As it could have been written. The text is the caller's. */
char *words_show(const struct words *w);

/* Decimal, or hexadecimal after 0x. */
bool word_number(const struct word *w, uint64_t *out);
/* A number with ns, us, ms or s behind it. */
bool word_time(const struct word *w, uint64_t *ns);
/* The name of an errno: its negative number. */
bool word_errno(const struct word *w, int64_t *out);
static inline bool word_is(const struct word *w, const char *text)
{
	return !w->quoted && __builtin_strcmp(w->text, text) == 0;
}

/*
 * Bytes: "text", x:0a0b, u8:N u16:N u32:N u64:N (least significant byte first), zero:N,
 * noise:KEY:N; any other word is text. The bytes are the caller's. false: malformed. typed: not
 * just text without quotes.
 */
bool word_bytes(const struct word *w, uint8_t **bytes, size_t *size, bool *typed);
/* Bytes that look like chance, the same for the same key. */
void words_noise(uint64_t key, uint8_t *bytes, size_t size);
/* Bytes for people: a quoted text, or x:.... The text is the caller's. */
char *bytes_show(const uint8_t *bytes, size_t size);

#endif
