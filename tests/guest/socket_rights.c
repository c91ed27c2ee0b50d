/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors and credentials that travel over sockets: what arrives, what is cut, what is closed,
 * and that rings of sockets in one another's queues go away.
 */
#include "socket.h"
#include <grp.h>
#include <sys/resource.h>

static int ends[2], ends2[2], pipes[2];

static void open_pair(int type)
{
	if (socketpair(AF_UNIX, type, 0, ends))
		printf("no pair\n");
}

static void close_pair(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* The pipe's only writer is gone, sooner or later. */
static void wait_for_eof(const char *what)
{
	struct pollfd p = {.fd = pipes[0], .events = POLLIN};
	char c;

	if (poll(&p, 1, 20000) != 1)
		printf("%s: still open\n", what);
	else
		printf("%s: %zd\n", what, read(pipes[0], &c, 1));
	fflush(stdout);
}

static void basics(int type)
{
	char buf[32] = "";
	int fds[300], result;
	size_t n;

	printf("type %d\n", type);
	open_pair(type);
	SHOW(pipe(pipes));
	SHOW(send_fds(ends[0], "one", &pipes[1], 1, 0));
	close(pipes[1]);
	n = 3;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("%zu descriptors, flags %#x\n", n, result);
	SHOW(write(fds[0], "through", 7));
	SHOW(read(pipes[0], buf, 32));
	SHOW(fcntl(fds[0], F_GETFD));
	/* Close on exec, on demand. */
	SHOW(send_fds(ends[0], "two", (int[]){fds[0], ends[0]}, 2, 0));
	close(fds[0]);
	n = 2;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, MSG_CMSG_CLOEXEC, &result));
	printf("%zu descriptors, flags %#x, %d\n", n, result, fcntl(fds[0], F_GETFD));
	close(fds[1]);
	/* Room for one of three: the others are closed. */
	SHOW(send_fds(ends[0], "three", (int[]){1, fds[0], fds[0]}, 3, 0));
	close(fds[0]);
	n = 1;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("flags %#x\n", result);
	close(fds[0]);
	wait_for_eof("cut ones");
	close(pipes[0]);
	/* No room at all, and read(2). */
	SHOW(pipe(pipes));
	SHOW(send_fds(ends[0], "four", &pipes[1], 1, 0));
	SHOW(send_fds(ends[0], "five", &pipes[1], 1, 0));
	close(pipes[1]);
	n = 0;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("flags %#x\n", result);
	SHOW(read(ends[1], buf, 32));
	wait_for_eof("dropped ones");
	close(pipes[0]);
	/* Peeking gives descriptors of its own. */
	SHOW(pipe(pipes));
	SHOW(send_fds(ends[0], "six", &pipes[1], 1, 0));
	n = 1;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, MSG_PEEK, &result));
	SHOW(n == 1 && write(fds[0], "x", 1) == 1);
	close(fds[0]);
	n = 1;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	SHOW(n == 1 && write(fds[0], "x", 1) == 1);
	close(fds[0]);
	/* Those that nobody received go with the socket. */
	SHOW(send_fds(ends[0], "seven", &pipes[1], 1, 0));
	close(pipes[1]);
	SHOW(read(pipes[0], buf, 32));
	close_pair();
	wait_for_eof("closed");
	close(pipes[0]);
}

/* A read does not go past a segment with descriptors. */
static void boundaries(void)
{
	char buf[32] = "";
	int fds[4], result;
	size_t n = 4;

	open_pair(SOCK_STREAM);
	SHOW(write(ends[0], "ab", 2));
	SHOW(send_fds(ends[0], "cd", (int[]){0}, 1, 0));
	SHOW(send_fds(ends[0], "ef", (int[]){0, 1}, 2, 0));
	SHOW(write(ends[0], "gh", 2));
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("%zu descriptors\n", n);
	n = 4;
	SHOW(receive_fds(ends[1], buf, 1, fds, &n, 0, &result));
	printf("%zu descriptors\n", n);
	n = 4;
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("%zu descriptors\n", n);
	SHOW(send_fds(ends[0], "", (int[]){0}, 1, 0));
	SHOW(recv(ends[1], buf, 1, MSG_DONTWAIT));
	close_pair();
	open_pair(SOCK_DGRAM);
	n = 4;
	SHOW(send_fds(ends[0], "", (int[]){0}, 1, 0));
	SHOW(receive_fds(ends[1], buf, 32, fds, &n, 0, &result));
	printf("%zu descriptors\n", n);
	close_pair();
	for (int i = 3; i < 20; i++)
		close(i);
}

