/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program and a block device: "block all /dev/ram0" tries what programs do with one, "block load
 * /dev/ram0 SECONDS" lets several processes read and write it against a model of what it holds, and
 * "block vanish /dev/ram0" has it open and mapped while it goes. For RAM disks
 * (drivers/block/ramdisk), which can be told to be bad.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../drivers/block/ramdisk/ramdisk.h"

static int failures;
static const char *device;
static void *volatile nowhere = (void *)8;

#define EXPECT(condition)                                                                \
	do {                                                                             \
		if (!(condition)) {                                                      \
			printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
			failures++;                                                      \
		}                                                                        \
	} while (0)

static int open_it(int flags)
{
	int fd = open(device, flags);

	if (fd < 0) {
		printf("%s: %s\n", device, strerror(errno));
		exit(1);
	}
	return fd;
}

/* A word for the driver: "bad 12". */
static void tell(const char *words)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/driver/%s", strrchr(device, '/') + 1);
	fd = open(path, O_WRONLY);
	EXPECT(fd >= 0 && write(fd, words, strlen(words)) == (ssize_t)strlen(words));
	close(fd);
}

static void flush(int fd)
{
	EXPECT(fsync(fd) == 0);
	EXPECT(ioctl(fd, BLKFLSBUF) == 0);
}

static void questions(void)
{
	int fd = open_it(O_RDWR), n = -1;
	uint64_t bytes = 0, served = 0;
	unsigned long sectors = 0;
	struct stat st;
	unsigned u = 0;

	EXPECT(fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_size == 0);
	EXPECT(ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes > 0);
	EXPECT(ioctl(fd, BLKGETSIZE, &sectors) == 0 && sectors == bytes / 512);
	EXPECT(ioctl(fd, BLKSSZGET, &n) == 0 && n == 512);
	EXPECT(ioctl(fd, BLKPBSZGET, &u) == 0 && u == 512);
	EXPECT(ioctl(fd, BLKBSZGET, &n) == 0 && n == 4096);
	EXPECT(ioctl(fd, BLKROGET, &n) == 0 && n == 0);
	EXPECT(ioctl(fd, BLKRRPART) == -1 && errno == EINVAL);
	EXPECT(ioctl(fd, RAMDISK_SERVED, &served) == 0);
	EXPECT(ioctl(fd, 0x1234) == -1 && errno == ENOTTY);
	EXPECT(ioctl(fd, BLKGETSIZE64, (void *)8) == -1 && errno == EFAULT);
	EXPECT(lseek(fd, 0, SEEK_END) == (off_t)bytes);
	EXPECT(lseek(fd, 1, SEEK_END) == -1 && errno == EINVAL);
	EXPECT(read(fd, &n, 4) == 0);
	EXPECT(write(fd, &n, 4) == -1 && errno == ENOSPC);
	EXPECT(pwrite(fd, &served, 8, (off_t)bytes - 3) == 3);
	EXPECT(ftruncate(fd, 0) == -1 && errno == EINVAL);
	EXPECT(open(device, O_RDWR | O_DIRECT) == -1 && errno == EINVAL);
	close(fd);
}

static void plain_bytes(void)
{
	static char out[100000], in[100000];
	int fd = open_it(O_RDWR), other = open_it(O_RDONLY);

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 4096);
	EXPECT(pwrite(fd, out, sizeof(out), 1234) == sizeof(out));
	EXPECT(pread(other, in, sizeof(in), 1234) == sizeof(in) && !memcmp(in, out, sizeof(in)));
	flush(fd);
	memset(in, 0, sizeof(in));
	EXPECT(pread(other, in, sizeof(in), 1234) == sizeof(in) && !memcmp(in, out, sizeof(in)));
	/* A program's memory that ends inside a page that is written as a whole. */
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(two, 'x', 8192);
	munmap(two + 4096, 4096);
	EXPECT(pwrite(fd, two + 1000, 8192, 40960) == 4096 - 1000);
	EXPECT(pread(fd, in, 4096, 40960) == 4096 && in[3095] == 'x' &&
	       in[3096] == out[40960 + 3096 - 1234]);
	EXPECT(pread(fd, two + 1000, 8192, 0) == 4096 - 1000);
	EXPECT(pwrite(fd, nowhere, 4096, 0) == -1 && errno == EFAULT);
	munmap(two, 4096);
	close(fd);
	close(other);
}

