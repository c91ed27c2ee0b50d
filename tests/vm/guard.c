/* SPDX-License-Identifier: BSD-2-Clause */
/* A program and the guard driver: what a driver knows of who asks, and what it can refuse. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <banos/chardev.h>
#include <linux/capability.h>

#include "guard.h"

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

static int failures;

#define EXPECT(condition)                                                                        \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			printf("line %d: not so: %s (errno %d)\n", __LINE__, #condition, errno); \
			failures++;                                                              \
		}                                                                                \
	} while (0)

static int open_guard(int flags)
{
	return open("/dev/guard", flags);
}

static void *map(int fd, size_t length, int prot, int flags, long page)
{
	return mmap(NULL, length, prot, flags, fd, page * (long)PAGE);
}

/* What the error is of a mapping that cannot be. */
static int refused(int fd, size_t length, int prot, int flags, long page)
{
	void *p = map(fd, length, prot, flags, page);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, length);
	return 0;
}

static int flags_of(int open_flags)
{
	int fd = open_guard(open_flags), flags = ioctl(fd, GUARD_FLAGS);

	close(fd);
	return flags;
}

static void how_it_is_open(void)
{
	const int read = BANOS_IO_READ, write = BANOS_IO_WRITE, nonblock = BANOS_IO_NONBLOCK;
	int fd;

	EXPECT(flags_of(O_RDONLY) == (read | read << 8));
	EXPECT(flags_of(O_WRONLY | O_NONBLOCK) == ((write | nonblock) | (write | nonblock) << 8));
	EXPECT(flags_of(O_RDWR) == ((read | write) | (read | write) << 8));
	EXPECT(flags_of(O_ACCMODE) == 0);
	fd = open_guard(O_RDONLY);
	EXPECT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	EXPECT(ioctl(fd, GUARD_FLAGS) == (read | (read | nonblock) << 8));
	close(fd);
}

static void ask_again(Banos_Caller *by)
{
	int fd = open_guard(O_RDONLY);

	EXPECT(ioctl(fd, GUARD_OPENER, by) == 0);
	close(fd);
}

static void who_opened_it(void)
{
	int fd = open_guard(O_RDONLY);
	Banos_Caller by;

	prctl(PR_SET_NAME, "a name of 15...");
	EXPECT(ioctl(fd, GUARD_OPENER, &by) == 0);
	EXPECT(by.size == sizeof(by) && by.flags == 0 && by.zero == 0);
	EXPECT(by.uid == 0 && by.superuser == 1 && by.capabilities >> CAP_SYS_ADMIN & 1);
	EXPECT(by.process == getpid() && by.thread == getpid());
	EXPECT(strcmp((char *)by.name, program_invocation_short_name) == 0);
	close(fd);
	ask_again(&by);
	EXPECT(strcmp((char *)by.name, "a name of 15...") == 0);
}

/* Of another user: who passes through `fd`, which the superuser has opened. */
static void others(int fd)
{
	Banos_Caller by;
	int own;

	EXPECT(setgid(100) == 0 && setuid(1000) == 0);
	EXPECT(open_guard(O_RDWR) == -1 && errno == EACCES);
	own = open_guard(O_RDONLY);
	EXPECT(ioctl(own, GUARD_OPENER, &by) == 0);
	EXPECT(by.uid == 1000 && by.gid == 100 && !by.superuser && !by.capabilities);
	EXPECT(by.process == getpid());
	EXPECT(ioctl(fd, GUARD_OPENER, &by) == 0 && by.uid == 0 && by.process == getppid());
	EXPECT(refused(own, PAGE, RW, MAP_SHARED, 0) == EACCES);
	EXPECT(refused(fd, PAGE, RW, MAP_SHARED, 0) == EACCES);
	EXPECT(refused(fd, PAGE, RW, MAP_PRIVATE, 0) == 0);
}

static void protection(int fd)
{
	volatile char *p = map(fd, PAGE, PROT_READ, MAP_SHARED, 0), *q;

	EXPECT(p != MAP_FAILED && p[0] == 's');
	EXPECT(mprotect((void *)p, PAGE, RW) == -1 && errno == EACCES);
	EXPECT(mprotect((void *)p, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES);
	EXPECT(mprotect((void *)p, PAGE, PROT_NONE) == 0);
	EXPECT(mprotect((void *)p, PAGE, PROT_READ) == 0 && p[0] == 's');
	/* What it keeps when it moves. */
	q = mremap((void *)p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)p - 16 * PAGE);
	EXPECT(q == p - 16 * PAGE && q[0] == 's');
	EXPECT(mprotect((void *)q, PAGE, RW) == -1 && errno == EACCES);
	munmap((void *)q, PAGE);
	/* A copy of one's own may be written, and nobody sees it. */
	p = map(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);
	EXPECT(mprotect((void *)p, PAGE, RW) == 0);
	p[0] = 'p';
	q = map(fd, PAGE, PROT_READ, MAP_SHARED, 0);
	EXPECT(p[0] == 'p' && q[0] == 's');
}

/* Reading that implies executing does not where nothing is executed. */
static void implied(int fd)
{
	char *p = map(fd, PAGE, PROT_READ, MAP_SHARED, 0);

	EXPECT(personality(READ_IMPLIES_EXEC) != -1);
	EXPECT(mprotect(p, PAGE, PROT_NONE) == 0);
	EXPECT(mprotect(p, PAGE, PROT_READ) == 0 && p[0] == 's');
	EXPECT(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == -1 && errno == EACCES);
}

