/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify. An instance (struct inotify, behind a file) has watches, each on one inode; an inode
 * that is watched has a list of its watches (struct notify_marks). What happens to a file goes by
 * the list to the instances' queues, from which the program reads.
 *
 * A watch is live or dead. Live: on the list of its inode and counted. It dies, once, under the
 * lock of that list: by inotify_rm_watch or the instance's close, by IN_ONESHOT, or because the
 * inode goes. From then on only its instance knows it, in the two trees, until the instance's next
 * call takes it out and frees it (`dead` lists those). So who kills a watch from below, with
 * any locks held, needs no lock that could sleep.
 *
 * A watch has no reference to its inode. The inode's last reference kills the watches, before
 * anything of the inode goes (notify_inode_gone). An instance that wants to kill a watch itself
 * looks at watch->alive inside a grace period: if it is set, the list's memory stays until the
 * period ends, and the lock decides. For a filesystem whose inodes come and go with the cache
 * (procfs) that means that a watch ends when the inode leaves it, with IN_IGNORED.
 *
 * Locks, in order: in->mutex (INOTIFY) over the trees; marks->lock (NOTIFY_MARKS) over one
 * inode's list, its watches' masks and their death; in->lock (NOTIFY_QUEUE) over the queue and the
 * list of the dead.
 */
#include "inotify_internal.h"

#include "dentry.h"
#include "file.h"
#include "inode.h"
#include "notify.h"
#include "path.h"
#include "poll.h"
#include "super.h"
#include "user_limit.h"
#include <base/cred.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <arch/cpu.h>

struct notify_marks {
	struct spinlock lock; /* NOTIFY_MARKS */
	struct list watches;  /* [lock] live ones */
	struct epoch_head epoch;
};

struct watch {
	struct rb_node by_number;   /* [in->mutex] */
	struct rb_node by_inode;    /* [in->mutex] by address, which is not looked behind */
	struct inotify *in;	    /* [I] */
	struct notify_marks *marks; /* [I] valid while alive */
	const struct inode *inode;  /* [I] likewise, but for comparing */
	uint32_t alive;		    /* [a; marks->lock] */
	uint32_t mask;		    /* [marks->lock] */
	int32_t number;		    /* [I] */
	uint64_t ino;		    /* [I] for fdinfo */
	dev_t dev;
	struct list link; /* [marks->lock] in marks->watches; dead: [in->lock] in in->dead */
};

uint32_t notify_watches;
static uint32_t last_cookie; /* [a] */
static const struct file_ops inotify_file_ops;

/* --- watches ------------------------------------------------------------------------------ */

/* The end of a live watch, which says so. Holds: marks->lock. */
static void watch_die(struct watch *w)
{
	struct inotify *in = w->in;

	inotify_queue(in, w->number, IN_IGNORED, 0, "", 0);
	user_give(in->user, USER_INOTIFY_WATCHES, 1);
	__atomic_fetch_sub(&notify_watches, 1, __ATOMIC_RELAXED);
	list_del(&w->link);
	spin_lock(&in->lock);
	list_add(&w->link, &in->dead);
	spin_unlock(&in->lock);
	__atomic_store_n(&w->alive, 0, __ATOMIC_RELEASE);
}

/* False if it was dead already. Holds: in->mutex. */
static bool watch_kill(struct watch *w)
{
	bool killed = false;

	epoch_enter();
	if (__atomic_load_n(&w->alive, __ATOMIC_ACQUIRE)) {
		spin_lock(&w->marks->lock);
		killed = w->alive;
		if (killed)
			watch_die(w);
		spin_unlock(&w->marks->lock);
	}
	epoch_exit();
	return killed;
}

/* Free the dead. Holds: in->mutex. */
static void bury(struct inotify *in)
{
	struct watch *w;

	for (;;) {
		spin_lock(&in->lock);
		w = list_first_entry_or_null(&in->dead, struct watch, link);
		if (w)
			list_del(&w->link);
		spin_unlock(&in->lock);
		if (!w)
			return;
		rb_erase(&w->by_number, &in->numbers);
		rb_erase(&w->by_inode, &in->inodes);
		/* Its killer may be about to store `alive` still, holding a spinlock. */
		epoch_enter();
		while (__atomic_load_n(&w->alive, __ATOMIC_ACQUIRE))
			cpu_relax();
		epoch_exit();
		kfree(w);
	}
}

static struct watch *find_number(struct inotify *in, int32_t number)
{
	struct rb_node *n = in->numbers.node;

	while (n) {
		struct watch *w = rb_entry(n, struct watch, by_number);

		if (w->number == number)
			return w;
		n = number < w->number ? n->left : n->right;
	}
	return NULL;
}

static struct watch *find_inode(struct inotify *in, const struct inode *inode)
{
	struct rb_node *n = in->inodes.node;

