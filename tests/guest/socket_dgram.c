/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagram sockets: boundaries, connected and not, full queues, peers that die, peeking. */
#include "socket.h"

static int ends[2];

static void pairs(void)
{
	char buf[32] = "";
	int n;

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	show_poll("new", ends[0]);
	SHOW(write(ends[0], "first", 5));
	SHOW(send(ends[0], "", 0, 0));
	SHOW(send(ends[0], "third one", 9, 0));
	SHOW(ioctl(ends[1], FIONREAD, &n));
	printf("%d bytes wait\n", n);
	SHOW(recv(ends[1], buf, 2, MSG_PEEK));
	SHOW(recv(ends[1], buf, 2, MSG_PEEK | MSG_TRUNC));
	SHOW(recv(ends[1], buf, sizeof(buf), 0));
	SHOW(recv(ends[1], buf, sizeof(buf), 0));
	SHOW(recv(ends[1], buf, 5, MSG_TRUNC));
	SHOW(recv(ends[1], buf, 5, MSG_DONTWAIT));
	SHOW(read(ends[1], buf, 0));
	/* A bad buffer loses the datagram. */
	SHOW(write(ends[0], "lost", 4));
	SHOW(recv(ends[1], bad, 4, 0));
	SHOW(recv(ends[1], buf, 4, MSG_DONTWAIT));
	SHOW(send(ends[0], bad, 4, 0));
	SHOW(listen(ends[0], 1));
	SHOW(accept(ends[0], NULL, NULL));
	close(ends[1]);
	show_poll("left alone", ends[0]);
	SHOW(send(ends[0], "x", 1, 0));
	SHOW(send(ends[0], "x", 1, 0));
	show_poll("disconnected", ends[0]);
	close(ends[0]);
}

