/* SPDX-License-Identifier: BSD-2-Clause */
/* A program and the mailbox driver: what reads, writes, polls, maps and controls do there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../drivers/sample/mailbox/mailbox.h"

static int failures;
static void *volatile bad = (void *)8; /* nothing is mapped there */

#define EXPECT(condition)                                                                        \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			printf("line %d: not so: %s (errno %d)\n", __LINE__, #condition, errno); \
			failures++;                                                              \
		}                                                                                \
	} while (0)

static int open_box(int flags)
{
	int fd = open("/dev/mailbox0", O_RDWR | flags);

	if (fd < 0) {
		perror("/dev/mailbox0");
		exit(1);
	}
	return fd;
}

static short events_of(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	EXPECT(poll(&p, 1, 0) >= 0);
	return p.revents;
}

static void plain(void)
{
	int fd = open_box(O_NONBLOCK);
	char buf[8192], big[8192];
	uint32_t count = 0;

	memset(big, 'b', sizeof(big));
	EXPECT(read(fd, buf, 10) == -1 && errno == EAGAIN);
	EXPECT(events_of(fd) == POLLOUT);
	EXPECT(write(fd, "hello", 5) == 5);
	EXPECT(events_of(fd) == (POLLIN | POLLOUT));
	EXPECT(ioctl(fd, MAILBOX_COUNT, &count) == 0 && count == 5);
	EXPECT(ioctl(fd, MAILBOX_COUNT, bad) == -1 && errno == EFAULT);
	EXPECT(ioctl(fd, 0x1234, 0) == -1 && errno == ENOTTY);
	EXPECT(read(fd, buf, 3) == 3 && !memcmp(buf, "hel", 3));
	EXPECT(read(fd, bad, 3) == -1 && errno == EFAULT);
	EXPECT(read(fd, buf, 100) == 2 && !memcmp(buf, "lo", 2));
	EXPECT(write(fd, big, sizeof(big)) == 4096);
	EXPECT(write(fd, big, 1) == -1 && errno == EAGAIN);
	EXPECT(events_of(fd) == POLLIN);
	EXPECT(ioctl(fd, MAILBOX_EMPTY) == 0 && events_of(fd) == POLLOUT);
	EXPECT(write(fd, bad, 3) == -1 && errno == EFAULT);
	EXPECT(write(fd, big, 0) == 0 && read(fd, buf, 0) == 0);
	EXPECT(lseek(fd, 0, SEEK_SET) == -1 && errno == ESPIPE);
	close(fd);
}

static void vectors(void)
{
	int fd = open_box(O_NONBLOCK);
	char a[3], b[1], c[4];
	struct iovec in[] = {{"one", 3}, {"", 0}, {"two", 3}};
	struct iovec out[] = {{a, 3}, {b, 1}, {NULL, 0}, {c, 4}};

	EXPECT(writev(fd, in, 3) == 6);
	EXPECT(readv(fd, out, 4) == 6);
	EXPECT(!memcmp(a, "one", 3) && b[0] == 't' && !memcmp(c, "wo", 2));
	close(fd);
}

/* The writer's thread copies into the waiting reader's memory: of another process. */
static void waiting_reader(void)
{
	char buf[16] = "";
	int fd = open_box(0), status;
	pid_t child = fork();

	if (child == 0) {
		ssize_t n = read(fd, buf, sizeof(buf));

		_exit(n == 5 && !memcmp(buf, "other", 5) ? 0 : 1);
	}
	usleep(100000);
	EXPECT(write(fd, "other", 5) == 5);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);

	/* Its memory goes away while it waits. */
	child = fork();
	if (child == 0)
		_exit(read(fd, bad, 4) == -1 && errno == EFAULT ? 0 : 1);
	usleep(100000);
	write(fd, "gone", 4);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	ioctl(fd, MAILBOX_EMPTY);
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	int fd = open_box(0), status;
	char byte;
	pid_t child;

	sigaction(SIGALRM, &action, NULL);
	ualarm(50000, 0);
	EXPECT(read(fd, &byte, 1) == -1 && errno == EINTR);
	child = fork();
	if (child == 0)
		_exit((int)read(fd, &byte, 1));
	usleep(50000);
	kill(child, SIGKILL);
	EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	/* Nobody waits any more: what is written stays. */
	EXPECT(write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 && byte == 'x');
	close(fd);
}

static void *write_later(void *arg)
{
	usleep(100000);
	EXPECT(write(*(int *)arg, "late", 4) == 4);
	return NULL;
}

static void polling(void)
{
	int fd = open_box(0), ep = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[8];
	pthread_t t;

	pthread_create(&t, NULL, write_later, &fd);
	EXPECT(poll(&p, 1, 10000) == 1 && p.revents == POLLIN);
	pthread_join(t, NULL);
	EXPECT(read(fd, buf, 8) == 4);
	EXPECT(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) == 0);
	EXPECT(epoll_wait(ep, &event, 1, 0) == 0);
	pthread_create(&t, NULL, write_later, &fd);
	EXPECT(epoll_wait(ep, &event, 1, 10000) == 1 && (event.events & EPOLLIN));
	pthread_join(t, NULL);
	EXPECT(read(fd, buf, 8) == 4);
	close(ep);
	close(fd);
}

static void mapping(void)
{
	int fd = open_box(O_NONBLOCK);
	struct mailbox_counters *c = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t before;

	EXPECT(c != MAP_FAILED);
	before = c->written;
	EXPECT(write(fd, "abc", 3) == 3 && c->written == before + 3);
	EXPECT(ioctl(fd, MAILBOX_EMPTY) == 0);
	EXPECT(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096) == MAP_FAILED && errno == EINVAL);
	/* Larger it would be without the driver being asked. */
	EXPECT(mremap(c, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	/* The driver's page stays the driver's, whatever the program does to its mapping. */
	EXPECT(mprotect(c, 4096, PROT_READ | PROT_WRITE) == 0);
	madvise(c, 4096, MADV_REMOVE);
	EXPECT(write(fd, "abc", 3) == 3);
	EXPECT(ioctl(fd, MAILBOX_EMPTY) == 0);
	close(fd);
	EXPECT(munmap(c, 4096) == 0);
}

#define BYTES 200000

static void *pump(void *arg)
{
	int fd = *(int *)arg;
	char buf[700];

	for (long left = BYTES; left > 0;) {
		ssize_t n = write(fd, buf, left < 700 ? (size_t)left : 700);

		if (n > 0)
			left -= n;
		else if (errno == EAGAIN)
			usleep(100);
		else
			break;
	}
	return NULL;
}

static void stress(void)
{
	int fd = open_box(0);
	pthread_t writers[3];
	long total = 0;
	char buf[1000];

	for (int i = 0; i < 3; i++)
		pthread_create(&writers[i], NULL, pump, &fd);
	while (total < 3L * BYTES) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		total += n;
	}
	EXPECT(total == 3L * BYTES);
	for (int i = 0; i < 3; i++)
		pthread_join(writers[i], NULL);
	close(fd);
}

int main(void)
{
	plain();
	vectors();
	waiting_reader();
	signals();
	polling();
	mapping();
	stress();
	printf("mailbox: %d failures\n", failures);
	return failures != 0;
}