	while (n) {
		struct watch *w = rb_entry(n, struct watch, by_inode);

		if (w->inode == inode)
			return w;
		n = (uintptr_t)inode < (uintptr_t)w->inode ? n->left : n->right;
	}
	return NULL;
}

static void insert(struct inotify *in, struct watch *w)
{
	struct rb_node **link = &in->numbers.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = w->number < rb_entry(parent, struct watch, by_number)->number
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&w->by_number, parent, link);
	rb_insert_fixup(&w->by_number, &in->numbers);
	link = &in->inodes.node;
	parent = NULL;
	while (*link) {
		parent = *link;
		link = (uintptr_t)w->inode <
				       (uintptr_t)rb_entry(parent, struct watch, by_inode)->inode
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&w->by_inode, parent, link);
	rb_insert_fixup(&w->by_inode, &in->inodes);
}

static struct notify_marks *marks_get(struct inode *inode)
{
	struct notify_marks *m = __atomic_load_n(&inode->marks, __ATOMIC_ACQUIRE), *none = NULL;

	if (m)
		return m;
	m = kzalloc(sizeof(*m));
	if (!m)
		return NULL;
	spin_init(&m->lock, LOCK_NOTIFY_MARKS);
	list_init(&m->watches);
	if (__atomic_compare_exchange_n(&inode->marks, &none, m, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return m;
	kfree(m); /* another thread was faster */
	return none;
}

/* A number that no watch has: they go up, and round at the end. */
static int32_t next_number(struct inotify *in)
{
	int32_t n = in->last_number;

	do
		n = n == INT32_MAX ? 1 : n + 1;
	while (find_number(in, n));
	in->last_number = n;
	return n;
}

static int watch_create(struct inotify *in, struct inode *inode, uint32_t mask)
{
	struct notify_marks *m = marks_get(inode);
	struct watch *w = kzalloc(sizeof(*w));
	int r = m && w ? user_limit_take(in->user, USER_INOTIFY_WATCHES) : -ENOMEM;

	if (r) {
		kfree(w);
		return r;
	}
	w->in = in;
	w->marks = m;
	w->inode = inode;
	w->ino = inode->ino;
	w->dev = inode->dev;
	w->mask = mask;
	w->number = next_number(in);
	w->alive = 1;
	insert(in, w);
	__atomic_fetch_add(&notify_watches, 1, __ATOMIC_RELAXED);
	spin_lock(&m->lock);
	list_add_tail(&w->link, &m->watches);
	spin_unlock(&m->lock);
	return w->number;
}

static int watch_change(struct watch *w, uint32_t mask)
{
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	/* The caller has a reference to the inode, so the watch can only die by IN_ONESHOT. */
	spin_lock(&w->marks->lock);
	w->mask = mask & IN_MASK_ADD ? w->mask | mask : mask;
	spin_unlock(&w->marks->lock);
	return w->number;
}

int inotify_add(struct file *f, struct inode *inode, uint32_t mask)
{
	struct inotify *in = f->priv;
	struct watch *w;
	int r;

	mutex_lock(&in->mutex);
	bury(in);
	w = find_inode(in, inode);
	r = w ? watch_change(w, mask) : watch_create(in, inode, mask);
	mutex_unlock(&in->mutex);
	return r;
}

int inotify_remove(struct file *f, int32_t number)
{
	struct inotify *in = f->priv;
	struct watch *w;
	int r = -EINVAL;

	mutex_lock(&in->mutex);
	bury(in);
	w = find_number(in, number);
	if (w && watch_kill(w))
		r = 0;
	bury(in);
	mutex_unlock(&in->mutex);
	return r;
}

/* --- what happens ------------------------------------------------------------------------- */

uint32_t notify_cookie(void)
{
	return __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);
}

/* dropped: the name is gone already. */
static void deliver(struct inode *inode, uint32_t event, uint32_t cookie, const char *name,
		    size_t len, bool dropped)
{
	struct notify_marks *m = __atomic_load_n(&inode->marks, __ATOMIC_ACQUIRE);
	struct watch *w, *next;

	if (!m)
		return;
	spin_lock(&m->lock);
	list_for_each_entry_safe(w, next, &m->watches, link) {
		if (!(w->mask & event & IN_ALL_EVENTS) || (dropped && w->mask & IN_EXCL_UNLINK))
			continue;
		inotify_queue(w->in, w->number, event, cookie, name, len);
		if (w->mask & IN_ONESHOT)
			watch_die(w);
	}
	spin_unlock(&m->lock);
}

static uint32_t with_type(uint32_t event, const struct inode *inode)
{
	return inode_is_dir(inode) ? event | IN_ISDIR : event;
}

void notify_inode_slow(struct inode *inode, uint32_t event)
{
	/* Events about itself do not say what it is. */
	if (!(event & (IN_DELETE_SELF | IN_MOVE_SELF)))
		event = with_type(event, inode);
	deliver(inode, event, 0, "", 0, false);
}

void notify_name_slow(struct inode *dir, const struct name *name, const struct inode *inode,
		      uint32_t event, uint32_t cookie)
{
	deliver(dir, with_type(event, inode), cookie, name->text, name->len, false);
}

void notify_dentry_slow(struct dentry *d, uint32_t event)
{
	struct dentry *parent = dentry_parent(d);
	char name[NAME_TEXT_MAX + 1];
	size_t len;

	if (parent != d && parent->inode &&
	    __atomic_load_n(&parent->inode->marks, __ATOMIC_ACQUIRE)) {
		len = dentry_copy_name(d, name, sizeof(name));
		deliver(parent->inode, with_type(event, d->inode), 0, name, len,
			dentry_is_dropped(d));
	}
	dentry_put(parent);
	notify_inode_slow(d->inode, event);
}

/* All watches of the inode end, with this event. */
static void end_watches(struct notify_marks *m, uint32_t event)
{
	struct watch *w, *next;

	spin_lock(&m->lock);
	list_for_each_entry_safe(w, next, &m->watches, link) {
		if (event & (w->mask | IN_UNMOUNT))
			inotify_queue(w->in, w->number, event, 0, "", 0);
		watch_die(w);
	}
	spin_unlock(&m->lock);
}

void notify_removed_slow(struct dentry *d)
{
	struct notify_marks *m = __atomic_load_n(&d->inode->marks, __ATOMIC_ACQUIRE);

	if (m && !d->inode->nlink && __atomic_load_n(&d->refs, __ATOMIC_ACQUIRE) == 1)
		end_watches(m, IN_DELETE_SELF);
}

void notify_inode_gone(struct inode *inode)
{
	struct notify_marks *m = inode->marks;

	if (!m)
		return;
	if (!inode->nlink)
		end_watches(m, IN_DELETE_SELF);
	else
		end_watches(m, inode->super->flags & SUPER_TRANSIENT ? 0 : IN_UNMOUNT);
	inode->marks = NULL;
	kfree_deferred(m, epoch);
}

/* --- the file ---------------------------------------------------------------------------- */

static void inotify_show_info(struct file *f, struct text *out)
{
	struct inotify *in = f->priv;
	struct rb_node *n;

	mutex_lock(&in->mutex);
	bury(in);
	rb_for_each(n, &in->numbers) {
		struct watch *w = rb_entry(n, struct watch, by_number);

		text_printf(out, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n",
			    w->number, (unsigned long long)w->ino, (unsigned long long)w->dev,
			    READ_ONCE(w->mask) & IN_ALL_EVENTS);
	}
	mutex_unlock(&in->mutex);
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->priv;
	struct event *e;
	struct rb_node *n;

	mutex_lock(&in->mutex);
	rb_for_each(n, &in->numbers)
		watch_kill(rb_entry(n, struct watch, by_number));
	bury(in);
	mutex_unlock(&in->mutex);
	/* No list names a watch of ours any more: nobody else comes here. */
	while ((e = list_first_entry_or_null(&in->events, struct event, link)) != NULL) {
		list_del(&e->link);
		inotify_event_free(in, e);
	}
	user_uncharge(in->user, USER_INOTIFY_INSTANCES);
	kfree_deferred(in, epoch);
}

static const struct file_ops inotify_file_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = inotify_release,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.show_info = inotify_show_info,
};

