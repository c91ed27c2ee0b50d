/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of mounts.
 *
 * A mount shows a directory tree of a superblock (its root entry) at a place in another mount.
 * The first mount has no parent. States:
 *
 *	created   (mount_create)  one reference, in no tree
 *	attached  (mount_attach)  in the table under (parent, mountpoint); the tree holds that
 *				  reference, and counts on parent and mountpoint
 *	dead      (mount_remove)  references went from 1 to 0 by compare and swap while attached, so
 *				  nobody can be using it; or
 *	detached  (lazy)	  out of the table, alive until the last user puts it
 *	freed			  after a grace period
 *
 * Path walks find mounts in the table under epoch, without a lock, taking a reference unless the
 * count is 0; a name that has something mounted on it carries DENTRY_MOUNTED, so all others pay
 * one flag test. Changes are serialised by mount_tree_lock (MOUNT); inside it the mountpoint's
 * inode lock is taken, which keeps rmdir away.
 *
 * Walks that count nothing (walk_quick.c) read the tree under epoch too, and compare `shape`, a
 * sequence count that is odd while the tree changes. A change that takes several steps (move,
 * pivot_root) is one to them: they see the tree before it or after it, or count.
 *
 * Rejected: per-process mount namespaces now. All processes see one tree; a namespace later is
 * a first mount of its own, and the table, keyed by (mount, entry), is ready for it.
 */
#include "mount_internal.h"

#include "dentry.h"
#include "file.h"
#include "fs_context.h"
#include "inode.h"
#include "pipe.h"
#include "super.h"
#include <base/ktest.h>
#include <base/panic.h>
#include <block/block.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <vm/space.h>

#define BUCKETS 256

static struct mount *table[BUCKETS];	      /* [mount_tree_lock; readers under epoch] */
struct list mount_all = LIST_INIT(mount_all); /* [mount_tree_lock] attached mounts, by age */
struct mount *mount_first;		      /* [I] after vfs_init */
struct mutex mount_tree_lock;		      /* MOUNT */
static uint32_t last_id;		      /* [a] */
static uint32_t shape;			      /* [a] written under mount_tree_lock; odd: changing */
static unsigned changing;		      /* [mount_tree_lock] nesting of mount_change_begin */

/* --- references --------------------------------------------------------------------------- */

struct mount *mount_get(struct mount *m)
{
	__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
	return m;
}

bool mount_try_get(struct mount *m)
{
	uint32_t refs = __atomic_load_n(&m->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&m->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

/* No mount shows it: without its root it goes when the last open file does. */
static void super_unmounted(struct super *s)
{
	if (s->flags & SUPER_PERSISTENT)
		return;
	dentry_prune(s);
	if (s->ops->sync)
		s->ops->sync(s, true);
	dentry_put(s->root);
	s->root = NULL;
}

static void mount_free(struct mount *m)
{
	struct super *s = m->super;

	dentry_put(m->root);
	if (__atomic_sub_fetch(&s->mounts, 1, __ATOMIC_ACQ_REL) == 0)
		super_unmounted(s);
	super_put(s);
	kfree(m->source);
	kfree_deferred(m, epoch);
}

void mount_put(struct mount *m)
{
	if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) == 0)
		mount_free(m);
}

struct mount *mount_create(struct super *s, struct dentry *root, const char *source, unsigned flags)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m)
		return NULL;
	m->source = kstrdup(source);
	if (!m->source) {
		kfree(m);
		return NULL;
	}
	m->refs = 1;
	m->flags = flags;
	m->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	m->super = super_get(s);
	__atomic_fetch_add(&s->mounts, 1, __ATOMIC_RELAXED);
	m->root = dentry_get(root);
	list_init(&m->link);
	return m;
}

struct mount *mount_create_detached(struct super *s, const char *source)
{
	struct mount *m = mount_create(s, s->root, source, 0);

	if (!m)
		super_unmounted(s);
	super_put(s);
	return m;
}

struct path mount_root_path(void)
{
	struct path p = {.mount = mount_get(mount_first), .dentry = dentry_get(mount_first->root)};

