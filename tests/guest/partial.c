/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that end half way, writes of many blocks in one call, holes, links to longer links: what
 * young kernels get wrong.
 */
#include "guest.h"
#include <dirent.h>
#include <linux/falloc.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define PAGE 4096
#define BIG  (3 << 20) /* 6144 blocks */

static char *edge; /* the end of what is mapped */

static void make_edge(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + PAGE, PAGE);
	memset(p, 'e', PAGE);
	edge = p + PAGE;
}

static void files(void)
{
	int fd = memfd_create("f", 0);
	struct iovec v[3] = {{edge - 10, 10}, {edge - 4, 8}, {edge - 10, 10}};
	char buf[32] = "";

	SHOW(write(fd, "0123456789abcdefghijklmnopqrstuvwxyz", 36));
	SHOW(pread(fd, edge - 5, 20, 0));
	printf("%.5s\n", edge - 5);
	SHOW(pread(fd, edge, 5, 0));
	SHOW(pread(fd, edge, 0, 0));
	SHOW(pread(fd, edge, 5, 100));
	SHOW(preadv(fd, v, 3, 0));
	SHOW(preadv(fd, v + 1, 1, 30));
	/* The position moves by what was done. */
	lseek(fd, 0, SEEK_SET);
	SHOW(read(fd, edge - 5, 20));
	SHOW(lseek(fd, 0, SEEK_CUR));
	memset(edge - 10, 'w', 10);
	SHOW(pwrite(fd, edge - 5, 20, 2));
	SHOW(pwrite(fd, edge, 5, 2));
	SHOW(pwritev(fd, v, 3, 10));
	SHOW(pread(fd, buf, 30, 0));
	printf("%s\n", buf);
	SHOW(pwrite(fd, edge - 5, 20, 5000));
	SHOW(lseek(fd, 0, SEEK_END));
	/* Nothing was written, so the file is as long as before. */
	SHOW(pwrite(fd, edge, 20, 90000));
	SHOW(lseek(fd, 0, SEEK_END));
	close(fd);
}

static void pipes(void)
{
	int ends[2];
	char buf[32] = "";

	SHOW(pipe2(ends, O_NONBLOCK));
	SHOW(write(ends[1], edge, 5));
	SHOW(read(ends[0], buf, 5));
	SHOW(write(ends[1], "hello", 5));
	SHOW(read(ends[0], edge, 5));
	SHOW(read(ends[0], buf, 32));
	printf("%s\n", buf);
	close(ends[0]);
	close(ends[1]);
}

/* With a table as small as can be: it has room for 64, and nothing above is read or written. */
static void selects_of_few(void)
{
	struct timeval now = {0, 0};

	memset(edge - 8, 0, 8);
	SHOW(syscall(SYS_select, 1000, edge - 8, edge - 8, edge - 8, &now));
	SHOW(syscall(SYS_select, 1000, edge - 7, NULL, NULL, &now));
	edge[-1] = 0x40; /* 62 */
	SHOW(syscall(SYS_select, 1000, edge - 8, NULL, NULL, NULL));
}

static void selects(void)
{
	struct timeval now = {0, 0};

	close_range(40, ~0U, 0);
	in_child(selects_of_few);
	SHOW(dup2(1, 512)); /* the table grows */
	edge[-1] = 0;
	SHOW(syscall(SYS_select, 1000, edge - 8, NULL, NULL, &now));
	close(512);
}

static void other_calls(void)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY), fd;
	struct timespec *ts = (struct timespec *)(void *)(edge - 8);

	for (int i = 0; i < 5; i++) {
		char name[8];

		snprintf(name, sizeof(name), "f%d", i);
		write_file(name, "");
	}
	/* No entry fits before the edge; the next call starts where this one did. */
	SHOW(syscall(SYS_getdents64, dir, edge - 10, 1000));
	SHOW(syscall(SYS_getdents64, dir, edge - 10, 10));
	SHOW(syscall(SYS_getdents64, dir, edge, 1000));
	/* Some entries fit: all come, none twice, whatever the steps. */
	{
		char seen[4096] = "";
		int count = 0;
		long n;

		lseek(dir, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, dir, edge - 60, 1000)) > 0) {
			for (long at = 0; at < n; count++) {
				struct {
					uint64_t ino;
					int64_t next;
					uint16_t length;
				} head;

				memcpy(&head, edge - 60 + at, sizeof(head));
				if (strstr(seen, edge - 60 + at + 19) && edge[-60 + at + 19] != '.')
					printf("twice: %s\n", edge - 60 + at + 19);
				strcat(seen, edge - 60 + at + 19);
				at += head.length;
			}
		}
		printf("%d entries, then %ld\n", count, n);
		lseek(dir, 0, SEEK_SET);
	}
	SHOW(syscall(SYS_getcwd, edge - 1, 4096));
	SHOW(syscall(SYS_uname, edge - 8));
	SHOW(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ts));
	SHOW(syscall(SYS_nanosleep, ts, NULL));
	SHOW(syscall(SYS_pipe2, edge - 4, 0));
	SHOW(syscall(SYS_stat, ".", edge - 16));
	SHOW(syscall(SYS_poll, edge - 4, 1, 0));
	selects();
	SHOW(syscall(SYS_readv, dir, edge - 8, 1));
	memcpy(edge - 3, "f1", 3);
	SHOW_OK(fd = open(edge - 3, O_RDONLY));
	memcpy(edge - 2, "f1", 2);
	SHOW(open(edge - 2, O_RDONLY));
	SHOW(symlink("target", "link"));
	SHOW(readlink("link", edge - 3, 3));
	SHOW(readlink("link", edge - 3, 4));
	close(dir);
}

