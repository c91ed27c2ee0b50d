/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of files: create, delete, rename, locks, path walks, reading. All on tmpfs. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 256L
#define BIG   (8L << 20)

static char data[1 << 16];

static void name_of(char *out, const char *prefix, long i)
{
	snprintf(out, 32, "%s%ld", prefix, i);
}

static void create_all(long size)
{
	char name[32];

	for (long i = 0; i < FILES; i++) {
		int fd;

		name_of(name, "f", i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		NEED(fd >= 0);
		if (size)
			NEED(write(fd, data, (size_t)size) == size);
		close(fd);
	}
}

static void delete_all(const char *prefix)
{
	char name[32];

	for (long i = 0; i < FILES; i++) {
		name_of(name, prefix, i);
		NEED(unlink(name) == 0);
	}
}

static double create_once(long size)
{
	uint64_t start = now_ns(), end;

	create_all(size);
	end = now_ns();
	delete_all("f");
	return (double)(end - start) / FILES;
}

static double create(long size)
{
	create_once(size);
	return median_of(create_once, size);
}

static double delete_once(long size)
{
	uint64_t start;

	create_all(size);
	start = now_ns();
	delete_all("f");
	return (double)(now_ns() - start) / FILES;
}

static double delete (long size)
{
	delete_once(size);
	return median_of(delete_once, size);
}

static void rename_op(long n, long arg)
{
	(void)arg;
	while (n-- > 0) {
		NEED(rename("from", "to") == 0);
		NEED(rename("to", "from") == 0);
	}
}

/* One operation is two renames. */
static double rename_row(long size)
{
	int fd = open("from", O_WRONLY | O_CREAT, 0644);

	NEED(fd >= 0 && write(fd, data, (size_t)size) == size);
	close(fd);
	return measure(rename_op, 0) / 2;
}

static int fd;

static void lock_op(long n, long arg)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};

	(void)arg;
	while (n--) {
		l.l_type = F_WRLCK;
		NEED(fcntl(fd, F_SETLK, &l) == 0);
		l.l_type = F_UNLCK;
		NEED(fcntl(fd, F_SETLK, &l) == 0);
	}
}

static double file_lock(long arg)
{
	NEED((fd = open("locked", O_RDWR | O_CREAT, 0644)) >= 0);
	return measure(lock_op, arg);
}

static char path[256];

static void walk_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(access(path, F_OK) == 0);
}

static double walk(long depth)
{
	strcpy(path, "/tmp");
	for (long i = 1; i < depth; i++) {
		strcat(path, "/folder");
		mkdir(path, 0755);
	}
	strcat(path, "/file");
	close(open(path, O_WRONLY | O_CREAT, 0644));
	return measure(walk_op, 0);
}

static void missing_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(access("/tmp/not there", F_OK) != 0);
}

static double missing(long arg)
{
	return measure(missing_op, arg);
}

static void make_big(void)
{
	NEED((fd = open("big", O_RDWR | O_CREAT, 0644)) >= 0);
	for (long i = 0; i < BIG; i += (long)sizeof(data))
		NEED(write(fd, data, sizeof(data)) == sizeof(data));
}

static void read_op(long n, long arg)
{
	(void)arg;
	for (long at = 0; n > 0; n -= (long)sizeof(data)) {
		NEED(pread(fd, data, sizeof(data), at) == sizeof(data));
		at = (at + (long)sizeof(data)) % BIG;
	}
}

static double read_bandwidth(long arg)
{
	make_big();
	return 1e9 / measure_from(sizeof(data), read_op, arg);
}

static void write_op(long n, long arg)
{
	(void)arg;
	for (long at = 0; n > 0; n -= (long)sizeof(data)) {
		NEED(pwrite(fd, data, sizeof(data), at) == sizeof(data));
		at = (at + (long)sizeof(data)) % BIG;
	}
}

static double write_bandwidth(long arg)
{
	make_big();
	return 1e9 / measure_from(sizeof(data), write_op, arg);
}

const struct row file_rows[] = {
	{"create_0K", create, 0, 'l', ONE},
	{"create_1K", create, 1024, 'l', ONE},
	{"create_4K", create, 4096, 'l', ONE},
	{"create_10K", create, 10240, 'l', ONE},
	{"delete_0K", delete, 0, 'l', ONE},
	{"delete_1K", delete, 1024, 'l', ONE},
	{"delete_4K", delete, 4096, 'l', ONE},
	{"delete_10K", delete, 10240, 'l', ONE},
	{"rename", rename_row, 0, 'l', ONE},
	{"file_lock", file_lock, 0, 'l', ONE},
	{"path_1", walk, 1, 'l', ONE},
	{"path_8", walk, 8, 'l', ONE},
	{"path_missing", missing, 0, 'l', ONE},
	{"file_read_bandwidth", read_bandwidth, 0, 'b', ONE},
	{"file_write_bandwidth", write_bandwidth, 0, 'b', ONE},
	{0},
};
