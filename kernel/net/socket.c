/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket core: families, the making of sockets, and the calls that every family answers by its
 * table of operations.
 *
 * Objects: a socket has a family's structure around it and counts its users: its file (one
 * reference for all descriptors), and whatever the family needs, such as a peer's pointer or a
 * message that still charges its sender. A file has one socket for its whole life; a socket may be
 * without a file before it is accepted and after its file is closed.
 *
 * States are the family's business; the core keeps what they have in common: options, limits,
 * time-outs, a pending error, which directions are shut, and the two blockers that threads and
 * poll wait on.
 *
 * Life:
 *	family->create		one reference, no file
 *	sockfs_file_attach	the file owns that reference
 *	last close		ops->release: the family disconnects it, purges, wakes; file is NULL
 *	last socket_put		ops->destroy; the memory goes after a grace period, because threads
 *				that give up waiting look at the blockers
 *
 * Locks: none of its own. Fields marked [a] are single words; families have locks.
 *
 * Rejected: states and accept queues in the core, as BSD has them. A family whose connections take
 * time needs others than one where connect(2) is a pointer, and both would pay for the union.
 */
#include "net_internal.h"

#include <base/cred.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <proc/signal.h>
#include <sched/clock.h>
#include <vfs/file.h>
#include <vfs/poll.h>

static const struct net_family *families[NET_FAMILIES]; /* [I] after boot */

void net_family_register(const struct net_family *f)
{
	assert(f->family < NET_FAMILIES && !families[f->family]);
	families[f->family] = f;
}

void net_init(void)
{
	sockfs_init();
	unix_init();
}

/* --- for families ------------------------------------------------------------------------- */

void socket_init(struct socket *s, uint16_t family, unsigned type, int protocol,
		 const struct socket_ops *ops)
{
	*s = (struct socket){
		.refs = 1,
		.family = family,
		.type = (uint16_t)type,
		.protocol = protocol,
		.ops = ops,
		.send_limit = NET_BUFFER_DEFAULT,
		.receive_limit = NET_BUFFER_DEFAULT,
		.receive_low = 1,
		.peek_offset = -1,
		.send_timeout = NEVER,
		.receive_timeout = NEVER,
	};
	blocker_init_class(&s->read_wait, LOCK_BLOCKER_OUTER);
	blocker_init_class(&s->write_wait, LOCK_BLOCKER_OUTER);
}

void socket_free(struct socket *s)
{
	kfree_deferred(s, epoch);
}

