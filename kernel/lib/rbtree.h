/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive red-black tree. The caller owns the order: it descends by itself, links the new node
 * at the leaf it found, and calls rb_insert_fixup. So no comparison function is called through a
 * pointer, and the search can use whatever key it likes.
 *
 *	struct rb_node **link = &root->node, *parent = NULL;
 *	while (*link) {
 *		parent = *link;
 *		link = key < rb_entry(parent, struct thing, node)->key ? &parent->left
 *								       : &parent->right;
 *	}
 *	rb_link(&thing->node, parent, link);
 *	rb_insert_fixup(&thing->node, root);
 *
 * Insertion, removal, first and last take O(log n); a whole walk O(n). Nothing allocates, and
 * nothing is locked.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include <lib/compiler.h>

struct rb_node {
	uintptr_t parent_and_colour; /* bit 0: 1 = black; 0 for a node that is in no tree */
	struct rb_node *left;
	struct rb_node *right;
};

struct rb_root {
	struct rb_node *node;
};

/* clang-format off */
#define RB_ROOT_INIT {NULL}
/* clang-format on */

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_and_colour & ~(uintptr_t)1);
}

static inline bool rb_empty(const struct rb_root *root)
{
	return !root->node;
}

/* Hangs `node` as a red leaf at `link`, a NULL child pointer of `parent` (or the root's). */
static inline void rb_link(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->parent_and_colour = (uintptr_t)parent;
	node->left = NULL;
	node->right = NULL;
	*link = node;
}

/* Restores the balance after rb_link. */
void rb_insert_fixup(struct rb_node *node, struct rb_root *root);

/* Takes `node`, which must be in this tree, out of it. The other nodes do not move in memory. */
void rb_erase(struct rb_node *node, struct rb_root *root);

/* Smallest, largest, and neighbours in order. Returns: NULL when there is none. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#define rb_for_each(pos, root) for (pos = rb_first(root); pos; pos = rb_next(pos))

#endif