/* What is written through a mapping gets to the disk, again and again. */
static void mapping(void)
{
	int fd = open_it(O_RDWR);
	char *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 8192), byte;
	char *copy = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 8192);

	EXPECT(map != MAP_FAILED && copy != MAP_FAILED);
	for (char round = 1; round < 6; round++) {
		EXPECT(map[5] != round);
		map[5] = round;
		map[40000] = (char)(round + 1);
		EXPECT(pread(fd, &byte, 1, 8192 + 5) == 1 && byte == round);
		EXPECT(round & 1 ? msync(map, 65536, MS_SYNC) == 0 : fsync(fd) == 0);
		/* Not mapped any more for writing, it is written: the disk has it. */
		EXPECT(madvise(map, 65536, MADV_DONTNEED) == 0);
		EXPECT(ioctl(fd, BLKFLSBUF) == 0);
		EXPECT(map[5] == round && map[40000] == round + 1);
	}
	copy[5] = 99;
	EXPECT(map[5] == 5 && copy[40000] == 6);
	/* A page is its own source: the copy faults on the device it writes to. */
	EXPECT(madvise(map, 65536, MADV_DONTNEED) == 0);
	flush(fd);
	EXPECT(pwrite(fd, map + 4096, 4096, 8192 + 4096) == 4096);
	EXPECT(msync(map, 65536, MS_SYNC) == 0);
	/* What is behind a hole is synced all the same, and its error comes first. */
	munmap(map, 4096);
	map[40000] = 1;
	tell("bad 90");
	EXPECT(msync(map, 65536, MS_SYNC) == -1 && errno == EIO);
	tell("bad none");
	EXPECT(msync(map, 65536, MS_SYNC) == -1 && errno == ENOMEM);
	munmap(map, 65536);
	munmap(copy, 65536);
	close(fd);
}

static sigjmp_buf jump;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

static void errors(void)
{
	int a = open_it(O_RDWR), b = open_it(O_RDWR), late;
	struct sigaction action = {.sa_handler = on_bus};
	char buf[16384], *map;

	sigaction(SIGBUS, &action, NULL);
	flush(a);
	tell("bad 17"); /* the third page */
	EXPECT(pread(a, buf, 16384, 0) == 8192);
	EXPECT(pread(a, buf, 1, 8192) == -1 && errno == EIO);
	EXPECT(pread(a, buf, 4096, 12288) == 4096);
	EXPECT(pwrite(a, "x", 1, 8192) == -1 && errno == EIO);
	map = mmap(NULL, 16384, PROT_READ, MAP_SHARED, a, 0);
	if (!sigsetjmp(jump, 1)) {
		EXPECT(((volatile char *)map)[8192] && false);
	}
	EXPECT(((volatile char *)map)[12288] == buf[0]);
	munmap(map, 16384);
	/* Writing: told once to each that has it open. */
	memset(buf, 3, sizeof(buf));
	EXPECT(pwrite(a, buf, 16384, 0) == 16384);
	EXPECT(fsync(a) == -1 && errno == EIO);
	EXPECT(fsync(a) == 0);
	EXPECT(fdatasync(b) == -1 && errno == EIO);
	EXPECT(fsync(b) == 0);
	/* What nobody has been told is for the next that opens, too. */
	EXPECT(pwrite(a, buf, 16384, 0) == 16384);
	sync();
	late = open_it(O_RDWR);
	EXPECT(fsync(late) == -1 && errno == EIO);
	EXPECT(fsync(late) == 0);
	close(late);
	late = open_it(O_RDWR);
	EXPECT(fsync(late) == 0);
	close(late);
	EXPECT(fsync(a) == -1 && errno == EIO);
	EXPECT(fsync(b) == -1 && errno == EIO);
	tell("bad none");
	EXPECT(pwrite(a, buf, 16384, 0) == 16384 && fsync(a) == 0 && fsync(b) == 0);
	close(a);
	a = open(device, O_WRONLY | O_SYNC);
	tell("fail 1");
	EXPECT(pwrite(a, buf, 4096, 0) == -1 && errno == EIO);
	close(a);
	close(b);
}

static void erasing(void)
{
	int fd = open_it(O_RDWR), r = open_it(O_RDONLY);
	uint64_t range[2] = {512, 20480 + 1024}, odd[2] = {100, 512},
		 far[2] = {0, UINT64_MAX - 511};
	char buf[32768];

	memset(buf, 5, sizeof(buf));
	EXPECT(pwrite(fd, buf, sizeof(buf), 0) == sizeof(buf));
	EXPECT(ioctl(r, BLKZEROOUT, range) == -1 && errno == EBADF);
	EXPECT(ioctl(fd, BLKZEROOUT, odd) == -1 && errno == EINVAL);
	EXPECT(ioctl(fd, BLKZEROOUT, far) == -1 && errno == EINVAL);
	EXPECT(ioctl(fd, BLKZEROOUT, NULL) == -1 && errno == EFAULT);
	EXPECT(ioctl(fd, BLKZEROOUT, range) == 0);
	for (int i = 0; i < 2; i++, flush(fd)) {
		EXPECT(pread(fd, buf, sizeof(buf), 0) == sizeof(buf));
		EXPECT(buf[511] == 5 && !buf[512] && !buf[4096] && !buf[22015] && buf[22016] == 5);
	}
	range[0] = 24576;
	range[1] = 8192;
	if (ioctl(fd, BLKDISCARD, range) == 0) {
		EXPECT(pread(fd, buf, 4096, 24576) == 4096 && buf[0] == 0);
	} else {
		EXPECT(errno == EOPNOTSUPP);
	}
	close(fd);
	close(r);
}

