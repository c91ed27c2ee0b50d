/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections of streams and seqpackets, and what all types answer alike: shutdown, poll, peers.
 *
 * connect(2) does all the work: it makes the other end, an embryo with both pointers set and the
 * listener's name, and puts it on the listener's list; the connection carries data from then on.
 * accept(2) only takes it off and gives it a file. The lock of the connecting socket and of the
 * listener are held together while both change.
 */
#include "unix.h"

#include <base/cred.h>
#include <lib/errno.h>
#include <vfs/poll.h>

#define READABLE (EPOLLIN | EPOLLRDNORM)
#define WRITABLE (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)

/* --- listen and accept -------------------------------------------------------------------- */

/* The lock is held; the old credentials are the caller's to put. */
static struct cred *set_peer_id(struct unix_socket *u, struct net_peer id)
{
	struct cred *old = u->peer_id.cred;

	u->peer_id = id;
	return old;
}

int unix_listen(struct socket *s, int backlog)
{
	struct unix_socket *u = unix_of(s);
	struct net_peer id;
	bool grown = false;
	int r = -EINVAL;

	if (!__atomic_load_n(&u->address, __ATOMIC_ACQUIRE))
		return -EINVAL;
	unix_peer_id_current(&id);
	spin_lock(&u->lock);
	if (u->state != UNIX_CONNECTED && !u->dead) {
		grown = (uint32_t)backlog > u->backlog;
		__atomic_store_n(&u->backlog, (uint32_t)backlog, __ATOMIC_RELAXED);
		__atomic_store_n(&u->state, UNIX_LISTENING, __ATOMIC_RELEASE);
		__atomic_fetch_or(&s->flags, SOCKET_LISTENING, __ATOMIC_RELAXED);
		id.cred = set_peer_id(u, id);
		r = 0;
	}
	spin_unlock(&u->lock);
	if (id.cred)
		cred_put(id.cred);
	if (grown)
		blocker_wake_all(&u->room_wait);
	return r;
}

static struct unix_socket *take_embryo(struct unix_socket *u)
{
	struct unix_socket *e;

	spin_lock(&u->lock);
	e = list_first_entry_or_null(&u->embryos, struct unix_socket, embryo_link);
	if (e) {
		list_del(&e->embryo_link);
		__atomic_store_n(&u->queued, u->queued - 1, __ATOMIC_RELEASE);
	}
	spin_unlock(&u->lock);
	return e;
}

int unix_accept(struct socket *s, unsigned flags, struct socket **out)
{
	nsec_t deadline = socket_deadline(s->receive_timeout, flags);
	struct unix_socket *u = unix_of(s), *e;
	int r;

	if (unix_state(u) != UNIX_LISTENING)
		return -EINVAL;
	while (!(e = take_embryo(u))) {
		if (unix_shut(u) & NET_SHUT_RECEIVE)
			return flags & MSG_DONTWAIT ? -EAGAIN : -EINVAL;
		if (!deadline)
			return -EAGAIN;
		r = WAIT_UNTIL(&s->read_wait,
			       __atomic_load_n(&u->queued, __ATOMIC_ACQUIRE) ||
				       (unix_shut(u) & NET_SHUT_RECEIVE),
			       deadline, WAIT_INTERRUPTIBLE);
		if (r)
			return r == -ETIMEDOUT ? -EAGAIN : r;
	}
	unix_room_came(u);
	if (socket_flag(s, SOCKET_PASS_CREDS))
		__atomic_fetch_or(&e->s.flags, SOCKET_PASS_CREDS, __ATOMIC_RELAXED);
	*out = &e->s;
	return 0;
}

/* --- connect ------------------------------------------------------------------------------ */

#define RETRY 1 /* the listener went away: look for the name again */

/* Both locks held: may u connect to the listener now? -EAGAIN: its backlog is full. */
static int may_connect(struct unix_socket *u, struct unix_socket *listener)
{
	if (listener->dead)
		return RETRY;
	if (listener->state != UNIX_LISTENING || (listener->s.shut & NET_SHUT_RECEIVE))
		return -ECONNREFUSED;
	if (unix_full(listener))
		return -EAGAIN;
	if (u->state == UNIX_CONNECTED)
		return -EISCONN;
	return u->state == UNIX_CLOSED ? 0 : -EINVAL;
}

static void join(struct unix_socket *u, struct unix_socket *listener, struct unix_socket *e)
{
	e->state = UNIX_CONNECTED;
	e->peer = unix_get(u);
	unix_peer_id_current(&e->peer_id);
	e->address = listener->address;
	__atomic_fetch_add(&e->address->refs, 1, __ATOMIC_RELAXED);
	u->peer = unix_get(e);
	u->peer_id = listener->peer_id;
	cred_get(u->peer_id.cred);
	__atomic_store_n(&u->state, UNIX_CONNECTED, __ATOMIC_RELEASE);
	list_add_tail(&unix_get(e)->embryo_link, &listener->embryos);
	__atomic_store_n(&listener->queued, listener->queued + 1, __ATOMIC_RELEASE);
}

static int try_connect(struct unix_socket *u, struct unix_socket *listener, struct unix_socket *e)
{
	int r;

	unix_lock_pair(u, listener);
	r = may_connect(u, listener);
	if (!r)
		join(u, listener, e);
	unix_unlock_pair(u, listener);
	if (!r)
		socket_wake_read(&listener->s, READABLE);
	return r;
}

