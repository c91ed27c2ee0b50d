/* SPDX-License-Identifier: BSD-2-Clause */
/* splice, tee, vmsplice, sendfile, copy_file_range; flags of one read or write. */
#include "guest.h"
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define BIG (200 * 1024)

static void show_left(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	printf("left: %d\n", n);
}

static void files(void)
{
	int ends[2], in, out, append;
	off_t from = 2, to = 3, wrong = -1;

	write_file("in", "0123456789");
	write_file("out", "");
	in = open("in", O_RDONLY);
	out = open("out", O_RDWR);
	append = open("out", O_RDWR | O_APPEND);
	SHOW(pipe2(ends, O_NONBLOCK));
	SHOW(splice(in, NULL, ends[1], NULL, 4, 0));
	SHOW(splice(in, &from, ends[1], NULL, 3, 0));
	printf("%ld %ld\n", (long)from, (long)lseek(in, 0, SEEK_CUR));
	show_left(ends[0]);
	SHOW(splice(ends[0], NULL, out, &to, 5, 0));
	SHOW(splice(ends[0], NULL, out, NULL, 100, 0));
	printf("%ld %ld\n", (long)to, (long)lseek(out, 0, SEEK_CUR));
	SHOW(splice(ends[0], NULL, out, NULL, 1, 0));
	SHOW(splice(in, NULL, ends[1], NULL, 100, 0));
	SHOW(splice(in, NULL, ends[1], NULL, 100, 0));
	SHOW(splice(ends[0], NULL, append, NULL, 1, 0));
	SHOW(splice(ends[0], &from, out, NULL, 1, 0));
	SHOW(splice(in, NULL, ends[1], &from, 1, 0));
	SHOW(splice(in, NULL, out, NULL, 1, 0));
	SHOW(splice(ends[1], NULL, ends[0], NULL, 1, 0));
	SHOW(splice(ends[0], NULL, in, NULL, 1, 0));
	SHOW(splice(in, NULL, ends[1], NULL, 1, 16));
	SHOW(splice(in, NULL, ends[1], NULL, 0, 16));
	SHOW(splice(1000, NULL, ends[1], NULL, 1, 0));
	SHOW(splice(in, bad, ends[1], NULL, 1, 0));
	SHOW(splice(in, &wrong, ends[1], NULL, 1, 0));
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	from = 0;
	SHOW(splice(in, &from, ends[1], NULL, 1, 0));
	close(ends[1]);
	show_file("out");
	close(in);
	close(out);
	close(append);
}

static void pipes(void)
{
	int a[2], b[2], page = 4096;
	char buf[64] = {0};
	char *big = calloc(1, BIG);

	SHOW(pipe2(a, O_NONBLOCK) | pipe2(b, O_NONBLOCK));
	SHOW(write(a[1], "hello world", 11));
	SHOW(tee(a[0], b[1], 5, 0));
	SHOW(tee(a[0], b[1], 100, 0));
	show_left(a[0]);
	show_left(b[0]);
	/* What was teed must not change when more is written. */
	SHOW(write(a[1], "!!", 2));
	SHOW(read(b[0], buf, 64));
	printf("%s\n", buf);
	SHOW(splice(a[0], NULL, b[1], NULL, 6, 0));
	SHOW(splice(a[0], NULL, b[1], NULL, 100, SPLICE_F_MOVE));
	SHOW(splice(a[0], NULL, b[1], NULL, 100, 0));
	SHOW(tee(a[0], b[1], 100, 0));
	memset(buf, 0, sizeof(buf));
	SHOW(read(b[0], buf, 64));
	printf("%s\n", buf);
	SHOW(splice(a[0], NULL, a[1], NULL, 1, 0));
	SHOW(tee(a[0], a[1], 1, 0));
	SHOW(tee(a[0], 1000, 1, 0));
	SHOW(tee(a[1], b[1], 1, 0));
	SHOW(tee(a[0], b[1], 1, 99));
	SHOW(tee(a[0], open("in", O_RDONLY), 1, 0));
	/* A full one. */
	SHOW(write(b[1], big, BIG));
	SHOW(write(a[1], "x", 1));
	SHOW(splice(a[0], NULL, b[1], NULL, 1, 0));
	SHOW(tee(a[0], b[1], 1, 0));
	SHOW(splice(open("in", O_RDONLY), NULL, b[1], NULL, 1, 0));
	SHOW(read(b[0], big, (size_t)page));
	SHOW(splice(a[0], NULL, b[1], NULL, 1, 0));
	close(a[1]);
	SHOW(splice(a[0], NULL, b[1], NULL, 1, 0));
	close(a[0]);
	close(b[0]);
	close(b[1]);
	free(big);
}

