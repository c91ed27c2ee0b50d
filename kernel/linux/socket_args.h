/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding that the socket calls share, and the structures of Linux that its UAPI headers leave to
 * the C library.
 */
#ifndef LINUX_SOCKET_ARGS_H
#define LINUX_SOCKET_ARGS_H

#include <base/types.h>
#include <net/socket.h>
#include <vfs/fdtable.h>

struct msghdr_arg {
	uaddr_t name;
	int32_t namelen;
	uaddr_t iov;
	uint64_t iovlen;
	uaddr_t control;
	uint64_t controllen;
	uint32_t flags;
};

struct cmsghdr_arg {
	uint64_t len; /* with this header, without padding */
	int32_t level;
	int32_t type;
};

struct ucred_arg {
	int32_t pid;
	uint32_t uid, gid;
};

#define CMSG_ALIGNMENT 8

/* A borrowed socket. */
struct socket_ref {
	struct fd_ref fd;
	struct socket *s;
};
/* -EBADF, -ENOTSOCK. */
int socket_borrow(int fd, struct socket_ref *out);
void socket_return(struct socket_ref *r);
/* MSG_DONTWAIT if the file has O_NONBLOCK. */
unsigned socket_file_flags(const struct socket_ref *r);

/* An address from the program. -EINVAL, -EFAULT. */
int address_get(struct net_address *a, uaddr_t from, int len);
/* To the program, cut to the length at ulen, which becomes the real one. */
int address_put(const struct net_address *a, uaddr_t to, uaddr_t ulen);

/* --- socket_control.c --- */
/* Ancillary data to send: files and credentials, checked. m->rights is the caller's. */
int control_get(struct net_message *m, const struct socket *s, uaddr_t control, size_t len);
/*
 * What was received, into the program's buffer: descriptors are opened, files that find no room
 * are dropped, m->result gets MSG_CTRUNC. Returns the bytes used.
 */
size_t control_put(struct net_message *m, const struct socket *s, uaddr_t control, size_t len);

/* --- sys_socket_msg.c --- */
/* How a transfer ends: SIGPIPE. */
int64_t socket_send_result(const struct socket *s, unsigned flags, ssize_t n);

#endif
