/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: what all protocol families share. A family registers how its sockets are made; each of
 * its sockets has a table of operations. Addresses are opaque here, up to 128 bytes.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "constants.h"

#include <base/types.h>
#include <lib/list.h>
#include <sched/blocker.h>
#include <sched/epoch.h>
#include <vm/iter.h>

struct cred;
struct file;
struct poll_table;
struct socket;

#define NET_ADDRESS_MAX 128

/* As the program gave it: the first two bytes are the family, if there are as many. */
struct net_address {
	uint32_t len;
	union {
		uint16_t family;
		uint8_t bytes[NET_ADDRESS_MAX];
	};
};

struct net_creds {
	int32_t pid;
	uint32_t uid, gid;
};

#define NET_RIGHTS_MAX 253 /* as Linux's SCM_MAX_FD */

/* Files that travel with a message. */
struct net_rights {
	uint32_t count;
	struct list link;		    /* of what is to be put (rights.c) */
	struct file *files[NET_RIGHTS_MAX]; /* a reference each */
};

/* Who is at the other end, as it was when the connection was made. */
struct net_peer {
	int32_t pid;	   /* 0: nobody */
	struct cred *cred; /* counted; NULL: nobody */
};

/* One message, or a stretch of a stream, on its way in or out. */
struct net_message {
	struct iter *data;
	/* Send: where to, NULL for the peer. Receive: filled with the sender (len 0: none). */
	struct net_address *name;
	unsigned flags; /* MSG_*, MSG_DONTWAIT for a file with O_NONBLOCK too */
	/* Files, or NULL. Send: taken over (and set to NULL) by what is sent. Receive: the
	 * caller's. */
	struct net_rights *rights;
	bool has_creds; /* creds count */
	struct net_creds creds;
	unsigned result; /* receive: MSG_TRUNC and the like */
};

/*
 * All may sleep; context process. NULL: -EOPNOTSUPP. A call that a signal ends is -EINTR; the
 * core decides whether it restarts.
 */
struct socket_ops {
	/* The last descriptor is closed; the caller's reference stays. Must be there. */
	void (*release)(struct socket *s);
	/* The last reference is gone: free it (socket_free). Must be there. */
	void (*destroy)(struct socket *s);
	int (*bind)(struct socket *s, const struct net_address *a);
	int (*listen)(struct socket *s, int backlog);
	/* A connection that has come, with a reference. flags: MSG_DONTWAIT. */
	int (*accept)(struct socket *s, unsigned flags, struct socket **out);
	int (*connect)(struct socket *s, const struct net_address *a, unsigned flags);
	int (*pair)(struct socket *a, struct socket *b);
	/* The socket's address, or its peer's. */
	int (*name)(struct socket *s, bool peer, struct net_address *out);
	ssize_t (*send)(struct socket *s, struct net_message *m);
	ssize_t (*receive)(struct socket *s, struct net_message *m);
	int (*shutdown)(struct socket *s, unsigned how); /* NET_SHUT_* */
	/* EPOLL* bits, as struct file_ops has it. Must be there. */
	unsigned (*poll)(struct socket *s, struct poll_table *pt);
	/* Bytes to be received (FIONREAD), bytes sent and not yet taken (TIOCOUTQ). */
	int (*queued)(struct socket *s, bool out, uint32_t *bytes);
	void (*peer)(struct socket *s, struct net_peer *out);
	/* Room for sending has grown by an option. NULL: nothing to do. */
	void (*send_room)(struct socket *s);
};

#define NET_SHUT_RECEIVE 1
#define NET_SHUT_SEND	 2
#define NET_SHUT_BOTH	 3

/* socket->flags: options that are on or off. */
#define SOCKET_DEBUG	  (1 << 0)
#define SOCKET_REUSE_ADDR (1 << 1)
#define SOCKET_REUSE_PORT (1 << 2)
#define SOCKET_DONT_ROUTE (1 << 3)
#define SOCKET_BROADCAST  (1 << 4)
#define SOCKET_KEEP_ALIVE (1 << 5)
#define SOCKET_OOB_INLINE (1 << 6)
#define SOCKET_PASS_CREDS (1 << 7)
#define SOCKET_LINGER	  (1 << 8)
#define SOCKET_NO_CHECK	  (1 << 9)
#define SOCKET_LISTENING  (1 << 16) /* SO_ACCEPTCONN; set by the family */

