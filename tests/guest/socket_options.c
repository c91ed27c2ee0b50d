/* SPDX-License-Identifier: BSD-2-Clause */
/* Socket options: what is there, limits, lengths, errors; the kinds of socket() that fail. */
#include "socket.h"
#include <sys/time.h>

static const struct {
	int option;
	const char *name;
} options[] = {
	{SO_TYPE, "TYPE"},
	{SO_DOMAIN, "DOMAIN"},
	{SO_PROTOCOL, "PROTOCOL"},
	{SO_ERROR, "ERROR"},
	{SO_ACCEPTCONN, "ACCEPTCONN"},
	{SO_DEBUG, "DEBUG"},
	{SO_REUSEADDR, "REUSEADDR"},
	{SO_DONTROUTE, "DONTROUTE"},
	{SO_BROADCAST, "BROADCAST"},
	{SO_KEEPALIVE, "KEEPALIVE"},
	{SO_OOBINLINE, "OOBINLINE"},
	{SO_PASSCRED, "PASSCRED"},
	{SO_PRIORITY, "PRIORITY"},
	{SO_RCVLOWAT, "RCVLOWAT"},
	{SO_SNDLOWAT, "SNDLOWAT"},
	{SO_PEEK_OFF, "PEEK_OFF"},
	{SO_SNDBUF, "SNDBUF"},
	{SO_RCVBUF, "RCVBUF"},
	{SO_BSDCOMPAT, "BSDCOMPAT"},
	{12345, "unknown"},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void show_all(const char *what, int fd)
{
	printf("%s:", what);
	for (size_t i = 0; i < OPTIONS; i++) {
		int v = get_int(fd, options[i].option);

		if (v < -1)
			printf(" %s %s", options[i].name, strerrorname_np(-v));
		else
			printf(" %s %d", options[i].name, v);
	}
	printf("\n");
	fflush(stdout);
}

static void set_all(int fd, int value)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		printf("%s = %d ", options[i].name, value);
		SHOW(set_int(fd, options[i].option, value));
	}
}

static void values(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);

	show_all("stream", s);
	show_all("datagram", d);
	set_all(s, 1);
	show_all("set to 1", s);
	set_all(s, 0);
	show_all("set to 0", s);
	SHOW(set_int(s, SO_SNDBUF, 100000));
	SHOW(set_int(s, SO_RCVBUF, 50000));
	printf("%d %d\n", get_int(s, SO_SNDBUF), get_int(s, SO_RCVBUF));
	SHOW(set_int(s, SO_RCVLOWAT, -5));
	printf("%d\n", get_int(s, SO_RCVLOWAT));
	SHOW(set_int(s, SO_SNDBUFFORCE, 8 << 20));
	SHOW(set_int(s, SO_RCVBUFFORCE, 8 << 20));
	printf("%d %d\n", get_int(s, SO_SNDBUF), get_int(s, SO_RCVBUF));
	SHOW(set_int(s, SO_SNDBUFFORCE, -1));
	printf("%d\n", get_int(s, SO_SNDBUF));
	close(s);
	close(d);
}

static void ordinary(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (setgid(65533) || setuid(65533))
		_exit(1);
	SHOW(set_int(s, SO_SNDBUFFORCE, 1 << 20));
	SHOW(set_int(s, SO_RCVBUFFORCE, 1 << 20));
	SHOW(set_int(s, SO_DEBUG, 1));
	SHOW(set_int(s, SO_PRIORITY, 6));
	SHOW(set_int(s, SO_PRIORITY, 7));
	SHOW(set_int(s, SO_PRIORITY, -1));
}