static void big_writes(void)
{
	int fd = open("big", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *a = malloc(BIG), *b = malloc(BIG);
	struct iovec v[2] = {{a, BIG / 2 - 7}, {a + BIG / 2 - 7, BIG / 2 + 7}};
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);

	for (int i = 0; i < BIG; i++)
		a[i] = (char)(i * 31 + i / 4096);
	SHOW(write(fd, a, BIG));
	SHOW(pread(fd, b, BIG, 0));
	printf("equal: %d\n", memcmp(a, b, BIG) == 0);
	SHOW(pwritev(fd, v, 2, 511));
	SHOW(pread(fd, b, BIG, 511));
	printf("equal: %d\n", memcmp(a, b, BIG) == 0);
	SHOW(write(null, a, BIG));
	SHOW(read(zero, b, BIG));
	printf("zero: %d\n", b[0] == 0 && memcmp(b, b + 1, BIG - 1) == 0);
	free(a);
	free(b);
	close(fd);
	unlink("big");
}

static void show_blocks(int fd)
{
	struct stat st;

	fstat(fd, &st);
	printf("size %ld, blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
}

/* Of a file in memory, whose pages come and go with what is done. */
static void holes(void)
{
	int fd = memfd_create("holes", 0);
	char buf[16];

	SHOW(pwrite(fd, "x", 1, 1 << 30));
	show_blocks(fd);
	SHOW(pread(fd, buf, 16, 12345));
	show_blocks(fd);
	SHOW(lseek(fd, 0, SEEK_DATA));
	SHOW(lseek(fd, 0, SEEK_HOLE));
	SHOW(lseek(fd, 1 << 30, SEEK_HOLE));
	SHOW(lseek(fd, (1 << 30) + 1, SEEK_DATA));
	SHOW(ftruncate(fd, 100));
	show_blocks(fd);
	for (int i = 0; i < 20; i++) {
		if (pwrite(fd, "data", 4, i * PAGE) != 4)
			printf("short\n");
	}
	show_blocks(fd);
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 1, 5 * PAGE));
	show_blocks(fd);
	SHOW(lseek(fd, PAGE, SEEK_HOLE));
	SHOW(lseek(fd, 3 * PAGE, SEEK_DATA));
	SHOW(pread(fd, buf, 4, PAGE));
	printf("%d %d\n", buf[0], buf[1]);
	SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
	SHOW(fallocate(fd, 0x1000, 0, PAGE));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE));
	SHOW(fallocate(fd, 0, 0, 0));
	SHOW(fallocate(fd, 0, -1, 1));
	SHOW(fallocate(fd, 0, INT64_MAX, 1));
	SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 100 * PAGE, 2 * PAGE));
	show_blocks(fd);
	SHOW(ftruncate(fd, 0));
	show_blocks(fd);
	close(fd);
}

/* A link whose target is longer than the link that led to it, again and again. */
static void links(void)
{
	char long_path[600] = "";

	mkdir("d", 0755);
	write_file("d/end", "found");
	for (int i = 0; i < 100; i++)
		strcat(long_path, "d/../");
	strcat(long_path, "d/end");
	SHOW(symlink("l2", "l1"));
	SHOW(symlink("./d/../l3", "l2"));
	SHOW(symlink(long_path, "l3"));
	show_file("l1");
	SHOW(symlink("l5/x/..", "l4"));
	SHOW(symlink("d/../d/../d/../d", "l5"));
	show_file("l5/end");
	SHOW(open("l4", O_RDONLY));
	unlink("l1");
	SHOW(symlink("l1", "l1"));
	SHOW(open("l1", O_RDONLY));
	SHOW(open("d/end/", O_RDONLY));
	SHOW(open("l3/", O_RDONLY));
	SHOW_OK(open("l5/", O_RDONLY));
	SHOW(open("l5/", O_RDONLY | O_NOFOLLOW) >= 0);
	SHOW(open("l5", O_RDONLY | O_NOFOLLOW));
}

int main(void)
{
	make_edge();
	files();
	pipes();
	other_calls();
	big_writes();
	holes();
	links();
	return 0;
}
