/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The length of an x86-64 instruction is told by its prefixes, its opcode and its ModRM byte; what
 * it does matters only for a few. Tables say for each opcode what follows it, as the manuals of
 * Intel and AMD have it. An opcode that is not in them ends the reading of a function, so nothing
 * is said about bytes that were not understood.
 */
#include "decode.h"
#include <string.h>

/* What follows an opcode. */
#define M   1	 /* ModRM */
#define B   2	 /* an immediate byte */
#define W   4	 /* two bytes */
#define Z   8	 /* four bytes, two with the operand-size prefix */
#define D   0x10 /* four bytes */
#define V   0x20 /* vector or floating point registers */
#define O   0x40 /* an address of eight bytes */
#define BAD 0x80

/* Eight opcodes of one row that are alike. */
#define ROW8(x) x, x, x, x, x, x, x, x

#define ARITHMETIC M, M, M, M, B, Z, BAD, BAD

static const uint8_t one_byte[256] = {
	/* 00 */ ARITHMETIC,
	ARITHMETIC,
	ARITHMETIC,
	ARITHMETIC,
	/* 20 */ ARITHMETIC,
	ARITHMETIC,
	ARITHMETIC,
	ARITHMETIC,
	/* 40 */ ROW8(BAD),
	ROW8(BAD),
	ROW8(0),
	ROW8(0),
	/* 60 */ BAD,
	BAD,
	BAD,
	M,
	BAD,
	BAD,
	BAD,
	BAD,
	Z,
	M | Z,
	B,
	M | B,
	0,
	0,
	0,
	0,
	/* 70 */ ROW8(B),
	ROW8(B),
	/* 80 */ M | B,
	M | Z,
	BAD,
	M | B,
	M,
	M,
	M,
	M,
	ROW8(M),
	/* 90 */ ROW8(0),
	0,
	0,
	BAD,
	V,
	0,
	0,
	0,
	0,
	/* a0 */ O,
	O,
	O,
	O,
	0,
	0,
	0,
	0,
	B,
	Z,
	0,
	0,
	0,
	0,
	0,
	0,
	/* b0 */ ROW8(B),
	ROW8(Z),
	/* c0 */ M | B,
	M | B,
	W,
	0,
	BAD,
	BAD,
	M | B,
	M | Z,
	W | B,
	0,
	W,
	0,
	0,
	B,
	BAD,
	0,
	/* d0 */ M,
	M,
	M,
	M,
	BAD,
	BAD,
	BAD,
	0,
	ROW8(M | V),
	/* e0 */ ROW8(B),
	D,
	D,
	BAD,
	B,
	0,
	0,
	0,
	0,
	/* f0 */ BAD,
	0,
	BAD,
	BAD,
	0,
	0,
	M,
	M,
	0,
	0,
	0,
	0,
	0,
	0,
	M,
	M};

static const uint8_t two_byte[256] = {
	/* 00 */ M,
	M,
	M,
	M,
	BAD,
	0,
	0,
	0,
	0,
	0,
	BAD,
	0,
	BAD,
	M,
	V,
	M | B | V,
	/* 10 */ ROW8(M | V),
	ROW8(M),
	/* 20 */ M,
	M,
	M,
	M,
	BAD,
	BAD,
	BAD,
	BAD,
	ROW8(M | V),
	/* 30 */ 0,
	0,
	0,
	0,
	0,
	0,
	BAD,
	0,
	ROW8(BAD),
	/* 40 */ ROW8(M),
	ROW8(M),
	/* 50 */ ROW8(M | V),
	ROW8(M | V),
	/* 60 */ ROW8(M | V),
	ROW8(M | V),
	/* 70 */ M | B | V,
	M | B | V,
	M | B | V,
	M | B | V,
	M | V,
	M | V,
	M | V,
	V,
	ROW8(M | V),
	/* 80 */ ROW8(D),
	ROW8(D),
	/* 90 */ ROW8(M),
	ROW8(M),
	/* a0 */ 0,
	0,
	0,
	M,
	M | B,
	M,
	BAD,
	BAD,
	0,
	0,
	0,
	M,
	M | B,
	M,
	M,
	M,
	/* b0 */ ROW8(M),
	M,
	M,
	M | B,
	M,
	M,
	M,
	M,
	M,
	/* c0 */ M,
	M,
	M | B | V,
	M,
	M | B | V,
	M | B | V,
	M | B | V,
	M,
	ROW8(0),
	/* d0 */ ROW8(M | V),
	ROW8(M | V),
	/* e0 */ ROW8(M | V),
	ROW8(M | V),
	/* f0 */ ROW8(M | V),
	ROW8(M | V)};

struct reader {
	const uint8_t *at, *end;
	bool operand_size, rex_w, rex_b, address_size, repeat;
};

/* Skip n bytes; false if they are not there. */
static bool skip(struct reader *r, size_t n)
{
	if ((size_t)(r->end - r->at) < n)
		return false;
	r->at += n;
	return true;
}

static bool next(struct reader *r, uint8_t *out)
{
	if (r->at == r->end)
		return false;
	*out = *r->at++;
	return true;
}

