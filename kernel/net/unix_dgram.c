/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams, and seqpackets, which are datagrams between connected ends.
 *
 * A datagram is one segment. The receiver's queue takes a few of them from strangers; from its own
 * peer it takes any number, because there the sender's limit on memory suffices and a limit on
 * both could lock the two up.
 *
 * A datagram socket learns that its peer is dead when it sends: it is disconnected then, what it
 * had not read is thrown away, and the send is -ECONNREFUSED (unix_dgram_peer_died).
 */
#include "unix.h"

#include <lib/errno.h>
#include <vfs/poll.h>

#define DEAD 1 /* the receiver has no descriptor any more */

/* --- connecting --------------------------------------------------------------------------- */

/* Both may exchange datagrams: the other is free, or connected to us. */
static bool may_send(const struct unix_socket *u, const struct unix_socket *other)
{
	return !other->peer || other->peer == u;
}

/* u had `old` as its peer and has it no more; the reference to old is dropped. */
static void disconnected(struct unix_socket *u, struct unix_socket *old)
{
	bool tell = false;

	unix_forget_room(u);
	if (__atomic_load_n(&u->queued, __ATOMIC_ACQUIRE)) {
		unix_purge(u);
		blocker_wake_all(&u->room_wait);
		spin_lock(&old->lock);
		tell = !old->dead && old->peer == u;
		if (tell)
			__atomic_store_n(&old->s.error, ECONNRESET, __ATOMIC_RELEASE);
		spin_unlock(&old->lock);
	}
	if (tell) {
		socket_wake_read(&old->s, 0);
		socket_wake_write(&old->s, 0);
	}
	socket_wake_write(&u->s, 0);
	unix_put(old);
}

/* other NULL: disconnect. RETRY as DEAD. */
static int set_peer(struct unix_socket *u, struct unix_socket *other)
{
	struct unix_socket *old;
	int r = 0;

	unix_lock_pair(u, other ? other : u);
	if (other && other->dead)
		r = DEAD;
	else if (other && !may_send(u, other))
		r = -EPERM;
	if (r) {
		unix_unlock_pair(u, other);
		return r;
	}
	old = u->peer;
	u->peer = other ? unix_get(other) : NULL;
	__atomic_store_n(&u->state, other ? UNIX_CONNECTED : UNIX_CLOSED, __ATOMIC_RELEASE);
	unix_unlock_pair(u, other ? other : u);
	if (old && old != other)
		disconnected(u, old);
	else
		unix_put(old);
	return 0;
}

int unix_dgram_connect(struct socket *s, const struct net_address *a, unsigned flags)
{
	struct unix_socket *u = unix_of(s), *other;
	int r;

	if (a->len < sizeof(a->family))
		return -EINVAL;
	if (a->family == AF_UNSPEC)
		return set_peer(u, NULL);
	r = unix_address_check(a);
	if (!r)
		r = unix_autobind_for_creds(u);
	while (!r) {
		r = unix_find(a, s->type, &other);
		if (r)
			break;
		r = set_peer(u, other);
		unix_put(other);
		if (r != DEAD)
			break;
		r = 0;
	}
	return r;
}

/* --- sending ------------------------------------------------------------------------------ */

/* -EAGAIN: its queue is full. */
static int may_deliver(const struct unix_socket *u, const struct unix_socket *other)
{
	if (!may_send(u, other))
		return -EPERM;
	if (other->dead)
		return DEAD;
	if (other->s.shut & NET_SHUT_RECEIVE)
		return -EPIPE;
	if (other != u && other->peer != u && unix_full(other))
		return -EAGAIN;
	return 0;
}

static int deliver(struct unix_socket *u, struct unix_socket *other, struct segment *seg)
{
	bool carries = seg->rights;
	int r;

	if (carries)
		unix_gc_lock();
	spin_lock(&other->lock);
	r = may_deliver(u, other);
	if (!r)
		segment_queue(seg, other);
	spin_unlock(&other->lock);
	if (carries)
		unix_gc_unlock();
	if (!r)
		socket_wake_read(&other->s, EPOLLIN | EPOLLRDNORM);
	return r;
}

