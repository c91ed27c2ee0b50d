/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes in memory: references, times, link counts, attributes, and who may write to a program
 * that runs.
 *
 * Life: a filesystem allocates the memory (usually inside a structure of its own), inode_init()
 * gives it one reference; names in the cache, open files and the filesystem's own directory
 * entries hold further ones. The last inode_put() calls super->ops->evict, which releases the
 * contents; the memory itself goes after a grace period, because path walks look at inodes of
 * cached names without taking a reference.
 *
 * Locks: inode->lock (a sleeping rwlock) protects contents, and the names of a directory. The
 * stat fields marked [attr] are written under attr_lock, a spinlock held for a few stores, with
 * attr_seq odd meanwhile (inode_attr_lock). So stat(2) gets one consistent picture without writing
 * to the inode, by reading again when the count has moved, and never waits for a long write. Size
 * and blocks are single words and read without a lock.
 *
 * Rejected: getter functions per field (every filesystem pays, every reader needs a lock), and
 * one lock for both purposes (stat would wait for a writer whose source page is on a slow disk).
 */
#include "inode.h"

#include "blockdev.h"
#include "chardev.h"
#include "filelock.h"
#include "notify.h"
#include "pipe.h"
#include "seal.h"
#include "super.h"
#include <arch/page.h>
#include <base/cred.h>
#include <base/ktest.h>
#include <base/panic.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <sched/clock.h>
#include <sched/thread.h>

#define LINKS_PER_INODE_MAX 0x7fffffff

/* relatime renews an access time at least once a day. */
#define RELATIME_SECONDS (24 * 60 * 60)

struct file_time file_time_now(void)
{
	nsec_t now = clock_wall_ns();

	return (struct file_time){.sec = (int64_t)(now / NSEC_PER_SEC),
				  .nsec = (uint32_t)(now % NSEC_PER_SEC)};
}

void inode_init(struct inode *inode, struct super *s, unsigned mode)
{
	memset(inode, 0, sizeof(*inode));
	inode->refs = 1;
	inode->mode = mode;
	inode->nlink = 1;
	inode->super = super_get(s);
	inode->dev = s->dev;
	inode->block_size = PAGE_SIZE;
	inode->btime = file_time_now();
	inode->atime = inode->mtime = inode->ctime = inode->btime;
	rwlock_init(&inode->lock, LOCK_INODE);
	spin_init(&inode->attr_lock, LOCK_INODE_SPIN);
}

void inode_init_owner(struct inode *inode, const struct inode *dir)
{
	const struct cred *cred = vfs_cred();

	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	if (dir->mode & S_ISGID) {
		inode->gid = dir->gid;
		if (inode_is_dir(inode))
			inode->mode |= S_ISGID;
		else if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
			 !cred_in_group(cred, dir->gid) && !cred_capable(cred, CAP_FSETID))
			inode->mode &= ~(uint32_t)S_ISGID;
	}
}

/* Opening what only other mechanisms use: sockets. */
static int nxio_open(struct inode *inode, struct file *f)
{
	return -ENXIO;
}

static const struct file_ops nxio_file_ops = {.open = nxio_open};

void inode_init_special(struct inode *inode, dev_t rdev)
{
	inode->rdev = rdev;
	if (S_ISCHR(inode->mode)) {
		inode->file_ops = &chardev_file_ops;
	} else if (S_ISBLK(inode->mode)) {
		inode->file_ops = &blockdev_file_ops;
	} else if (S_ISFIFO(inode->mode)) {
		inode->file_ops = &fifo_file_ops;
	} else {
		inode->file_ops = &nxio_file_ops;
	}
}

