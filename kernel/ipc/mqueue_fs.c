/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filesystem of POSIX message queues: one directory with a file for each queue. There is one
 * instance, mounted or not. Reading a file tells what is in the queue; a descriptor from open(2) is
 * as good as one from mq_open.
 *
 * Names are in a tree by text; a number that grows with each queue, its inode's, is the cookie of
 * readdir. The directory's inode lock covers both, and is taken by the VFS or mqueue_open.c.
 */
#include "mqueue_internal.h"

#include "limits.h"

#include <base/cred.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/poll.h>
#include <vfs/super.h>
#include <vm/radix.h>

#include <linux/capability.h>
#include <linux/mqueue.h>
#include <linux/resource.h>
#include <sched/thread.h>

/* Linux's; no header for programs has it. */
#define MQUEUE_MAGIC 0x19800202

#define INO_ROOT     1
#define COOKIE_FIRST 2	/* added to the number of a queue */
#define FILE_SIZE    80 /* as stat shows it */
#define ENTRY_SIZE   20 /* of the directory, for each name */

/* Nobody may have more, whatever /proc/sys/fs/mqueue says. */
#define MESSAGES_HARD 65536
#define BYTES_HARD    (16 << 20)

/* What Linux charges for a message and for a priority that is in use, besides the bytes. */
#define MESSAGE_OVERHEAD  48
#define PRIORITY_OVERHEAD 48

static struct mount *mqueue_mount;	/* [I] */
static struct rb_root names;		/* [directory lock] */
static struct radix by_number;		/* [directory lock] */
static uint64_t last_number = INO_ROOT; /* [directory lock] */
static uint64_t queues;			/* [a] */

static uint64_t queues_max = 256;			  /* [a] */
static uint64_t messages_max = 10, messages_default = 10; /* [a] */
static uint64_t bytes_max = 8192, bytes_default = 8192;	  /* [a] */

struct path mqueue_root(void)
{
	return (struct path){.mount = mount_get(mqueue_mount),
			     .dentry = dentry_get(mqueue_mount->root)};
}

/* --- queues ------------------------------------------------------------------------------- */

static int check_size(const struct mqueue_size *s)
{
	bool free = cred_capable(vfs_cred(), CAP_SYS_RESOURCE);
	int64_t messages = free ? MESSAGES_HARD : (int64_t)ipc_limit_read(&messages_max);
	int64_t bytes = free ? BYTES_HARD : (int64_t)ipc_limit_read(&bytes_max);

	return s->messages <= 0 || s->bytes <= 0 || s->messages > messages || s->bytes > bytes
		       ? -EINVAL
		       : 0;
}

static struct mqueue_size default_size(void)
{
	return (struct mqueue_size){
		.messages = (int64_t)min(ipc_limit_read(&messages_max),
					 ipc_limit_read(&messages_default)),
		.bytes = (int64_t)min(ipc_limit_read(&bytes_max), ipc_limit_read(&bytes_default))};
}

/* The room is charged when the queue is made, not when it fills. */
static int charge(struct mqueue *q)
{
	uint64_t n = (uint64_t)q->max.messages;
	struct user *u = vfs_cred()->user;
	struct process *p = current()->process; /* NULL: the kernel itself, in a test */

	q->charged = n * (uint64_t)q->max.bytes + n * MESSAGE_OVERHEAD +
		     min(n, (uint64_t)MQ_PRIO_MAX) * PRIORITY_OVERHEAD;
	if (!user_take(u, USER_MQ_BYTES, q->charged,
		       p ? process_limit(p, RLIMIT_MSGQUEUE) : UINT64_MAX))
		return -EMFILE;
	q->user = user_get(u);
	return 0;
}

static void queue_free(struct epoch_head *head)
{
	kfree(container_of(container_of(head, struct inode, epoch), struct mqueue, inode));
}

static void mqueue_evict(struct inode *inode)
{
	struct mqueue *q = mqueue_of_inode(inode);

	if (!inode_is_dir(inode)) {
		mqueue_clear(q);
		user_give(q->user, USER_MQ_BYTES, q->charged);
		user_put(q->user);
		__atomic_sub_fetch(&queues, 1, __ATOMIC_RELAXED);
	}
	inode_free_deferred(inode, queue_free);
}

static const struct inode_ops queue_inode_ops;

