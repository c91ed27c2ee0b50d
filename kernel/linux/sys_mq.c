/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX message queues: decode and encode; ipc/mqueue*.c do the work.
 *
 * SIGEV_THREAD is a matter between Linux and the C library, over a netlink socket that the library
 * gives in sigev_signo; there is no such family here, so no socket is the right one.
 */
#include "file_args.h"
#include "restart.h"
#include "timespec.h"

#include <ipc/message.h>
#include <ipc/mqueue.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <net/socket.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <linux/fcntl.h>
#include <linux/mqueue.h>

/* --- names -------------------------------------------------------------------------------- */

static int get_name(uaddr_t uname, char **out)
{
	char *name = kmalloc(PATH_TEXT_MAX);
	ssize_t n;

	if (!name)
		return -ENOMEM;
	n = copy_string_from_user(name, uname, PATH_TEXT_MAX);
	if (n < 0) {
		kfree(name);
		return (int)n;
	}
	*out = name;
	return 0;
}

static int64_t open_named(const char *name, int flags, unsigned mode,
			  const struct mqueue_size *size)
{
	struct fd_table *t = current()->files;
	/* As with open: the number first. */
	int fd = fd_reserve(t, 0, fd_limit(), true), r;
	struct file *f;

	if (fd < 0)
		return fd;
	r = mqueue_open(name, (unsigned)flags, mode, size, &f);
	if (r)
		fd_release(t, fd);
	else
		fd_install(t, fd, f);
	return r ? r : fd;
}

int64_t sys_mq_open(uaddr_t uname, int flags, unsigned mode, uaddr_t uattr)
{
	struct mqueue_size size;
	struct mq_attr attr;
	char *name = NULL;
	int64_t r;

	if (uattr && get_user(attr, uattr))
		return -EFAULT;
	r = get_name(uname, &name);
	if (r)
		return r;
	if (uattr)
		size = (struct mqueue_size){.messages = attr.mq_maxmsg, .bytes = attr.mq_msgsize};
	r = open_named(name, flags, mode, uattr ? &size : NULL);
	kfree(name);
	return r;
}

int64_t sys_mq_unlink(uaddr_t uname)
{
	char *name = NULL;
	int r = get_name(uname, &name);

	if (r)
		return r;
	r = mqueue_unlink(name);
	kfree(name);
	return r;
}

/* --- sending and receiving ---------------------------------------------------------------- */

/* 0 with the queue's file in *r; -EBADF. */
static int borrow_queue(int fd, struct fd_ref *r)
{
	*r = fd_borrow(fd);
	if (!r->file)
		return -EBADF;
	if (file_is_mqueue(r->file))
		return 0;
	fd_return(*r);
	return -EBADF;
}

static int get_timeout(uaddr_t ts, nsec_t *at)
{
	*at = NEVER;
	return ts ? timespec_get(ts, at) : 0;
}

static int64_t result(int64_t r)
{
	return r == -EINTR ? -ERESTARTSYS : r;
}

int64_t sys_mq_timedsend(int fd, uaddr_t umsg, size_t size, unsigned priority, uaddr_t utimeout)
{
	struct fd_ref ref;
	struct iter it;
	nsec_t at;
	int r = get_timeout(utimeout, &at);

	if (r)
		return r;
	if (priority >= MQ_PRIO_MAX)
		return -EINVAL;
	r = borrow_queue(fd, &ref);
	if (r)
		return r;
	iter_init_user(&it, umsg, size);
	r = mqueue_send(ref.file, &it, priority, at);
	fd_return(ref);
	return result(r);
}

/* A message that cannot be stored is lost, as on Linux. */
static int64_t store(const struct ipc_message *m, uaddr_t umsg, uaddr_t upriority)
{
	unsigned priority = (unsigned)m->type;
	struct iter it;

	if (upriority && put_user(upriority, priority))
		return -EFAULT;
	iter_init_user(&it, umsg, m->size);
	return message_copy(m, &it, m->size) ? (int64_t)m->size : -EFAULT;
}