/* The receiver was found dead. 0: it was not our peer, look for the name again. */
static int peer_died(struct unix_socket *u, struct unix_socket *other)
{
	bool was_peer;

	if (u->s.type == SOCK_SEQPACKET)
		return -EPIPE;
	spin_lock(&u->lock);
	was_peer = u->peer == other;
	if (was_peer) {
		u->peer = NULL;
		__atomic_store_n(&u->state, UNIX_CLOSED, __ATOMIC_RELEASE);
	}
	spin_unlock(&u->lock);
	if (!was_peer)
		return 0;
	disconnected(u, other);
	return -ECONNREFUSED;
}

/* Until the receiver has room: 0 try again. */
static int wait_for_room(struct unix_socket *u, struct unix_socket *other, nsec_t deadline)
{
	int r;

	/* Who gets -EAGAIN may wait for an event without another look. */
	if (!deadline)
		return unix_want_room(u, other) || unix_full(other) ? -EAGAIN : 0;
	r = WAIT_UNTIL(&other->room_wait,
		       !unix_full(other) || __atomic_load_n(&other->dead, __ATOMIC_ACQUIRE) ||
			       (unix_shut(other) & NET_SHUT_RECEIVE),
		       deadline, WAIT_INTERRUPTIBLE);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* other: the peer with a reference, or NULL for the name. */
static int deliver_somewhere(struct unix_socket *u, struct unix_socket *other,
			     struct net_message *m, struct segment *seg, nsec_t deadline)
{
	int r;

	for (;;) {
		if (!other && !m->name)
			return -ECONNRESET;
		r = other ? 0 : unix_find(m->name, u->s.type, &other);
		if (r)
			return r;
		r = deliver(u, other, seg);
		if (r == -EAGAIN) {
			r = wait_for_room(u, other, deadline);
			if (!r)
				continue;
		}
		if (r == DEAD) {
			r = peer_died(u, other);
			unix_put(other);
			other = NULL;
			if (!r)
				continue;
		}
		unix_put(other);
		return r;
	}
}

static int send_checks(struct unix_socket *u, struct net_message *m, nsec_t deadline)
{
	size_t limit = __atomic_load_n(&u->s.send_limit, __ATOMIC_RELAXED);
	int r = unix_autobind_for_creds(u);

	if (r)
		return r;
	if (iter_left(m->data) > limit - 32)
		return -EMSGSIZE;
	return unix_wait_to_send(u, deadline);
}

static int prepare(struct unix_socket *u, struct net_message *m, struct segment **seg)
{
	int r = segment_create(u, m, iter_left(m->data), seg);

	if (r || !m->rights)
		return r;
	(*seg)->rights = m->rights;
	m->rights = NULL;
	r = unix_rights_prepare(*seg);
	if (r)
		segment_free(*seg);
	return r;
}

ssize_t unix_dgram_send(struct socket *s, struct net_message *m)
{
	nsec_t deadline = socket_deadline(s->send_timeout, m->flags);
	struct unix_socket *u = unix_of(s), *other = NULL;
	size_t n = iter_left(m->data);
	struct segment *seg;
	int r = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name) {
		r = unix_address_check(m->name);
	} else {
		other = unix_peer_get(u);
		if (!other)
			r = -ENOTCONN;
	}
	if (!r)
		r = send_checks(u, m, deadline);
	if (!r)
		r = prepare(u, m, &seg);
	if (r) {
		unix_put(other);
		return r;
	}
	r = deliver_somewhere(u, other, m, seg, deadline);
	if (r) {
		unix_rights_cancel(seg);
		segment_free(seg);
		return r;
	}
	unix_gc_hint(false);
	return (ssize_t)n;
}

ssize_t unix_seqpacket_send(struct socket *s, struct net_message *m)
{
	int r = socket_take_error(s);

	if (r)
		return r;
	if (unix_state(unix_of(s)) != UNIX_CONNECTED)
		return -ENOTCONN;
	m->name = NULL;
	return unix_dgram_send(s, m);
}

/* --- receiving ---------------------------------------------------------------------------- */

