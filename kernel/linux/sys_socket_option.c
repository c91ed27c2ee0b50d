/* SPDX-License-Identifier: BSD-2-Clause */
/* getsockopt and setsockopt: decoding. Options that are a plain int are in net/socket_option.c. */
#include "socket_args.h"

#include <asm/socket.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <mem/slab.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

struct linger_arg {
	int32_t on, seconds;
};

#define USEC_PER_SEC 1000000

/* --- setting ------------------------------------------------------------------------------ */

/* 0 means for ever. The old and the new structure are the same here. */
static int set_timeout(nsec_t *timeout, uaddr_t from, int len)
{
	struct __kernel_sock_timeval tv;
	nsec_t ns;

	if ((size_t)len < sizeof(tv))
		return -EINVAL;
	if (get_user(tv, from))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC)
		return -EDOM;
	if (tv.tv_sec < 0)
		ns = 0;
	else if (!tv.tv_sec && !tv.tv_usec)
		ns = NEVER;
	else if (mul_overflow((nsec_t)tv.tv_sec, (nsec_t)NSEC_PER_SEC, &ns) ||
		 add_overflow(ns, (nsec_t)tv.tv_usec * NSEC_PER_USEC, &ns))
		ns = NEVER;
	__atomic_store_n(timeout, ns, __ATOMIC_RELAXED);
	return 0;
}

static int set_linger(struct socket *s, uaddr_t from, int len)
{
	struct linger_arg l;

	if ((size_t)len < sizeof(l))
		return -EINVAL;
	if (get_user(l, from))
		return -EFAULT;
	if (l.on) {
		__atomic_store_n(&s->linger_seconds, (uint32_t)l.seconds, __ATOMIC_RELAXED);
		__atomic_fetch_or(&s->flags, SOCKET_LINGER, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_and(&s->flags, ~(uint32_t)SOCKET_LINGER, __ATOMIC_RELAXED);
	}
	return 0;
}

static int set_option(struct socket *s, int option, uaddr_t from, int len)
{
	int value;

	/* Every option has an int's length at least, and it must be readable. */
	if ((size_t)len < sizeof(value))
		return -EINVAL;
	if (get_user(value, from))
		return -EFAULT;
	switch (option) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&s->receive_timeout, from, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&s->send_timeout, from, len);
	case SO_LINGER:
		return set_linger(s, from, len);
	default:
		return socket_option_set(s, option, value);
	}
}

int64_t sys_setsockopt(int fd, int level, int option, uaddr_t value, int len)
{
	struct socket_ref r;
	int e;

	if (len < 0)
		return -EINVAL;
	e = socket_borrow(fd, &r);
	if (e)
		return e;
	e = level == SOL_SOCKET ? set_option(r.s, option, value, len) : -EOPNOTSUPP;
	socket_return(&r);
	return e;
}

/* --- getting ------------------------------------------------------------------------------ */

/* A value, cut to the room the program has; its length becomes that of the value. */
static int put_value(uaddr_t to, uaddr_t ulen, int room, const void *value, size_t size)
{
	int len = (int)min((size_t)room, size);

	if (copy_to_user(to, value, (size_t)len))
		return -EFAULT;
	return put_user(ulen, len);
}

static int get_timeout(nsec_t *timeout, uaddr_t to, uaddr_t ulen, int room)
{
	nsec_t ns = __atomic_load_n(timeout, __ATOMIC_RELAXED);
	struct __kernel_sock_timeval tv = {0};

	if (ns != NEVER) {
		tv.tv_sec = (int64_t)(ns / NSEC_PER_SEC);
		tv.tv_usec = (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
	}
	return put_value(to, ulen, room, &tv, sizeof(tv));
}

static int get_linger(struct socket *s, uaddr_t to, uaddr_t ulen, int room)
{
	struct linger_arg l = {.on = socket_flag(s, SOCKET_LINGER) ? 1 : 0,
			       .seconds =
				       (int)__atomic_load_n(&s->linger_seconds, __ATOMIC_RELAXED)};

	return put_value(to, ulen, room, &l, sizeof(l));
}

static int get_peer_cred(struct socket *s, uaddr_t to, uaddr_t ulen, int room)
{
	struct ucred_arg u = {.uid = UINT32_MAX, .gid = UINT32_MAX};
	struct net_peer peer;

	socket_peer(s, &peer);
	if (peer.cred) {
		u = (struct ucred_arg){peer.pid, peer.cred->euid, peer.cred->egid};
		cred_put(peer.cred);
	}
	return put_value(to, ulen, room, &u, sizeof(u));
}

static int get_peer_groups(struct socket *s, uaddr_t to, uaddr_t ulen, int room)
{
	struct net_peer peer;
	size_t size;
	int r, len;

	socket_peer(s, &peer);
	if (!peer.cred)
		return -ENODATA;
	size = peer.cred->group_count * sizeof(peer.cred->groups[0]);
	len = (int)size;
	if ((size_t)room < size)
		r = put_user(ulen, len) ? -EFAULT : -ERANGE;
	else
		r = put_value(to, ulen, room, peer.cred->groups, size);
	cred_put(peer.cred);
	return r;
}

static int get_peer_name(struct socket *s, uaddr_t to, uaddr_t ulen, int room)
{
	struct net_address a;

	if (socket_name(s, true, &a))
		return -ENOTCONN;
	if (a.len < (uint32_t)room)
		room = (int)a.len;
	return put_value(to, ulen, room, a.bytes, a.len);
}

static int get_option(struct socket *s, int option, uaddr_t to, uaddr_t ulen)
{
	int room, value, r;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	switch (option) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return get_timeout(&s->receive_timeout, to, ulen, room);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return get_timeout(&s->send_timeout, to, ulen, room);
	case SO_LINGER:
		return get_linger(s, to, ulen, room);
	case SO_PEERCRED:
		return get_peer_cred(s, to, ulen, room);
	case SO_PEERGROUPS:
		return get_peer_groups(s, to, ulen, room);
	case SO_PEERNAME:
		return get_peer_name(s, to, ulen, room);
	}
	r = socket_option_get(s, option, &value);
	return r ? r : put_value(to, ulen, room, &value, sizeof(value));
}

int64_t sys_getsockopt(int fd, int level, int option, uaddr_t value, uaddr_t len)
{
	struct socket_ref r;
	int e = socket_borrow(fd, &r);

	if (e)
		return e;
	e = level == SOL_SOCKET ? get_option(r.s, option, value, len) : -EOPNOTSUPP;
	socket_return(&r);
	return e;
}
