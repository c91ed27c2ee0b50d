/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an inode has locked, flock(2), and /proc/locks. Ranges are in record_lock.c.
 *
 * The first lock of an inode makes its struct file_locks, which stays until the inode goes, so a
 * pointer to it needs no reference beyond that to the inode. Inodes without one cost a NULL
 * pointer, and closing their files looks at nothing else.
 *
 * flock: the holder is the open file description (file->flock). Whether a request fits is known
 * from two counts. Who must wait does so on flock_wait, and all are woken when a holder goes.
 *
 * Locks: locks->lock (FILE_LOCKS), a spinlock; nothing is allocated or woken under it that could
 * sleep. FILE_LOCK_LIST is taken before it, by /proc/locks alone.
 */
#include "filelock_internal.h"

#include "file.h"
#include "inode.h"
#include <base/stats.h>
#include <lib/errno.h>
#include <mem/slab.h>

static struct list all_locks = LIST_INIT(all_locks); /* [all_lock] */
static struct spinlock all_lock = SPINLOCK_INIT(LOCK_FILE_LOCK_LIST);

/* --- life --------------------------------------------------------------------------------- */

struct file_locks *file_locks_of(const struct inode *inode)
{
	return __atomic_load_n(&inode->locks, __ATOMIC_ACQUIRE);
}

struct file_locks *file_locks_get(struct inode *inode)
{
	struct file_locks *locks = file_locks_of(inode), *none = NULL;

	if (locks)
		return locks;
	locks = kzalloc(sizeof(*locks));
	if (!locks)
		return NULL;
	spin_init(&locks->lock, LOCK_FILE_LOCKS);
	locks->inode = inode;
	list_init(&locks->flocks);
	list_init(&locks->record_waiters);
	blocker_init(&locks->flock_wait);
	blocker_init_class(&locks->record_wait, LOCK_BLOCKER_OUTER);
	if (!__atomic_compare_exchange_n(&inode->locks, &none, locks, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		kfree(locks); /* another thread was faster */
		return none;
	}
	spin_lock(&all_lock);
	list_add_tail(&locks->all, &all_locks);
	spin_unlock(&all_lock);
	return locks;
}

void file_locks_free(struct inode *inode)
{
	struct file_locks *locks = inode->locks;

	if (!locks)
		return;
	spin_lock(&all_lock);
	list_del(&locks->all);
	spin_unlock(&all_lock);
	inode->locks = NULL;
	kfree_deferred(locks, epoch);
}

void file_locks_release(struct file *f)
{
	if (!file_locks_of(f->inode))
		return;
	record_locks_close(f, record_lock_owner_of(f));
	flock_set(f, FLOCK_NONE, false, 0);
}

/* --- flock -------------------------------------------------------------------------------- */

static bool flock_fits(const struct file_locks *locks, enum flock_type type)
{
	return !locks->flock_exclusive && (type == FLOCK_SHARED || !locks->flock_shared);
}

static void flock_count(struct file_locks *locks, enum flock_type type, int delta)
{
	if (type == FLOCK_SHARED)
		locks->flock_shared += (uint32_t)delta;
	else
		locks->flock_exclusive += (uint32_t)delta;
}

/* Take what the file holds off: the caller frees it. */
static struct flock *flock_drop(struct file_locks *locks, struct file *f)
{
	struct flock *old = f->flock;

	if (old) {
		list_del(&old->link);
		flock_count(locks, old->type, -1);
		f->flock = NULL;
	}
	return old;
}

/*
 * One attempt. *fresh is used up when it succeeds. 1: nothing to do any more; 0: done; -EAGAIN.
 * What was held with another type is let go in any case.
 */
static int flock_try(struct file_locks *locks, struct file *f, enum flock_type type,
		     struct flock **fresh)
{
	struct flock *old = NULL;
	int r = 0;

	spin_lock(&locks->lock);
	if (!f->flock || f->flock->type != type) {
		old = flock_drop(locks, f);
		r = type == FLOCK_NONE || flock_fits(locks, type) ? 0 : -EAGAIN;
		if (!r && type != FLOCK_NONE) {
			f->flock = *fresh;
			*fresh = NULL;
			flock_count(locks, type, 1);
			list_add_tail(&f->flock->link, &locks->flocks);
		}
	}
	spin_unlock(&locks->lock);
	if (old) {
		kfree(old);
		blocker_wake_all(&locks->flock_wait);
	}
	return r;
}

static bool flock_may_fit(struct file_locks *locks, enum flock_type type)
{
	bool fits;

	spin_lock(&locks->lock);
	fits = flock_fits(locks, type);
	spin_unlock(&locks->lock);
	return fits;
}

int flock_set(struct file *f, enum flock_type type, bool wait, int32_t pid)
{
	struct file_locks *locks =
		type == FLOCK_NONE ? file_locks_of(f->inode) : file_locks_get(f->inode);
	struct flock *fresh = NULL;
	int r;

	if (!locks)
		return type == FLOCK_NONE ? 0 : -ENOLCK;
	if (type != FLOCK_NONE) {
		fresh = kmalloc(sizeof(*fresh));
		if (!fresh)
			return -ENOLCK;
		*fresh = (struct flock){.type = type, .pid = pid};
	}
	while ((r = flock_try(locks, f, type, &fresh)) == -EAGAIN && wait) {
		r = WAIT_UNTIL(&locks->flock_wait, flock_may_fit(locks, type), NEVER,
			       WAIT_INTERRUPTIBLE);
		if (r)
			break;
	}
	kfree(fresh);
	return r;
}

/* --- /proc/locks -------------------------------------------------------------------------- */

void file_lock_show_line(struct text *out, unsigned id, bool waits, const char *kind,
			 enum flock_type type, int32_t pid, const struct inode *inode,
			 uint64_t start, uint64_t end)
{
	text_printf(out, "%u: %s%s ADVISORY  %s %d %02x:%02x:%llu %llu ", id, waits ? "-> " : "",
		    kind, type == FLOCK_SHARED ? "READ " : "WRITE", pid, DEV_MAJOR(inode->dev),
		    DEV_MINOR(inode->dev), (unsigned long long)inode->ino,
		    (unsigned long long)start);
	if (end == RECORD_LOCK_EOF)
		text_printf(out, "EOF\n");
	else
		text_printf(out, "%llu\n", (unsigned long long)end);
}

static void show_locks(struct stats_node *n, struct text *out)
{
	struct file_locks *locks;
	struct flock *fl;
	unsigned id = 1;

	spin_lock(&all_lock);
	list_for_each_entry(locks, &all_locks, all) {
		spin_lock(&locks->lock);
		list_for_each_entry(fl, &locks->flocks, link)
			file_lock_show_line(out, id++, false, "FLOCK ", fl->type, fl->pid,
					    locks->inode, 0, RECORD_LOCK_EOF);
		record_locks_show(locks, out, &id);
		spin_unlock(&locks->lock);
	}
	spin_unlock(&all_lock);
}

static struct stats_node locks_node = {.path = "locks", .show = show_locks};

void file_locks_init(void)
{
	stats_add(&locks_node);
}
