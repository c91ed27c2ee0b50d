/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: sockets between programs of this machine. Objects, their life, their locks.
 *
 * Objects: a unix_socket has a queue of segments that were sent to it, and a pointer to the peer
 * that its own sends go to. A stream or seqpacket pair points at each other; a datagram socket
 * points at whom it was connected to, if at all. A segment counts and charges its sender.
 *
 * States, and who makes the transitions:
 *	CLOSED -> LISTENING	unix_listen; it has a name by then
 *	CLOSED -> CONNECTED	unix_stream_connect (both ends at once: the other end is an embryo,
 *				a socket without a file on the listener's list), unix_pair,
 *				unix_dgram_connect
 *	CONNECTED -> CLOSED	of datagrams only: disconnected, or the peer is found dead
 *	any -> dead		unix_release, with the last descriptor; an embryo's with its
 * listener's Streams stay CONNECTED when the peer goes; they are shut in both directions, and their
 * pointer keeps the peer's memory until they go themselves. What the dead one had not read is
 * ECONNRESET for the other end.
 *
 * Locks, in order:
 *	bind_lock	getting a name; held over the creation of the inode
 *	read_lock	whoever takes from the front of the queue, over its copy to the program
 *	UNIX_GC		whatever moves files into or out of a queue (unix_gc.c)
 *	UNIX_NAMES	the trees of names and of all sockets
 *	lock		state, peer, queue. Two of them by address (unix_lock_pair)
 *	UNIX_ROOM	who polls for room in whose queue
 * Nothing sleeps or copies under the spinlocks; readers and writers are woken after they are
 * dropped. A sender never takes the receiver's read_lock, so that a reader that faults on a slow
 * page does not stop it.
 *
 * Waiting: readers sleep on their own read_wait, senders for memory on their own write_wait. Room
 * in somebody else's queue (datagrams, listeners) is awaited on that socket's room_wait by threads,
 * which hold a reference. Poll cannot: it holds files only. So a socket that poll finds unable to
 * send is put on its peer's poll_waiters, and the peer wakes its write_wait when there is room.
 *
 * Rejected: one lock for both ends of a pair. It makes the peer's pointer simple, and two programs
 * that talk in both directions at once meet at every byte. Also rejected: a ring of pages as pipes
 * have it; credentials and files belong to stretches of the stream and want segments.
 */
#include "unix.h"

#include <base/cred.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <vfs/inode.h>
#include <vfs/poll.h>

static uint64_t last_id; /* [a] */

/* --- references and locks ----------------------------------------------------------------- */

struct unix_socket *unix_get(struct unix_socket *u)
{
	socket_get(&u->s);
	return u;
}

void unix_put(struct unix_socket *u)
{
	if (u)
		socket_put(&u->s);
}

void unix_lock_pair(struct unix_socket *a, struct unix_socket *b)
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock(a < b ? &b->lock : &a->lock);
}

