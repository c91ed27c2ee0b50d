/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket calls with arguments that no good program has: pointers, lengths, headers that lie. Then
 * many processes that do random things to shared sockets at once.
 */
#include "socket.h"
#include <sys/mman.h>

static int ends[2];
static char *edge; /* the end of a page behind which nothing is mapped */

static struct msghdr *fresh(struct msghdr *m, struct iovec *iov)
{
	*m = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1};
	return m;
}

static void headers(void)
{
	char buf[16] = "data";
	struct iovec iov = {buf, 4};
	struct msghdr m;
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	printf("headers\n");
	SHOW(sendmsg(ends[0], bad, 0));
	SHOW(recvmsg(ends[1], bad, MSG_DONTWAIT));
	SHOW(sendmsg(ends[0], (struct msghdr *)(edge - 8), 0));
	SHOW(recvmsg(ends[1], (struct msghdr *)(edge - 8), MSG_DONTWAIT));
	SHOW(sendmsg(77, bad, 0));
	SHOW(sendmsg(1, bad, 0));
	fresh(&m, &iov)->msg_iovlen = 1025;
	SHOW(sendmsg(ends[0], &m, 0));
	SHOW(recvmsg(ends[1], &m, MSG_DONTWAIT));
	fresh(&m, &iov)->msg_iovlen = (size_t)-1;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_iov = bad;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_iovlen = 0;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_name = &name;
	m.msg_namelen = (socklen_t)-1;
	SHOW(sendmsg(ends[0], &m, 0));
	SHOW(recvmsg(ends[1], &m, MSG_DONTWAIT));
	fresh(&m, &iov)->msg_name = bad;
	m.msg_namelen = 10;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_name = NULL;
	m.msg_namelen = 1000;
	SHOW(sendmsg(ends[0], &m, 0));
	SHOW(recv(ends[1], buf, 16, MSG_DONTWAIT));
	fresh(&m, &iov)->msg_control = bad;
	m.msg_controllen = 100;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_control = edge - 20;
	m.msg_controllen = 24;
	SHOW(sendmsg(ends[0], &m, 0));
	fresh(&m, &iov)->msg_control = buf;
	m.msg_controllen = (size_t)-1;
	SHOW(sendmsg(ends[0], &m, 0));
	m.msg_controllen = 0x7fffffff;
	SHOW(sendmsg(ends[0], &m, 0));
	m.msg_controllen = 0x80000000UL;
	SHOW(sendmsg(ends[0], &m, 0));
	iov.iov_len = (size_t)-1;
	fresh(&m, &iov);
	SHOW(sendmsg(ends[0], &m, 0));
	iov.iov_len = 4;
	iov.iov_base = (void *)0xffff800000000000UL;
	SHOW(sendmsg(ends[0], &m, 0));
	iov.iov_base = buf;
	SHOW(sendmsg(ends[0], &m, 0x80000000));
	SHOW(recvmsg(ends[1], &m, (int)0x80000000));
	SHOW(sendmmsg(ends[0], bad, 1, 0));
	SHOW(sendmmsg(ends[0], bad, 0, 0));
	SHOW(recvmmsg(ends[1], bad, 1, MSG_DONTWAIT, NULL));
	SHOW(recvmmsg(ends[1], bad, 0, MSG_DONTWAIT, bad));
}

static void controls(void)
{
	char buf[8] = "data";
	struct iovec iov = {buf, 4};
	union {
		struct cmsghdr h;
		char space[200];
	} u;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u};
	static const size_t lengths[] = {0,   1,	  15,	       16,	  17,		20,
					 21,  24,	  28,	       40,	  41,		200,
					 201, (size_t)-1, (size_t)-15, 1UL << 63, 0x100000014UL};

	printf("controls\n");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(&u, 0, sizeof(u));
		u.h.cmsg_level = SOL_SOCKET;
		u.h.cmsg_type = SCM_RIGHTS;
		u.h.cmsg_len = lengths[i];
		m.msg_controllen = 40;
		printf("%#zx ", lengths[i]);
		SHOW(sendmsg(ends[0], &m, 0));
		recv(ends[1], buf, 8, MSG_DONTWAIT);
	}
	for (size_t n = 0; n <= 25; n += n < 15 ? 5 : 1) {
		memset(&u, 0, sizeof(u));
		u.h.cmsg_level = SOL_SOCKET;
		u.h.cmsg_type = SCM_RIGHTS;
		u.h.cmsg_len = 20;
		m.msg_controllen = n;
		printf("of %zu ", n);
		SHOW(sendmsg(ends[0], &m, 0));
		recv(ends[1], buf, 8, MSG_DONTWAIT);
	}
	u.h.cmsg_type = 99;
	m.msg_controllen = 24;
	SHOW(sendmsg(ends[0], &m, 0));
	u.h.cmsg_level = 99;
	SHOW(sendmsg(ends[0], &m, 0));
	recv(ends[1], buf, 8, MSG_DONTWAIT);
	/* Two headers, the second wrong: the files of the first are not leaked. */
	memset(&u, 0, sizeof(u));
	u.h = (struct cmsghdr){.cmsg_len = 20, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	struct cmsghdr second = {.cmsg_len = 100, .cmsg_level = SOL_SOCKET, .cmsg_type = 1};
	memcpy(u.space + 24, &second, sizeof(second));
	m.msg_controllen = 60;
	SHOW(sendmsg(ends[0], &m, 0));
}

