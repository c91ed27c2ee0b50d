/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages: send and receive in all their forms. */
#include "file_args.h"
#include "socket_args.h"

#include <asm/signal.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <proc/process.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

struct mmsghdr_arg {
	struct msghdr_arg hdr;
	uint32_t len; /* result: bytes of this one */
};

int64_t socket_send_result(const struct socket *s, unsigned flags, ssize_t n)
{
	if (n == -EPIPE && !(flags & MSG_NOSIGNAL) && socket_raises_sigpipe(s))
		signal_send_thread(current(), SIGPIPE, NULL);
	return n;
}

/* --- one buffer --------------------------------------------------------------------------- */

int64_t sys_sendto(int fd, uaddr_t buf, size_t len, unsigned flags, uaddr_t addr, int addr_len)
{
	struct net_address a;
	struct socket_ref r;
	struct iter it;
	int64_t n;

	if (!user_range_ok(buf, len))
		return -EFAULT;
	n = socket_borrow(fd, &r);
	if (n)
		return n;
	iter_init_user(&it, buf, min(len, (size_t)RW_COUNT_MAX));
	n = addr ? address_get(&a, addr, addr_len) : 0;
	if (!n) {
		struct net_message m = {.data = &it,
					.name = addr ? &a : NULL,
					.flags = flags | socket_file_flags(&r)};

		n = socket_send_result(r.s, flags, socket_send(r.s, &m));
	}
	socket_return(&r);
	return n;
}

int64_t sys_recvfrom(int fd, uaddr_t buf, size_t len, unsigned flags, uaddr_t addr,
		     uaddr_t addr_len)
{
	struct net_message m = {0};
	struct net_address a = {.len = 0};
	struct socket_ref r;
	struct iter it;
	int64_t n;
	int e;

	if (!user_range_ok(buf, len))
		return -EFAULT;
	n = socket_borrow(fd, &r);
	if (n)
		return n;
	iter_init_user(&it, buf, min(len, (size_t)RW_COUNT_MAX));
	m = (struct net_message){
		.data = &it, .name = addr ? &a : NULL, .flags = flags | socket_file_flags(&r)};
	n = socket_receive(r.s, &m);
	net_rights_put(m.rights);
	if (n >= 0 && addr) {
		e = address_put(&a, addr, addr_len);
		if (e)
			n = e;
	}
	socket_return(&r);
	return n;
}

/* --- message headers ---------------------------------------------------------------------- */

/* The parts of a header that both directions check. */
static int header_get(struct msghdr_arg *h, uaddr_t from)
{
	if (get_user(*h, from))
		return -EFAULT;
	if (!h->name)
		h->namelen = 0;
	if (h->namelen < 0)
		return -EINVAL;
	h->namelen = min(h->namelen, (int32_t)NET_ADDRESS_MAX);
	return 0;
}

static int vector_get(struct iovec_arg *v, const struct msghdr_arg *h)
{
	return h->iovlen > UIO_MAXIOV ? -EMSGSIZE : iovec_arg_get(v, h->iov, h->iovlen);
}

static int64_t send_message(struct socket *s, uaddr_t umsg, unsigned flags)
{
	struct net_address a;
	struct iovec_arg v;
	struct msghdr_arg h;
	struct net_message m = {.data = &v.iter, .flags = flags};
	int64_t n = header_get(&h, umsg);

	if (!n && h.name && h.namelen) {
		m.name = &a;
		n = address_get(&a, h.name, h.namelen);
	}
	if (!n)
		n = vector_get(&v, &h);
	if (n)
		return n;
	if (h.controllen > INT32_MAX)
		n = -ENOBUFS;
	else if (h.controllen)
		n = control_get(&m, s, h.control, h.controllen);
	if (!n)
		n = socket_send(s, &m);
	net_rights_put(m.rights);
	iovec_arg_put(&v);
	return socket_send_result(s, flags, n);
}

int64_t sys_sendmsg(int fd, uaddr_t msg, unsigned flags)
{
	struct socket_ref r;
	int64_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	n = socket_borrow(fd, &r);
	if (n)
		return n;
	n = send_message(r.s, msg, flags | socket_file_flags(&r));
	socket_return(&r);
	return n;
}

