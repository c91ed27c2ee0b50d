/* SPDX-License-Identifier: BSD-2-Clause */
/* Stream sockets: pairs, listeners, half close, ends, much data, many connections at once. */
#include "socket.h"
#include <sys/time.h>
#include <time.h>

static int ends[2];

static void pairs(void)
{
	char buf[32] = "";
	int n;

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	show_poll("new", ends[0]);
	SHOW(write(ends[0], "hello", 5));
	SHOW(send(ends[0], "world", 5, 0));
	show_poll("readable", ends[1]);
	SHOW(ioctl(ends[1], FIONREAD, &n));
	printf("%d bytes wait\n", n);
	SHOW(recv(ends[1], buf, 3, MSG_PEEK));
	SHOW(recv(ends[1], buf, 7, 0));
	printf("%s\n", buf);
	SHOW(recv(ends[1], buf, sizeof(buf), MSG_DONTWAIT));
	SHOW(recv(ends[1], buf, sizeof(buf), MSG_DONTWAIT));
	SHOW(read(ends[1], buf, 0));
	SHOW(send(ends[1], "x", 0, 0));
	SHOW(lseek(ends[1], 0, SEEK_CUR));
	SHOW(pread(ends[1], buf, 1, 0));
	SHOW(write(ends[1], "back", 4));
	SHOW(recv(ends[0], buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT));
	struct stat st;
	SHOW(fstat(ends[0], &st));
	printf("mode %o\n", st.st_mode);
	SHOW(ftruncate(ends[0], 0));
	close(ends[0]);
	show_poll("left alone", ends[1]);
	SHOW(read(ends[1], buf, 1));
	signal(SIGPIPE, SIG_IGN);
	SHOW(write(ends[1], "x", 1));
	SHOW(send(ends[1], "x", 1, MSG_NOSIGNAL));
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

static void write_to_nobody(void)
{
	if (write(ends[0], "x", 1) < 0)
		_exit(1);
}

static void send_to_nobody(void)
{
	if (send(ends[0], "x", 1, 0) < 0)
		_exit(1);
}

static void send_quietly(void)
{
	if (send(ends[0], "x", 1, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void signals(void)
{
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	close(ends[1]);
	show_status("write", in_child(write_to_nobody));
	show_status("send", in_child(send_to_nobody));
	show_status("MSG_NOSIGNAL", in_child(send_quietly));
	close(ends[0]);
}

static void half_close(void)
{
	char buf[8];

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(write(ends[0], "ab", 2));
	SHOW(shutdown(ends[0], SHUT_WR));
	show_poll("writer", ends[0]);
	show_poll("reader", ends[1]);
	SHOW(send(ends[0], "x", 1, MSG_NOSIGNAL));
	SHOW(read(ends[1], buf, 8));
	SHOW(read(ends[1], buf, 8));
	SHOW(write(ends[1], "cd", 2));
	SHOW(read(ends[0], buf, 8));
	SHOW(shutdown(ends[0], SHUT_RD));
	show_poll("both shut", ends[0]);
	show_poll("its peer", ends[1]);
	SHOW(read(ends[0], buf, 8));
	SHOW(send(ends[1], "x", 1, MSG_NOSIGNAL));
	SHOW(shutdown(ends[0], 3));
	SHOW(shutdown(ends[0], -1));
	close(ends[0]);
	close(ends[1]);
	/* What was not read is told as a reset, once. */
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(write(ends[0], "unread", 6));
	close(ends[1]);
	show_poll("reset", ends[0]);
	SHOW(read(ends[0], buf, 8));
	SHOW(read(ends[0], buf, 8));
	close(ends[0]);
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(write(ends[0], "unread", 6));
	close(ends[1]);
	printf("SO_ERROR %s\n", strerrorname_np(get_int(ends[0], SO_ERROR)));
	printf("SO_ERROR %d\n", get_int(ends[0], SO_ERROR));
	close(ends[0]);
}

static void listeners(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[4], a;
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	char buf[8];

	show_poll("unconnected", l);
	SHOW(recv(l, buf, 1, MSG_DONTWAIT));
	SHOW(send(l, buf, 1, MSG_NOSIGNAL));
	SHOW(listen(l, 1));
	SHOW(accept(l, NULL, NULL));
	SHOW(bind_to(l, "listener"));
	SHOW(connect_to(l, "listener"));
	SHOW(listen(l, 1));
	show_poll("listening", l);
	printf("ACCEPTCONN %d\n", get_int(l, SO_ACCEPTCONN));
	SHOW(fcntl(l, F_SETFL, O_NONBLOCK));
	SHOW(accept(l, NULL, NULL));
	for (int i = 0; i < 3; i++) {
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		SHOW(connect_to(c[i], "listener"));
	}
	SHOW(connect_to(c[0], "listener"));
	SHOW(connect_to(c[0], "missing"));
	SHOW(connect_to(l, "listener"));
	SHOW(listen(c[0], 1));
	show_poll("connections wait", l);
	show_poll("connected, not accepted", c[0]);
	SHOW(write(c[0], "early", 5));
	SHOW(recv(l, buf, 1, 0));
	SHOW((a = accept4(l, (struct sockaddr *)&name, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
	print_name("client", &name, len);
	printf("flags %d %d\n", fcntl(a, F_GETFD), fcntl(a, F_GETFL) == (O_RDWR | O_NONBLOCK));
	show_name("accepted", a, false);
	show_name("its peer", a, true);
	show_name("client's peer", c[0], true);
	SHOW(read(a, buf, 8));
	SHOW(connect_to(c[2], "listener"));
	SHOW(accept4(l, NULL, NULL, 1));
	SHOW(sendto(c[0], "x", 1, 0, (struct sockaddr *)&name, PATH_AT + 3));
	/* Those that wait when the listener goes are reset. */
	close(l);
	SHOW(read(c[1], buf, 1));
	SHOW(read(c[1], buf, 1));
	SHOW(connect_to(c[1], "listener"));
	c[3] = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(connect_to(c[3], "listener"));
	for (int i = 0; i < 4; i++)
		close(c[i]);
	SHOW(read(a, buf, 8));
	close(a);
	unlink("listener");
}

/* A listener that is shut for receiving refuses. */
static void shut_listener(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	SHOW(bind_to(l, "@shut"));
	SHOW(listen(l, 5));
	SHOW(shutdown(l, SHUT_RD));
	SHOW(connect_to(c, "@shut"));
	SHOW(accept(l, NULL, NULL));
	close(l);
	close(c);
}

static void on_alarm(int sig)
{
}

static void timeouts(void)
{
	struct timeval tv = {.tv_usec = 20000};
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	char c;
	long sent = 0;
	static char block[4096];

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	SHOW(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	SHOW(recv(ends[0], &c, 1, 0));
	SHOW(read(ends[0], &c, 1));
	while (send(ends[0], block, sizeof(block), 0) > 0)
		sent++;
	printf("sending ends with %s, something was sent: %d\n", strerrorname_np(errno), sent > 0);
	show_poll("full", ends[0]);
	/* A signal ends a wait with a time limit, SA_RESTART or not. */
	tv.tv_sec = 30;
	SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = {{0, 30000}, {0, 30000}};
	/* Again and again: the first may come before the wait begins. */
	setitimer(ITIMER_REAL, &it, NULL);
	SHOW(recv(ends[0], &c, 1, 0));
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	close(ends[0]);
	close(ends[1]);
}

/* A blocked reader gets data, with WAITALL all of it. */
static void waiting(void)
{
	char buf[16] = "";

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	if (fork() == 0) {
		for (int i = 0; i < 10; i++) {
			usleep(2000);
			if (write(ends[1], "0123456789" + i, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	SHOW(recv(ends[0], buf, 10, MSG_WAITALL));
	printf("%s\n", buf);
	close(ends[1]);
	/* The end comes before all is there. */
	SHOW(recv(ends[0], buf, 10, MSG_WAITALL));
	wait(NULL);
	close(ends[0]);
}

static unsigned char pattern(long i)
{
	return (unsigned char)(i * 31 >> 3);
}

static void write_all(int fd, long total)
{
	static unsigned char buf[200001];

	for (long sent = 0; sent < total;) {
		size_t size = (size_t)(sent * 7 % 200001 + 1);
		ssize_t n;

		if (size > (size_t)(total - sent))
			size = (size_t)(total - sent);
		for (size_t i = 0; i < size; i++)
			buf[i] = pattern(sent + (long)i);
		n = write(fd, buf, size);
		if (n != (ssize_t)size)
			_exit(1);
		sent += n;
	}
}

static void much(void)
{
	enum { TOTAL = 6 << 20 };
	static unsigned char buf[70001];
	long got = 0, wrong = 0;
	ssize_t n;
	int status;

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	if (fork() == 0) {
		close(ends[1]);
		write_all(ends[0], TOTAL);
		_exit(0);
	}
	close(ends[0]);
	while ((n = read(ends[1], buf, (size_t)(got * 13 % 70001 + 1))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != pattern(got + i);
		got += n;
	}
	printf("%ld bytes, %ld wrong\n", got, wrong);
	wait(&status);
	show_status("writer", status);
	close(ends[1]);
}

/* Many clients and two acceptors on one listener; every client gets its echo. */
static void crowd(void)
{
	enum { CLIENTS = 8, ROUNDS = 30 };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), failed = 0, status;
	pid_t servers[2];

	SHOW(bind_to(l, "@crowd"));
	SHOW(listen(l, 2));
	for (int i = 0; i < 2; i++) {
		servers[i] = fork();
		if (servers[i])
			continue;
		for (;;) {
			char buf[64];
			int c = accept(l, NULL, NULL);
			ssize_t n;

			while ((n = read(c, buf, sizeof(buf))) > 0)
				if (write(c, buf, (size_t)n) != n)
					break;
			close(c);
		}
	}
	for (int i = 0; i < CLIENTS; i++) {
		if (fork())
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			int c = socket(AF_UNIX, SOCK_STREAM, 0);
			char out[32], in[32] = "";
			int n = snprintf(out, sizeof(out), "client %d round %d", i, round);

			if (connect_to(c, "@crowd") || write(c, out, (size_t)n) != n ||
			    recv(c, in, (size_t)n, MSG_WAITALL) != n || strcmp(in, out))
				_exit(1);
			close(c);
		}
		_exit(0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		wait(&status);
		failed += status != 0;
	}
	printf("%d of %d clients failed\n", failed, CLIENTS);
	kill(servers[0], SIGKILL);
	kill(servers[1], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	close(l);
}

/* Bytes of two writers do not get lost or doubled, and small writes stay whole. */
static void two_writers(void)
{
	enum { WRITES = 3000, SIZE = 50 };
	char buf[SIZE];
	long count[2] = {0}, mixed = 0;

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	for (int w = 0; w < 2; w++) {
		if (fork() == 0) {
			memset(buf, 'a' + w, SIZE);
			for (int i = 0; i < WRITES; i++)
				if (write(ends[0], buf, SIZE) != SIZE)
					_exit(1);
			_exit(0);
		}
	}
	close(ends[0]);
	while (recv(ends[1], buf, SIZE, MSG_WAITALL) == SIZE) {
		count[buf[0] == 'b']++;
		for (int i = 1; i < SIZE; i++)
			mixed += buf[i] != buf[0];
	}
	while (wait(NULL) > 0)
		continue;
	printf("%ld and %ld writes, %ld mixed\n", count[0], count[1], mixed);
	close(ends[1]);
}

static void vectors(void)
{
	char a[3] = "", b[8] = "";
	struct iovec out[3] = {{"one", 3}, {"", 0}, {"two", 3}};
	struct iovec in[2] = {{a, 2}, {b, 8}};
	struct mmsghdr many[3] = {0};

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	SHOW(writev(ends[0], out, 3));
	SHOW(readv(ends[1], in, 2));
	printf("%s %s\n", a, b);
	for (int i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_iov = out;
		many[i].msg_hdr.msg_iovlen = 3;
	}
	SHOW(sendmmsg(ends[0], many, 3, 0));
	printf("lengths %u %u %u\n", many[0].msg_len, many[1].msg_len, many[2].msg_len);
	SHOW(recvmmsg(ends[1], many, 0, 0, NULL));
	in[1].iov_len = 4;
	for (int i = 0; i < 3; i++) {
		many[i].msg_hdr.msg_iov = in;
		many[i].msg_hdr.msg_iovlen = 2;
	}
	SHOW(recvmmsg(ends[1], many, 3, MSG_DONTWAIT, NULL));
	SHOW(recvmmsg(ends[1], many, 3, MSG_DONTWAIT, NULL));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	pairs();
	signals();
	half_close();
	listeners();
	shut_listener();
	timeouts();
	waiting();
	much();
	crowd();
	two_writers();
	vectors();
	return 0;
}
