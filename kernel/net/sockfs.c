/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as files: the filesystem their inodes live on, which is mounted nowhere, and the file
 * operations, which are send and receive without addresses.
 *
 * A file is made first and gets its socket afterwards, so that accept(2) can fail for lack of
 * memory before it has taken a connection.
 */
#include "net_internal.h"

#include <asm/ioctls.h>
#include <base/cred.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <mem/slab.h>
#include <proc/signal.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/poll.h>
#include <vfs/super.h>
#include <vm/usercopy.h>

static struct mount *socket_mount; /* [I] */
static uint64_t last_ino;	   /* [a] */

/* --- the filesystem ----------------------------------------------------------------------- */

static void sockfs_free(struct epoch_head *head)
{
	kfree(container_of(head, struct inode, epoch));
}

static void sockfs_evict(struct inode *inode)
{
	inode_free_deferred(inode, sockfs_free);
}

static const struct super_ops sockfs_super_ops = {.evict = sockfs_evict};
static const struct inode_ops sockfs_inode_ops;
static const struct fs_type sockfs_type = {.name = "sockfs"};

static struct inode *inode_create(struct super *s, unsigned mode)
{
	struct inode *inode = kmalloc(sizeof(*inode));
	const struct cred *cred = vfs_cred();

	if (!inode)
		return NULL;
	inode_init(inode, s, mode);
	inode->ops = &sockfs_inode_ops;
	inode->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	inode_init_special(inode, 0);
	return inode;
}

void sockfs_init(void)
{
	struct super *s = super_create(&sockfs_type, &sockfs_super_ops, SOCKFS_MAGIC);
	struct inode *root = s ? inode_create(s, S_IFDIR | 0555) : NULL;

	if (root && !super_set_root(s, root))
		socket_mount = mount_create_detached(s, "sockfs");
	if (!socket_mount)
		panic("boot: too little memory for sockets");
}

/* --- file operations ---------------------------------------------------------------------- */

/* read(2) and write(2) restart what a signal ended; with a time-out they must not. */
static ssize_t transfer_result(ssize_t n)
{
	return n == -EINTR ? -ERESTARTNOHAND : n;
}

static unsigned message_flags(const struct file *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

static ssize_t socket_file_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct net_message m = {.data = it, .flags = message_flags(f)};

	if (!iter_left(it))
		return 0;
	ssize_t n = socket_receive(f->priv, &m);

	net_rights_put(m.rights);
	return transfer_result(n);
}

static ssize_t socket_file_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct socket *s = f->priv;
	struct net_message m = {.data = it, .flags = message_flags(f)};

	if (s->type == SOCK_SEQPACKET)
		m.flags |= MSG_EOR;
	return transfer_result(socket_send(s, &m));
}

static unsigned socket_file_poll(struct file *f, struct poll_table *pt)
{
	struct socket *s = f->priv;

	return s->ops->poll(s, pt);
}

static int64_t socket_file_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct socket *s = f->priv;
	uint32_t bytes;
	int r;

	if ((cmd != FIONREAD && cmd != TIOCOUTQ) || !s->ops->queued)
		return -ENOTTY;
	r = s->ops->queued(s, cmd == TIOCOUTQ, &bytes);
	return r ? r : put_user(arg, bytes);
}

static void socket_file_release(struct file *f)
{
	struct socket *s = f->priv;

	s->ops->release(s);
	socket_put(s);
}

static const struct file_ops stream_file_ops = {
	.flags = FILE_OPS_STREAM,
	.release = socket_file_release,
	.read = socket_file_read,
	.write = socket_file_write,
	.poll = socket_file_poll,
	.ioctl = socket_file_ioctl,
};

/* Only streams raise SIGPIPE. */
static const struct file_ops message_file_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_NO_SIGPIPE,
	.release = socket_file_release,
	.read = socket_file_read,
	.write = socket_file_write,
	.poll = socket_file_poll,
	.ioctl = socket_file_ioctl,
};

struct socket *socket_of(const struct file *f)
{
	return f->ops == &stream_file_ops || f->ops == &message_file_ops ? f->priv : NULL;
}

bool socket_raises_sigpipe(const struct socket *s)
{
	return s->type == SOCK_STREAM;
}

/* --- making files ------------------------------------------------------------------------- */

int sockfs_file_create(unsigned type, unsigned flags, struct file **out)
{
	struct inode *inode = inode_create(socket_mount->super, S_IFSOCK | 0777);
	struct path path;
	char name[40];
	int r;

	if (!inode)
		return -ENOMEM;
	format(name, sizeof(name), "socket:[%llu]", (unsigned long long)inode->ino);
	path.dentry = dentry_create_detached(inode, name);
	if (!path.dentry) {
		inode_put(inode);
		return -ENOMEM;
	}
	path.mount = mount_get(socket_mount);
	r = file_create(path, O_RDWR | flags, out);
	if (!r)
		(*out)->ops = type == SOCK_STREAM ? &stream_file_ops : &message_file_ops;
	return r;
}

void sockfs_file_attach(struct file *f, struct socket *s)
{
	f->priv = s;
	f->mode |= FILE_OPENED;
	__atomic_store_n(&s->file, f, __ATOMIC_RELEASE);
}
