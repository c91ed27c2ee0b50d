/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets: making them, naming them, connecting them. Messages are in sys_socket_msg.c. */
#include "file_args.h"
#include "socket_args.h"

#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#define TYPE_MASK  0xf
#define TYPE_FLAGS (O_NONBLOCK | O_CLOEXEC) /* SOCK_NONBLOCK and SOCK_CLOEXEC are the same bits */

/* --- decoding that the calls share -------------------------------------------------------- */

int socket_borrow(int fd, struct socket_ref *out)
{
	out->fd = fd_borrow(fd);
	if (!out->fd.file)
		return -EBADF;
	out->s = socket_of(out->fd.file);
	if (out->s)
		return 0;
	fd_return(out->fd);
	return -ENOTSOCK;
}

void socket_return(struct socket_ref *r)
{
	fd_return(r->fd);
}

unsigned socket_file_flags(const struct socket_ref *r)
{
	uint32_t flags = __atomic_load_n(&r->fd.file->flags, __ATOMIC_RELAXED);

	return flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

int address_get(struct net_address *a, uaddr_t from, int len)
{
	memset(a, 0, sizeof(*a));
	if (len < 0 || len > NET_ADDRESS_MAX)
		return -EINVAL;
	a->len = (uint32_t)len;
	return len ? copy_from_user(a->bytes, from, (size_t)len) : 0;
}

int address_put(const struct net_address *a, uaddr_t to, uaddr_t ulen)
{
	int room, len = (int)a->len;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(to, a->bytes, (size_t)min(room, len)))
		return -EFAULT;
	return put_user(ulen, len);
}

/* --- making them -------------------------------------------------------------------------- */

static int check_type(int family, int type)
{
	if (type & ~(TYPE_MASK | TYPE_FLAGS))
		return -EINVAL;
	return 0;
}

int64_t sys_socket(int family, int type, int protocol)
{
	struct file *f;
	int r = check_type(family, type);

	if (!r)
		r = socket_create((unsigned)family, type & TYPE_MASK, protocol,
				  (unsigned)type & O_NONBLOCK, &f);
	return r ? r : fd_publish(f, type & O_CLOEXEC);
}

/* Both numbers are the program's before the sockets are made, as on Linux. */
static int reserve_pair(int fds[2], uaddr_t ufds, bool cloexec)
{
	struct fd_table *t = current()->files;

	fds[0] = fd_reserve(t, 0, fd_limit(), cloexec);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = fd_reserve(t, 0, fd_limit(), cloexec);
	if (fds[1] < 0) {
		fd_release(t, fds[0]);
		return fds[1];
	}
	if (!copy_to_user(ufds, fds, 2 * sizeof(fds[0])))
		return 0;
	fd_release(t, fds[0]);
	fd_release(t, fds[1]);
	return -EFAULT;
}

int64_t sys_socketpair(int family, int type, int protocol, uaddr_t ufds)
{
	struct fd_table *t = current()->files;
	struct file *files[2];
	int fds[2], r = check_type(family, type);

	if (!r)
		r = reserve_pair(fds, ufds, type & O_CLOEXEC);
	if (r)
		return r;
	r = socket_create_pair((unsigned)family, type & TYPE_MASK, protocol,
			       (unsigned)type & O_NONBLOCK, files);
	for (int i = 0; i < 2; i++) {
		if (r)
			fd_release(t, fds[i]);
		else
			fd_install(t, fds[i], files[i]);
	}
	return r;
}

/* The connection is lost if its address cannot be told. */
static int accept_checked(struct socket_ref *r, int flags, uaddr_t addr, uaddr_t len,
			  struct file **out)
{
	struct net_address name;
	int e = socket_accept(r->fd.file, (unsigned)flags & O_NONBLOCK, out, addr ? &name : NULL);

	if (e || !addr)
		return e;
	e = address_put(&name, addr, len);
	if (e)
		file_put(*out);
	return e;
}

static int64_t do_accept(int fd, uaddr_t addr, uaddr_t len, int flags)
{
	struct fd_table *t = current()->files;
	struct socket_ref r;
	struct file *f;
	int new, e = socket_borrow(fd, &r);

	if (e == -EBADF)
		return e;
	if (flags & ~TYPE_FLAGS) {
		if (!e)
			socket_return(&r);
		return -EINVAL;
	}
	if (e)
		return e;
	new = fd_reserve(t, 0, fd_limit(), flags & O_CLOEXEC);
	e = new < 0 ? new : accept_checked(&r, flags, addr, len, &f);
	if (!e)
		fd_install(t, new, f);
	else if (new >= 0)
		fd_release(t, new);
	socket_return(&r);
	return e ? e : new;
}

int64_t sys_accept(int fd, uaddr_t addr, uaddr_t len)
{
	return do_accept(fd, addr, len, 0);
}

int64_t sys_accept4(int fd, uaddr_t addr, uaddr_t len, int flags)
{
	return do_accept(fd, addr, len, flags);
}

/* --- names and connections ---------------------------------------------------------------- */

static int64_t with_address(int fd, uaddr_t addr, int len,
			    int (*fn)(struct socket *s, const struct net_address *a))
{
	struct net_address a;
	struct socket_ref r;
	int e = socket_borrow(fd, &r);

	if (e)
		return e;
	e = address_get(&a, addr, len);
	if (!e)
		e = fn(r.s, &a);
	socket_return(&r);
	return e;
}

int64_t sys_bind(int fd, uaddr_t addr, int len)
{
	return with_address(fd, addr, len, socket_bind);
}

int64_t sys_connect(int fd, uaddr_t addr, int len)
{
	return with_address(fd, addr, len, socket_connect);
}

int64_t sys_listen(int fd, int backlog)
{
	struct socket_ref r;
	int e = socket_borrow(fd, &r);

	if (e)
		return e;
	e = socket_listen(r.s, backlog);
	socket_return(&r);
	return e;
}

static int64_t get_name(int fd, uaddr_t addr, uaddr_t len, bool peer)
{
	struct net_address a;
	struct socket_ref r;
	int e = socket_borrow(fd, &r);

	if (e)
		return e;
	e = socket_name(r.s, peer, &a);
	if (!e)
		e = address_put(&a, addr, len);
	socket_return(&r);
	return e;
}

int64_t sys_getsockname(int fd, uaddr_t addr, uaddr_t len)
{
	return get_name(fd, addr, len, false);
}

int64_t sys_getpeername(int fd, uaddr_t addr, uaddr_t len)
{
	return get_name(fd, addr, len, true);
}

int64_t sys_shutdown(int fd, int how)
{
	struct socket_ref r;
	int e = socket_borrow(fd, &r);

	if (e)
		return e;
	/* 0, 1, 2: receive, send, both. */
	e = how < 0 || how > 2 ? -EINVAL : socket_shutdown(r.s, (unsigned)how + 1);
	socket_return(&r);
	return e;
}
