/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes: end of file, EPIPE, non-blocking, atomic writes, capacity, much data. */
#include "guest.h"
#include <limits.h>
#include <sys/ioctl.h>

static int ends[2];

static void writes_to_nobody(void)
{
	signal(SIGPIPE, SIG_DFL);
	if (write(ends[1], "x", 1) < 0)
		_exit(1);
}

static void basics(void)
{
	char buf[16] = "";
	int waiting = -1;

	SHOW(pipe(ends));
	SHOW(write(ends[1], "hello", 5));
	SHOW(ioctl(ends[0], FIONREAD, &waiting));
	printf("%d bytes wait\n", waiting);
	SHOW(read(ends[0], buf, 2));
	SHOW(read(ends[0], buf + 2, 10));
	printf("%s\n", buf);
	SHOW(write(ends[0], "x", 1));
	SHOW(read(ends[1], buf, 1));
	SHOW(lseek(ends[0], 0, SEEK_CUR));
	SHOW(read(ends[0], buf, 0));
	close(ends[1]);
	SHOW(read(ends[0], buf, 1));
	close(ends[0]);
}

static void no_reader(void)
{
	SHOW(pipe(ends));
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	SHOW(write(ends[1], "x", 1));
	show_status("writer", in_child(writes_to_nobody));
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
}

static void non_blocking(void)
{
	static char block[PIPE_BUF];
	long total = 0;
	char c;

	SHOW(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
	SHOW(read(ends[0], &c, 1));
	while (write(ends[1], block, sizeof(block)) == sizeof(block))
		total += sizeof(block);
	printf("full after %ld bytes: %s\n", total, strerrorname_np(errno));
	SHOW(read(ends[0], block, 1));
	/* One byte of room is not enough for an atomic write. */
	SHOW(write(ends[1], block, sizeof(block)));
	SHOW(fcntl(ends[0], F_GETFL) == (O_RDONLY | O_NONBLOCK));
	SHOW(fcntl(ends[1], F_GETFL) == (O_WRONLY | O_NONBLOCK));
	SHOW(fcntl(ends[1], F_GETFD));
	close(ends[0]);
	close(ends[1]);
	SHOW(pipe2(ends, 0x40000000));
	SHOW(pipe(bad));
}

/* A reader that is slower or faster than the writer; every byte arrives once and in order. */
static void stream(void)
{
	enum { TOTAL = 3 << 20 };
	static unsigned char buf[70001];
	long got = 0, wrong = 0;
	ssize_t n;

	SHOW(pipe(ends));
	pid_t pid = fork();
	if (pid == 0) {
		for (long sent = 0; sent < TOTAL;) {
			size_t size = (size_t)(sent * 7 % 30011 + 1);

			if (size > (size_t)(TOTAL - sent))
				size = (size_t)(TOTAL - sent);
			for (size_t i = 0; i < size; i++)
				buf[i] = (unsigned char)((sent + (long)i) * 31 >> 3);
			n = write(ends[1], buf, size);
			if (n != (ssize_t)size)
				_exit(1);
			sent += n;
		}
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], buf, (size_t)(got * 13 % 70001 + 1))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != (unsigned char)((got + i) * 31 >> 3);
		got += n;
	}
	printf("%ld bytes, %ld wrong\n", got, wrong);
	int status = -1;
	waitpid(pid, &status, 0);
	show_status("writer", status);
	close(ends[0]);
}

/* Writes of at most PIPE_BUF bytes do not mix, whoever writes at the same time. */
static void atomic_writes(void)
{
	enum { WRITERS = 4, ROUNDS = 50, SIZE = 1000 };
	char buf[SIZE];
	int mixed = 0, blocks = 0;

	SHOW(pipe(ends));
	for (int i = 0; i < WRITERS; i++) {
		if (fork() == 0) {
			memset(buf, 'a' + i, SIZE);
			for (int j = 0; j < ROUNDS; j++)
				if (write(ends[1], buf, SIZE) != SIZE)
					_exit(1);
			_exit(0);
		}
	}
	close(ends[1]);
	for (;;) {
		size_t have = 0;
		ssize_t n;

		while (have < SIZE && (n = read(ends[0], buf + have, SIZE - have)) > 0)
			have += (size_t)n;
		if (!have)
			break;
		blocks++;
		for (size_t i = 1; i < have; i++)
			mixed += buf[i] != buf[0];
	}
	while (wait(NULL) > 0)
		continue;
	printf("%d blocks, %d mixed\n", blocks, mixed);
	close(ends[0]);
}

/* What /dev/fd names: one end of a pipe, whose other end may be gone already. */
static void opened_again(void)
{
	char path[32], text[8] = "";
	int fd[2], again;

	printf("--- opened again\n");
	if (pipe(fd))
		return;
	SHOW(write(fd[1], "text", 4));
	close(fd[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	alarm(10);
	again = open(path, O_RDONLY);
	SHOW(again < 0);
	SHOW(read(again, text, sizeof(text)) == 4 && !strcmp(text, "text"));
	SHOW(read(again, text, sizeof(text)));
	close(again);
	again = open(path, O_WRONLY | O_NONBLOCK);
	SHOW(again < 0);
	SHOW(write(again, "more", 4));
	close(again);
	SHOW(read(fd[0], text, sizeof(text)));
	SHOW(read(fd[0], text, sizeof(text)));
	close(fd[0]);
	alarm(0);
}

int main(void)
{
	opened_again();
	basics();
	no_reader();
	non_blocking();
	stream();
	atomic_writes();
	return 0;
}