/* Buffers that end in the middle. */
static void half_buffers(int type)
{
	int pair[2];
	char buf[64];

	printf("type %d\n", type);
	SHOW(socketpair(AF_UNIX, type, 0, pair));
	memset(edge - 4096, 'e', 4096);
	SHOW(send(pair[0], edge - 10, 20, 0));
	SHOW(recv(pair[1], buf, 64, MSG_DONTWAIT));
	SHOW(send(pair[0], "0123456789", 10, 0));
	SHOW(recv(pair[1], edge - 5, 10, MSG_DONTWAIT));
	SHOW(recv(pair[1], buf, 64, MSG_DONTWAIT));
	SHOW(send(pair[0], edge, 0, 0) <= 0);
	SHOW(send(pair[0], (void *)-1, 1, 0));
	SHOW(recv(pair[1], (void *)-1, 1, MSG_DONTWAIT));
	SHOW(recvfrom(pair[1], buf, 1, MSG_DONTWAIT, bad, bad));
	SHOW(send(pair[0], "x", 1, 0));
	SHOW(recvfrom(pair[1], buf, 1, MSG_DONTWAIT, (struct sockaddr *)buf, bad));
	SHOW(sendto(pair[0], "x", 1, 0, bad, 10));
	SHOW(sendto(pair[0], "x", 1, 0, (struct sockaddr *)buf, 1000));
	close(pair[0]);
	close(pair[1]);
}

/* A receiver's control buffer that cannot be written. */
static void bad_control_buffer(void)
{
	char buf[8];
	struct iovec iov = {buf, 8};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = bad, .msg_controllen = 100};
	int p[2];

	printf("bad control buffer\n");
	SHOW(pipe(p));
	SHOW(send_fds(ends[0], "x", &p[1], 1, 0));
	close(p[1]);
	SHOW(recvmsg(ends[1], &m, MSG_DONTWAIT));
	/* The file was closed nevertheless. */
	SHOW(read(p[0], buf, 1));
	close(p[0]);
}

/* --- random calls ------------------------------------------------------------------------- */

static unsigned seed;

static unsigned rnd(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

static void random_name(struct sockaddr_un *a, socklen_t *len)
{
	char text[16];

	snprintf(text, sizeof(text), rnd(2) ? "@r%u" : "r%u", rnd(4));
	*len = make_name(a, text);
	if (rnd(10) == 0)
		*len = rnd(140);
}

static void one_call(int *fds, int n)
{
	static char data[100000];
	struct sockaddr_un a;
	socklen_t len;
	int *slot = &fds[rnd((unsigned)n)], fd = *slot, got[4], result, value = (int)rnd(3);
	size_t count = 4;

	random_name(&a, &len);
	switch (rnd(16)) {
	case 0:
		close(fd);
		*slot = socket(AF_UNIX, (const int[]){1, 2, 5}[rnd(3)] | SOCK_NONBLOCK, 0);
		break;
	case 1: {
		int pair[2];

		if (socketpair(AF_UNIX, (const int[]){1, 2, 5}[rnd(3)] | SOCK_NONBLOCK, 0, pair))
			break;
		close(fd);
		*slot = pair[0];
		slot = &fds[rnd((unsigned)n)];
		close(*slot);
		*slot = pair[1];
		break;
	}
	case 2:
		bind(fd, (struct sockaddr *)&a, len);
		if (rnd(4) == 0)
			unlink(a.sun_path);
		break;
	case 3:
		connect(fd, (struct sockaddr *)&a, len);
		break;
	case 4:
		listen(fd, (int)rnd(3));
		break;
	case 5:
		got[0] = accept4(fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK);
		if (got[0] >= 0) {
			close(*slot);
			*slot = got[0];
		}
		break;
	case 6:
	case 7:
		send(fd, data, rnd(3) ? rnd(300) : rnd(sizeof(data)), MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 8:
		sendto(fd, data, rnd(300), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a, len);
		break;
	case 9:
	case 10:
		recv(fd, data, rnd(sizeof(data)), MSG_DONTWAIT | (rnd(3) ? 0 : MSG_PEEK));
		break;
	case 11:
		got[0] = fds[rnd((unsigned)n)];
		got[1] = fds[rnd((unsigned)n)];
		send_fds(fd, "rights", got, rnd(3), MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 12:
		if (receive_fds(fd, data, 100, got, &count, MSG_DONTWAIT | (rnd(4) ? 0 : MSG_PEEK),
				&result) >= 0)
			for (size_t i = 0; i < count; i++)
				close(got[i]);
		break;
	case 13:
		if (rnd(4) == 0)
			shutdown(fd, (int)rnd(3));
		break;
	case 14:
		set_int(fd, rnd(2) ? SO_PASSCRED : SO_SNDBUF, value);
		break;
	default: {
		struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

		poll(&p, 1, (int)rnd(2));
	}
	}
}

static void random_calls(void)
{
	enum { CHILDREN = 4, CALLS = 4000, FDS = 12 };
	int fds[FDS], failed = 0, status;

	/* Shared by all. */
	for (int i = 0; i < FDS; i++)
		fds[i] = socket(AF_UNIX, (const int[]){1, 2, 5}[i % 3] | SOCK_NONBLOCK, 0);
	for (int i = 0; i < CHILDREN; i++) {
		if (fork())
			continue;
		seed = (unsigned)i * 7919 + 1;
		for (int j = 0; j < CALLS; j++)
			one_call(fds, FDS);
		_exit(0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("random calls: %d failed\n", failed);
	for (int i = 0; i < FDS; i++)
		close(fds[i]);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		unlink(name);
	}
}

int main(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	edge = page + 4096;
	SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	headers();
	controls();
	bad_control_buffer();
	half_buffers(SOCK_STREAM);
	half_buffers(SOCK_DGRAM);
	half_buffers(SOCK_SEQPACKET);
	random_calls();
	return 0;
}