struct inode *inode_get(struct inode *inode)
{
	uint32_t was = __atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);

	assert(was != 0);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (!inode || __atomic_sub_fetch(&inode->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	assert(!inode->pipe);
	notify_inode_gone(inode);
	file_locks_free(inode);
	seals_free(inode);
	inode->super->ops->evict(inode);
}

void inode_free_deferred(struct inode *inode, void (*fn)(struct epoch_head *head))
{
	struct super *s = inode->super;

	epoch_defer(&inode->epoch, fn);
	super_put(s);
}

void inode_attr_lock(struct inode *inode)
{
	spin_lock(&inode->attr_lock);
	__atomic_store_n(&inode->attr_seq, inode->attr_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void inode_attr_unlock(struct inode *inode)
{
	__atomic_store_n(&inode->attr_seq, inode->attr_seq + 1, __ATOMIC_RELEASE);
	spin_unlock(&inode->attr_lock);
}

void inode_touch(struct inode *inode, unsigned which)
{
	struct file_time now = file_time_now();

	inode_attr_lock(inode);
	if (which & TOUCH_ATIME)
		inode->atime = now;
	if (which & TOUCH_MTIME)
		inode->mtime = now;
	if (which & TOUCH_CTIME)
		inode->ctime = now;
	inode_attr_unlock(inode);
}

static bool time_after(struct file_time a, struct file_time b)
{
	return a.sec > b.sec || (a.sec == b.sec && a.nsec > b.nsec);
}

static bool access_is_due(const struct inode *inode, struct file_time now)
{
	return !time_after(inode->atime, inode->mtime) || !time_after(inode->atime, inode->ctime) ||
	       now.sec - inode->atime.sec >= RELATIME_SECONDS;
}

void inode_accessed(struct inode *inode)
{
	struct file_time now = file_time_now();
	uint32_t seq = __atomic_load_n(&inode->attr_seq, __ATOMIC_ACQUIRE);
	bool due = access_is_due(inode, now);

	/* Mostly it is not, and then a read writes nothing here. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!due && !(seq & 1) && __atomic_load_n(&inode->attr_seq, __ATOMIC_RELAXED) == seq)
		return;
	inode_attr_lock(inode);
	if (access_is_due(inode, now))
		inode->atime = now;
	inode_attr_unlock(inode);
}

void inode_link_add(struct inode *inode, int delta)
{
	struct file_time now = file_time_now();

	inode_attr_lock(inode);
	inode->nlink += (uint32_t)delta;
	inode->ctime = now;
	inode_attr_unlock(inode);
}

int inode_link_new(struct inode *inode)
{
	struct file_time now = file_time_now();
	int r = 0;

	inode_attr_lock(inode);
	if (inode->nlink == 0 && !inode->linkable) {
		r = -ENOENT;
	} else if (inode->nlink >= LINKS_PER_INODE_MAX) {
		r = -EMLINK;
	} else {
		inode->nlink++;
		inode->linkable = false;
		inode->ctime = now;
	}
	inode_attr_unlock(inode);
	return r;
}

static void read_fields(const struct inode *inode, struct inode_stat *out)
{
	*out = (struct inode_stat){
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.nlink = inode->nlink,
		.block_size = inode->block_size,
		.dev = inode->dev,
		.rdev = inode->rdev,
		.ino = inode->ino,
		.size = inode_size(inode),
		.blocks = __atomic_load_n(&inode->blocks, __ATOMIC_RELAXED),
		.atime = inode->atime,
		.mtime = inode->mtime,
		.ctime = inode->ctime,
		.btime = inode->btime,
	};
}

bool inode_stat_now(const struct inode *inode, struct inode_stat *out)
{
	uint32_t seq;

	if (inode->ops->stat_update)
		return false;
	for (;;) {
		seq = __atomic_load_n(&inode->attr_seq, __ATOMIC_ACQUIRE);
		read_fields(inode, out);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&inode->attr_seq, __ATOMIC_RELAXED) == seq)
			return true;
		cpu_relax(); /* for a few stores of the writer's */
	}
}

void inode_stat(struct inode *inode, struct inode_stat *out)
{
	if (inode_stat_now(inode, out))
		return;
	inode->ops->stat_update(inode);
	spin_lock(&inode->attr_lock);
	read_fields(inode, out);
	spin_unlock(&inode->attr_lock);
}

unsigned inode_set_id_to_drop(const struct inode *inode)
{
	const struct cred *cred = vfs_cred();
	unsigned mode = READ_ONCE(inode->mode), drop = mode & S_ISUID;

	/* Without group execution the bit does not give a group; members may keep it. */
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !(cred_in_group(cred, inode->gid) ||
						       cred_capable(cred, CAP_FSETID))))
		drop |= S_ISGID;
	return drop;
}

void inode_setattr_plain(struct inode *inode, const struct inode_attr *attr)
{
	struct file_time now = file_time_now();
	unsigned valid = attr->valid, drop = inode_set_id_to_drop(inode);

	inode_attr_lock(inode);
	if (valid & ATTR_UID)
		inode->uid = attr->uid;
	ktest_window();
	if (valid & ATTR_GID)
		inode->gid = attr->gid;
	if (valid & ATTR_MODE)
		inode->mode = (inode->mode & S_IFMT) | (attr->mode & 07777);
	if (valid & ATTR_KILL_ID)
		inode->mode &= ~(uint32_t)drop;
	if (valid & (ATTR_ATIME | ATTR_ATIME_NOW))
		inode->atime = valid & ATTR_ATIME_NOW ? now : attr->atime;
	if (valid & (ATTR_MTIME | ATTR_MTIME_NOW))
		inode->mtime = valid & ATTR_MTIME_NOW ? now : attr->mtime;
	if (valid & ATTR_SIZE)
		inode->mtime = now;
	inode->ctime = now;
	inode_attr_unlock(inode);
}

/*
 * inode->writers counts the descriptions open for writing, or below zero those open for exec:
 * neither may begin while the other lasts.
 */
static int writers_add(struct inode *inode, int delta)
{
	int32_t old = __atomic_load_n(&inode->writers, __ATOMIC_RELAXED);

	do {
		if ((delta > 0 && old < 0) || (delta < 0 && old > 0))
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&inode->writers, &old, old + delta, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return 0;
}

int inode_want_write(struct inode *inode)
{
	return writers_add(inode, 1);
}

void inode_done_write(struct inode *inode)
{
	__atomic_fetch_sub(&inode->writers, 1, __ATOMIC_RELEASE);
}

int inode_deny_write(struct inode *inode)
{
	return writers_add(inode, -1);
}

void inode_allow_write(struct inode *inode)
{
	__atomic_fetch_add(&inode->writers, 1, __ATOMIC_RELEASE);
}
