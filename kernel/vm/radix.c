/* SPDX-License-Identifier: BSD-2-Clause */
#include "radix.h"

#include <lib/compiler.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/epoch.h>

#define BITS 6
#define WAYS (1 << BITS)

struct radix_node {
	unsigned level;		   /* [I] 1: slots hold items */
	unsigned used;		   /* [owner's lock] slots that are not empty */
	struct radix_node *parent; /* [owner's lock] */
	struct epoch_head epoch;
	void *slots[WAYS]; /* [a] */
};

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> (BITS * (level - 1)) & (WAYS - 1);
}

/* Can a tree of this height hold the index? 11 levels cover 64 bits. */
static bool covers(unsigned level, uint64_t index)
{
	return level * BITS >= 64 || !(index >> (level * BITS));
}

void *radix_find(const struct radix *t, uint64_t index)
{
	const struct radix_node *n = __atomic_load_n(&t->root, __ATOMIC_ACQUIRE);

	if (!n || !covers(n->level, index))
		return NULL;
	while (n && n->level > 1)
		n = __atomic_load_n(&n->slots[slot_of(index, n->level)], __ATOMIC_ACQUIRE);
	return n ? __atomic_load_n(&n->slots[slot_of(index, 1)], __ATOMIC_ACQUIRE) : NULL;
}

static struct radix_node *node_new(unsigned level, struct radix_node *parent)
{
	struct radix_node *n = kzalloc(sizeof(*n));

	if (n) {
		n->level = level;
		n->parent = parent;
	}
	return n;
}

static void set(struct radix_node *n, unsigned i, void *v)
{
	n->used += !!v - !!n->slots[i];
	__atomic_store_n(&n->slots[i], v, __ATOMIC_RELEASE);
}

/* Remove nodes that have become empty, from n upwards. */
static void prune(struct radix *t, struct radix_node *n, uint64_t index)
{
	while (n && !n->used) {
		struct radix_node *parent = n->parent;

		if (parent)
			set(parent, slot_of(index, parent->level), NULL);
		else
			__atomic_store_n(&t->root, NULL, __ATOMIC_RELEASE);
		kfree_deferred(n, epoch);
		n = parent;
	}
	t->height = t->root ? t->root->level : 0;
}

int radix_insert(struct radix *t, uint64_t index, void *item)
{
	struct radix_node *n = t->root, *fresh;

	if (!n) {
		unsigned level = 1;

		while (!covers(level, index))
			level++;
		n = node_new(level, NULL);
		if (!n)
			return -ENOMEM;
		__atomic_store_n(&t->root, n, __ATOMIC_RELEASE);
	}
	while (!covers(t->root->level, index)) {
		fresh = node_new(t->root->level + 1, NULL);
		if (!fresh)
			return -ENOMEM;
		set(fresh, 0, t->root);
		t->root->parent = fresh;
		__atomic_store_n(&t->root, fresh, __ATOMIC_RELEASE);
	}
	t->height = t->root->level;
	for (n = t->root; n->level > 1;) {
		unsigned i = slot_of(index, n->level);

		if (!n->slots[i]) {
			fresh = node_new(n->level - 1, n);
			if (!fresh) {
				prune(t, n, index);
				return -ENOMEM;
			}
			set(n, i, fresh);
		}
		n = n->slots[i];
	}
	set(n, slot_of(index, 1), item);
	return 0;
}

void *radix_remove(struct radix *t, uint64_t index)
{
	struct radix_node *n = t->root;
	void *item;

	if (!n || !covers(n->level, index))
		return NULL;
	while (n && n->level > 1)
		n = n->slots[slot_of(index, n->level)];
	if (!n)
		return NULL;
	item = n->slots[slot_of(index, 1)];
	if (item) {
		set(n, slot_of(index, 1), NULL);
		prune(t, n, index);
	}
	return item;
}

/* Depth first from n; *index is where to start and, on success, where it was found. */
static void *next_in(const struct radix_node *n, uint64_t *index)
{
	unsigned shift = BITS * (n->level - 1);

	for (unsigned i = slot_of(*index, n->level); i < WAYS; i++) {
		uint64_t after = ((*index >> shift) + 1) << shift; /* start of the next slot */
		void *v = __atomic_load_n(&n->slots[i], __ATOMIC_ACQUIRE);

		if (v && n->level > 1)
			v = next_in(v, index);
		if (v)
			return v;
		if (!after)
			return NULL; /* past the last index there is */
		*index = after;
	}
	return NULL;
}

void *radix_next(const struct radix *t, uint64_t *index)
{
	const struct radix_node *n = __atomic_load_n(&t->root, __ATOMIC_ACQUIRE);

	return n && covers(n->level, *index) ? next_in(n, index) : NULL;
}