static struct mqueue *queue_alloc(struct super *s, unsigned mode, const struct name *name)
{
	struct mqueue *q = kzalloc(sizeof(*q) + (name ? name->len : 0));

	if (!q)
		return NULL;
	if (name) {
		memcpy(q->name, name->text, name->len);
		q->name_len = name->len;
	}
	inode_init(&q->inode, s, mode);
	q->inode.ops = &queue_inode_ops;
	q->inode.file_ops = &mqueue_file_ops;
	return q;
}

static int make(struct inode *dir, const struct name *name, unsigned mode,
		const struct mqueue_size *size, struct mqueue **out)
{
	struct mqueue *q = queue_alloc(dir->super, S_IFREG | (mode & 07777), name);
	int r;

	if (!q)
		return -ENOMEM;
	inode_init_owner(&q->inode, dir);
	q->inode.size = FILE_SIZE;
	mqueue_setup(q, size);
	r = charge(q);
	if (r) {
		inode_free_deferred(&q->inode, queue_free);
		return r;
	}
	*out = q;
	return 0;
}

/* --- names -------------------------------------------------------------------------------- */

static int compare(const struct name *name, const struct mqueue *q)
{
	int c = memcmp(name->text, q->name, min(name->len, q->name_len));

	return c ? c : (name->len > q->name_len) - (name->len < q->name_len);
}

static struct rb_node **find(const struct name *name, struct rb_node **parent)
{
	struct rb_node **link = &names.node;

	*parent = NULL;
	while (*link) {
		int c = compare(name, rb_entry(*link, struct mqueue, by_name));

		if (c == 0)
			break;
		*parent = *link;
		link = c < 0 ? &(*parent)->left : &(*parent)->right;
	}
	return link;
}

static void directory_changed(struct inode *dir, int64_t names_more)
{
	__atomic_store_n(&dir->size, dir->size + (uint64_t)(names_more * ENTRY_SIZE),
			 __ATOMIC_RELEASE);
	inode_touch(dir, TOUCH_ATIME | TOUCH_MTIME | TOUCH_CTIME);
}

/* Takes over nothing: the name holds a reference of its own. */
static int enter(struct inode *dir, const struct name *name, struct mqueue *q)
{
	struct rb_node *parent, **link = find(name, &parent);

	if (radix_insert(&by_number, last_number + 1, q))
		return -ENOMEM;
	q->inode.ino = ++last_number;
	rb_link(&q->by_name, parent, link);
	rb_insert_fixup(&q->by_name, &names);
	inode_get(&q->inode);
	directory_changed(dir, 1);
	return 0;
}

int mqueue_create(struct inode *dir, const struct name *name, unsigned mode,
		  const struct mqueue_size *size, struct inode **out)
{
	struct mqueue_size s = size ? *size : default_size();
	struct mqueue *q;
	int r;

	if (__atomic_load_n(&queues, __ATOMIC_RELAXED) >= ipc_limit_read(&queues_max) &&
	    !cred_capable(vfs_cred(), CAP_SYS_RESOURCE))
		return -ENOSPC;
	r = check_size(&s);
	if (!r)
		r = make(dir, name, mode, &s, &q);
	if (r)
		return r;
	__atomic_add_fetch(&queues, 1, __ATOMIC_RELAXED);
	r = enter(dir, name, q);
	if (r)
		inode_put(&q->inode); /* evicts */
	else
		*out = &q->inode;
	return r;
}

static int dir_create(struct inode *dir, const struct name *name, unsigned mode, dev_t rdev,
		      struct inode **out)
{
	/* Queues only: mknod makes nothing else here. */
	return S_ISREG(mode) ? mqueue_create(dir, name, mode, NULL, out) : -EPERM;
}

static int dir_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	struct rb_node *parent, **link = find(name, &parent);

	if (!*link)
		return -ENOENT;
	*out = inode_get(&rb_entry(*link, struct mqueue, by_name)->inode);
	return 0;
}

static int dir_unlink(struct inode *dir, const struct name *name, struct inode *inode)
{
	struct mqueue *q = mqueue_of_inode(inode);

	rb_erase(&q->by_name, &names);
	radix_remove(&by_number, inode->ino);
	inode_link_add(inode, -1);
	directory_changed(dir, -1);
	inode_put(inode);
	return 0;
}

