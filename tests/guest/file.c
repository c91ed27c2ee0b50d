/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading, writing, positions, appending, truncating, vectors, holes. */
#include "guest.h"
#include <sys/uio.h>

static void open_flags(void)
{
	SHOW_OK(open("new", O_RDONLY));
	SHOW_OK(open("new", O_WRONLY | O_CREAT | O_EXCL, 0640));
	SHOW_OK(open("new", O_WRONLY | O_CREAT | O_EXCL, 0640));
	SHOW_OK(open(".", O_WRONLY));
	SHOW_OK(open("new", O_RDONLY | O_DIRECTORY));
	SHOW_OK(open("new/x", O_RDONLY));
	SHOW_OK(open("absent/x", O_WRONLY | O_CREAT, 0644));
	SHOW_OK(open("", O_RDONLY));
	SHOW_OK(open(bad, O_RDONLY));
	write_file("new", "text");
	SHOW_OK(open("new", O_WRONLY | O_TRUNC));
	show_file("new");
}

static void positions(void)
{
	char buf[32] = "";
	int fd = open("positions", O_RDWR | O_CREAT | O_TRUNC, 0644);

	SHOW(write(fd, "0123456789", 10));
	SHOW(lseek(fd, 3, SEEK_SET));
	SHOW(read(fd, buf, 4));
	printf("%.4s\n", buf);
	SHOW(lseek(fd, -2, SEEK_CUR));
	SHOW(lseek(fd, -100, SEEK_CUR));
	SHOW(lseek(fd, 2, SEEK_END));
	SHOW(lseek(fd, 0, 99));
	SHOW(read(fd, buf, 4));
	SHOW(write(fd, "x", 1));
	SHOW(lseek(fd, 8, SEEK_SET));
	SHOW(read(fd, buf, sizeof(buf)));
	for (int i = 0; i < 5; i++)
		printf("%02x ", (unsigned char)buf[i]);
	printf("\n");
	SHOW(pread(fd, buf, 3, 1));
	printf("%.3s\n", buf);
	SHOW(pwrite(fd, "AB", 2, 4));
	SHOW(lseek(fd, 0, SEEK_CUR));
	SHOW(pread(fd, buf, 3, -1));
	SHOW(pread(fd, buf, 3, 1000));
	SHOW(read(fd, bad, 4));
	SHOW(pwrite(fd, bad, 4, 0));
	SHOW(read(-1, buf, 1));
	close(fd);
	SHOW(read(fd, buf, 1));
}

static void appending(void)
{
	int fd;

	write_file("append", "abc");
	fd = open("append", O_WRONLY | O_APPEND);
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(write(fd, "def", 3));
	SHOW(lseek(fd, 0, SEEK_CUR));
	show_file("append");
	SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND));
	SHOW(fcntl(fd, F_SETFL, 0));
	SHOW(pwrite(fd, "X", 1, 1));
	show_file("append");
	char c;
	SHOW(read(fd, &c, 1));
	close(fd);
}

static void truncating(void)
{
	struct stat st;
	int fd = open("cut", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char buf[8];

	SHOW(write(fd, "abcdefgh", 8));
	SHOW(ftruncate(fd, 3));
	SHOW(ftruncate(fd, 6));
	SHOW(pread(fd, buf, 8, 0));
	printf("%.3s %d %d %d\n", buf, buf[3], buf[4], buf[5]);
	SHOW(ftruncate(fd, -1));
	SHOW(truncate("absent", 1));
	SHOW(truncate(".", 1));
	SHOW(truncate("cut", 1 << 20));
	fstat(fd, &st);
	printf("size %ld\n", (long)st.st_size);
	SHOW(pwrite(fd, "end", 3, (1 << 20) - 3));
	SHOW(pread(fd, buf, 8, 500000));
	printf("a hole reads as %d %d\n", buf[0], buf[7]);
	close(fd);
	fd = open("cut", O_RDONLY);
	SHOW(ftruncate(fd, 0));
	close(fd);
}

static void vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec out[3] = {{"one", 3}, {"", 0}, {"two", 3}};
	struct iovec in[2] = {{a, 3}, {b, 7}};
	int fd = open("vector", O_RDWR | O_CREAT | O_TRUNC, 0644);

	SHOW(writev(fd, out, 3));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(readv(fd, in, 2));
	printf("%s %s\n", a, b);
	SHOW(writev(fd, out, -1));
	SHOW(writev(fd, out, 1025));
	SHOW(writev(fd, out, 0));
	in[0].iov_len = (size_t)-1;
	SHOW(readv(fd, in, 2));
	SHOW(preadv(fd, &in[1], 1, 4));
	printf("%.2s\n", b);
	close(fd);
}

/* One position for all descriptors of an open file, also in a child. */
static int shared_fd;

static void reads_two(void)
{
	char buf[3] = "";

	SHOW(read(shared_fd, buf, 2));
	printf("%s\n", buf);
}

static void sharing(void)
{
	char buf[3] = "";
	int copy, other;

	write_file("shared", "abcdefghij");
	shared_fd = open("shared", O_RDONLY);
	copy = dup(shared_fd);
	other = open("shared", O_RDONLY);
	in_child(reads_two);
	SHOW(read(copy, buf, 2));
	printf("%s\n", buf);
	SHOW(read(other, buf, 2));
	printf("%s\n", buf);
	/* A file without a name lives as long as it is open. */
	SHOW(unlink("shared"));
	SHOW_OK(open("shared", O_RDONLY));
	SHOW(pread(shared_fd, buf, 2, 8));
	printf("%s\n", buf);
	struct stat st;
	SHOW(fstat(shared_fd, &st));
	printf("links %ld size %ld\n", (long)st.st_nlink, (long)st.st_size);
}

static void large(void)
{
	enum { SIZE = 2 << 20 };
	unsigned char *out = malloc(SIZE), *in = calloc(1, SIZE);
	int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);

	for (int i = 0; i < SIZE; i++)
		out[i] = (unsigned char)(i * 2654435761u >> 24);
	SHOW(write(fd, out, SIZE));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(read(fd, in, SIZE));
	printf("equal: %d\n", !memcmp(in, out, SIZE));
	for (int i = 0; i < 1000; i++) {
		off_t at = (off_t)((unsigned)i * 7919u * 131u % (SIZE - 5000));
		size_t n = (size_t)i * 5 % 5000;

		if (pread(fd, in, n, at) != (ssize_t)n || memcmp(in, out + at, n))
			printf("wrong at %ld\n", (long)at);
	}
	close(fd);
	free(in);
	free(out);
}

int main(void)
{
	umask(022);
	open_flags();
	positions();
	appending();
	truncating();
	vectors();
	sharing();
	large();
	return 0;
}