bool file_is_inotify(const struct file *f)
{
	return f->ops == &inotify_file_ops;
}

int inotify_create(unsigned flags, struct file **out)
{
	struct inotify *in = kzalloc(sizeof(*in));
	int r;

	if (!in)
		return -ENOMEM;
	mutex_init(&in->mutex, LOCK_INOTIFY);
	spin_init(&in->lock, LOCK_NOTIFY_QUEUE);
	list_init(&in->events);
	list_init(&in->dead);
	blocker_init_class(&in->wait, LOCK_BLOCKER_OUTER);
	in->overflow = (struct event){.number = -1, .mask = IN_Q_OVERFLOW};
	in->user = vfs_cred()->user;
	r = user_limit_take(in->user, USER_INOTIFY_INSTANCES);
	if (r == -ENOSPC)
		r = -EMFILE;
	if (!r) {
		user_get(in->user);
		r = file_create_event("inotify", O_RDONLY | flags, &inotify_file_ops, in, out);
		if (!r)
			return 0;
		user_uncharge(in->user, USER_INOTIFY_INSTANCES);
	}
	kfree(in);
	return r;
}

/* --- /proc/sys ---------------------------------------------------------------------------- */

static void show_queue_max(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", INOTIFY_QUEUE_MAX);
}

static struct stats_node queue_node = {.path = "sys/fs/inotify/max_queued_events",
				       .show = show_queue_max};

void inotify_init(void)
{
	stats_add(&queue_node);
}