static int wait_for_backlog(struct unix_socket *listener, nsec_t deadline)
{
	int r;

	if (!deadline)
		return -EAGAIN;
	r = WAIT_UNTIL(&listener->room_wait,
		       !unix_full(listener) || __atomic_load_n(&listener->dead, __ATOMIC_ACQUIRE) ||
			       (unix_shut(listener) & NET_SHUT_RECEIVE),
		       deadline, WAIT_INTERRUPTIBLE);
	return r == -ETIMEDOUT ? -EAGAIN : r ? r : RETRY;
}

static int connect_with(struct unix_socket *u, const struct net_address *a, nsec_t deadline,
			struct unix_socket *e)
{
	struct unix_socket *listener;
	int r;

	do {
		r = unix_find(a, u->s.type, &listener);
		if (r)
			return r;
		r = try_connect(u, listener, e);
		if (r == -EAGAIN)
			r = wait_for_backlog(listener, deadline);
		unix_put(listener);
	} while (r == RETRY);
	return r;
}

int unix_stream_connect(struct socket *s, const struct net_address *a, unsigned flags)
{
	nsec_t deadline = socket_deadline(s->send_timeout, flags);
	struct unix_socket *u = unix_of(s), *e;
	int r = unix_address_check(a);

	if (!r)
		r = unix_autobind_for_creds(u);
	if (r)
		return r;
	e = unix_create(s->type);
	if (!e)
		return -ENOMEM;
	r = connect_with(u, a, deadline, e);
	if (r)
		s->ops->release(&e->s); /* out of the tree of all sockets */
	unix_put(e);
	return r;
}

int unix_pair(struct socket *a, struct socket *b)
{
	struct unix_socket *u = unix_of(a), *v = unix_of(b);

	unix_lock_pair(u, v);
	u->peer = unix_get(v);
	v->peer = unix_get(u);
	unix_peer_id_current(&u->peer_id);
	unix_peer_id_current(&v->peer_id);
	u->state = v->state = UNIX_CONNECTED;
	unix_unlock_pair(u, v);
	return 0;
}

/* --- shutdown, peers ---------------------------------------------------------------------- */

static void shut(struct unix_socket *u, unsigned how)
{
	__atomic_fetch_or(&u->s.shut, how, __ATOMIC_ACQ_REL);
}

static void wake_both(struct unix_socket *u)
{
	socket_wake_read(&u->s, 0);
	socket_wake_write(&u->s, 0);
}

int unix_shutdown(struct socket *s, unsigned how)
{
	struct unix_socket *u = unix_of(s), *peer;
	unsigned other = (how & NET_SHUT_RECEIVE ? NET_SHUT_SEND : 0) |
			 (how & NET_SHUT_SEND ? NET_SHUT_RECEIVE : 0);

	spin_lock(&u->lock);
	shut(u, how);
	peer = u->peer ? unix_get(u->peer) : NULL;
	spin_unlock(&u->lock);
	wake_both(u);
	/* Who waits to connect to us, or to send to us, must look again. */
	blocker_wake_all(&u->room_wait);
	if (peer && s->type != SOCK_DGRAM) {
		spin_lock(&peer->lock);
		shut(peer, other);
		spin_unlock(&peer->lock);
		wake_both(peer);
	}
	unix_put(peer);
	return 0;
}

void unix_peer_id(struct socket *s, struct net_peer *out)
{
	struct unix_socket *u = unix_of(s);

	spin_lock(&u->lock);
	*out = u->peer_id;
	if (out->cred)
		cred_get(out->cred);
	spin_unlock(&u->lock);
}

int unix_queued(struct socket *s, bool out, uint32_t *bytes)
{
	struct unix_socket *u = unix_of(s);
	struct segment *seg;

	if (out) {
		*bytes = __atomic_load_n(&u->charged, __ATOMIC_RELAXED);
		return 0;
	}
	if (unix_state(u) == UNIX_LISTENING)
		return -EINVAL;
	*bytes = 0;
	spin_lock(&u->lock);
	list_for_each_entry(seg, &u->queue, link) {
		*bytes += seg->len;
		if (s->type == SOCK_DGRAM)
			break;
	}
	spin_unlock(&u->lock);
	return 0;
}

/* --- poll --------------------------------------------------------------------------------- */

static unsigned poll_common(struct unix_socket *u, struct poll_table *pt)
{
	uint32_t shut, state;
	unsigned events = 0;

	poll_wait(pt, &u->s.read_wait);
	poll_wait(pt, &u->s.write_wait);
	shut = unix_shut(u);
	state = unix_state(u);
	if (__atomic_load_n(&u->s.error, __ATOMIC_ACQUIRE))
		events |= EPOLLERR;
	if (shut == NET_SHUT_BOTH)
		events |= EPOLLHUP;
	if (shut & NET_SHUT_RECEIVE)
		events |= EPOLLRDHUP | READABLE;
	if (__atomic_load_n(&u->queued, __ATOMIC_ACQUIRE))
		events |= READABLE;
	if (u->s.type != SOCK_DGRAM && state == UNIX_CLOSED)
		events |= EPOLLHUP;
	return events;
}

unsigned unix_stream_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_socket *u = unix_of(s);
	unsigned events = poll_common(u, pt);

	if (unix_state(u) != UNIX_LISTENING && unix_writable(u))
		events |= WRITABLE;
	return events;
}

unsigned unix_dgram_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_socket *u = unix_of(s), *peer;
	unsigned events = poll_common(u, pt);

	if (!unix_writable(u) || unix_state(u) == UNIX_LISTENING)
		return events;
	peer = unix_peer_get(u);
	if (!peer || !unix_want_room(u, peer))
		events |= WRITABLE;
	unix_put(peer);
	return events;
}