static void limits(void)
{
	int fds[300], got[300], result;
	struct rlimit rl = {.rlim_cur = 20, .rlim_max = 1024}, old;
	char buf[8];
	size_t n;

	for (int i = 0; i < 300; i++)
		fds[i] = 0;
	open_pair(SOCK_DGRAM);
	SHOW(send_fds(ends[0], "x", fds, 253, 0));
	SHOW(send_fds(ends[0], "x", fds, 254, 0));
	fds[2] = 99;
	SHOW(send_fds(ends[0], "x", fds, 3, 0));
	fds[2] = -1;
	SHOW(send_fds(ends[0], "x", fds, 3, 0));
	getrlimit(RLIMIT_NOFILE, &old);
	rl.rlim_max = old.rlim_max;
	SHOW(setrlimit(RLIMIT_NOFILE, &rl));
	n = 253;
	SHOW(receive_fds(ends[1], buf, 8, got, &n, 0, &result));
	printf("all below the limit: %d, flags %#x\n", n > 0 && got[n - 1] == 19, result);
	for (size_t i = 0; i < n; i++)
		close(got[i]);
	setrlimit(RLIMIT_NOFILE, &old);
	close_pair();
}

/* An ordinary user cannot hide more files in queues than it may open. */
static void hide_files(void)
{
	struct rlimit rl = {.rlim_cur = 64, .rlim_max = 64};
	int fds[10] = {0}, sent = 0;

	if (setgid(65533) || setuid(65533))
		_exit(1);
	setrlimit(RLIMIT_NOFILE, &rl);
	while (send_fds(ends[0], "x", fds, 10, MSG_DONTWAIT) == 1 && sent < 100)
		sent++;
	printf("after %d messages: %s\n", sent, strerrorname_np(errno));
	/* What is received counts no more. */
	char c;
	while (recv(ends[1], &c, 1, MSG_DONTWAIT) == 1)
		continue;
	SHOW(send_fds(ends[0], "x", fds, 10, MSG_DONTWAIT));
}

static ssize_t send_creds(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} u = {0};
	struct iovec iov = {(void *)(uintptr_t) "creds", 5};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &u,
			   .msg_controllen = sizeof(u.space)};
	struct ucred c = {.pid = pid, .uid = uid, .gid = gid};

	u.h.cmsg_level = SOL_SOCKET;
	u.h.cmsg_type = SCM_CREDENTIALS;
	u.h.cmsg_len = CMSG_LEN(sizeof(c));
	memcpy(CMSG_DATA(&u.h), &c, sizeof(c));
	return sendmsg(fd, &m, 0);
}

static void receive_creds(int fd, pid_t me, size_t room)
{
	union {
		struct cmsghdr h;
		char space[100];
	} u = {0};
	char buf[32] = "";
	struct iovec iov = {buf, sizeof(buf) - 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = room};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct ucred c;

	printf("%zd \"%s\" flags %#x, control %zu", n, n < 0 ? strerrorname_np(errno) : buf,
	       m.msg_flags, n < 0 ? 0 : (size_t)m.msg_controllen);
	if (n >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(c)) && u.h.cmsg_type == SCM_CREDENTIALS) {
		memcpy(&c, CMSG_DATA(&u.h), sizeof(c));
		printf(": %s %d %d",
		       c.pid == me ? "me"
		       : c.pid	   ? "other"
				   : "nobody",
		       (int)c.uid, (int)c.gid);
	}
	printf("\n");
	fflush(stdout);
}

static void forge(void)
{
	if (setgid(65533) || setuid(65533))
		_exit(1);
	SHOW(send_creds(ends[0], getpid(), 65533, 65533));
	SHOW(send_creds(ends[0], getpid(), 0, 65533));
	SHOW(send_creds(ends[0], getpid(), 65533, 0));
	SHOW(send_creds(ends[0], 1, 65533, 65533));
}