/* A driver's own -EINTR comes to the program, which would call for ever otherwise. */
static void no_signal(int fd)
{
	EXPECT(ioctl(fd, GUARD_EINTR) == -1 && errno == EINTR);
}

/* What a call points to, as its argument and inside of what that points to. */
static void copies(int fd)
{
	char from[] = "some text", to[sizeof(from)] = "";
	struct guard_copy c = {(uintptr_t)from, (uintptr_t)to, sizeof(from)};

	EXPECT(ioctl(fd, GUARD_COPY, &c) == 0 && strcmp(to, from) == 0);
	c.from = 8;
	EXPECT(ioctl(fd, GUARD_COPY, &c) == -1 && errno == EFAULT);
	c.from = (uintptr_t)from;
	c.to = UINT64_MAX / 2;
	EXPECT(ioctl(fd, GUARD_COPY, &c) == -1 && errno == EFAULT);
	EXPECT(ioctl(fd, GUARD_COPY, 8) == -1 && errno == EFAULT);
}

static void who_asks(int fd)
{
	bool other = geteuid() != 0;
	Banos_Credentials by;

	EXPECT(ioctl(fd, GUARD_ASKER, &by) == 0 && by.size == sizeof(by) && by.flags == 0);
	EXPECT(by.uid == geteuid() && by.gid == getegid() && by.superuser == !other);
	EXPECT(by.process == getpid());
}

static void growth(int fd)
{
	char *p = map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 2);

	EXPECT(p != MAP_FAILED);
	EXPECT(mremap(p, 2 * PAGE, PAGE, 0) == p);
	EXPECT(mremap(p, PAGE, 2 * PAGE, 0) == MAP_FAILED && errno == EFAULT);
	EXPECT(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	EXPECT(mremap(p, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	EXPECT(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED &&
	       errno == EINVAL);
	EXPECT(syscall(SYS_remap_file_pages, p, PAGE, 0, 1, 0) == -1 && errno == EINVAL);
	munmap(p, PAGE);
}

static bool smaps_says(const char *first, const char *second)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool ours = false, says = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "/dev/guard"))
			ours = true;
		if (!strncmp(line, "VmFlags:", 8)) {
			says |= ours && strstr(line, first) && !strstr(line, second);
			ours = false;
		}
	}
	if (f)
		fclose(f);
	return says;
}

/* Run as the one user or the other: 0 when all is as it should be. */
static void in_child(void (*check)(int fd), int fd, bool other)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		failures = 0;
		if (other)
			others(fd);
		check(fd);
		fflush(stdout);
		_exit(failures != 0);
	}
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void superuser_writes(int fd)
{
	char *p;

	EXPECT(refused(fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0) == EACCES);
	EXPECT(refused(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0) == EACCES);
	EXPECT(ioctl(fd, GUARD_ASKED) ==
	       (BANOS_MAP_READ | BANOS_MAP_EXECUTE |
		(BANOS_MAP_READ | BANOS_MAP_WRITE | BANOS_MAP_EXECUTE) << 8));
	EXPECT(refused(fd, PAGE, PROT_READ, MAP_SHARED, GUARD_FORBIDDEN) == EPERM);
	EXPECT(refused(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0) == EPERM);
	EXPECT(refused(fd, PAGE, PROT_READ, MAP_SHARED, GUARD_PAGES) == EINVAL);
	/* The driver is asked for whole pages. */
	EXPECT(refused(fd, PAGE + 1, PROT_READ, MAP_SHARED, 0) == EPERM);
	p = map(fd, PAGE, RW, MAP_SHARED, 0);
	EXPECT(p != MAP_FAILED);
	EXPECT(ioctl(fd, GUARD_ASKED) ==
	       (int)(BANOS_MAPPING_SHARED << 16 | (BANOS_MAP_READ | BANOS_MAP_WRITE) |
		     (BANOS_MAP_READ | BANOS_MAP_WRITE | BANOS_MAP_EXECUTE) << 8));
	p[0] = 's';
	EXPECT(smaps_says(" mw", " me") && smaps_says(" de", " me"));
	munmap(p, PAGE);
	/* A file that was opened for reading has no writable mapping, and never will. */
	p = map(open_guard(O_RDONLY), PAGE, PROT_READ, MAP_SHARED, 0);
	EXPECT(ioctl(fd, GUARD_ASKED) >> 8 ==
	       (int)(BANOS_MAPPING_SHARED << 8 | BANOS_MAP_READ | BANOS_MAP_EXECUTE));
	EXPECT(mprotect(p, PAGE, RW) == -1 && errno == EACCES);
}

int main(void)
{
	int fd = open_guard(O_RDWR);

	if (fd < 0) {
		perror("/dev/guard");
		return 1;
	}
	how_it_is_open();
	who_opened_it();
	superuser_writes(fd);
	in_child(protection, fd, true);
	in_child(implied, fd, false);
	in_child(no_signal, fd, false);
	copies(fd);
	in_child(who_asks, fd, false);
	in_child(who_asks, fd, true);
	in_child(growth, fd, true);
	in_child(growth, fd, false);
	printf("guard: %d failures\n", failures);
	return failures != 0;
}
