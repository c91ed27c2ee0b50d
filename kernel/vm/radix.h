/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A radix tree from 64-bit indices to pointers, 64 ways. Readers need no lock, only epoch_enter():
 * nodes are freed after a grace period. Writers hold the owner's lock.
 */
#ifndef VM_RADIX_H
#define VM_RADIX_H

#include <base/types.h>

struct radix_node;
struct radix {
	struct radix_node *root; /* [a] */
	unsigned height; /* of root: 0 for an empty tree; also kept in the node for readers */
};

void *radix_find(const struct radix *t, uint64_t index);
/* 0, or -ENOMEM. An item that is there is replaced, which cannot fail. */
int radix_insert(struct radix *t, uint64_t index, void *item);
/* The item that was there, or NULL. */
void *radix_remove(struct radix *t, uint64_t index);
/* The first item at an index >= *index; sets *index. NULL at the end. */
void *radix_next(const struct radix *t, uint64_t *index);

#endif
