/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges to be flushed, against a plain table of pages: what was added stays covered, and nothing
 * is said of another space.
 */
#include "test.h"

#include <lib/flush_ranges.h>

#define PAGES  64
#define SPACES 3 /* the first is the kernel's */

static const void *space_of(unsigned i)
{
	static char spaces[SPACES];

	return i ? &spaces[i] : NULL;
}

static bool covered(const struct flush_ranges *f, unsigned space, uint64_t page)
{
	if (space ? f->all_user : f->all_kernel)
		return true;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct flush_range *r = &f->ranges[i];

		if (r->space == space_of(space) && r->start <= page && page < r->end)
			return true;
	}
	return false;
}

static unsigned count_missing(const struct flush_ranges *f, bool wanted[SPACES][PAGES])
{
	unsigned missing = 0;

	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned p = 0; p < PAGES; p++)
			missing += wanted[s][p] && !covered(f, s, p);
	return missing;
}

static void keeps_what_was_added(void)
{
	unsigned missing = 0, overflows = 0;

	for (unsigned round = 0; round < 2000; round++) {
		bool wanted[SPACES][PAGES] = {0};
		struct flush_ranges f, copy;

		flush_ranges_init(&f);
		for (unsigned n = 0; n < 20; n++) {
			unsigned space = (unsigned)(test_random() % SPACES);
			uint64_t start = test_random() % PAGES;
			uint64_t end = start + 1 + test_random() % (PAGES - start) % 4;

			end = end > PAGES ? PAGES : end;
			flush_ranges_add(&f, space_of(space), start, end);
			for (uint64_t p = start; p < end; p++)
				wanted[space][p] = true;
			missing += count_missing(&f, wanted);
			CHECK(f.count <= FLUSH_RANGES);
		}
		flush_ranges_copy(&copy, &f);
		missing += count_missing(&copy, wanted);
		overflows += f.all_user + f.all_kernel;
	}
	CHECK_EQ(missing, 0);
	CHECK(overflows > 0);
}

static void merges_what_touches(void)
{
	struct flush_ranges f;

	flush_ranges_init(&f);
	flush_ranges_add(&f, space_of(1), 10, 12);
	flush_ranges_add(&f, space_of(1), 20, 22);
	flush_ranges_add(&f, space_of(2), 12, 20);
	CHECK_EQ(f.count, 3);
	flush_ranges_add(&f, space_of(1), 12, 20);
	CHECK_EQ(f.count, 2);
	for (unsigned n = 0; n < 100; n++)
		flush_ranges_add(&f, space_of(1), 11, 13);
	CHECK_EQ(f.count, 2);
	CHECK(!f.all_user && !f.all_kernel);
	CHECK(!covered(&f, 1, 22) && !covered(&f, 2, 11) && !covered(&f, 0, 12));
}

static void gives_up_one_kind_only(void)
{
	struct flush_ranges f;

	flush_ranges_init(&f);
	flush_ranges_add(&f, NULL, 5, 6);
	for (unsigned n = 0; n < 2 * FLUSH_RANGES; n++)
		flush_ranges_add(&f, space_of(1), 10 * n, 10 * n + 1);
	CHECK(f.all_user);
	CHECK(!f.all_kernel);
	CHECK(covered(&f, 0, 5) && !covered(&f, 0, 6));
	CHECK_EQ(f.count, 1);
}

int main(void)
{
	RUN(keeps_what_was_added);
	RUN(merges_what_touches);
	RUN(gives_up_one_kind_only);
	return test_finish();
}