	/* What was mounted over the very first root is the root. */
	mount_cross_down(&p);
	return p;
}

/* --- the table ---------------------------------------------------------------------------- */

static struct mount **bucket_of(const struct mount *parent, const struct dentry *at)
{
	return &table[hash_u64((uintptr_t)parent ^ (uintptr_t)at << 1) % BUCKETS];
}

static struct mount *table_find(const struct mount *parent, const struct dentry *at)
{
	struct mount *m = __atomic_load_n(bucket_of(parent, at), __ATOMIC_ACQUIRE);

	for (; m; m = __atomic_load_n(&m->next, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&m->parent, __ATOMIC_RELAXED) == parent &&
		    __atomic_load_n(&m->mountpoint, __ATOMIC_RELAXED) == at)
			return m;
	}
	return NULL;
}

void mount_cross_down(struct path *p)
{
	while (__atomic_load_n(&p->dentry->flags, __ATOMIC_ACQUIRE) & DENTRY_MOUNTED) {
		struct mount *m;

		epoch_enter();
		m = table_find(p->mount, p->dentry);
		if (m && !mount_try_get(m))
			m = NULL; /* being unmounted */
		epoch_exit();
		if (!m)
			return;
		path_put(*p);
		*p = (struct path){.mount = m, .dentry = dentry_get(m->root)};
	}
}

bool mount_cross_up(struct path *p)
{
	struct path up;
	bool ok;

	epoch_enter();
	up.mount = __atomic_load_n(&p->mount->parent, __ATOMIC_ACQUIRE);
	ok = up.mount && mount_try_get(up.mount);
	if (ok) {
		up.dentry = __atomic_load_n(&p->mount->mountpoint, __ATOMIC_ACQUIRE);
		ok = dentry_try_get(up.dentry);
		if (!ok)
			up.dentry = NULL;
	} else {
		up = (struct path){NULL, NULL};
	}
	epoch_exit();
	if (!ok) {
		path_put(up);
		return false;
	}
	path_put(*p);
	*p = up;
	return true;
}

/* --- without references ------------------------------------------------------------------- */

struct path mount_peek_root(void)
{
	struct path p = {.mount = mount_first, .dentry = mount_first->root};

	mount_peek_down(&p);
	return p;
}

void mount_peek_down(struct path *p)
{
	while (__atomic_load_n(&p->dentry->flags, __ATOMIC_ACQUIRE) & DENTRY_MOUNTED) {
		struct mount *m = table_find(p->mount, p->dentry);

		if (!m)
			return;
		*p = (struct path){.mount = m, .dentry = m->root};
	}
}

bool mount_peek_up(struct path *p)
{
	struct mount *up = __atomic_load_n(&p->mount->parent, __ATOMIC_ACQUIRE);

	if (!up)
		return false;
	p->dentry = __atomic_load_n(&p->mount->mountpoint, __ATOMIC_ACQUIRE);
	p->mount = up;
	return true;
}

bool mount_shape_read(uint32_t *s)
{
	*s = __atomic_load_n(&shape, __ATOMIC_ACQUIRE);
	return !(*s & 1);
}

bool mount_shape_same(uint32_t s)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&shape, __ATOMIC_RELAXED) == s;
}