void unix_unlock_pair(struct unix_socket *a, struct unix_socket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

struct unix_socket *unix_peer_get(struct unix_socket *u)
{
	struct unix_socket *peer;

	spin_lock(&u->lock);
	peer = u->peer ? unix_get(u->peer) : NULL;
	spin_unlock(&u->lock);
	return peer;
}

/* --- who calls ---------------------------------------------------------------------------- */

static int32_t current_pid(void)
{
	return current()->process ? current()->process->pid : 0;
}

void unix_peer_id_current(struct net_peer *out)
{
	out->pid = current_pid();
	out->cred = cred_get((struct cred *)vfs_cred());
}

void unix_creds_current(struct net_creds *out)
{
	const struct cred *c = vfs_cred();

	*out = (struct net_creds){.pid = current_pid(), .uid = c->uid, .gid = c->gid};
}

int unix_autobind_for_creds(struct unix_socket *u)
{
	if (!socket_flag(&u->s, SOCKET_PASS_CREDS) ||
	    __atomic_load_n(&u->address, __ATOMIC_ACQUIRE))
		return 0;
	return unix_autobind(u);
}

/* --- room in a queue ---------------------------------------------------------------------- */

/* The lists of who polls for room, of all sockets: they are seldom used. */
static struct spinlock room_lock = SPINLOCK_INIT(LOCK_UNIX_ROOM);

/*
 * Each is taken off, and comes back if it looks and finds no room. Those that come back meanwhile
 * are not ours to wake: whoever polls in a loop would keep us here.
 */
static void wake_poll_waiters(struct unix_socket *u)
{
	struct list these = LIST_INIT(these);
	bool more = !list_empty(&u->poll_waiters);

	if (!more)
		return;
	spin_lock(&room_lock);
	list_splice_tail(&u->poll_waiters, &these);
	spin_unlock(&room_lock);
	while (more) {
		struct unix_socket *w;

		spin_lock(&room_lock);
		w = list_first_entry_or_null(&these, struct unix_socket, poll_link);
		if (w) {
			list_del(&w->poll_link);
			/* It is not freed before a grace period, which this lock holds up. */
			socket_wake_write(&w->s, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
		}
		spin_unlock(&room_lock);
		more = w;
	}
}

void unix_room_came(struct unix_socket *u)
{
	if (blocker_has_waiters(&u->room_wait))
		blocker_wake_one(&u->room_wait);
	if (!unix_full(u))
		wake_poll_waiters(u);
}

bool unix_want_room(struct unix_socket *u, struct unix_socket *peer)
{
	bool wanted;

	unix_lock_pair(u, peer);
	wanted = u->peer == peer && !peer->dead && peer->peer != u && unix_full(peer);
	if (wanted) {
		spin_lock(&room_lock);
		if (list_empty(&u->poll_link))
			list_add_tail(&u->poll_link, &peer->poll_waiters);
		spin_unlock(&room_lock);
	}
	unix_unlock_pair(u, peer);
	return wanted;
}

/* u has that peer no more, so nothing puts it on the list again. */
void unix_forget_room(struct unix_socket *u)
{
	if (list_empty(&u->poll_link))
		return;
	spin_lock(&room_lock);
	list_del(&u->poll_link);
	spin_unlock(&room_lock);
}

/* --- life --------------------------------------------------------------------------------- */

static const struct socket_ops *ops_of(unsigned type)
{
	switch (type) {
	case SOCK_STREAM:
		return &unix_stream_ops;
	case SOCK_DGRAM:
		return &unix_dgram_ops;
	default:
		return &unix_seqpacket_ops;
	}
}

struct unix_socket *unix_create(unsigned type)
{
	struct unix_socket *u = kzalloc(sizeof(*u));

	if (!u)
		return NULL;
	socket_init(&u->s, AF_UNIX, type, 0, ops_of(type));
	spin_init(&u->lock, LOCK_UNIX_SOCKET);
	mutex_init(&u->read_lock, LOCK_SOCKET_READ);
	mutex_init(&u->bind_lock, LOCK_SOCKET_BIND);
	blocker_init(&u->room_wait);
	u->backlog = UNIX_DGRAM_QUEUE;
	u->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	list_init(&u->queue);
	list_init(&u->embryos);
	list_init(&u->embryo_link);
	list_init(&u->poll_waiters);
	list_init(&u->poll_link);
	list_init(&u->rights);
	list_init(&u->in_flight_link);
	list_init(&u->mark_link);
	unix_all_add(u);
	return u;
}

static int create(const struct net_family *f, unsigned type, int protocol, struct socket **out)
{
	struct unix_socket *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW) /* as BSD had it */
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	u = unix_create(type);
	if (!u)
		return -ENOMEM;
	*out = &u->s;
	return 0;
}

/* The last reference: nobody waits, nothing is queued, no name. */
static void destroy(struct socket *s)
{
	struct unix_socket *u = unix_of(s);

	unix_address_put(u->address);
	if (u->peer_id.cred)
		cred_put(u->peer_id.cred);
	socket_free(s);
}

void unix_purge(struct unix_socket *u)
{
	struct list gone = LIST_INIT(gone);
	struct segment *seg, *next;

	mutex_lock(&u->read_lock);
	unix_gc_lock();
	spin_lock(&u->lock);
	list_splice_tail(&u->queue, &gone);
	__atomic_store_n(&u->queued, 0, __ATOMIC_RELEASE);
	spin_unlock(&u->lock);
	list_for_each_entry(seg, &gone, link) {
		if (seg->rights)
			unix_rights_removed(seg);
	}
	unix_gc_unlock();
	mutex_unlock(&u->read_lock);
	list_for_each_entry_safe(seg, next, &gone, link) {
		list_del(&seg->link);
		segment_free(seg);
	}
}

/* The other end learns that we are gone. reset: it should know that something was not read. */
static void leave_peer(struct unix_socket *u, struct unix_socket *peer, bool reset)
{
	if (u->s.type != SOCK_DGRAM) {
		spin_lock(&peer->lock);
		__atomic_store_n(&peer->s.shut, NET_SHUT_BOTH, __ATOMIC_RELEASE);
		if (reset)
			__atomic_store_n(&peer->s.error, ECONNRESET, __ATOMIC_RELEASE);
		spin_unlock(&peer->lock);
		socket_wake_read(&peer->s, 0);
		socket_wake_write(&peer->s, 0);
	}
	unix_forget_room(u);
	unix_put(peer);
}

/* Of its listener, which is dead: nobody adds any more. */
static void release_embryos(struct unix_socket *u)
{
	struct unix_socket *e;

	while (!list_empty(&u->embryos)) {
		e = list_first_entry(&u->embryos, struct unix_socket, embryo_link);
		list_del(&e->embryo_link);
		e->s.ops->release(&e->s);
		unix_put(e);
	}
}

static void release(struct socket *s)
{
	struct unix_socket *u = unix_of(s), *peer;
	bool embryo = !s->file, reset;

	unix_names_remove(u);
	spin_lock(&u->lock);
	reset = embryo || u->queued;
	peer = u->peer;
	u->peer = NULL;
	__atomic_store_n(&s->file, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&u->dead, true, __ATOMIC_RELEASE);
	__atomic_store_n(&u->state, UNIX_CLOSED, __ATOMIC_RELEASE);
	__atomic_store_n(&s->shut, NET_SHUT_BOTH, __ATOMIC_RELEASE);
	spin_unlock(&u->lock);
	blocker_wake_all(&u->room_wait);
	wake_poll_waiters(u);
	if (peer)
		leave_peer(u, peer, reset);
	release_embryos(u);
	unix_purge(u);
	path_put(u->path);
	u->path = (struct path){NULL, NULL};
	unix_gc_hint(true);
}

static void send_room(struct socket *s)
{
	socket_wake_write(s, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

#define COMMON                                                                                     \
	.release = release, .destroy = destroy, .bind = unix_bind, .pair = unix_pair,              \
	.name = unix_name, .shutdown = unix_shutdown, .queued = unix_queued, .peer = unix_peer_id, \
	.send_room = send_room

const struct socket_ops unix_stream_ops = {
	COMMON,
	.listen = unix_listen,
	.accept = unix_accept,
	.connect = unix_stream_connect,
	.send = unix_stream_send,
	.receive = unix_stream_receive,
	.poll = unix_stream_poll,
};

const struct socket_ops unix_dgram_ops = {
	COMMON,
	.connect = unix_dgram_connect,
	.send = unix_dgram_send,
	.receive = unix_dgram_receive,
	.poll = unix_dgram_poll,
};

const struct socket_ops unix_seqpacket_ops = {
	COMMON,
	.listen = unix_listen,
	.accept = unix_accept,
	.connect = unix_stream_connect,
	.send = unix_seqpacket_send,
	.receive = unix_seqpacket_receive,
	.poll = unix_dgram_poll,
};

static const struct net_family unix_family = {.family = AF_UNIX, .create = create};

void unix_init(void)
{
	unix_gc_init();
	unix_show_init();
	net_family_register(&unix_family);
}