int64_t sys_sendmmsg(int fd, uaddr_t msgs, unsigned count, unsigned flags)
{
	struct socket_ref r;
	unsigned done = 0;
	int64_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	n = socket_borrow(fd, &r);
	if (n)
		return n;
	count = min(count, (unsigned)UIO_MAXIOV);
	while (done < count) {
		uaddr_t at = msgs + done * sizeof(struct mmsghdr_arg);
		uint32_t len;

		n = send_message(r.s, at, flags | socket_file_flags(&r));
		len = (uint32_t)n;
		if (n >= 0 && put_user(at + offsetof(struct mmsghdr_arg, len), len))
			n = -EFAULT;
		if (n < 0)
			break;
		done++;
	}
	socket_return(&r);
	return done ? done : n;
}

/* The results that stand in the header, and the address. */
static int header_put(const struct msghdr_arg *h, uaddr_t to, const struct net_message *m,
		      size_t control_used)
{
	uint32_t flags = m->result | (m->flags & MSG_CMSG_CLOEXEC);
	uint64_t used = control_used;

	if (h->name && address_put(m->name, h->name, to + offsetof(struct msghdr_arg, namelen)))
		return -EFAULT;
	if (put_user(to + offsetof(struct msghdr_arg, flags), flags))
		return -EFAULT;
	return put_user(to + offsetof(struct msghdr_arg, controllen), used);
}

static int64_t receive_message(struct socket *s, uaddr_t umsg, unsigned flags, unsigned *result)
{
	struct net_address a = {.len = 0};
	struct iovec_arg v;
	struct msghdr_arg h;
	struct net_message m = {.data = &v.iter, .flags = flags};
	size_t used;
	int64_t n = header_get(&h, umsg);

	if (!n)
		n = vector_get(&v, &h);
	if (n)
		return n;
	m.name = h.name ? &a : NULL;
	n = socket_receive(s, &m);
	if (n >= 0) {
		used = control_put(&m, s, h.control, min(h.controllen, (uint64_t)INT32_MAX));
		if (header_put(&h, umsg, &m, used))
			n = -EFAULT;
		*result = m.result;
	}
	net_rights_put(m.rights);
	iovec_arg_put(&v);
	return n;
}

int64_t sys_recvmsg(int fd, uaddr_t msg, unsigned flags)
{
	struct socket_ref r;
	unsigned result;
	int64_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	n = socket_borrow(fd, &r);
	if (n)
		return n;
	n = receive_message(r.s, msg, flags | socket_file_flags(&r), &result);
	socket_return(&r);
	return n;
}

/* Receive up to count; the number of messages, or the error of the first. */
static int64_t receive_many(struct socket_ref *r, uaddr_t msgs, unsigned count, unsigned flags,
			    nsec_t deadline)
{
	unsigned done = 0, result = 0;
	int64_t n = socket_take_error(r->s);

	while (!n && done < count) {
		uaddr_t at = msgs + (uint64_t)done * sizeof(struct mmsghdr_arg);
		uint32_t len;

		n = receive_message(r->s, at,
				    (flags & ~(unsigned)MSG_WAITFORONE) | socket_file_flags(r),
				    &result);
		len = (uint32_t)n;
		if (n >= 0)
			n = put_user(at + offsetof(struct mmsghdr_arg, len), len);
		if (n)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if ((result & MSG_OOB) || (deadline != NEVER && clock_mono_ns() >= deadline))
			break;
	}
	/* An error behind the first message is told by the next call. */
	if (done && n < 0 && n != -EAGAIN && n > -ERESTARTSYS)
		__atomic_store_n(&r->s->error, (int32_t)-n, __ATOMIC_RELEASE);
	return done ? done : n;
}

static void put_time_left(uaddr_t uts, nsec_t deadline)
{
	nsec_t now = clock_mono_ns(), left = deadline > now ? deadline - now : 0;
	struct __kernel_timespec ts = {.tv_sec = (int64_t)(left / NSEC_PER_SEC),
				       .tv_nsec = (int64_t)(left % NSEC_PER_SEC)};

	if (put_user(uts, ts))
		return;
}

int64_t sys_recvmmsg(int fd, uaddr_t msgs, unsigned count, unsigned flags, uaddr_t timeout)
{
	struct socket_ref r;
	nsec_t deadline;
	int64_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	n = deadline_from_timespec(timeout, &deadline);
	if (!n)
		n = socket_borrow(fd, &r);
	if (n)
		return n;
	n = receive_many(&r, msgs, count, flags, deadline);
	if (n > 0 && timeout)
		put_time_left(timeout, deadline);
	socket_return(&r);
	return n;
}
