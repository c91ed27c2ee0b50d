/* SPDX-License-Identifier: BSD-2-Clause */
/* Seqpacket sockets: connections that keep boundaries. */
#include "socket.h"

static int ends[2];

static void pairs(void)
{
	char buf[16] = "";
	int n;

	SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	show_poll("new", ends[0]);
	SHOW(write(ends[0], "first", 5));
	SHOW(send(ends[0], "second", 6, MSG_EOR));
	SHOW(ioctl(ends[1], FIONREAD, &n));
	printf("%d bytes wait\n", n);
	SHOW(recv(ends[1], buf, 3, MSG_PEEK | MSG_TRUNC));
	SHOW(recv(ends[1], buf, 3, 0));

	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	SHOW(recvmsg(ends[1], &m, 0));
	printf("flags %#x\n", m.msg_flags);
	SHOW(recv(ends[1], buf, 16, MSG_DONTWAIT));
	SHOW(shutdown(ends[0], SHUT_WR));
	show_poll("peer shut", ends[1]);
	SHOW(recv(ends[1], buf, 16, MSG_DONTWAIT));
	SHOW(recv(ends[1], buf, 16, 0));
	SHOW(send(ends[0], "x", 1, 0));
	SHOW(write(ends[0], "x", 1));
	SHOW(send(ends[1], "back", 4, 0));
	SHOW(recv(ends[0], buf, 16, 0));
	close(ends[0]);
	show_poll("left alone", ends[1]);
	/* No SIGPIPE: only streams raise it. */
	SHOW(send(ends[1], "x", 1, 0));
	SHOW(write(ends[1], "x", 1));
	SHOW(recv(ends[1], buf, 16, 0));
	close(ends[1]);
}

static void connections(void)
{
	int l = socket(AF_UNIX, SOCK_SEQPACKET, 0), c = socket(AF_UNIX, SOCK_SEQPACKET, 0), a;
	char buf[16];

	show_poll("unconnected", c);
	SHOW(send(c, "x", 1, 0));
	SHOW(recv(c, buf, 1, MSG_DONTWAIT));
	SHOW(bind_to(l, "seq"));
	SHOW(connect_to(c, "seq"));
	SHOW(listen(l, 2));
	show_poll("listening", l);
	SHOW(connect_to(c, "seq"));
	SHOW(connect_to(c, "seq"));
	SHOW((a = accept(l, NULL, NULL)) >= 0);
	SHOW(send(c, "message", 7, 0));
	/* An address is ignored. */
	SHOW(send_to(c, "seq", "other"));
	SHOW(recv(a, buf, 16, 0));
	SHOW(recv(a, buf, 2, MSG_TRUNC));
	SHOW(send(a, "unread", 6, 0));
	close(c);
	SHOW(recv(a, buf, 16, 0));
	show_poll("left alone", a);
	close(a);
	/* Other types do not connect. */
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(connect_to(c, "seq"));
	close(c);
	c = socket(AF_UNIX, SOCK_DGRAM, 0);
	SHOW(connect_to(c, "seq"));
	SHOW(send_to(c, "seq", "x"));
	close(c);
	close(l);
	unlink("seq");
}

static void stream_of_packets(void)
{
	enum { COUNT = 2000 };
	static char buf[4000], got[4000];
	int wrong = 0, n = 0, status;

	SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	if (fork() == 0) {
		close(ends[1]);
		for (int i = 0; i < COUNT; i++) {
			size_t size = (size_t)(i * 37 % 3999 + 1);

			memset(buf, i & 255, size);
			if (send(ends[0], buf, size, 0) != (ssize_t)size)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[0]);
	for (ssize_t size; (size = recv(ends[1], got, sizeof(got), 0)) > 0; n++) {
		wrong += size != n * 37 % 3999 + 1;
		for (ssize_t i = 0; i < size; i++)
			wrong += got[i] != (char)(n & 255);
	}
	wait(&status);
	show_status("sender", status);
	printf("%d packets, %d wrong\n", n, wrong);
	close(ends[1]);
}

int main(void)
{
	pairs();
	connections();
	stream_of_packets();
	return 0;
}