int64_t sys_mq_timedreceive(int fd, uaddr_t umsg, size_t size, uaddr_t upriority, uaddr_t utimeout)
{
	struct ipc_message *m = NULL;
	struct fd_ref ref;
	int64_t stored;
	nsec_t at;
	int r = get_timeout(utimeout, &at);

	if (!r)
		r = borrow_queue(fd, &ref);
	if (r)
		return r;
	r = mqueue_receive(ref.file, size, at, &m);
	fd_return(ref);
	if (r)
		return result(r);
	stored = store(m, umsg, upriority);
	message_free(m);
	return stored;
}

/* --- notification and attributes ---------------------------------------------------------- */

/* Never a netlink socket: the error says what it is instead. */
static int refuse_thread(const struct sigevent *e)
{
	char cookie[NOTIFY_COOKIE_LEN];
	struct fd_ref ref;
	int r;

	if (copy_from_user(cookie, (uaddr_t)(uintptr_t)e->sigev_value.sival_ptr, sizeof(cookie)))
		return -EFAULT;
	ref = fd_borrow(e->sigev_signo);
	if (!ref.file)
		return -EBADF;
	r = socket_of(ref.file) ? -EINVAL : -ENOTSOCK;
	fd_return(ref);
	return r;
}

static int decode_event(uaddr_t uevent, struct mqueue_notice *n)
{
	struct sigevent e;

	if (copy_from_user(&e, uevent, sizeof(e)))
		return -EFAULT;
	if (e.sigev_notify == SIGEV_THREAD)
		return refuse_thread(&e);
	if (e.sigev_notify != SIGEV_NONE && e.sigev_notify != SIGEV_SIGNAL)
		return -EINVAL;
	if (e.sigev_notify == SIGEV_SIGNAL && (unsigned)e.sigev_signo > SIGNAL_COUNT)
		return -EINVAL;
	*n = (struct mqueue_notice){.how = e.sigev_notify,
				    .value = (uint64_t)(uintptr_t)e.sigev_value.sival_ptr};
	if (e.sigev_notify == SIGEV_SIGNAL)
		n->sig = e.sigev_signo;
	return 0;
}

int64_t sys_mq_notify(int fd, uaddr_t uevent)
{
	struct mqueue_notice n;
	struct fd_ref ref;
	int r = uevent ? decode_event(uevent, &n) : 0;

	if (!r)
		r = borrow_queue(fd, &ref);
	if (r)
		return r;
	r = mqueue_notify(ref.file, uevent ? &n : NULL);
	fd_return(ref);
	return r;
}

int64_t sys_mq_getsetattr(int fd, uaddr_t unew, uaddr_t uold)
{
	struct mq_attr new, old = {0};
	struct mqueue_status st;
	struct fd_ref ref;
	int r;

	if (unew && get_user(new, unew))
		return -EFAULT;
	if (unew && new.mq_flags & ~(long)O_NONBLOCK)
		return -EINVAL;
	r = borrow_queue(fd, &ref);
	if (r)
		return r;
	mqueue_get_status(ref.file, &st);
	old.mq_maxmsg = st.max.messages;
	old.mq_msgsize = st.max.bytes;
	old.mq_curmsgs = (long)st.messages;
	old.mq_flags = __atomic_load_n(&ref.file->flags, __ATOMIC_RELAXED) & O_NONBLOCK;
	if (unew && new.mq_flags)
		__atomic_fetch_or(&ref.file->flags, O_NONBLOCK, __ATOMIC_RELAXED);
	else if (unew)
		__atomic_fetch_and(&ref.file->flags, ~(uint32_t)O_NONBLOCK, __ATOMIC_RELAXED);
	fd_return(ref);
	return uold && put_user(uold, old) ? -EFAULT : 0;
}
