/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of level SOL_SOCKET that are an int. What has a structure (time-outs, SO_LINGER, the
 * peer's credentials) is decoded in linux/, which sets the fields.
 */
#include "socket.h"

#include <asm/socket.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <vfs/inode.h>

#define SEND_LIMIT_MIN	  4608
#define RECEIVE_LIMIT_MIN 2304
#define PRIORITY_FREE_MAX 6 /* higher ones need a capability */

static const struct {
	int option;
	uint32_t flag;
} switches[] = {
	{SO_DEBUG, SOCKET_DEBUG},	   {SO_REUSEADDR, SOCKET_REUSE_ADDR},
	{SO_REUSEPORT, SOCKET_REUSE_PORT}, {SO_DONTROUTE, SOCKET_DONT_ROUTE},
	{SO_BROADCAST, SOCKET_BROADCAST},  {SO_KEEPALIVE, SOCKET_KEEP_ALIVE},
	{SO_OOBINLINE, SOCKET_OOB_INLINE}, {SO_PASSCRED, SOCKET_PASS_CREDS},
	{SO_NO_CHECK, SOCKET_NO_CHECK},
};

static uint32_t switch_of(int option)
{
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (switches[i].option == option)
			return switches[i].flag;
	}
	return 0;
}

static int set_switch(struct socket *s, uint32_t flag, bool on)
{
	if (flag == SOCKET_DEBUG && on && !cred_capable(vfs_cred(), CAP_NET_ADMIN))
		return -EACCES;
	if (on)
		__atomic_fetch_or(&s->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&s->flags, ~flag, __ATOMIC_RELAXED);
	return 0;
}

/* The doubled value, as Linux reports it: it charges its own overhead to the limit. */
static uint32_t doubled(int value, bool force, uint32_t least)
{
	uint32_t n = (uint32_t)value;

	if (force)
		n = value < 0 ? 0 : min(n, (uint32_t)INT32_MAX / 2);
	else
		n = min(n, (uint32_t)NET_BUFFER_MAX);
	return max(n * 2, least);
}

static int set_limit(struct socket *s, bool send, bool force, int value)
{
	if (force && !cred_capable(vfs_cred(), CAP_NET_ADMIN))
		return -EPERM;
	if (!send) {
		__atomic_store_n(&s->receive_limit, doubled(value, force, RECEIVE_LIMIT_MIN),
				 __ATOMIC_RELEASE);
		return 0;
	}
	__atomic_store_n(&s->send_limit, doubled(value, force, SEND_LIMIT_MIN), __ATOMIC_RELEASE);
	if (s->ops->send_room)
		s->ops->send_room(s);
	return 0;
}

static int set_priority(struct socket *s, int value)
{
	if ((value < 0 || value > PRIORITY_FREE_MAX) && !cred_capable(vfs_cred(), CAP_NET_ADMIN))
		return -EPERM;
	__atomic_store_n(&s->priority, (uint32_t)value, __ATOMIC_RELAXED);
	return 0;
}

int socket_option_set(struct socket *s, int option, int value)
{
	uint32_t flag = switch_of(option);

	if (flag)
		return set_switch(s, flag, value);
	switch (option) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		return set_limit(s, true, option == SO_SNDBUFFORCE, value);
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		return set_limit(s, false, option == SO_RCVBUFFORCE, value);
	case SO_PRIORITY:
		return set_priority(s, value);
	case SO_RCVLOWAT:
		__atomic_store_n(&s->receive_low, value < 0 ? INT32_MAX : max((uint32_t)value, 1U),
				 __ATOMIC_RELAXED);
		return 0;
	case SO_PEEK_OFF:
		if (s->family != AF_UNIX)
			return -EOPNOTSUPP;
		__atomic_store_n(&s->peek_offset, value, __ATOMIC_RELAXED);
		return 0;
	case SO_BSDCOMPAT: /* without effect, as on Linux */
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int socket_option_get(struct socket *s, int option, int *value)
{
	uint32_t flag = switch_of(option);

	if (flag) {
		*value = socket_flag(s, flag);
		return 0;
	}
	switch (option) {
	case SO_SNDBUF:
		*value = (int)__atomic_load_n(&s->send_limit, __ATOMIC_RELAXED);
		return 0;
	case SO_RCVBUF:
		*value = (int)__atomic_load_n(&s->receive_limit, __ATOMIC_RELAXED);
		return 0;
	case SO_TYPE:
		*value = s->type;
		return 0;
	case SO_DOMAIN:
		*value = s->family;
		return 0;
	case SO_PROTOCOL:
		*value = s->protocol;
		return 0;
	case SO_ERROR:
		*value = -socket_take_error(s);
		return 0;
	case SO_ACCEPTCONN:
		*value = socket_flag(s, SOCKET_LISTENING);
		return 0;
	case SO_PRIORITY:
		*value = (int)__atomic_load_n(&s->priority, __ATOMIC_RELAXED);
		return 0;
	case SO_RCVLOWAT:
		*value = (int)__atomic_load_n(&s->receive_low, __ATOMIC_RELAXED);
		return 0;
	case SO_SNDLOWAT: /* cannot be changed, as on Linux */
		*value = 1;
		return 0;
	case SO_PEEK_OFF:
		if (s->family != AF_UNIX)
			return -EOPNOTSUPP;
		*value = __atomic_load_n(&s->peek_offset, __ATOMIC_RELAXED);
		return 0;
	case SO_BSDCOMPAT:
		*value = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
