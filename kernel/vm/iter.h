/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cursor over the memory of one request: a list of pieces of the program's memory or of the
 * kernel's. What reads and writes pass down instead of pointers.
 */
#ifndef VM_ITER_H
#define VM_ITER_H

#include <base/types.h>

struct iter_segment {
	uint64_t base; /* user address, or kernel pointer */
	uint64_t len;
};

struct iter {
	bool user;			/* segments are addresses of the current program */
	const struct iter_segment *seg; /* current segment */
	size_t segs;			/* segments left, the current one included */
	size_t offset;			/* within the current segment */
	size_t left;			/* bytes left in all */
	unsigned flags;			/* ITER_*: how this one request is to be done */
	struct iter_segment one;	/* storage of the single-segment forms */
};

/* For files, which obey what they can: -EAGAIN instead of waiting; write at the end. */
#define ITER_NOWAIT 1
#define ITER_APPEND 2

void iter_init_kernel(struct iter *it, void *buf, size_t n);
void iter_init_user(struct iter *it, uaddr_t buf, size_t n);
/* segs must stay valid; the sum of lengths must not exceed INT64_MAX (checked by the importer). */
void iter_init_segments(struct iter *it, bool user, const struct iter_segment *seg, size_t segs);

/* Bytes left to go. */
static inline size_t iter_left(const struct iter *it)
{
	return it->left;
}

/*
 * Copy up to n bytes and advance; return how many were copied: less than min(n, left) only when
 * user memory faulted. Context: process.
 */
size_t iter_copy_to(struct iter *it, const void *from, size_t n);
size_t iter_copy_from(struct iter *it, void *to, size_t n);
size_t iter_zero(struct iter *it, size_t n);
void iter_advance(struct iter *it, size_t n);

#endif
