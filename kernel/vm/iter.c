/* SPDX-License-Identifier: BSD-2-Clause */
#include "iter.h"

#include <lib/compiler.h>
#include <lib/string.h>
#include <vm/usercopy.h>

void iter_init_segments(struct iter *it, bool user, const struct iter_segment *seg, size_t segs)
{
	*it = (struct iter){.user = user, .seg = seg, .segs = segs};
	for (size_t i = 0; i < segs; i++)
		it->left += seg[i].len;
}

static void init_one(struct iter *it, bool user, uint64_t base, size_t n)
{
	*it = (struct iter){.user = user, .segs = 1, .left = n, .one = {base, n}};
	it->seg = &it->one;
}

void iter_init_kernel(struct iter *it, void *buf, size_t n)
{
	init_one(it, false, (uintptr_t)buf, n);
}

void iter_init_user(struct iter *it, uaddr_t buf, size_t n)
{
	init_one(it, true, buf, n);
}

void iter_advance(struct iter *it, size_t n)
{
	n = min(n, it->left);
	it->left -= n;
	it->offset += n;
	while (it->segs && it->offset >= it->seg->len) {
		it->offset -= it->seg->len;
		if (it->segs == 1 && !it->offset)
			break; /* stays on the end of the last one */
		it->seg++;
		it->segs--;
	}
}

enum direction { TO, FROM, ZERO };

static size_t piece(const struct iter *it, enum direction d, void *kernel, uint64_t at, size_t n)
{
	if (it->user) {
		if (d == TO)
			return n - copy_to_user_partial(at, kernel, n);
		if (d == FROM)
			return n - copy_from_user_partial(kernel, at, n);
		return clear_user(at, n) ? 0 : n;
	}
	if (d == TO)
		memcpy((void *)at, kernel, n);
	else if (d == FROM)
		memcpy(kernel, (void *)at, n);
	else
		memset((void *)at, 0, n);
	return n;
}

static size_t copy(struct iter *it, enum direction d, void *kernel, size_t n)
{
	size_t done = 0;

	n = min(n, it->left);
	while (done < n) {
		size_t part = min(n - done, (size_t)(it->seg->len - it->offset)), got;

		if (!part) {
			iter_advance(it, 0);
			continue;
		}
		got = piece(it, d, kernel ? (char *)kernel + done : NULL,
			    it->seg->base + it->offset, part);
		iter_advance(it, got);
		done += got;
		if (got < part)
			break;
	}
	return done;
}

size_t iter_copy_to(struct iter *it, const void *from, size_t n)
{
	return copy(it, TO, (void *)from, n);
}

size_t iter_copy_from(struct iter *it, void *to, size_t n)
{
	return copy(it, FROM, to, n);
}

size_t iter_zero(struct iter *it, size_t n)
{
	return copy(it, ZERO, NULL, n);
}