struct socket *socket_get(struct socket *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void socket_put(struct socket *s)
{
	if (s && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
		s->ops->destroy(s);
}

int socket_take_error(struct socket *s)
{
	if (!__atomic_load_n(&s->error, __ATOMIC_RELAXED))
		return 0;
	return -__atomic_exchange_n(&s->error, 0, __ATOMIC_ACQ_REL);
}

nsec_t socket_deadline(nsec_t timeout, unsigned flags)
{
	nsec_t deadline;

	if (flags & MSG_DONTWAIT)
		return 0;
	if (timeout == NEVER || add_overflow(clock_mono_ns(), timeout, &deadline))
		return NEVER;
	return deadline;
}

void socket_wake_read(struct socket *s, uintptr_t events)
{
	if (blocker_has_waiters(&s->read_wait))
		blocker_wake(&s->read_wait, ~0U, events);
}

void socket_wake_write(struct socket *s, uintptr_t events)
{
	if (blocker_has_waiters(&s->write_wait))
		blocker_wake(&s->write_wait, ~0U, events);
}

/* --- making them -------------------------------------------------------------------------- */

static int create_socket(unsigned family, unsigned type, int protocol, struct socket **out)
{
	if (family >= NET_FAMILIES)
		return -EAFNOSUPPORT;
	if (type > SOCK_TYPE_MAX)
		return -EINVAL;
	if (!families[family])
		return -EAFNOSUPPORT;
	return families[family]->create(families[family], type, protocol, out);
}

static int create_file(struct socket *s, unsigned flags, struct file **out)
{
	int r = sockfs_file_create(s->type, flags, out);

	if (r) {
		s->ops->release(s);
		socket_put(s);
		return r;
	}
	sockfs_file_attach(*out, s);
	return 0;
}

int socket_create(unsigned family, unsigned type, int protocol, unsigned flags, struct file **out)
{
	struct socket *s;
	int r = create_socket(family, type, protocol, &s);

	return r ? r : create_file(s, flags, out);
}

int socket_create_pair(unsigned family, unsigned type, int protocol, unsigned flags,
		       struct file *out[2])
{
	struct socket *a, *b;
	int r = socket_create(family, type, protocol, flags, &out[0]);

	if (r)
		return r;
	r = socket_create(family, type, protocol, flags, &out[1]);
	if (r)
		goto out_first;
	a = out[0]->priv;
	b = out[1]->priv;
	r = a->ops->pair ? a->ops->pair(a, b) : -EOPNOTSUPP;
	if (!r)
		return 0;
	file_put(out[1]);
out_first:
	file_put(out[0]);
	return r;
}

/* How a wait with this time-out is to be told when a signal ended it. */
static ssize_t wait_result(ssize_t n, nsec_t timeout)
{
	return n == -EINTR && timeout == NEVER ? -ERESTARTSYS : n;
}

static unsigned wait_flags(const struct socket *s)
{
	struct file *f = s->file;

	return f && (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK) ? MSG_DONTWAIT : 0;
}

int socket_accept(struct file *listener, unsigned flags, struct file **out,
		  struct net_address *name)
{
	struct socket *s = socket_of(listener), *new;
	int r;

	if (!s->ops->accept)
		return -EOPNOTSUPP;
	r = sockfs_file_create(s->type, flags, out);
	if (r)
		return r;
	r = s->ops->accept(s, wait_flags(s), &new);
	if (r) {
		file_put(*out);
		return (int)wait_result(r, s->receive_timeout);
	}
	sockfs_file_attach(*out, new);
	if (name && new->ops->name(new, true, name)) {
		file_put(*out);
		return -ECONNABORTED;
	}
	return 0;
}

/* --- calls -------------------------------------------------------------------------------- */

int socket_bind(struct socket *s, const struct net_address *a)
{
	return s->ops->bind ? s->ops->bind(s, a) : -EOPNOTSUPP;
}

int socket_listen(struct socket *s, int backlog)
{
	/* A negative one is as large as can be. */
	unsigned n = min((unsigned)backlog, (unsigned)NET_BACKLOG_MAX);

	return s->ops->listen ? s->ops->listen(s, (int)n) : -EOPNOTSUPP;
}

int socket_connect(struct socket *s, const struct net_address *a)
{
	int r = s->ops->connect ? s->ops->connect(s, a, wait_flags(s)) : -EOPNOTSUPP;

	return (int)wait_result(r, s->send_timeout);
}

int socket_name(struct socket *s, bool peer, struct net_address *out)
{
	return s->ops->name ? s->ops->name(s, peer, out) : -EOPNOTSUPP;
}

int socket_shutdown(struct socket *s, unsigned how)
{
	return s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
}

void socket_peer(struct socket *s, struct net_peer *out)
{
	*out = (struct net_peer){0};
	if (s->ops->peer)
		s->ops->peer(s, out);
}

ssize_t socket_send(struct socket *s, struct net_message *m)
{
	if (!s->ops->send)
		return -EOPNOTSUPP;
	return wait_result(s->ops->send(s, m), s->send_timeout);
}

ssize_t socket_receive(struct socket *s, struct net_message *m)
{
	m->rights = NULL;
	m->has_creds = false;
	m->result = 0;
	if (!s->ops->receive)
		return -EOPNOTSUPP;
	return wait_result(s->ops->receive(s, m), s->receive_timeout);
}