/* Zeros while a program writes to one byte of each page by its mapping: the others are zero. */
static void erasing_what_is_written(void)
{
	int fd = open_it(O_RDWR);
	uint64_t range[2] = {0, 65536};
	char *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), buf[65536];
	pid_t pid = fork();

	if (pid == 0)
		for (unsigned i = 0;; i++)
			((volatile char *)map)[i % 16 * 4096] = (char)i;
	for (int round = 0; round < 10; round++) {
		memset(buf, 5, sizeof(buf));
		EXPECT(pwrite(fd, buf, 65536, 0) == 65536);
		EXPECT(ioctl(fd, BLKZEROOUT, range) == 0);
		flush(fd);
		EXPECT(pread(fd, buf, 65536, 0) == 65536);
		for (unsigned i = 0; i < 16; i++)
			EXPECT(!buf[i * 4096 + 1] && !buf[i * 4096 + 4095]);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(map, 65536);
	flush(fd);
	close(fd);
}

static int all(void)
{
	questions();
	plain_bytes();
	mapping();
	errors();
	erasing();
	erasing_what_is_written();
	printf("block all: %d failures\n", failures);
	return failures != 0;
}

/* --- load ------------------------------------------------------------------------------------- */

#define PART 300000 /* of each process; pages at the edges are shared with the neighbours */

static uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

static int worker(unsigned i, time_t end)
{
	unsigned char *model = calloc(1, PART), *buf = malloc(PART);
	uint64_t base = (uint64_t)i * PART + 77;
	uint64_t page = base & ~4095ull;
	uint32_t seed = i * 77 + 1;
	int fd = open_it(O_RDWR);
	unsigned char *map =
		mmap(NULL, PART + 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)page);

	EXPECT(pwrite(fd, model, PART, (off_t)base) == PART);
	while (time(NULL) < end && !failures) {
		uint32_t at = noise(&seed) % PART, n = noise(&seed) % (PART - at) + 1;

		if (noise(&seed) % 2)
			n = n % 5000 + 1 < PART - at ? n % 5000 + 1 : 1;
		switch (noise(&seed) % 8) {
		case 0:
		case 1:
			memset(model + at, (int)noise(&seed), n);
			EXPECT(pwrite(fd, model + at, n, (off_t)(base + at)) == (ssize_t)n);
			break;
		case 2:
			memset(model + at, (int)noise(&seed), n);
			memcpy(map + (base - page) + at, model + at, n);
			break;
		case 3:
		case 4:
			EXPECT(pread(fd, buf, n, (off_t)(base + at)) == (ssize_t)n);
			EXPECT(!memcmp(buf, model + at, n));
			break;
		case 5:
			EXPECT(!memcmp(map + (base - page) + at, model + at, n));
			break;
		case 6:
			EXPECT(fsync(fd) == 0);
			break;
		default:
			madvise(map, PART + 8192, MADV_DONTNEED);
			EXPECT(ioctl(fd, BLKFLSBUF) == 0);
		}
	}
	munmap(map, PART + 8192);
	flush(fd);
	EXPECT(pread(fd, buf, PART, (off_t)base) == PART && !memcmp(buf, model, PART));
	close(fd);
	return failures != 0;
}

static int load(int seconds)
{
	time_t end = time(NULL) + seconds;
	int status, bad = 0;

	fflush(stdout);
	for (unsigned i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(worker(i, end));
	while (wait(&status) > 0)
		bad |= status;
	printf("block load: %s\n", bad ? "failed" : "as the model");
	return bad != 0;
}

/* Opened and mapped, it goes. */
static int vanish(void)
{
	int fd = open_it(O_RDWR), other = open_it(O_RDWR);
	volatile char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct sigaction action = {.sa_handler = on_bus};
	char byte;

	sigaction(SIGBUS, &action, NULL);
	EXPECT(pwrite(fd, "x", 1, 100) == 1);
	map[4096] = 1;
	tell("vanish");
	EXPECT(open(device, O_RDWR) == -1 && errno == ENOENT);
	EXPECT(read(fd, &byte, 1) == -1 && errno == ENODEV);
	EXPECT(write(fd, &byte, 1) == -1 && errno == ENODEV);
	/* What was not written is lost: that is told once to each, and then there is nothing. */
	EXPECT(fsync(fd) == -1 && errno == EIO);
	EXPECT(fsync(fd) == 0 && fdatasync(fd) == 0);
	EXPECT(fsync(other) == -1 && errno == EIO);
	EXPECT(fsync(other) == 0);
	EXPECT(ioctl(fd, RAMDISK_SERVED, map) == -1 && errno == ENODEV);
	map[4097] = 2; /* what is in memory stays as long as it is mapped */
	EXPECT(map[4096] == 1);
	EXPECT(msync((void *)map, 8192, MS_SYNC) == -1 && errno == EIO);
	EXPECT(fsync(fd) == 0);
	if (!sigsetjmp(jump, 1)) {
		map[500000] = 1;
		EXPECT(false);
	}
	printf("block vanish: %d failures\n", failures);
	return failures != 0;
}

int main(int argc, char **argv)
{
	device = argc > 2 ? argv[2] : "/dev/ram0";
	if (argc > 3 && !strcmp(argv[1], "load"))
		return load(atoi(argv[3]));
	if (argc > 1 && !strcmp(argv[1], "vanish"))
		return vanish();
	return all();
}