static void credentials(void)
{
	struct ucred c;
	socklen_t len = sizeof(c);
	pid_t me = getpid();

	open_pair(SOCK_STREAM);
	SHOW(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &c, &len));
	printf("peer %d %u %u\n", c.pid == me, c.uid, c.gid);
	SHOW(write(ends[0], "before", 6));
	SHOW(set_int(ends[1], SO_PASSCRED, 1));
	SHOW(write(ends[0], "after", 5));
	SHOW(write(ends[0], "again", 5));
	receive_creds(ends[1], me, 100);
	receive_creds(ends[1], me, 100);
	SHOW(send_creds(ends[0], me, 0, 0));
	SHOW(send_creds(ends[0], me, 5, 7));
	SHOW(send_creds(ends[0], 1 << 22, 0, 0));
	receive_creds(ends[1], me, 100);
	receive_creds(ends[1], me, 100);
	show_status("forger", in_child(forge));
	receive_creds(ends[1], me, 100);
	SHOW(write(ends[0], "short", 5));
	receive_creds(ends[1], me, CMSG_LEN(sizeof(c)) - 4);
	SHOW(write(ends[0], "none", 4));
	receive_creds(ends[1], me, 8);
	close_pair();
	/* Of connections: those at connect and at listen. */
	int l = socket(AF_UNIX, SOCK_STREAM, 0), s = socket(AF_UNIX, SOCK_STREAM, 0), a;
	SHOW(getsockopt(l, SOL_SOCKET, SO_PEERCRED, &c, &len));
	printf("nobody %d %d %d\n", c.pid, (int)c.uid, (int)c.gid);
	SHOW(bind_to(l, "@creds"));
	SHOW(listen(l, 5));
	SHOW(set_int(l, SO_PASSCRED, 1));
	SHOW(connect_to(s, "@creds"));
	a = accept(l, NULL, NULL);
	printf("inherited %d\n", get_int(a, SO_PASSCRED));
	SHOW(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &c, &len));
	printf("client %d %u %u\n", c.pid == me, c.uid, c.gid);
	SHOW(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &c, &len));
	printf("server %d %u %u\n", c.pid == me, c.uid, c.gid);
	/* A sender that passes credentials gets a name. */
	close(s);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(set_int(s, SO_PASSCRED, 1));
	SHOW(connect_to(s, "@creds"));
	struct sockaddr_un name;
	len = sizeof(name);
	SHOW(getsockname(s, (struct sockaddr *)&name, &len));
	printf("name of %d bytes\n", (int)len);
	close(l);
	close(s);
	close(a);
}

/* --- rings ---------------------------------------------------------------------------------- */

/* Closing some socket makes Linux look for rings; ours looks then, too. */
static void nudge(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	close(s);
}

static void rings(void)
{
	int l, c;

	/* A socket in its own queue. */
	SHOW(pipe(pipes));
	open_pair(SOCK_STREAM);
	SHOW(send_fds(ends[0], "ring", (int[]){ends[1], pipes[1]}, 2, 0));
	close(pipes[1]);
	close(ends[1]);
	close(ends[0]);
	nudge();
	wait_for_eof("own queue");
	close(pipes[0]);
	/* Both ends in each other's queue. */
	SHOW(pipe(pipes));
	open_pair(SOCK_DGRAM);
	SHOW(send_fds(ends[0], "ring", (int[]){ends[0], pipes[1]}, 2, 0));
	SHOW(send_fds(ends[1], "ring", &ends[1], 1, 0));
	close(pipes[1]);
	close_pair();
	nudge();
	wait_for_eof("both ends");
	close(pipes[0]);
	/* Two pairs across. */
	SHOW(pipe(pipes));
	open_pair(SOCK_STREAM);
	SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends2));
	SHOW(send_fds(ends[0], "ring", (int[]){ends2[0], ends2[1]}, 2, 0));
	SHOW(send_fds(ends2[0], "ring", (int[]){ends[0], ends[1], pipes[1]}, 3, 0));
	close(pipes[1]);
	close_pair();
	close(ends2[0]);
	close(ends2[1]);
	nudge();
	wait_for_eof("two pairs");
	close(pipes[0]);
	/* A listener in the queue of a connection to it that nobody accepted. */
	SHOW(pipe(pipes));
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(bind_to(l, "@ring"));
	SHOW(listen(l, 1));
	SHOW(connect_to(c, "@ring"));
	SHOW(send_fds(c, "ring", (int[]){l, c, pipes[1]}, 3, 0));
	close(pipes[1]);
	close(l);
	close(c);
	nudge();
	wait_for_eof("listener");
	close(pipes[0]);
}

