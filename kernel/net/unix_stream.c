/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams. A write becomes one or more segments at the end of the peer's queue, and files go with
 * the first of them; a read takes from the front, over several segments, but stops behind one that
 * carried files, and where the sender's credentials change if the reader asked for those, so that
 * what it gets belongs together.
 */
#include "unix.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <vfs/poll.h>

/* --- sending ------------------------------------------------------------------------------ */

static size_t piece_size(const struct unix_socket *u, size_t left)
{
	size_t limit = __atomic_load_n(&u->s.send_limit, __ATOMIC_RELAXED) / 2 - 64;

	/* Two pieces on their way let reader and writer work at once. */
	return min(left, min(limit, (size_t)UNIX_PIECE_MAX));
}

static int deliver(struct segment *seg, struct unix_socket *peer)
{
	bool carries = seg->rights;
	int r = 0;

	if (carries)
		unix_gc_lock();
	spin_lock(&peer->lock);
	if (peer->dead || (peer->s.shut & NET_SHUT_RECEIVE))
		r = -EPIPE;
	else
		segment_queue(seg, peer);
	spin_unlock(&peer->lock);
	if (carries)
		unix_gc_unlock();
	return r;
}

static ssize_t send_piece(struct unix_socket *u, struct unix_socket *peer, struct net_message *m,
			  nsec_t deadline)
{
	struct segment *seg;
	size_t n = piece_size(u, iter_left(m->data));
	int r = unix_wait_to_send(u, deadline);

	if (!r)
		r = segment_create(u, m, n, &seg);
	if (r)
		return r;
	if (m->rights) {
		seg->rights = m->rights;
		m->rights = NULL;
		r = unix_rights_prepare(seg);
	}
	if (!r)
		r = deliver(seg, peer);
	if (r) {
		unix_rights_cancel(seg);
		segment_free(seg);
		return r;
	}
	socket_wake_read(&peer->s, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)n;
}

ssize_t unix_stream_send(struct socket *s, struct net_message *m)
{
	nsec_t deadline = socket_deadline(s->send_timeout, m->flags);
	struct unix_socket *u = unix_of(s), *peer;
	ssize_t done = 0, n = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name)
		return unix_state(u) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	peer = unix_peer_get(u);
	if (!peer)
		return -ENOTCONN;
	if (unix_shut(u) & NET_SHUT_SEND)
		n = -EPIPE;
	while (n >= 0 && iter_left(m->data)) {
		n = send_piece(u, peer, m, deadline);
		if (n > 0)
			done += n;
	}
	unix_put(peer);
	if (done)
		unix_gc_hint(false);
	return done ? done : n;
}

/* --- receiving ---------------------------------------------------------------------------- */

struct reading {
	struct unix_socket *u;
	struct net_message *m;
	size_t done, target; /* bytes; enough to return with */
	size_t skip;	     /* peeking: bytes to leave out at the front of the queue */
	nsec_t deadline;
	struct segment *last; /* peeking: looked at already */
	bool named, with_creds;
};

/* The segment to read from, at *offset, or NULL. Holds: read_lock. */
static struct segment *next_segment(struct reading *r, size_t *offset)
{
	struct list *at = r->last ? &r->last->link : &r->u->queue;
	struct segment *seg = NULL;

	*offset = r->last ? 0 : r->skip;
	spin_lock(&r->u->lock);
	for (at = at->next; at != &r->u->queue; at = at->next) {
		seg = list_entry(at, struct segment, link);
		if (*offset < seg->len)
			break;
		*offset -= seg->len;
		seg = NULL;
	}
	spin_unlock(&r->u->lock);
	return seg;
}

