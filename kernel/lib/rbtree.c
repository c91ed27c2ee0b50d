/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black trees, after the textbook of Cormen, Leiserson, Rivest and Stein.
 *
 * A binary search tree in which (1) the root is black, (2) a red node has only black children,
 * and (3) every path from a node down to a missing child passes the same number of black nodes;
 * so no path is more than twice as long as another. Missing children are NULL and count as black.
 * The textbook's sentinel node is left out, because one sentinel for all trees is shared mutable
 * state and one for each tree costs its memory; the price is that the removal carries the parent
 * of a child that may be missing.
 *
 * Insertion links a red leaf, which may break (2); rb_insert_fixup moves the fault up. Removal of
 * a black node breaks (3) at the place it leaves, where the child is "one black short";
 * erase_fixup moves the shortage up until a red node absorbs it. The mirror-image cases share one
 * body through `side`: child(node, 0) is the left, child(node, 1) the right one.
 *
 * AVL trees are a little flatter but rotate more on removal, which run queues and timers do all
 * the time; skip lists need randomness and memory.
 */
#include <lib/rbtree.h>

#define BLACK ((uintptr_t)1)

static inline bool is_black(const struct rb_node *node)
{
	return !node || (node->parent_and_colour & BLACK);
}

static inline void set_black(struct rb_node *node)
{
	node->parent_and_colour |= BLACK;
}

static inline void set_red(struct rb_node *node)
{
	node->parent_and_colour &= ~BLACK;
}

static inline void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_and_colour = (uintptr_t)parent | (node->parent_and_colour & BLACK);
}

static inline void copy_colour(struct rb_node *to, const struct rb_node *from)
{
	to->parent_and_colour =
		(to->parent_and_colour & ~BLACK) | (from->parent_and_colour & BLACK);
}

static inline struct rb_node **child(struct rb_node *node, bool side)
{
	return side ? &node->right : &node->left;
}

/* Puts `new` (may be NULL) into the place that `old` has under `parent`. */
static void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old,
			  struct rb_node *new)
{
	if (!parent)
		root->node = new;
	else
		*child(parent, parent->right == old) = new;
	if (new)
		set_parent(new, parent);
}

/* The child on the other side rises, and `node` becomes its child on `side`. */
static void rotate(struct rb_root *root, struct rb_node *node, bool side)
{
	struct rb_node *riser = *child(node, !side);
	struct rb_node *moved = *child(riser, side);

	replace_child(root, rb_parent(node), node, riser);
	*child(node, !side) = moved;
	if (moved)
		set_parent(moved, node);
	*child(riser, side) = node;
	set_parent(node, riser);
}

void rb_insert_fixup(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent;

	while ((parent = rb_parent(node)) && !is_black(parent)) {
		/* A red parent is not the root, so there is a grandparent, and it is black. */
		struct rb_node *grand = rb_parent(parent);
		bool side = grand->right == parent;
		struct rb_node *uncle = *child(grand, !side);

		if (!is_black(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			node = grand;
			continue;
		}
		if (*child(parent, !side) == node) {
			rotate(root, parent, side);
			parent = node;
		}
		set_black(parent);
		set_red(grand);
		rotate(root, grand, !side);
		break;
	}
	set_black(root->node);
}

/* The subtree `node` (may be NULL) under `parent` is one black short. */
static void erase_fixup(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
	while (parent && is_black(node)) {
		bool side = parent->right == node;
		/* Never missing: its subtree has at least the one black more than ours. */
		struct rb_node *sibling = *child(parent, !side);

		if (!is_black(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate(root, parent, side);
			sibling = *child(parent, !side);
		}
		if (is_black(sibling->left) && is_black(sibling->right)) {
			set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (is_black(*child(sibling, !side))) {
			set_black(*child(sibling, side));
			set_red(sibling);
			rotate(root, sibling, !side);
			sibling = *child(parent, !side);
		}
		copy_colour(sibling, parent);
		set_black(parent);
		set_black(*child(sibling, !side));
		rotate(root, parent, side);
		return;
	}
	if (node)
		set_black(node);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent, *orphan;
	bool lost_black;

	if (node->left && node->right) {
		/* The next node in order has no left child; it moves into the place of `node`. */
		struct rb_node *heir = node->right;

		while (heir->left)
			heir = heir->left;
		orphan = heir->right;
		lost_black = is_black(heir);
		parent = rb_parent(heir);
		if (parent == node) {
			parent = heir;
		} else {
			replace_child(root, parent, heir, orphan);
			heir->right = node->right;
			set_parent(heir->right, heir);
		}
		heir->left = node->left;
		set_parent(heir->left, heir);
		replace_child(root, rb_parent(node), node, heir);
		copy_colour(heir, node);
	} else {
		orphan = node->left ? node->left : node->right;
		lost_black = is_black(node);
		parent = rb_parent(node);
		replace_child(root, parent, node, orphan);
	}
	if (lost_black)
		erase_fixup(root, orphan, parent);
	node->parent_and_colour = 0;
	node->left = NULL;
	node->right = NULL;
}

static struct rb_node *extreme(struct rb_node *node, bool side)
{
	if (node)
		while (*child(node, side))
			node = *child(node, side);
	return node;
}

static struct rb_node *neighbour(const struct rb_node *from, bool side)
{
	struct rb_node *node = (struct rb_node *)(uintptr_t)from;
	struct rb_node *parent;

	if (*child(node, side))
		return extreme(*child(node, side), !side);
	while ((parent = rb_parent(node)) && *child(parent, side) == node)
		node = parent;
	return parent;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return extreme(root->node, false);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return extreme(root->node, true);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, true);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, false);
}