static void memory(void)
{
	struct iovec v[3] = {{"abc", 3}, {NULL, 0}, {"defg", 4}}, room, half;
	char buf[32] = {0};
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int p[2], file = open("in", O_RDWR);

	munmap(edge + 4096, 4096);
	memset(edge, 'e', 4096);
	SHOW(pipe2(p, O_NONBLOCK));
	SHOW(vmsplice(p[1], v, 3, 0));
	room = (struct iovec){buf, 5};
	SHOW(vmsplice(p[0], &room, 1, 0));
	printf("%s\n", buf);
	SHOW(vmsplice(p[0], &room, 1, 0));
	SHOW(vmsplice(p[0], &room, 1, SPLICE_F_NONBLOCK));
	SHOW(vmsplice(p[1], v, 0, 0));
	SHOW(vmsplice(p[1], v, 3, 1024));
	SHOW(vmsplice(1000, v, 3, 0));
	SHOW(vmsplice(file, v, 3, 0));
	SHOW(vmsplice(p[1], bad, 1, 0));
	half = (struct iovec){edge + 4000, 200};
	SHOW_OK(vmsplice(p[1], &half, 1, 0));
	close(p[0]);
	close(p[1]);
	close(file);
}

/* A process that reads, through two pipes and a tee. */
static void stream(void)
{
	int a[2], b[2], status;
	unsigned sum = 0;
	char *big = malloc(BIG), buf[1000];
	size_t total = 0;
	ssize_t n;
	int file;

	for (int i = 0; i < BIG; i++)
		big[i] = (char)(i * 7 + i / 256);
	file = open("big", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (write(file, big, BIG) != BIG)
		printf("short write\n");
	lseek(file, 0, SEEK_SET);
	SHOW(pipe(a) | pipe(b));
	fflush(stdout);
	if (fork() == 0) {
		close(a[0]);
		close(b[0]);
		close(b[1]);
		while ((n = splice(file, NULL, a[1], NULL, 30000, 0)) > 0)
			continue;
		_exit(n != 0);
	}
	close(a[1]);
	if (fork() == 0) {
		close(b[0]);
		while ((n = splice(a[0], NULL, b[1], NULL, 7777, 0)) > 0)
			continue;
		_exit(n != 0);
	}
	close(a[0]);
	close(b[1]);
	while ((n = read(b[0], buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum += (unsigned char)(buf[i] ^ big[total + (size_t)i]);
		total += (size_t)n;
	}
	printf("%zu bytes, difference %u\n", total, sum);
	for (int i = 0; i < 2; i++) {
		wait(&status);
		show_status("mover", status);
	}
	close(file);
	close(b[0]);
	free(big);
}

static void copies(void)
{
	int in = open("in", O_RDONLY), out = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644);
	off_t at = 5, to = 0;

	SHOW(sendfile(out, in, NULL, 4));
	SHOW(sendfile(out, in, &at, 100));
	printf("%ld %ld\n", (long)at, (long)lseek(in, 0, SEEK_CUR));
	SHOW(sendfile(out, in, bad, 1));
	SHOW(sendfile(in, out, NULL, 1));
	at = -1;
	SHOW(sendfile(out, in, &at, 1));
	at = 0;
	SHOW(copy_file_range(in, &at, out, NULL, 3, 0));
	SHOW(copy_file_range(in, &at, out, &to, 3, 0));
	SHOW(copy_file_range(in, &at, out, &to, 3, 1));
	SHOW(copy_file_range(out, &to, out, NULL, 0, 0));
	show_file("copy");
	close(in);
	close(out);
}

static void flags(void)
{
	int file = open("flags", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
	char buf[16] = {0};
	struct iovec v = {"abcdef", 6}, two = {"XY", 2}, room = {buf, 16};

	SHOW(pwritev2(file, &v, 1, 0, 0));
	SHOW(pwritev2(file, &two, 1, 1, RWF_APPEND));
	SHOW(pwritev2(file, &two, 1, -1, RWF_APPEND | RWF_DSYNC));
	printf("%ld\n", (long)lseek(file, 0, SEEK_CUR));
	SHOW(pwritev2(file, &two, 1, -1, RWF_SYNC));
	show_file("flags");
	SHOW(pwritev2(file, &two, 1, -2, 0));
	SHOW(preadv2(file, &room, 1, 0, 0x40000000));
	SHOW(preadv2(file, &room, 1, 2, RWF_HIPRI));
	printf("%s\n", buf);
	SHOW(pipe(p));
	SHOW(preadv2(p[0], &room, 1, -1, RWF_NOWAIT));
	SHOW(preadv2(p[0], &room, 1, 0, 0));
	SHOW(pwritev2(p[1], &two, 1, -1, RWF_NOWAIT));
	SHOW(preadv2(p[0], &room, 1, -1, RWF_NOWAIT));
	SHOW(sync_file_range(file, 0, 0, 7));
	SHOW(sync_file_range(file, 0, 0, 8));
	SHOW(sync_file_range(file, -1, 0, 0));
	SHOW(sync_file_range(file, 1, INT64_MAX, 0));
	SHOW(sync_file_range(p[0], 0, 0, 0));
	SHOW(sync_file_range(1000, 0, 0, 8));
	close(file);
}

int main(void)
{
	files();
	pipes();
	memory();
	stream();
	copies();
	flags();
	return 0;
}