void mount_change_begin(void)
{
	if (changing++)
		return;
	__atomic_store_n(&shape, shape + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void mount_change_end(void)
{
	if (--changing == 0)
		__atomic_store_n(&shape, shape + 1, __ATOMIC_RELEASE);
}

/* --- shape: mount_tree_lock held ----------------------------------------------------------------
 */

void mount_table_add(struct mount *m, struct path where)
{
	struct mount **b = bucket_of(where.mount, where.dentry);

	mount_change_begin();
	__atomic_store_n(&m->mountpoint, dentry_get(where.dentry), __ATOMIC_RELEASE);
	ktest_window();
	__atomic_store_n(&m->parent, mount_get(where.mount), __ATOMIC_RELEASE);
	where.mount->children++;
	__atomic_fetch_or(&where.dentry->flags, DENTRY_MOUNTED, __ATOMIC_RELEASE);
	m->next = *b;
	__atomic_store_n(b, m, __ATOMIC_RELEASE);
	list_add_tail(&m->link, &mount_all);
	mount_change_end();
}

static void mountpoint_forget(struct dentry *at)
{
	struct mount *m;

	list_for_each_entry(m, &mount_all, link) {
		if (m->mountpoint == at)
			return;
	}
	__atomic_fetch_and(&at->flags, ~(uint32_t)DENTRY_MOUNTED, __ATOMIC_RELEASE);
}

struct path mount_table_remove(struct mount *m)
{
	struct path where = {.mount = m->parent, .dentry = m->mountpoint};
	struct mount **at = bucket_of(where.mount, where.dentry);

	mount_change_begin();
	while (*at != m)
		at = &(*at)->next;
	__atomic_store_n(at, m->next, __ATOMIC_RELEASE);
	__atomic_store_n(&m->parent, NULL, __ATOMIC_RELEASE);
	list_del(&m->link);
	where.mount->children--;
	mountpoint_forget(where.dentry);
	mount_change_end();
	return where;
}

bool mount_is_attached(const struct mount *m)
{
	return m->parent || m == mount_first;
}

int mount_attach(struct mount *m, struct path *where)
{
	struct inode *inode = path_inode(*where);
	int r = 0;

	mount_cross_down(where);
	inode = path_inode(*where);
	if (inode_is_dir(inode) != inode_is_dir(m->root->inode))
		return -ENOTDIR;
	if (!mount_is_attached(where->mount))
		return -EINVAL;
	if (where->mount->super == m->super && where->dentry == m->root)
		return -EBUSY; /* the same thing on itself */
	rwlock_write_lock(&inode->lock);
	if ((inode->flags & INODE_DEAD) || dentry_is_dropped(where->dentry))
		r = -ENOENT;
	else
		mount_table_add(m, *where);
	rwlock_write_unlock(&inode->lock);
	return r;
}

/* --- operations --------------------------------------------------------------------------- */

int mount_new(const char *type_name, const char *source, const char *options, unsigned flags,
	      struct path where)
{
	const struct fs_type *type = fs_type_find(type_name);
	struct super *s;
	struct mount *m;
	int r;

	if (!type)
		return -ENODEV;
	r = type->mount(type, source, options, &s);
	if (r)
		return r;
	m = mount_create(s, s->root, source, flags);
	if (!m)
		super_unmounted(s);
	super_put(s);
	if (!m)
		return -ENOMEM;
	path_get(where);
	mutex_lock(&mount_tree_lock);
	r = mount_attach(m, &where);
	mutex_unlock(&mount_tree_lock);
	path_put(where);
	if (r)
		mount_put(m);
	return r;
}

int mount_remount(struct path where, unsigned flags, const char *options)
{
	struct mount *m = where.mount;
	int r = 0;

	if (where.dentry != m->root)
		return -EINVAL;
	mutex_lock(&mount_tree_lock);
	if (options && *options)
		r = m->super->ops->remount ? m->super->ops->remount(m->super, options) : -EINVAL;
	if (!r)
		__atomic_store_n(&m->flags, flags, __ATOMIC_RELAXED);
	mutex_unlock(&mount_tree_lock);
	return r;
}

/* Takes m out of the tree; the tree's reference (or 0 of them, not lazily) goes to the caller. */
static int detach(struct mount *m, enum mount_removal how, struct path *was)
{
	uint32_t expected = 2; /* the tree's and the caller's */

	if (!m->parent)
		return -EINVAL; /* the root of everything, or no longer attached */
	if (how == MOUNT_EXPIRE) {
		if (m->children || __atomic_load_n(&m->refs, __ATOMIC_ACQUIRE) != expected)
			return -EBUSY;
		if (!__atomic_exchange_n(&m->expiring, 1, __ATOMIC_ACQ_REL))
			return -EAGAIN;
	}
	if (how == MOUNT_LAZY) {
		*was = mount_table_remove(m);
		return 0;
	}
	if (m->children)
		return -EBUSY;
	if (!__atomic_compare_exchange_n(&m->refs, &expected, 0, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return -EBUSY;
	*was = mount_table_remove(m);
	return 0;
}

/* Mounts below a lazily detached one go with it. mount_tree_lock held; places are put by the
 * caller. */
static struct mount *first_child(const struct mount *parent)
{
	struct mount *m;

	list_for_each_entry(m, &mount_all, link) {
		if (m->parent == parent)
			return m;
	}
	return NULL;
}

static void detach_below(struct mount *top)
{
	struct mount *m = top, *child;

	/* Deepest first, without recursion: descend, detach the leaf, start again. */
	while (top->children) {
		struct path was;

		m = top;
		while ((child = first_child(m)))
			m = child;
		was = mount_table_remove(m);
		mount_put(m);
		path_put(was);
	}
}

int mount_remove(struct path where, enum mount_removal how)
{
	bool lazy = how == MOUNT_LAZY;
	struct mount *m = where.mount;
	struct path was = {NULL, NULL};
	int r = -EINVAL;

	if (where.dentry != m->root) {
		path_put(where);
		return r;
	}
	/* What counts as busy must not include the caller's own hold on the root. */
	dentry_put(where.dentry);
	mutex_lock(&mount_tree_lock);
	mount_change_begin();
	if (lazy && m->parent)
		detach_below(m);
	r = detach(m, how, &was);
	mount_change_end();
	mutex_unlock(&mount_tree_lock);
	if (r) {
		mount_put(m);
		return r;
	}
	path_put(was);
	if (lazy) {
		mount_put(m);
		mount_put(m);
	} else {
		mount_free(m);
	}
	return 0;
}

/* --- the list ----------------------------------------------------------------------------- */

void mount_for_each(void (*fn)(struct mount *m, void *ctx), void *ctx)
{
	struct mount *m;

	mutex_lock(&mount_tree_lock);
	fn(mount_first, ctx);
	list_for_each_entry(m, &mount_all, link)
		fn(m, ctx);
	mutex_unlock(&mount_tree_lock);
}

bool mount_is_first(const struct mount *m)
{
	return m == mount_first;
}

void vfs_sync(void)
{
	struct mount *m;

	mutex_lock(&mount_tree_lock);
	list_for_each_entry(m, &mount_all, link) {
		if (m->super->ops->sync)
			m->super->ops->sync(m->super, true);
	}
	mutex_unlock(&mount_tree_lock);
	block_sync_all();
}

/* --- boot --------------------------------------------------------------------------------- */

static void mapped_file_get(void *f)
{
	file_get(f);
}

static void mapped_file_put(void *f)
{
	file_put(f);
}

static void mapped_file_map(void *file)
{
	struct file *f = file_get(file);

	if (f->ops->mapped)
		f->ops->mapped(f);
}

static void mapped_file_unmap(void *file)
{
	struct file *f = file;

	if (f->ops->unmapped)
		f->ops->unmapped(f);
	file_put(f);
}

static const struct vm_file_ops mapped_file_ops = {
	.get = mapped_file_get,
	.put = mapped_file_put,
	.map = mapped_file_map,
	.unmap = mapped_file_unmap,
};

int vfs_init(void)
{
	const struct fs_type *type = fs_type_find("tmpfs");
	struct super *s;
	int r;

	if (!type)
		return -ENODEV;
	vm_file_ops = &mapped_file_ops;
	mutex_init(&mount_tree_lock, LOCK_MOUNT);
	r = dentry_cache_init();
	if (r)
		return r;
	/*
	 * More than the half that is usual, because what the initramfs holds should fit; not all,
	 * or a program that fills the disk takes the memory of all the others.
	 */
	r = type->mount(type, "rootfs", "mode=755,size=80%,nr_inodes=0", &s);
	if (r)
		return r;
	mount_first = mount_create(s, s->root, "rootfs", 0);
	super_put(s);
	return mount_first ? pipe_init() : -ENOMEM;
}