static void structures(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct timeval tv = {.tv_sec = 3, .tv_usec = 500000};
	struct linger l = {.l_onoff = 7, .l_linger = 5};
	socklen_t len = sizeof(tv);

	SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	printf("%ld %ld, %d\n", (long)tv.tv_sec, (long)tv.tv_usec, (int)len);
	tv = (struct timeval){3, 500000};
	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	memset(&tv, 0, sizeof(tv));
	SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	printf("%ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	SHOW(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	printf("%ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	tv = (struct timeval){0, 1000000};
	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	tv = (struct timeval){0, -1};
	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, 8));
	len = sizeof(l);
	SHOW(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4));
	SHOW(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	memset(&l, 0, sizeof(l));
	SHOW(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
	printf("%d %d, %d\n", l.l_onoff, l.l_linger, (int)len);
	close(s);
}

static void lengths(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), v = -1;
	long wide = -1;
	socklen_t len = 2;

	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	printf("%#x, %d\n", (unsigned)v, (int)len);
	len = 0;
	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	printf("%d\n", (int)len);
	len = 8;
	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &wide, &len));
	printf("%#lx, %d\n", (unsigned long)wide, (int)len);
	len = (socklen_t)-1;
	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len));
	len = 4;
	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, bad, &len));
	SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, bad));
	v = 1;
	SHOW(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &v, 3));
	SHOW(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &v, (socklen_t)-1));
	SHOW(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, bad, 4));
	SHOW(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &wide, 8));
	SHOW(setsockopt(77, SOL_SOCKET, SO_KEEPALIVE, &v, 4));
	SHOW(setsockopt(1, SOL_SOCKET, SO_KEEPALIVE, &v, 4));
	SHOW(getsockopt(1, SOL_SOCKET, SO_KEEPALIVE, &v, &len));
	close(s);
}

static void low_mark(void)
{
	int ends[2];
	char buf[8];

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(set_int(ends[0], SO_RCVLOWAT, 4));
	if (fork() == 0) {
		for (int i = 0; i < 4; i++) {
			usleep(5000);
			if (write(ends[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	SHOW(recv(ends[0], buf, 8, 0));
	wait(NULL);
	/* The offset of peeking moves on by what was peeked at. */
	SHOW(set_int(ends[0], SO_PEEK_OFF, 1));
	SHOW(write(ends[1], "abcd", 4));
	memset(buf, 0, 8);
	SHOW(recv(ends[0], buf, 2, MSG_PEEK));
	printf("%s, now at %d\n", buf, get_int(ends[0], SO_PEEK_OFF));
	SHOW(recv(ends[0], buf, 1, 0));
	printf("now at %d\n", get_int(ends[0], SO_PEEK_OFF));
	SHOW(recv(ends[0], buf, 8, MSG_PEEK));
	SHOW(set_int(ends[0], SO_PEEK_OFF, -1));
	SHOW(recv(ends[0], buf, 8, MSG_PEEK));
	close(ends[0]);
	close(ends[1]);
}

static void creation(void)
{
	int fds[2], s;

	SHOW(socket(AF_UNIX, SOCK_STREAM, 1) >= 0);
	SHOW((s = socket(AF_UNIX, SOCK_RAW, 0)) >= 0);
	printf("raw is type %d\n", get_int(s, SO_TYPE));
	SHOW(socket(AF_UNIX, SOCK_STREAM, 2));
	SHOW(socket(AF_UNIX, SOCK_RDM, 0));
	SHOW(socket(AF_UNIX, 0, 0));
	SHOW(socket(AF_UNIX, 11, 0));
	SHOW(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	SHOW(socket(AF_UNSPEC, SOCK_STREAM, 0));
	SHOW(socket(46, SOCK_STREAM, 0));
	SHOW(socket(-1, SOCK_STREAM, 0));
	SHOW(socket(1000, 11, 0));
	SHOW((s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) >= 0);
	printf("flags %d %#x\n", fcntl(s, F_GETFD), fcntl(s, F_GETFL));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, bad));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, fds));
	SHOW(socketpair(46, SOCK_STREAM, 0, fds));
	SHOW(socketpair(AF_UNIX, SOCK_RDM, 0, fds));
	SHOW(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds));
	printf("flags %d %d\n", fcntl(fds[0], F_GETFD), fcntl(fds[1], F_GETFD));
	int on = 1;
	SHOW(ioctl(fds[0], FIONBIO, &on));
	printf("flags %#x\n", fcntl(fds[0], F_GETFL));
	SHOW(ioctl(fds[0], 0x1234, &on));
	SHOW(ioctl(fds[0], FIONREAD, bad));

	char link[64] = "", path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	SHOW(readlink(path, link, sizeof(link) - 1) > 0);
	printf("%.8s\n", link);
	SHOW(open(path, O_RDONLY));
}

int main(void)
{
	values();
	show_status("ordinary user", in_child(ordinary));
	structures();
	lengths();
	low_mark();
	creation();
	return 0;
}