/* Nothing to read: 1 look again, 0 the end, -errno. Holds read_lock, and drops it to wait. */
static int wait_for_data(struct reading *r)
{
	struct unix_socket *u = r->u;
	int e = socket_take_error(&u->s);

	if (e)
		return e;
	if (unix_shut(u) & NET_SHUT_RECEIVE)
		return 0;
	if (!r->deadline)
		return -EAGAIN;
	/* What was peeked at may be gone after a wait. */
	if (r->last)
		return 0;
	mutex_unlock(&u->read_lock);
	e = WAIT_UNTIL(&u->s.read_wait,
		       __atomic_load_n(&u->queued, __ATOMIC_ACQUIRE) ||
			       (unix_shut(u) & NET_SHUT_RECEIVE) ||
			       __atomic_load_n(&u->s.error, __ATOMIC_RELAXED),
		       r->deadline, WAIT_INTERRUPTIBLE);
	mutex_lock(&u->read_lock);
	return e == -ETIMEDOUT ? -EAGAIN : e ? e : 1;
}

static bool same_creds(const struct net_message *m, const struct segment *seg)
{
	return m->has_creds == seg->has_creds &&
	       (!seg->has_creds || memcmp(&m->creds, &seg->creds, sizeof(m->creds)) == 0);
}

/* What belongs to the segment besides its bytes. False: it does not go with what was read. */
static bool take_context(struct reading *r, struct segment *seg)
{
	if (r->with_creds && !same_creds(r->m, seg))
		return false;
	if (!r->with_creds && socket_flag(&r->u->s, SOCKET_PASS_CREDS)) {
		r->with_creds = true;
		r->m->has_creds = seg->has_creds;
		r->m->creds = seg->creds;
	}
	if (r->m->name && !r->named) {
		unix_name_of(seg->sender, r->m->name);
		if (r->m->name->len == UNIX_PATH_OFFSET)
			r->m->name->len = 0;
		r->named = true;
	}
	return true;
}

/* Bytes of it were read. True: go on with the next. */
static bool consume(struct reading *r, struct segment *seg, size_t n)
{
	bool used_up, carried = seg->rights;

	segment_control(seg, r->u, r->m);
	spin_lock(&r->u->lock);
	seg->start += (uint32_t)n;
	seg->len -= (uint32_t)n;
	used_up = !seg->len;
	if (used_up)
		segment_unqueue(seg, r->u);
	spin_unlock(&r->u->lock);
	if (used_up)
		segment_free(seg);
	return used_up && !carried && !r->m->rights;
}

/* One segment's worth: 1 go on, 0 stop, -EFAULT. */
static int read_segment(struct reading *r, struct segment *seg, size_t offset)
{
	size_t n = min(iter_left(r->m->data), (size_t)seg->len - offset), got;
	bool peek = r->m->flags & MSG_PEEK, carries = seg->rights;

	got = segment_copy(seg, offset, r->m->data, n);
	if (got < n)
		return -EFAULT;
	r->done += n;
	unix_move_peek(r->u, n, peek);
	if (!peek)
		return consume(r, seg, n);
	segment_control(seg, r->u, r->m);
	r->last = seg;
	return !carries;
}

static int read_some(struct reading *r)
{
	int e;

	do {
		size_t offset;
		struct segment *seg = next_segment(r, &offset);

		if (!seg) {
			if (r->done >= r->target)
				return 0;
			e = wait_for_data(r);
		} else if (!take_context(r, seg)) {
			return 0;
		} else {
			e = read_segment(r, seg, offset);
		}
	} while (e > 0 && (iter_left(r->m->data) || !r->done));
	return e;
}

ssize_t unix_stream_receive(struct socket *s, struct net_message *m)
{
	struct unix_socket *u = unix_of(s);
	size_t size = iter_left(m->data);
	size_t low = __atomic_load_n(&s->receive_low, __ATOMIC_RELAXED);
	struct reading r = {
		.u = u,
		.m = m,
		.target = max(m->flags & MSG_WAITALL ? size : min(low, size), (size_t)1),
		.deadline = socket_deadline(s->receive_timeout, m->flags),
	};
	int32_t peek = __atomic_load_n(&s->peek_offset, __ATOMIC_RELAXED);
	int e;

	if (m->name)
		m->name->len = 0;
	if (unix_state(u) != UNIX_CONNECTED)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if ((m->flags & MSG_PEEK) && peek > 0)
		r.skip = (size_t)peek;
	mutex_lock(&u->read_lock);
	e = read_some(&r);
	mutex_unlock(&u->read_lock);
	return r.done ? (ssize_t)r.done : e;
}
