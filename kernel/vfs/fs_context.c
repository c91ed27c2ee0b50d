/* SPDX-License-Identifier: BSD-2-Clause */
/* Root, working directory and umask of a process. */
#include "fs_context.h"

#include "mount.h"
#include <base/ktest.h>
#include <base/percpu.h>
#include <mem/slab.h>
#include <sched/thread.h>

static struct fs_context *context_alloc(struct path root, struct path cwd, uint32_t umask)
{
	struct fs_context *fs = kzalloc(sizeof(*fs));

	if (!fs) {
		path_put(root);
		path_put(cwd);
		return NULL;
	}
	fs->users = 1;
	fs->refs = 1;
	fs->umask = umask;
	spin_init(&fs->lock, LOCK_FS_CONTEXT);
	fs->root = root;
	fs->cwd = cwd;
	return fs;
}

struct fs_context *fs_context_create(void)
{
	return context_alloc(mount_root_path(), mount_root_path(), 022);
}

struct fs_context *fs_context_clone(struct fs_context *from)
{
	return context_alloc(fs_context_root(from), fs_context_cwd(from),
			     __atomic_load_n(&from->umask, __ATOMIC_RELAXED));
}

struct fs_context *fs_context_join(struct fs_context *fs)
{
	__atomic_fetch_add(&fs->users, 1, __ATOMIC_RELAXED);
	return fs;
}

void fs_context_leave(struct fs_context *fs)
{
	if (fs && __atomic_sub_fetch(&fs->users, 1, __ATOMIC_ACQ_REL) == 0)
		fs_context_put(fs);
}

bool fs_context_try_get(struct fs_context *fs)
{
	uint32_t refs = __atomic_load_n(&fs->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&fs->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs || __atomic_sub_fetch(&fs->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	path_put(fs->root);
	path_put(fs->cwd);
	kfree_deferred(fs, epoch);
}

static struct path context_read(struct fs_context *fs, const struct path *which)
{
	struct path p;

	if (!fs)
		return mount_root_path();
	spin_lock(&fs->lock);
	p = path_get(*which);
	spin_unlock(&fs->lock);
	return p;
}

static void context_write(struct fs_context *fs, struct path *which, struct path p)
{
	struct path old;

	mount_used(p.mount);
	spin_lock(&fs->lock);
	__atomic_store_n(&fs->seq, fs->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	old = *which;
	__atomic_store_n(&which->mount, p.mount, __ATOMIC_RELAXED);
	ktest_window();
	__atomic_store_n(&which->dentry, p.dentry, __ATOMIC_RELAXED);
	__atomic_store_n(&fs->seq, fs->seq + 1, __ATOMIC_RELEASE);
	spin_unlock(&fs->lock);
	path_put(old);
}

/* Ends, because a writer holds a spinlock: it is about to be done. */
static struct path context_peek(const struct fs_context *fs, const struct path *which)
{
	struct path p;
	uint32_t seq;

	for (;;) {
		seq = __atomic_load_n(&fs->seq, __ATOMIC_ACQUIRE);
		p.mount = __atomic_load_n(&which->mount, __ATOMIC_RELAXED);
		p.dentry = __atomic_load_n(&which->dentry, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&fs->seq, __ATOMIC_RELAXED) == seq)
			return p;
		cpu_relax();
	}
}

struct path fs_context_peek_root(const struct fs_context *fs)
{
	return context_peek(fs, &fs->root);
}

struct path fs_context_peek_cwd(const struct fs_context *fs)
{
	return context_peek(fs, &fs->cwd);
}

struct path fs_context_root(struct fs_context *fs)
{
	return context_read(fs, fs ? &fs->root : NULL);
}

struct path fs_context_cwd(struct fs_context *fs)
{
	return context_read(fs, fs ? &fs->cwd : NULL);
}

void fs_context_set_root(struct fs_context *fs, struct path p)
{
	context_write(fs, &fs->root, p);
}

void fs_context_set_cwd(struct fs_context *fs, struct path p)
{
	context_write(fs, &fs->cwd, p);
}

struct fs_context *fs_context_current(void)
{
	return current()->fs;
}
