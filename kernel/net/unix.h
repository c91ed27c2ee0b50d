/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX, within net/: the structures, and what its files do for one another. The theory is at
 * the head of unix.c; of files in flight in unix_gc.c; of names in unix_names.c.
 */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "net_internal.h"

#include <base/spinlock.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <sched/mutex.h>
#include <vfs/path.h>

struct page;
struct unix_user;

#define UNIX_PATH_MAX	 108	    /* bytes of sun_path */
#define UNIX_PATH_OFFSET 2	    /* where it begins in an address */
#define UNIX_PIECE_MAX	 (32 << 10) /* of a stream: one segment */
#define UNIX_DGRAM_QUEUE 10	    /* waiting datagrams, besides the one that fits always */

enum unix_state { UNIX_CLOSED, UNIX_CONNECTED, UNIX_LISTENING };

/* A name, shared by a listener and what it accepts. Never changes. */
struct unix_address {
	uint32_t refs; /* [a] */
	uint32_t len; /* of text: with the NUL of a path; with the leading NUL of an abstract one */
	char text[UNIX_PATH_MAX + 1];
};

struct unix_socket {
	struct socket s;	  /* first */
	struct spinlock lock;	  /* UNIX_SOCKET; two by address */
	struct mutex read_lock;	  /* SOCKET_READ: the front of the queue; held over user copies */
	struct mutex bind_lock;	  /* SOCKET_BIND: getting a name */
	uint32_t state;		  /* [lock; a] enum unix_state */
	bool dead;		  /* [lock; a] no descriptor any more */
	struct unix_socket *peer; /* [lock] counted */
	struct list queue;	  /* [lock] segments; the front is removed under read_lock too */
	uint32_t queued;	  /* [lock; a] how many; of a listener: embryos */
	uint32_t backlog;	  /* [lock; a] queued > backlog is full */
	struct list embryos;	  /* [lock] connections not yet accepted, a reference each */
	struct list embryo_link;  /* [the listener's lock] */
	struct blocker room_wait; /* others wait for room in queue or embryos */
	struct list
		poll_waiters;	 /* [UNIX_ROOM] sockets connected to us whose poll waits for room */
	struct list poll_link;	 /* [UNIX_ROOM] in the peer's poll_waiters, or empty */
	uint32_t charged;	 /* [a] bytes of memory that what we sent still takes */
	struct net_peer peer_id; /* [lock] SO_PEERCRED */
	struct unix_address *address; /* [a] set once under bind_lock */
	struct path path;	  /* [bind_lock; I] of a path name: keeps the inode; else NULLs */
	struct rb_node name_node; /* [UNIX_NAMES] by path or abstract name */
	struct rb_node all_node;  /* [UNIX_NAMES] by id */
	uint64_t id;		  /* [I] */
	/* unix_gc.c: */
	struct list rights;	    /* [UNIX_GC] segments of queue that carry files */
	uint32_t in_flight;	    /* [UNIX_GC] references to our file in segments anywhere */
	struct list in_flight_link; /* [UNIX_GC] while in_flight */
	uint32_t inside;	    /* [UNIX_GC] collector: of these, in queues of candidates */
	uint8_t mark;		    /* [UNIX_GC] collector */
	struct list mark_link;	    /* [UNIX_GC] collector */
};

/* Bytes on their way: a datagram, or a piece of a stream. */
struct segment {
	struct list link;	    /* [receiver's lock] */
	struct unix_socket *sender; /* [I] counted; charged for it */
	uint32_t charge;	    /* [I] */
	uint32_t start;		    /* [receiver's lock and read_lock] bytes taken */
	uint32_t len;		    /* [likewise] bytes left */
	bool has_creds;		    /* [I] once queued */
	struct net_creds creds;	    /* [I] likewise */
	struct net_rights *rights;  /* [UNIX_GC] once queued; or NULL */
	struct unix_user *user;	    /* [UNIX_GC] whom the rights count for */
	struct list rights_link;    /* [UNIX_GC] in the receiver's rights */
	uint32_t pages;		    /* [I] 0: the bytes follow the structure */
	struct page *page[];	    /* [I] */
};

static inline struct unix_socket *unix_of(struct socket *s)
{
	return container_of(s, struct unix_socket, s);
}

