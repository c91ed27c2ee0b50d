/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets shared by threads: descriptors that are closed, replaced and sent while others use them,
 * rings that are made and collected meanwhile, and readers that share one socket.
 */
#include "socket.h"
#include <pthread.h>

enum { THREADS = 4, SLOTS = 8, ROUNDS = 1000 };

static int slots[SLOTS]; /* descriptors that everybody uses; they may be closed at any time */
static int listener;

static unsigned rnd(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % below;
}

/* A fresh pair takes the places of two descriptors. */
static void replace(unsigned *seed)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	int pair[2];

	if (socketpair(AF_UNIX, types[rnd(seed, 3)] | SOCK_NONBLOCK, 0, pair))
		return;
	for (int i = 0; i < 2; i++) {
		dup2(pair[i], slots[rnd(seed, SLOTS)]);
		close(pair[i]);
	}
}

/* A ring that nobody refers to. */
static void ring(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		return;
	send_fds(pair[0], "ring", pair, 2, MSG_NOSIGNAL);
	close(pair[0]);
	close(pair[1]);
}

static void *random_calls(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg * 7919 + 3;
	char buf[5000] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		int fd = slots[rnd(&seed, SLOTS)], got[4], result, c;
		size_t n = 4;

		switch (rnd(&seed, 9)) {
		case 0:
			replace(&seed);
			break;
		case 1:
			ring();
			break;
		case 2:
		case 3:
			send(fd, buf, rnd(&seed, sizeof(buf)), MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 4:
			recv(fd, buf, rnd(&seed, sizeof(buf)), MSG_DONTWAIT);
			break;
		case 5:
			got[0] = slots[rnd(&seed, SLOTS)];
			got[1] = fd;
			send_fds(fd, "x", got, 2, MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 6:
			if (receive_fds(fd, buf, 100, got, &n,
					MSG_DONTWAIT | (rnd(&seed, 3) ? 0 : MSG_PEEK),
					&result) >= 0)
				for (size_t j = 0; j < n; j++)
					close(got[j]);
			break;
		case 7:
			c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
			if (connect_to(c, "@threads") == 0)
				send_fds(c, "early", &fd, 1, MSG_NOSIGNAL);
			close(c);
			break;
		default:
			c = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (c >= 0) {
				recv(c, buf, 10, MSG_DONTWAIT);
				close(c);
			}
		}
	}
	return NULL;
}

static void shared_descriptors(void)
{
	pthread_t threads[THREADS];
	int pair[2];

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SHOW(bind_to(listener, "@threads"));
	SHOW(listen(listener, 10));
	for (int i = 0; i < SLOTS; i += 2) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
			printf("no pair\n");
		slots[i] = pair[0];
		slots[i + 1] = pair[1];
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, random_calls, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SLOTS; i++)
		close(slots[i]);
	close(listener);
	printf("survived\n");
}

/* --- readers that share a socket ---------------------------------------------------------- */

static int ends[2];
static long received;

static void *reader(void *arg)
{
	char buf[300];
	ssize_t n;
	long sum = 0;

	while ((n = read(ends[0], buf, sizeof(buf))) > 0)
		sum += n;
	__atomic_fetch_add(&received, sum, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *writer(void *arg)
{
	char buf[700] = {0};

	for (int i = 0; i < 100; i++)
		if (write(ends[1], buf, sizeof(buf)) != sizeof(buf))
			return "short";
	return NULL;
}

static void shared_stream(void)
{
	pthread_t readers[3], writers[3];
	void *result;
	int failed = 0;

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	for (int i = 0; i < 3; i++) {
		pthread_create(&readers[i], NULL, reader, NULL);
		pthread_create(&writers[i], NULL, writer, NULL);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(writers[i], &result);
		failed += result != NULL;
	}
	shutdown(ends[1], SHUT_WR);
	for (int i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	printf("%ld bytes, %d failed\n", received, failed);
	close(ends[0]);
	close(ends[1]);
}

/* A thread that waits is woken by shutdown, not by close, and uses the file to its end. */
static void *waiter(void *arg)
{
	char c;

	return (void *)read(ends[0], &c, 1);
}

static void closing(void)
{
	pthread_t t;
	void *result;

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pthread_create(&t, NULL, waiter, NULL);
	usleep(50000);
	close(ends[0]);
	SHOW(write(ends[1], "x", 1));
	pthread_join(t, &result);
	printf("the waiter got %ld\n", (long)result);
	close(ends[1]);
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pthread_create(&t, NULL, waiter, NULL);
	usleep(50000);
	SHOW(shutdown(ends[0], SHUT_RDWR));
	pthread_join(t, &result);
	printf("the waiter got %ld\n", (long)result);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	shared_descriptors();
	shared_stream();
	closing();
	return 0;
}
