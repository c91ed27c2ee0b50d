/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few ranges of addresses, each of some space, whose translations a processor is to drop. What is
 * added stays covered: ranges that touch become one, and when there is no room for another the
 * ranges of programs, or those of the kernel (space NULL), give way to "everything".
 */
#ifndef LIB_FLUSH_RANGES_H
#define LIB_FLUSH_RANGES_H

#include <lib/compiler.h>

#define FLUSH_RANGES 8

struct flush_range {
	const void *space; /* NULL: of the kernel */
	uint64_t start, end;
};

struct flush_ranges {
	uint32_t count;
	bool all_user, all_kernel; /* then there are no ranges of that kind */
	struct flush_range ranges[FLUSH_RANGES];
};

void flush_ranges_init(struct flush_ranges *f);
/* start < end */
void flush_ranges_add(struct flush_ranges *f, const void *space, uint64_t start, uint64_t end);
/* Copy what there is, and no more. */
void flush_ranges_copy(struct flush_ranges *to, const struct flush_ranges *from);

#endif