/* The datagram to read, behind *skip bytes that were peeked at. Holds: read_lock. */
static struct segment *front(struct unix_socket *u, size_t *skip)
{
	struct segment *seg, *found = NULL;

	spin_lock(&u->lock);
	list_for_each_entry(seg, &u->queue, link) {
		/* An empty one is found once, where the offset stands before it. */
		if (*skip < seg->len || (!*skip && !seg->len)) {
			found = seg;
			break;
		}
		*skip -= seg->len;
	}
	spin_unlock(&u->lock);
	return found;
}

/* Nothing to read: 1 look again, 0 the end, -errno. Holds no lock. */
static int wait_for_datagram(struct unix_socket *u, nsec_t deadline)
{
	int r;

	if (!deadline) {
		bool ended = u->s.type == SOCK_SEQPACKET && (unix_shut(u) & NET_SHUT_RECEIVE);

		return ended ? 0 : -EAGAIN;
	}
	if (unix_shut(u) & NET_SHUT_RECEIVE)
		return 0;
	r = WAIT_UNTIL(&u->s.read_wait,
		       __atomic_load_n(&u->queued, __ATOMIC_ACQUIRE) ||
			       (unix_shut(u) & NET_SHUT_RECEIVE) ||
			       __atomic_load_n(&u->s.error, __ATOMIC_RELAXED),
		       deadline, WAIT_INTERRUPTIBLE);
	return r == -ETIMEDOUT ? -EAGAIN : r ? r : 1;
}

/* Returns holding read_lock if there is a segment. */
static int await_datagram(struct unix_socket *u, unsigned flags, struct segment **seg, size_t *skip)
{
	nsec_t deadline = socket_deadline(u->s.receive_timeout, flags);
	int32_t peek = __atomic_load_n(&u->s.peek_offset, __ATOMIC_RELAXED);
	int r;

	do {
		r = socket_take_error(&u->s);
		if (r)
			return r;
		mutex_lock(&u->read_lock);
		*skip = (flags & MSG_PEEK) && peek > 0 ? (size_t)peek : 0;
		*seg = front(u, skip);
		if (*seg)
			return 0;
		mutex_unlock(&u->read_lock);
		r = wait_for_datagram(u, deadline);
	} while (r > 0);
	return r;
}

/* The bytes, and what goes with them. Holds: read_lock. */
static ssize_t copy_out(struct unix_socket *u, struct segment *seg, size_t skip,
			struct net_message *m)
{
	size_t all = seg->len - skip, n = min(iter_left(m->data), all);

	if (m->name) {
		unix_name_of(seg->sender, m->name);
		if (m->name->len == UNIX_PATH_OFFSET)
			m->name->len = 0;
	}
	if (n < all)
		m->result |= MSG_TRUNC;
	if (segment_copy(seg, skip, m->data, n) < n)
		return -EFAULT;
	m->has_creds = seg->has_creds;
	m->creds = seg->creds;
	segment_control(seg, u, m);
	unix_move_peek(u, m->flags & MSG_PEEK ? n : seg->len, m->flags & MSG_PEEK);
	return (ssize_t)(m->flags & MSG_TRUNC ? all : n);
}

ssize_t unix_dgram_receive(struct socket *s, struct net_message *m)
{
	struct unix_socket *u = unix_of(s);
	struct segment *seg = NULL;
	size_t skip;
	ssize_t n;

	if (m->name)
		m->name->len = 0;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	n = await_datagram(u, m->flags, &seg, &skip);
	if (!seg)
		return n;
	n = copy_out(u, seg, skip, m);
	if (m->flags & MSG_PEEK) {
		mutex_unlock(&u->read_lock);
		return n;
	}
	unix_rights_cancel(seg);
	spin_lock(&u->lock);
	segment_unqueue(seg, u);
	spin_unlock(&u->lock);
	mutex_unlock(&u->read_lock);
	unix_room_came(u);
	segment_free(seg);
	return n;
}

ssize_t unix_seqpacket_receive(struct socket *s, struct net_message *m)
{
	if (unix_state(unix_of(s)) != UNIX_CONNECTED)
		return -ENOTCONN;
	return unix_dgram_receive(s, m);
}