static bool is_prefix(uint8_t byte)
{
	return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 ||
	       byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
	       byte == 0x65;
}

static bool read_prefixes(struct reader *r, struct instruction *out)
{
	while (r->at < r->end && is_prefix(*r->at)) {
		out->segment |= *r->at == 0x64 || *r->at == 0x65;
		r->operand_size |= *r->at == 0x66;
		r->address_size |= *r->at == 0x67;
		r->repeat |= *r->at == 0xf2 || *r->at == 0xf3;
		r->at++;
	}
	if (r->at < r->end && (*r->at & 0xf0) == 0x40) {
		r->rex_w = *r->at & 8;
		r->rex_b = *r->at & 1;
		r->at++;
	}
	return r->at < r->end;
}

/* Instructions with a VEX prefix that work on general registers. */
static bool is_general_vex(unsigned map, uint8_t opcode)
{
	return (map == 2 && (opcode == 0xf2 || opcode == 0xf3 || opcode >= 0xf5) &&
		opcode <= 0xf7) ||
	       (map == 3 && opcode == 0xf0);
}

/* VEX of two or three bytes, or EVEX, whose payload is `size` bytes. */
static bool read_vex(struct reader *r, struct instruction *out, unsigned size, uint8_t *follows)
{
	uint8_t payload = *r->at;

	if (!skip(r, size) || !next(r, &out->opcode))
		return false;
	out->map = size == 1 ? 1 : payload & (size == 2 ? 0x1f : 7);
	r->rex_b = size > 1 && !(payload & 0x20);
	if (out->map < 1 || out->map > 3)
		return false;
	out->vector = size == 3 || !is_general_vex(out->map, out->opcode);
	*follows = out->map == 3 ? M | B : out->map == 2 ? M : two_byte[out->opcode] & (M | B);
	return true;
}

/* The opcode; *follows: what comes after it. */
static bool read_opcode(struct reader *r, struct instruction *out, uint8_t *follows)
{
	if (!next(r, &out->opcode))
		return false;
	if (out->opcode == 0xc5 || out->opcode == 0xc4 || out->opcode == 0x62)
		return r->at < r->end && read_vex(r, out,
						  out->opcode == 0xc5	? 1
						  : out->opcode == 0xc4 ? 2
									: 3,
						  follows);
	if (out->opcode != 0x0f) {
		*follows = one_byte[out->opcode];
	} else {
		if (!next(r, &out->opcode))
			return false;
		out->map = 1;
		*follows = two_byte[out->opcode];
		if (out->opcode == 0x38 || out->opcode == 0x3a) {
			out->map = out->opcode == 0x38 ? 2 : 3;
			if (!next(r, &out->opcode))
				return false;
			*follows = out->map == 3 ? M | B | V : out->opcode >= 0xf0 ? M : M | V;
		}
	}
	out->vector = *follows & V;
	return !(*follows & BAD);
}

/* ModRM, SIB and displacement. */
static bool read_operand(struct reader *r, struct instruction *out)
{
	unsigned mod, rm, base, size;
	uint8_t sib = 0;

	if (!next(r, &out->modrm))
		return false;
	out->has_modrm = true;
	mod = out->modrm >> 6;
	base = rm = out->modrm & 7;
	if (mod == 3)
		return true;
	if (rm == 4) {
		if (!next(r, &sib))
			return false;
		base = sib & 7;
	}
	size = mod == 1 ? 1 : mod == 2 || (mod == 0 && base == 5) ? 4 : 0;
	if (!skip(r, size))
		return false;
	if (size == 1)
		out->offset = (int8_t)r->at[-1];
	else if (size == 4)
		memcpy(&out->offset, r->at - 4, 4);
	out->base_stack = rm == 4 && base == 4 && !r->rex_b;
	return true;
}

static size_t immediate_size(const struct reader *r, const struct instruction *i, uint8_t follows)
{
	bool test =
		i->map == 0 && (i->opcode == 0xf6 || i->opcode == 0xf7) && (i->modrm >> 3 & 7) < 2;
	size_t word = r->operand_size && !r->rex_w ? 2 : 4, size = 0;

	if (i->map == 0 && i->opcode >= 0xb8 && i->opcode <= 0xbf && r->rex_w)
		return 8;
	if (follows & O)
		size += r->address_size ? 4 : 8;
	if ((follows & B) || (test && i->opcode == 0xf6))
		size += 1;
	if (follows & W)
		size += 2;
	if ((follows & Z) || (test && i->opcode == 0xf7))
		size += word;
	if (follows & D)
		size += 4;
	return size;
}

bool decode(const uint8_t *code, size_t size, struct instruction *out)
{
	struct reader r = {.at = code, .end = code + (size < 15 ? size : 15)};
	uint8_t follows = 0;

	memset(out, 0, sizeof(*out));
	if (!read_prefixes(&r, out) || !read_opcode(&r, out, &follows))
		return false;
	if ((follows & M) && !read_operand(&r, out))
		return false;
	if (!skip(&r, immediate_size(&r, out, follows)))
		return false;
	/* Fences and the like share an opcode with what saves vector registers; popcnt is general.
	 */
	out->length = (unsigned)(r.at - code);
	return true;
}