static void names(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	int c = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un from;
	socklen_t len = sizeof(from);
	char buf[16] = "";

	SHOW(bind_to(a, "dgram-a"));
	SHOW(bind_to(b, "@dgram-b"));
	SHOW(send(c, "x", 1, 0));
	SHOW(send_to(c, "dgram-a", "unnamed"));
	SHOW(send_to(b, "dgram-a", "named"));
	SHOW(recvfrom(a, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
	printf("from a name of %d bytes\n", (int)len);
	len = sizeof(from);
	SHOW(recvfrom(a, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
	print_name("from", &from, len);
	SHOW(sendto(a, "answer", 6, 0, (struct sockaddr *)&from, len));
	SHOW(recv(b, buf, sizeof(buf), MSG_DONTWAIT));
	/* a listens to b alone from here on. */
	SHOW(connect_to(a, "@dgram-b"));
	SHOW(send_to(c, "dgram-a", "refused"));
	SHOW(connect_to(c, "dgram-a"));
	SHOW(send_to(b, "dgram-a", "taken"));
	SHOW(recv(a, buf, sizeof(buf), MSG_DONTWAIT));
	show_name("a's peer", a, true);
	SHOW(send(a, "to b", 4, 0));
	SHOW(recv(b, buf, sizeof(buf), MSG_DONTWAIT));
	/* Disconnected again. */
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	SHOW(connect(a, &none, sizeof(none)));
	show_name("a's peer", a, true);
	SHOW(send_to(c, "dgram-a", "again"));
	SHOW(recv(a, buf, sizeof(buf), MSG_DONTWAIT));
	SHOW(connect(a, &none, 1));
	SHOW(send_to(c, "missing", "x"));
	SHOW(send_to(c, "@missing", "x"));
	close(a);
	SHOW(send_to(c, "dgram-a", "x"));
	unlink("dgram-a");
	close(b);
	close(c);
}

/* A socket connected to itself, and what a disconnection throws away. */
static void odd_peers(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	char buf[8];

	SHOW(bind_to(a, "@self"));
	SHOW(bind_to(b, "@other"));
	SHOW(connect_to(a, "@self"));
	SHOW(send(a, "me", 2, 0));
	SHOW(recv(a, buf, 8, MSG_DONTWAIT));
	SHOW(connect_to(a, "@other"));
	SHOW(connect_to(b, "@self"));
	SHOW(send(b, "unread", 6, 0));
	SHOW(connect(a, &none, sizeof(none)));
	SHOW(recv(a, buf, 8, MSG_DONTWAIT));
	printf("b is told %s\n", strerrorname_np(get_int(b, SO_ERROR)));
	SHOW(send(b, "x", 1, 0));
	close(a);
	SHOW(send(b, "x", 1, 0));
	SHOW(send(b, "x", 1, 0));
	close(b);
}

/* The queue takes a few datagrams from strangers. */
static void full_queue(void)
{
	int to = socket(AF_UNIX, SOCK_DGRAM, 0);
	int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), n = 0;
	char buf[8];

	SHOW(bind_to(to, "@queue"));
	SHOW(connect_to(from, "@queue"));
	while (send(from, "x", 1, 0) == 1)
		n++;
	printf("%d fit, then %s\n", n, strerrorname_np(errno));
	show_poll("sender", from);
	SHOW(recv(to, buf, 8, 0));
	show_poll("sender", from);
	SHOW(send(from, "x", 1, 0));
	SHOW(send(from, "x", 1, 0));
	/* A sender that waits goes on when there is room. */
	if (fork() == 0) {
		fcntl(from, F_SETFL, 0);
		_exit(send(from, "late", 4, 0) != 4);
	}
	while ((n = (int)recv(to, buf, 8, 0)) == 1)
		continue;
	printf("%d bytes at last\n", n);
	int status;
	wait(&status);
	show_status("sender", status);
	/* poll wakes up for room. */
	while (send(from, "x", 1, MSG_DONTWAIT) == 1)
		continue;
	if (fork() == 0) {
		struct pollfd p = {.fd = from, .events = POLLOUT};

		_exit(poll(&p, 1, 30000) == 1 && p.revents == POLLOUT ? 0 : 1);
	}
	usleep(20000);
	recv(to, buf, 8, 0);
	wait(&status);
	show_status("poller", status);
	/* ... and when the receiver goes. */
	while (send(from, "x", 1, MSG_DONTWAIT) == 1)
		continue;
	if (fork() == 0) {
		struct pollfd p = {.fd = from, .events = POLLOUT};

		close(to);
		_exit(poll(&p, 1, 30000) == 1 && p.revents == POLLOUT ? 0 : 1);
	}
	usleep(20000);
	close(to);
	wait(&status);
	show_status("poller", status);
	SHOW(send(from, "x", 1, 0));
	close(from);
}

static void sizes(void)
{
	static char big[300000], got[300000];
	int small = 0;

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
	memset(big, 'z', sizeof(big));
	SHOW(send(ends[0], big, 100000, 0));
	SHOW(recv(ends[1], got, sizeof(got), 0));
	printf("same: %d\n", memcmp(big, got, 100000) == 0);
	SHOW(send(ends[0], big, sizeof(big), 0));
	SHOW(set_int(ends[0], SO_SNDBUF, 5000));
	SHOW(send(ends[0], big, 10000 - 31, 0));
	SHOW(send(ends[0], big, 1000, 0));
	SHOW(recv(ends[1], got, sizeof(got), 0));
	/* Between peers only memory counts. */
	while (send(ends[1], "x", 1, 0) == 1)
		small++;
	printf("more than a queue's: %d, then %s\n", small > 50, strerrorname_np(errno));
	close(ends[0]);
	close(ends[1]);
}

static void shut(void)
{
	char buf[8];

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	SHOW(send(ends[0], "ab", 2, 0));
	SHOW(shutdown(ends[1], SHUT_RD));
	show_poll("shut", ends[1]);
	SHOW(send(ends[0], "cd", 2, 0));
	SHOW(write(ends[0], "cd", 2));
	SHOW(recv(ends[1], buf, 8, 0));
	SHOW(recv(ends[1], buf, 8, 0));
	SHOW(recv(ends[1], buf, 8, MSG_DONTWAIT));
	SHOW(shutdown(ends[0], SHUT_WR));
	SHOW(send(ends[0], "ef", 2, 0));
	show_poll("its peer", ends[1]);
	close(ends[0]);
	close(ends[1]);
}

static void many(void)
{
	struct iovec iov[4];
	struct mmsghdr m[4] = {0};
	char buf[4][8] = {"a", "bb", "ccc", "dddd"};

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){buf[i], (size_t)i + 1};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	SHOW(sendmmsg(ends[0], m, 4, 0));
	for (int i = 0; i < 4; i++)
		iov[i] = (struct iovec){buf[i], 3};
	SHOW(recvmmsg(ends[1], m, 3, 0, NULL));
	SHOW(recvmmsg(ends[1], m + 3, 1, MSG_WAITFORONE, NULL));
	for (int i = 0; i < 4; i++)
		printf("%u%s ", m[i].msg_len, m[i].msg_hdr.msg_flags & MSG_TRUNC ? "t" : "");
	printf("\n");
	SHOW(send(ends[0], "only", 4, 0));
	SHOW(recvmmsg(ends[1], m, 4, MSG_WAITFORONE, NULL));
	struct timespec ts = {.tv_nsec = 1000000000};
	SHOW(recvmmsg(ends[1], m, 4, 0, &ts));
	close(ends[0]);
	close(ends[1]);
}

/* Datagrams of several senders arrive once each and whole, to several receivers. */
static void crowd(void)
{
	enum { SENDERS = 4, COUNT = 300, SIZE = 700 };
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), results[2], wrong = 0;
	long sums[2] = {0};
	unsigned char buf[SIZE];

	SHOW(bind_to(to, "@crowd-dgram"));
	SHOW(pipe(results));
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		long got[2] = {0};

		while (recv(to, buf, SIZE, 0) == SIZE && buf[0] != 255) {
			for (int j = 1; j < SIZE; j++)
				got[1] += buf[j] != buf[0];
			got[0]++;
		}
		_exit(write(results[1], got, sizeof(got)) != sizeof(got));
	}
	for (int i = 0; i < SENDERS; i++) {
		if (fork())
			continue;
		int s = socket(AF_UNIX, SOCK_DGRAM, 0);

		memset(buf, i, SIZE);
		if (connect_to(s, "@crowd-dgram"))
			_exit(1);
		for (int j = 0; j < COUNT; j++)
			if (send(s, buf, SIZE, 0) != SIZE)
				_exit(1);
		_exit(0);
	}
	for (int i = 0, status; i < SENDERS; i++) {
		wait(&status);
		wrong += status != 0;
	}
	memset(buf, 255, SIZE);
	for (int i = 0; i < 2; i++) {
		int s = socket(AF_UNIX, SOCK_DGRAM, 0);

		if (connect_to(s, "@crowd-dgram") || send(s, buf, SIZE, 0) != SIZE)
			wrong++;
		close(s);
	}
	for (int i = 0; i < 2; i++) {
		long got[2];

		wrong += read(results[0], got, sizeof(got)) != sizeof(got);
		sums[0] += got[0];
		sums[1] += got[1];
	}
	while (wait(NULL) > 0)
		continue;
	printf("%ld datagrams, %ld bytes mixed, %d wrong\n", sums[0], sums[1], wrong);
	close(to);
}

int main(void)
{
	pairs();
	names();
	odd_peers();
	full_queue();
	sizes();
	shut();
	many();
	crowd();
	return 0;
}