/* The part of a socket that the core knows; families put it first in theirs. */
struct socket {
	uint32_t refs;		      /* [a] the file's, peers', messages' */
	uint16_t family;	      /* [I] AF_* */
	uint16_t type;		      /* [I] SOCK_* */
	int32_t protocol;	      /* [I] */
	const struct socket_ops *ops; /* [I] */
	struct file *file;	      /* [a] not counted; NULL before accept, after close */
	uint32_t flags;		      /* [a] SOCKET_* */
	uint32_t shut;		      /* [a] NET_SHUT_*; changes under the family's lock */
	int32_t error;		      /* [a] errno to be told once, positive; 0: none */
	uint32_t send_limit;	      /* [a] SO_SNDBUF, doubled */
	uint32_t receive_limit;	      /* [a] SO_RCVBUF, doubled */
	uint32_t receive_low;	      /* [a] SO_RCVLOWAT */
	int32_t peek_offset;	      /* [a] SO_PEEK_OFF; negative: off */
	uint32_t priority;	      /* [a] */
	uint32_t linger_seconds;      /* [a] */
	nsec_t send_timeout;	      /* [a] NEVER: none */
	nsec_t receive_timeout;	      /* [a] */
	struct blocker read_wait;     /* BLOCKER_OUTER: data, connections, errors, ends */
	struct blocker write_wait;    /* BLOCKER_OUTER: room, errors, ends */
	struct epoch_head epoch;
};

struct net_family {
	uint16_t family; /* [I] AF_* */
	/*
	 * A socket of this type and protocol with one reference and without a file, as
	 * socket_init leaves it. -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM.
	 */
	int (*create)(const struct net_family *f, unsigned type, int protocol, struct socket **out);
};

#define NET_FAMILIES 46

/* At boot, once for a family. */
void net_family_register(const struct net_family *f);
void net_init(void);

/* --- for families --- */
void socket_init(struct socket *s, uint16_t family, unsigned type, int protocol,
		 const struct socket_ops *ops);
/* The memory of `block` that begins with s, after a grace period. */
void socket_free(struct socket *s);
struct socket *socket_get(struct socket *s);
void socket_put(struct socket *s); /* context: process, no locks */
/* Takes the pending error: 0 or -errno. */
int socket_take_error(struct socket *s);
/* The end of a wait that begins now. */
nsec_t socket_deadline(nsec_t timeout, unsigned flags);
void socket_wake_read(struct socket *s, uintptr_t events);
void socket_wake_write(struct socket *s, uintptr_t events);
static inline bool socket_flag(const struct socket *s, uint32_t flag)
{
	return __atomic_load_n(&s->flags, __ATOMIC_RELAXED) & flag;
}

/* --- for the system calls; files keep sockets alive --- */
/* flags: O_NONBLOCK. */
int socket_create(unsigned family, unsigned type, int protocol, unsigned flags, struct file **out);
int socket_create_pair(unsigned family, unsigned type, int protocol, unsigned flags,
		       struct file *out[2]);
/* name: the peer's address, or NULL. */
int socket_accept(struct file *listener, unsigned flags, struct file **out,
		  struct net_address *name);
int socket_bind(struct socket *s, const struct net_address *a);
int socket_listen(struct socket *s, int backlog);
int socket_connect(struct socket *s, const struct net_address *a);
int socket_name(struct socket *s, bool peer, struct net_address *out);
int socket_shutdown(struct socket *s, unsigned how);
/* The caller puts the credentials. */
void socket_peer(struct socket *s, struct net_peer *out);
ssize_t socket_send(struct socket *s, struct net_message *m);
ssize_t socket_receive(struct socket *s, struct net_message *m);
/* The socket of a file, or NULL. */
struct socket *socket_of(const struct file *f);
/* A write to it that finds no reader raises SIGPIPE. */
bool socket_raises_sigpipe(const struct socket *s);

/* --- socket_option.c: those of SOL_SOCKET whose value is an int; SO_* of Linux --- */
int socket_option_set(struct socket *s, int option, int value);
int socket_option_get(struct socket *s, int option, int *value);
/* As /proc/sys/net/core has them on Linux. */
#define NET_BUFFER_DEFAULT 212992
#define NET_BUFFER_MAX	   4194304 /* what SO_SNDBUF and SO_RCVBUF can ask for */
#define NET_BACKLOG_MAX	   4096

/* --- rights.c --- */
/* Put the files and free the list. Safe against endless nesting of sockets in sockets. */
void net_rights_put(struct net_rights *r);
/* References of its own to the same files. NULL: no memory. */
struct net_rights *net_rights_clone(const struct net_rights *r);

#endif