/* --- unix.c --- */
struct unix_socket *unix_create(unsigned type);
struct unix_socket *unix_get(struct unix_socket *u);
void unix_put(struct unix_socket *u);
void unix_lock_pair(struct unix_socket *a, struct unix_socket *b);
void unix_unlock_pair(struct unix_socket *a, struct unix_socket *b);
/* The peer with a reference, or NULL. */
struct unix_socket *unix_peer_get(struct unix_socket *u);
static inline bool unix_full(const struct unix_socket *u)
{
	return __atomic_load_n(&u->queued, __ATOMIC_ACQUIRE) >
	       __atomic_load_n(&u->backlog, __ATOMIC_RELAXED);
}
static inline uint32_t unix_shut(const struct unix_socket *u)
{
	return __atomic_load_n(&u->s.shut, __ATOMIC_ACQUIRE);
}
static inline uint32_t unix_state(const struct unix_socket *u)
{
	return __atomic_load_n(&u->state, __ATOMIC_ACQUIRE);
}
/* Who calls: for SO_PEERCRED (counted credentials), and for messages. */
void unix_peer_id_current(struct net_peer *out);
void unix_creds_current(struct net_creds *out);
/* Name the sender if SO_PASSCRED says that messages need one. */
int unix_autobind_for_creds(struct unix_socket *u);
/* Somebody who waits for room in u's queue may go on; after the lock is dropped. */
void unix_room_came(struct unix_socket *u);
/* The connected socket whose peer is full: be told when there is room. False: there is room. */
bool unix_want_room(struct unix_socket *u, struct unix_socket *peer);
void unix_forget_room(struct unix_socket *u);
/* Throw away what waits in u; sleeps. */
void unix_purge(struct unix_socket *u);

extern const struct socket_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;

/* --- unix_call.c: what the three types share --- */
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, unsigned flags, struct socket **out);
int unix_stream_connect(struct socket *s, const struct net_address *a, unsigned flags);
int unix_pair(struct socket *a, struct socket *b);
int unix_shutdown(struct socket *s, unsigned how);
void unix_peer_id(struct socket *s, struct net_peer *out);
unsigned unix_stream_poll(struct socket *s, struct poll_table *pt);
unsigned unix_dgram_poll(struct socket *s, struct poll_table *pt);
int unix_queued(struct socket *s, bool out, uint32_t *bytes);

/* --- unix_names.c --- */
int unix_address_check(const struct net_address *a);
int unix_bind(struct socket *s, const struct net_address *a);
int unix_autobind(struct unix_socket *u);
int unix_name(struct socket *s, bool peer, struct net_address *out);
/* The sender's name as a message shows it. */
void unix_name_of(struct unix_socket *u, struct net_address *out);
/* Who has the name: with a reference. -ECONNREFUSED, -EPROTOTYPE, -EACCES, of paths. */
int unix_find(const struct net_address *a, unsigned type, struct unix_socket **out);
/* No longer to be found. */
void unix_names_remove(struct unix_socket *u);
void unix_address_put(struct unix_address *a);
void unix_all_add(struct unix_socket *u);
/* The first socket with an id above `after`, with a reference; NULL at the end. */
struct unix_socket *unix_next(uint64_t after);

/* --- unix_segment.c --- */
/* With the bytes, n of them, from m; charged to u. */
int segment_create(struct unix_socket *u, struct net_message *m, size_t n, struct segment **out);
void segment_free(struct segment *seg);
/* Copy from `offset` of what is left; how many: fewer only on a fault. */
size_t segment_copy(struct segment *seg, size_t offset, struct iter *it, size_t n);
/* Until u may send: 0, -EAGAIN, -EINTR, -EPIPE, its pending error. */
int unix_wait_to_send(struct unix_socket *u, nsec_t deadline);
bool unix_writable(const struct unix_socket *u);
/*
 * Queue it at the receiver, whose lock is held (and UNIX_GC if it carries files). Wake its readers
 * afterwards.
 */
void segment_queue(struct segment *seg, struct unix_socket *to);
/* Take it, the front, off the queue; both locks held. */
void segment_unqueue(struct segment *seg, struct unix_socket *from);
/* The creds and files of a segment go to the message. */
void segment_control(struct segment *seg, struct unix_socket *u, struct net_message *m);

/* SO_PEEK_OFF, if on: bytes were peeked at (forward) or taken. Holds: read_lock. */
void unix_move_peek(struct unix_socket *u, size_t n, bool forward);

/* --- unix_stream.c, unix_dgram.c --- */
ssize_t unix_stream_send(struct socket *s, struct net_message *m);
ssize_t unix_stream_receive(struct socket *s, struct net_message *m);
int unix_dgram_connect(struct socket *s, const struct net_address *a, unsigned flags);
ssize_t unix_dgram_send(struct socket *s, struct net_message *m);
ssize_t unix_dgram_receive(struct socket *s, struct net_message *m);
ssize_t unix_seqpacket_send(struct socket *s, struct net_message *m);
ssize_t unix_seqpacket_receive(struct socket *s, struct net_message *m);

/* --- unix_gc.c --- */
void unix_gc_init(void);
void unix_gc_lock(void);
void unix_gc_unlock(void);
/* Before files are sent: they may be too many. -ETOOMANYREFS, -ENOMEM. Takes and drops the lock. */
int unix_rights_prepare(struct segment *seg);
/* The segment enters u's queue; leaves it; lock held. */
void unix_rights_added(struct segment *seg, struct unix_socket *u);
void unix_rights_removed(struct segment *seg);
/* Its files, prepared or queued, are no longer in flight. Takes and drops the lock. */
void unix_rights_cancel(struct segment *seg);
/* A socket was closed, or files were sent: look for cycles if there may be any. */
void unix_gc_hint(bool closed);
/* Wait for a search that was asked for; for tests. */
void unix_gc_flush(void);

/* --- unix_show.c --- */
void unix_show_init(void);

#endif