static int dir_readdir(struct file *f, struct dir_sink *sink)
{
	uint64_t number;
	struct mqueue *q;

	if (!dir_emit_dots(f, sink))
		return 0;
	number = (uint64_t)sink->cookie - COOKIE_FIRST;
	for (; (q = radix_next(&by_number, &number)) != NULL; number++)
		if (!dir_emit(sink, q->name, q->name_len, q->inode.ino, S_IFREG >> 12,
			      (off64_t)number + COOKIE_FIRST + 1))
			break;
	return 0;
}

static const struct inode_ops dir_inode_ops = {
	.lookup = dir_lookup, .create = dir_create, .unlink = dir_unlink};
static const struct file_ops dir_file_ops = {.readdir = dir_readdir};

/* --- files -------------------------------------------------------------------------------- */

static ssize_t queue_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct mqueue *q = mqueue_of(f);
	struct mqueue_notice notice;
	char text[FILE_SIZE];
	size_t len, n;
	uint64_t bytes;
	int32_t pid;

	spin_lock(&q->lock);
	bytes = q->bytes;
	notice = q->notice;
	pid = q->owner ? q->owner->pid : 0;
	spin_unlock(&q->lock);
	len = (size_t)format(text, sizeof(text),
			     "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
			     (unsigned long long)bytes, notice.how, notice.sig, pid);
	if ((uint64_t)*pos >= len || !iter_left(it))
		return 0;
	n = iter_copy_to(it, text + *pos, min(len - (size_t)*pos, iter_left(it)));
	*pos += (off64_t)n;
	return n ? (ssize_t)n : -EFAULT;
}

static unsigned queue_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = mqueue_of(f);
	unsigned events = 0;

	poll_wait(pt, &q->poll);
	spin_lock(&q->lock);
	if (q->count)
		events |= EPOLLIN | EPOLLRDNORM;
	if (q->count < (uint64_t)q->max.messages)
		events |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&q->lock);
	return events;
}

const struct file_ops mqueue_file_ops = {
	.read = queue_read,
	.poll = queue_poll,
	.closed = mqueue_closed,
};

bool file_is_mqueue(const struct file *f)
{
	return f->ops == &mqueue_file_ops && !(f->mode & FILE_PATH);
}

struct mqueue *mqueue_of(const struct file *f)
{
	return mqueue_of_inode(f->inode);
}

/* --- the one instance --------------------------------------------------------------------- */

static const struct super_ops super_ops = {.evict = mqueue_evict};
static struct super *instance; /* [I] */

static int fs_mount(const struct fs_type *type, const char *source, const char *options,
		    struct super **out)
{
	if (options && *options)
		return -EINVAL;
	*out = super_get(instance);
	return 0;
}

static struct fs_type mqueue_type = {.name = "mqueue", .mount = fs_mount};

static struct ipc_limit limits[] = {
	IPC_LIMIT("sys/fs/mqueue/queues_max", 0, INT32_MAX, &queues_max),
	IPC_LIMIT("sys/fs/mqueue/msg_max", 1, MESSAGES_HARD, &messages_max),
	IPC_LIMIT("sys/fs/mqueue/msgsize_max", 128, BYTES_HARD, &bytes_max),
	IPC_LIMIT("sys/fs/mqueue/msg_default", 1, MESSAGES_HARD, &messages_default),
	IPC_LIMIT("sys/fs/mqueue/msgsize_default", 128, BYTES_HARD, &bytes_default),
};

void mqueue_init(void)
{
	struct mqueue *root;

	instance = super_create(&mqueue_type, &super_ops, MQUEUE_MAGIC);
	if (!instance)
		panic("boot: too little memory for message queues");
	instance->flags |= SUPER_PERSISTENT;
	root = queue_alloc(instance, S_IFDIR | 01777, NULL);
	if (root) {
		root->inode.ino = INO_ROOT;
		root->inode.nlink = 2;
		root->inode.ops = &dir_inode_ops;
		root->inode.file_ops = &dir_file_ops;
	}
	if (root && !super_set_root(instance, &root->inode))
		mqueue_mount = mount_create_detached(super_get(instance), "mqueue");
	if (!mqueue_mount)
		panic("boot: too little memory for message queues");
	fs_type_register(&mqueue_type);
	ipc_limits_add(limits, ARRAY_SIZE(limits));
}
