/* SPDX-License-Identifier: BSD-2-Clause */
/* x86-64 machine code, as far as to find the next instruction and what kind this one is. */
#ifndef CHECK_DECODE_H
#define CHECK_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct instruction {
	unsigned length;
	unsigned map;	/* 0: one byte; 1: 0f; 2: 0f 38; 3: 0f 3a */
	uint8_t opcode; /* the last byte of it */
	uint8_t modrm;	/* valid if has_modrm */
	bool has_modrm;
	bool segment;	 /* a prefix fs or gs */
	bool vector;	 /* x87, MMX, SSE, AVX */
	bool base_stack; /* a memory operand relative to %rsp, */
	int32_t offset;	 /* with this displacement */
};

/* The instruction at `code`, of which `size` bytes are there; false if it is none that we know. */
bool decode(const uint8_t *code, size_t size, struct instruction *out);

#endif
