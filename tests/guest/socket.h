/* SPDX-License-Identifier: BSD-2-Clause */
/* For the socket tests: names, polling, ancillary data, printed the same way in all of them. */
#ifndef TESTS_GUEST_SOCKET_H
#define TESTS_GUEST_SOCKET_H

#include "guest.h"
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

/* An address; '@' in front makes it abstract. Returns its length. */
static inline socklen_t make_name(struct sockaddr_un *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, text, strlen(text));
	if (text[0] == '@') {
		a->sun_path[0] = 0;
		return (socklen_t)(PATH_AT + strlen(text));
	}
	return (socklen_t)(PATH_AT + strlen(text) + 1);
}

static inline int bind_to(int fd, const char *text)
{
	struct sockaddr_un a;
	socklen_t len = make_name(&a, text);

	return bind(fd, (struct sockaddr *)&a, len);
}

static inline int connect_to(int fd, const char *text)
{
	struct sockaddr_un a;
	socklen_t len = make_name(&a, text);

	return connect(fd, (struct sockaddr *)&a, len);
}

static inline int send_to(int fd, const char *text, const char *data)
{
	struct sockaddr_un a;
	socklen_t len = make_name(&a, text);

	return (int)sendto(fd, data, strlen(data), MSG_DONTWAIT, (struct sockaddr *)&a, len);
}

static inline void print_name(const char *what, const struct sockaddr_un *a, socklen_t len)
{
	printf("%s: length %d, family %d, \"", what, (int)len, len >= 2 ? a->sun_family : -1);
	for (socklen_t i = PATH_AT; i < len && i < sizeof(*a); i++)
		printf("%c", a->sun_path[i - PATH_AT] ? a->sun_path[i - PATH_AT] : '@');
	printf("\"\n");
	fflush(stdout);
}

static inline void show_name(const char *what, int fd, bool peer)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int r = peer ? getpeername(fd, (struct sockaddr *)&a, &len)
		     : getsockname(fd, (struct sockaddr *)&a, &len);

	if (r)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		print_name(what, &a, len);
	fflush(stdout);
}

static inline void show_poll(const char *what, int fd)
{
	static const struct {
		int bit;
		const char *name;
	} bits[] = {{POLLIN, "IN"},	  {POLLOUT, "OUT"}, {POLLERR, "ERR"},  {POLLHUP, "HUP"},
		    {POLLRDHUP, "RDHUP"}, {POLLPRI, "PRI"}, {POLLNVAL, "NVAL"}};
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI};

	poll(&p, 1, 0);
	printf("%s polls:", what);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (p.revents & bits[i].bit)
			printf(" %s", bits[i].name);
	printf("\n");
	fflush(stdout);
}

static inline int get_int(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, option, &value, &len))
		return -errno;
	return value;
}

static inline int set_int(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

/* Send text with n descriptors (0: none). */
static inline ssize_t send_fds(int fd, const char *text, const int *fds, size_t n, int flags)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(300 * sizeof(int))];
	} u = {0};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		m.msg_control = &u;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		u.h.cmsg_level = SOL_SOCKET;
		u.h.cmsg_type = SCM_RIGHTS;
		u.h.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&u.h), fds, n * sizeof(int));
	}
	return sendmsg(fd, &m, flags);
}

/* Receive up to `size` bytes; descriptors go to fds (room for *n, which becomes their number). */
static inline ssize_t receive_fds(int fd, char *text, size_t size, int *fds, size_t *n, int flags,
				  int *result)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(300 * sizeof(int)) + 100];
	} u;
	struct iovec iov = {text, size};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &u,
			   .msg_controllen = *n ? CMSG_LEN(*n * sizeof(int)) : 0};
	ssize_t r = recvmsg(fd, &m, flags);
	struct cmsghdr *c;

	*n = 0;
	if (result)
		*result = m.msg_flags;
	for (c = r < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			*n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), *n * sizeof(int));
		}
	}
	return r;
}

#endif
