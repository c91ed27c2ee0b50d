/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes of one inode in memory: a tree by name. The owner of the tree locks. */
#include "xattr.h"

#include <lib/errno.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <linux/xattr.h>
#include <mem/slab.h>

struct xattr {
	struct rb_node node;
	char *name; /* behind the value, in the same block */
	size_t size;
	char value[];
};

static struct xattr *find(const struct rb_root *store, const char *name)
{
	struct rb_node *n = store->node;

	while (n) {
		struct xattr *x = rb_entry(n, struct xattr, node);
		int c = strcmp(name, x->name);

		if (c == 0)
			return x;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void insert(struct rb_root *store, struct xattr *x)
{
	struct rb_node **link = &store->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = strcmp(x->name, rb_entry(parent, struct xattr, node)->name) < 0
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&x->node, parent, link);
	rb_insert_fixup(&x->node, store);
}

static size_t space(size_t name_len, size_t size)
{
	return sizeof(struct xattr) + name_len + 1 + size;
}

ssize_t xattr_store_get(const struct rb_root *store, const char *name, void *buf, size_t size)
{
	struct xattr *x = find(store, name);

	if (!x)
		return -ENODATA;
	if (!size)
		return (ssize_t)x->size;
	if (x->size > size)
		return -ERANGE;
	memcpy(buf, x->value, x->size);
	return (ssize_t)x->size;
}

ssize_t xattr_store_list(const struct rb_root *store, char *buf, size_t size, bool trusted)
{
	struct rb_node *n;
	size_t used = 0;

	rb_for_each(n, store) {
		struct xattr *x = rb_entry(n, struct xattr, node);
		size_t len = strlen(x->name) + 1;

		if (!trusted && str_starts(x->name, XATTR_TRUSTED_PREFIX))
			continue;
		if (size) {
			if (len > size - used)
				return -ERANGE;
			memcpy(buf + used, x->name, len);
		}
		used += len;
	}
	return (ssize_t)used;
}

int64_t xattr_store_growth(const struct rb_root *store, const char *name, const void *value,
			   size_t size)
{
	struct xattr *old = find(store, name);
	int64_t growth = value ? (int64_t)space(strlen(name), size) : 0;

	return old ? growth - (int64_t)space(strlen(name), old->size) : growth;
}

static struct xattr *create(const char *name, const void *value, size_t size)
{
	size_t len = strlen(name);
	struct xattr *x = kmalloc(space(len, size));

	if (!x)
		return NULL;
	x->size = size;
	x->name = x->value + size;
	memcpy(x->value, value, size);
	memcpy(x->name, name, len + 1);
	return x;
}

int xattr_store_set(struct rb_root *store, const char *name, const void *value, size_t size,
		    unsigned flags)
{
	struct xattr *old = find(store, name), *fresh = NULL;

	if (old && flags & XATTR_CREATE)
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE || !value))
		return -ENODATA;
	if (value) {
		fresh = create(name, value, size);
		if (!fresh)
			return -ENOMEM;
	}
	if (old) {
		rb_erase(&old->node, store);
		kfree(old);
	}
	if (fresh)
		insert(store, fresh);
	return 0;
}

void xattr_store_clear(struct rb_root *store)
{
	struct rb_node *n;

	while ((n = rb_first(store)) != NULL) {
		rb_erase(n, store);
		kfree(rb_entry(n, struct xattr, node));
	}
}