/* What can still be reached stays, however deep. */
static void no_ring(void)
{
	enum { DEPTH = 200 };
	char buf[8];
	int in, got[1], result, levels = 0;
	size_t n;

	SHOW(pipe(pipes));
	in = pipes[1];
	/* Each pair's end goes into the next one's queue, with its content. */
	for (int i = 0; i < DEPTH; i++) {
		open_pair(SOCK_STREAM);
		if (send_fds(ends[0], "x", &in, 1, 0) != 1)
			printf("cannot send at %d\n", i);
		close(in);
		close(ends[0]);
		in = ends[1];
		nudge();
	}
	while (n = 1, receive_fds(in, buf, 1, got, &n, 0, &result) == 1 && n == 1) {
		levels++;
		close(in);
		in = got[0];
	}
	printf("%d levels\n", levels);
	SHOW(write(in, "deep", 4));
	SHOW(read(pipes[0], buf, 4));
	close(in);
	wait_for_eof("end of the chain");
	close(pipes[0]);
}

/* A chain that is closed at its end: no recursion. */
static void long_chain(void)
{
	int in;

	SHOW(pipe(pipes));
	in = pipes[1];
	for (int i = 0; i < 3000; i++) {
		open_pair(SOCK_DGRAM);
		send_fds(ends[0], "x", &in, 1, 0);
		close(in);
		close(ends[0]);
		in = ends[1];
	}
	close(in);
	wait_for_eof("long chain");
	close(pipes[0]);
}

static int sockets(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	char line[400];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Many rings; the sockets are gone in the end. */
static void many_rings(void)
{
	int before = sockets(), after = 0;

	for (int i = 0; i < 2000; i++) {
		open_pair(SOCK_STREAM);
		if (send_fds(ends[0], "ring", &ends[0], 1, 0) != 4 ||
		    send_fds(ends[1], "ring", &ends[1], 1, 0) != 4)
			printf("cannot send: %s\n", strerrorname_np(errno));
		close_pair();
	}
	for (int i = 0; i < 200; i++) {
		nudge();
		after = sockets();
		if (after <= before + 20)
			break;
		usleep(50000);
	}
	printf("sockets left: %s\n", after <= before + 20 ? "none" : "many");
	fflush(stdout);
}

/* Rings are made and living ones used by several processes at once: nothing living is lost. */
static void rings_in_parallel(void)
{
	enum { CHILDREN = 3, ROUNDS = 150 };
	int failed = 0, status;

	for (int i = 0; i < CHILDREN; i++) {
		if (fork())
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			int pair[2], inner[2], got[2], result;
			char buf[8] = "";
			size_t n = 2;

			/* A ring ... */
			open_pair(SOCK_STREAM);
			send_fds(ends[0], "ring", ends, 2, 0);
			close_pair();
			/* ... and a socket that lives in a queue only for a while. */
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
			    socketpair(AF_UNIX, SOCK_STREAM, 0, inner) ||
			    write(inner[0], "alive", 5) != 5 ||
			    send_fds(pair[0], "x", (int[]){inner[1], pair[1]}, 2, 0) != 1)
				_exit(1);
			close(inner[1]);
			if (receive_fds(pair[1], buf, 1, got, &n, round & 1 ? MSG_PEEK : 0,
					&result) != 1 ||
			    n != 2 || read(got[0], buf, 8) != 5 || memcmp(buf, "alive", 5) ||
			    write(got[0], "back", 4) != 4 || read(inner[0], buf, 8) != 4)
				_exit(2);
			close(got[0]);
			close(got[1]);
			close(pair[0]);
			close(pair[1]);
			close(inner[0]);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%d failed\n", failed);
}

int main(void)
{
	basics(SOCK_STREAM);
	basics(SOCK_DGRAM);
	basics(SOCK_SEQPACKET);
	boundaries();
	limits();
	open_pair(SOCK_DGRAM);
	show_status("hider", in_child(hide_files));
	close_pair();
	credentials();
	rings();
	no_ring();
	long_chain();
	many_rings();
	rings_in_parallel();
	return 0;
}
