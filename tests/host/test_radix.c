/* SPDX-License-Identifier: BSD-2-Clause */
/* The radix tree of VM objects, against a plain table. HOST-LINK: kernel/vm/radix.c */
#include "test.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <vm/radix.h>

/* What the tree asks of the kernel. */
static unsigned nodes;
static int fail_after = -1; /* allocations that still succeed; -1: all */

void *kzalloc(size_t size)
{
	if (fail_after == 0)
		return NULL;
	fail_after -= fail_after > 0;
	nodes++;
	return calloc(1, size);
}

void epoch_kfree(struct epoch_head *head, size_t offset)
{
	nodes--;
	free((char *)head - offset);
}

#define ITEMS 600
static uint64_t keys[ITEMS];
static bool present[ITEMS];
static int values[ITEMS];

static uint64_t noise(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static bool taken(uint64_t key, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i] == key)
			return true;
	return false;
}

/* Dense ones, ones at the edges of nodes of every size, the last ones there are, and any. */
static void choose_keys(void)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		uint64_t key = i;

		if (i >= 150 && i < 300)
			key = (1ull << (i % 60 + 4)) + i / 60;
		else if (i >= 300 && i < 310)
			key = UINT64_MAX - (i - 300);
		else if (i >= 310)
			key = noise() >> (i % 56);
		while (taken(key, i))
			key = noise();
		keys[i] = key;
	}
}

/* The smallest key >= from that is present, by looking at all. */
static int lowest(uint64_t from)
{
	int best = -1;

	for (int i = 0; i < ITEMS; i++)
		if (present[i] && keys[i] >= from && (best < 0 || keys[i] < keys[best]))
			best = i;
	return best;
}

static void check_next(struct radix *t, uint64_t from)
{
	uint64_t at = from;
	int *item = radix_next(t, &at), best = lowest(from);

	CHECK_EQ(item != NULL, best >= 0);
	if (item && best >= 0) {
		CHECK(item == &values[best]);
		CHECK(at == keys[best]);
	}
}

static void check_walk(struct radix *t)
{
	unsigned count = 0, expected = 0;
	uint64_t at = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		expected += present[i];
	while (radix_next(t, &at)) {
		count++;
		if (!++at)
			break;
	}
	CHECK_EQ(count, expected);
}

static void against_a_table(void)
{
	struct radix t = {0};

	choose_keys();
	for (unsigned round = 0; round < 30000; round++) {
		unsigned i = noise() % ITEMS;

		CHECK(radix_find(&t, keys[i]) == (present[i] ? &values[i] : NULL));
		if (present[i]) {
			CHECK(radix_remove(&t, keys[i]) == &values[i]);
			CHECK(radix_remove(&t, keys[i]) == NULL);
		} else {
			CHECK_EQ(radix_insert(&t, keys[i], &values[i]), 0);
		}
		present[i] = !present[i];
		if (round % 16 == 0) {
			check_next(&t, keys[noise() % ITEMS] + round % 3 - 1);
			check_next(&t, noise() >> (round % 64));
		}
		if (round % 1000 == 0)
			check_walk(&t);
	}
	for (unsigned i = 0; i < ITEMS; i++)
		if (present[i])
			CHECK(radix_remove(&t, keys[i]) == &values[i]);
	memset(present, 0, sizeof(present));
	CHECK_EQ(nodes, 0);
	CHECK(t.root == NULL);
}

static void neighbours_in_other_nodes(void)
{
	struct radix t = {0};
	uint64_t at = 1;

	CHECK_EQ(radix_insert(&t, 0, &values[0]), 0);
	CHECK_EQ(radix_insert(&t, 64, &values[1]), 0);
	CHECK_EQ(radix_insert(&t, 4096, &values[2]), 0);
	CHECK(radix_next(&t, &at) == &values[1]);
	CHECK_EQ(at, 64);
	at = 65;
	CHECK(radix_next(&t, &at) == &values[2]);
	CHECK_EQ(at, 4096);
	at = 4097;
	CHECK(radix_next(&t, &at) == NULL);
	at = UINT64_MAX;
	CHECK(radix_next(&t, &at) == NULL);
	radix_remove(&t, 0);
	radix_remove(&t, 64);
	radix_remove(&t, 4096);
	CHECK_EQ(nodes, 0);
}

/* Memory that runs out at any point: nothing changes, nothing is lost. */
static void without_memory(void)
{
	static const uint64_t indices[] = {5, 70, 5000, 1ull << 40, UINT64_MAX};

	for (int limit = 0; limit < 30; limit++) {
		struct radix t = {0};
		bool in[5];

		fail_after = limit;
		for (unsigned i = 0; i < 5; i++) {
			int r = radix_insert(&t, indices[i], &values[i]);

			CHECK(r == 0 || r == -ENOMEM);
			in[i] = r == 0;
		}
		fail_after = -1;
		for (unsigned i = 0; i < 5; i++) {
			CHECK(radix_find(&t, indices[i]) == (in[i] ? &values[i] : NULL));
			if (!in[i])
				CHECK_EQ(radix_insert(&t, indices[i], &values[i]), 0);
		}
		for (unsigned i = 0; i < 5; i++)
			CHECK(radix_remove(&t, indices[i]) == &values[i]);
		CHECK_EQ(nodes, 0);
	}
}

int main(void)
{
	RUN(neighbours_in_other_nodes);
	RUN(against_a_table);
	RUN(without_memory);
	return test_finish();
}
