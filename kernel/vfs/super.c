/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Superblocks and filesystem types.
 *
 * A superblock is counted by its mounts and by its inodes. Its root entry is held by the
 * superblock while it is mounted somewhere (mount.c drops it with the last mount), which is what
 * keeps an unmounted filesystem from holding itself alive.
 */
#include "super.h"

#include "dentry.h"
#include "inode.h"
#include <arch/page.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

static struct spinlock types_lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static struct list types = LIST_INIT(types);

void fs_type_register(struct fs_type *type)
{
	spin_lock(&types_lock);
	list_add_tail(&type->link, &types);
	spin_unlock(&types_lock);
}

const struct fs_type *fs_type_find(const char *name)
{
	struct fs_type *type, *found = NULL;

	spin_lock(&types_lock);
	list_for_each_entry(type, &types, link) {
		if (strcmp(type->name, name) == 0) {
			found = type;
			break;
		}
	}
	spin_unlock(&types_lock);
	return found;
}

void fs_type_for_each(void (*fn)(const struct fs_type *type, void *ctx), void *ctx)
{
	struct list *at = __atomic_load_n(&types.next, __ATOMIC_ACQUIRE);

	/* Only ever appended to, so the chain may be followed without the lock. */
	for (; at != &types; at = __atomic_load_n(&at->next, __ATOMIC_ACQUIRE))
		fn(list_entry(at, struct fs_type, link), ctx);
}

struct super *super_create(const struct fs_type *type, const struct super_ops *ops, uint64_t magic)
{
	static uint32_t last_minor;
	struct super *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->type = type;
	s->ops = ops;
	s->magic = magic;
	s->max_file = INT64_MAX;
	s->dev = DEV_MAKE(0, __atomic_add_fetch(&last_minor, 1, __ATOMIC_RELAXED));
	mutex_init(&s->rename_lock, LOCK_RENAME);
	return s;
}

struct super *super_get(struct super *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void super_put(struct super *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (s->ops->destroy)
		s->ops->destroy(s);
	kfree_deferred(s, epoch);
}

int super_set_root(struct super *s, struct inode *root)
{
	s->root = dentry_create_root(root);
	return s->root ? 0 : -ENOMEM;
}

int super_statfs(struct super *s, struct fs_stat *out)
{
	*out = (struct fs_stat){
		.magic = s->magic,
		.block_size = PAGE_SIZE,
		.id = s->dev,
		.name_max = NAME_TEXT_MAX,
	};
	return s->ops->statfs ? s->ops->statfs(s, out) : 0;
}
