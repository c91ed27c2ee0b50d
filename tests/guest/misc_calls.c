/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of few words: personality, adjtimex, remap_file_pages, sysfs, names, process_mrelease,
 * ioctls of the random devices.
 */
#include "guest.h"

#include <linux/random.h>

#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

/* --- personality --- */

static void show_places(void)
{
	static int data;
	int local;

	/* Without randomness a program lies where it always does; else two runs differ. */
	printf("%p %p %p\n", (void *)&local, (void *)&data, sbrk(0));
}

static void run_twice(const char *what)
{
	char text[2][128] = {{0}, {0}};

	for (int i = 0; i < 2; i++) {
		int fds[2];

		if (pipe(fds))
			return;
		fflush(stdout);
		if (!fork()) {
			dup2(fds[1], 1);
			execl("/proc/self/exe", "misc_calls", "places", NULL);
			_exit(1);
		}
		close(fds[1]);
		read(fds[0], text[i], sizeof(text[i]) - 1);
		close(fds[0]);
		wait(NULL);
	}
	printf("%s: the same place %d\n", what, !strcmp(text[0], text[1]));
}

static int can_execute(void *at)
{
	char line[256];
	FILE *f = fopen("/proc/self/maps", "r");
	int r = -1;

	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 &&
		    from <= (unsigned long)at && (unsigned long)at < to)
			r = rights[2] == 'x';
	}
	fclose(f);
	return r;
}

static void persona(void)
{
	struct utsname u;
	void *p;

	SHOW(personality(0xffffffff));
	run_twice("random");
	SHOW(personality(ADDR_NO_RANDOMIZE));
	SHOW(personality(0xffffffff));
	run_twice("fixed");
	SHOW(personality(READ_IMPLIES_EXEC));
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("mapped to be read, can be executed: %d\n", can_execute(p));
	SHOW(personality(PER_LINUX32));
	uname(&u);
	printf("machine %s\n", u.machine);
	SHOW(personality(PER_LINUX));
	uname(&u);
	printf("machine %s\n", u.machine);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("and now: %d\n", can_execute(p));
}

/* --- adjtimex --- */

static void as_user(void)
{
	struct timex tx = {0};

	if (setresuid(65534, 65534, 65534))
		_exit(1);
	SHOW_OK(adjtimex(&tx));
	tx.modes = ADJ_STATUS;
	SHOW(adjtimex(&tx));
	tx.modes = ADJ_SETOFFSET;
	SHOW(adjtimex(&tx));
	tx.modes = ADJ_OFFSET_SINGLESHOT;
	SHOW(adjtimex(&tx));
	tx.modes = ADJ_OFFSET_SS_READ;
	SHOW_OK(adjtimex(&tx));
	SHOW(syscall(SYS_setdomainname, "x", 1));
}

static void time_adjustment(void)
{
	struct timex tx = {0};
	struct timespec now;

	SHOW_OK(adjtimex(&tx));
	clock_gettime(CLOCK_REALTIME, &now);
	printf("now %d, tick %ld, tolerance %ld\n", labs(now.tv_sec - tx.time.tv_sec) < 60, tx.tick,
	       tx.tolerance);
	SHOW(adjtimex(bad));
	memset(&tx, 0, sizeof(tx));
	SHOW_OK(clock_adjtime(CLOCK_REALTIME, &tx));
	SHOW(clock_adjtime(CLOCK_MONOTONIC, &tx));
	SHOW(clock_adjtime(CLOCK_PROCESS_CPUTIME_ID, &tx));
	SHOW(clock_adjtime(CLOCK_MONOTONIC, bad));
	SHOW(clock_adjtime(99, &tx));
	tx.modes = ADJ_TICK;
	tx.tick = 1;
	SHOW(adjtimex(&tx));
	tx.modes = ADJ_SETOFFSET;
	tx.time.tv_usec = -1;
	SHOW(adjtimex(&tx));
	tx.modes = 0x8000;
	SHOW(adjtimex(&tx));
	show_status("as a user", in_child(as_user));
}

/* --- remap_file_pages --- */

#define REMAP(...) syscall(SYS_remap_file_pages, __VA_ARGS__)

static void remap(void)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 4; i++)
		p[i * 4096] = (char)('a' + i);
	SHOW(REMAP(p, 4096L, 0L, 3L, 0L));
	SHOW(REMAP(p + 4096, 8192L, 0L, 0L, 0L));
	printf("%c%c%c%c\n", p[0], p[4096], p[8192], p[12288]);
	p[0] = 'z';
	printf("%c%c%c%c\n", p[0], p[4096], p[8192], p[12288]);
	SHOW(REMAP(p, 4096L, (long)PROT_READ, 0L, 0L));
	SHOW(REMAP(private, 4096L, 0L, 0L, 0L));
	SHOW(REMAP(p, 0L, 0L, 0L, 0L));
	SHOW(REMAP(p, -4096L, 0L, 0L, 0L));
	SHOW(REMAP(p, 4096L, 0L, -1L, 0L));
	SHOW(REMAP(NULL, 4096L, 0L, 0L, 0L));
	SHOW(REMAP(p + 100, 5000L, 0L, 1L, 0L));
	printf("%c\n", p[0]);
}

/* --- the rest --- */

static void names(void)
{
	struct utsname u;
	char buf[64] = {0};
	long n;

	SHOW(syscall(SYS_setdomainname, "example.org", 11));
	uname(&u);
	printf("domain %s\n", u.domainname);
	SHOW(syscall(SYS_setdomainname, "x", 65));
	SHOW(syscall(SYS_setdomainname, "x", -1));
	SHOW(syscall(SYS_setdomainname, bad, 4));
	SHOW(syscall(SYS_setdomainname, "(none)", 6));
	n = syscall(SYS_sysfs, 1, "tmpfs");
	SHOW(syscall(SYS_sysfs, 2, n, buf));
	printf("%s, of several %d\n", buf, syscall(SYS_sysfs, 3) > 2);
	SHOW(syscall(SYS_sysfs, 1, "no such thing"));
	SHOW(syscall(SYS_sysfs, 1, bad));
	SHOW(syscall(SYS_sysfs, 2, 9999, buf));
	SHOW(syscall(SYS_sysfs, 2, 0, bad));
	SHOW(syscall(SYS_sysfs, 4));
}

static void release(void)
{
	int fd;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	SHOW(syscall(SYS_process_mrelease, fd, 0));
	SHOW(syscall(SYS_process_mrelease, fd, 1));
	SHOW(syscall(SYS_process_mrelease, -1, 0));
	SHOW(syscall(SYS_process_mrelease, 0, 0));
	kill(pid, SIGKILL);
	/* Whether it is still there to be released is a race. */
	syscall(SYS_process_mrelease, fd, 0);
	waitpid(pid, NULL, 0);
	SHOW(syscall(SYS_process_mrelease, fd, 0));
	close(fd);
}

/* --- names of threads: nothing but the name --- */

static void thread_name(void)
{
	char from[2][32] __attribute__((aligned(8))) = {"a\0SECRETSECRETSECRET", "a longer name"};
	char now[16];

	for (int i = 0; i < 3; i++) {
		SHOW(prctl(PR_SET_NAME, from[i % 2]));
		memset(now, 'x', sizeof(now));
		SHOW(prctl(PR_GET_NAME, now));
		for (size_t k = 0; k < sizeof(now); k++)
			printf("%02x", (unsigned char)now[k]);
		printf("\n");
	}
}

/* --- the random devices --- */

static void entropy(void)
{
	struct {
		int bits, size;
		char bytes[8];
	} add = {0, 8, "entropy"};
	int fd = open("/dev/urandom", O_RDWR), n = 0;

	SHOW(ioctl(fd, RNDGETENTCNT, &n));
	printf("%d bits\n", n);
	SHOW(ioctl(fd, RNDGETENTCNT, bad));
	SHOW(ioctl(fd, RNDADDENTROPY, &add));
	add.size = -1;
	SHOW(ioctl(fd, RNDADDENTROPY, &add));
	add.size = 8;
	add.bits = -1;
	SHOW(ioctl(fd, RNDADDENTROPY, &add));
	SHOW(ioctl(fd, RNDADDENTROPY, bad));
	n = 0;
	SHOW(ioctl(fd, RNDADDTOENTCNT, &n));
	n = -1;
	SHOW(ioctl(fd, RNDADDTOENTCNT, &n));
	SHOW(ioctl(fd, RNDADDTOENTCNT, bad));
	SHOW(ioctl(fd, RNDRESEEDCRNG));
	SHOW(ioctl(fd, FIONREAD, &n));
	close(fd);
	if (!fork()) {
		setuid(1000);
		fd = open("/dev/random", O_RDONLY);
		SHOW(ioctl(fd, RNDGETENTCNT, &n));
		SHOW(ioctl(fd, RNDADDENTROPY, bad));
		SHOW(ioctl(fd, RNDADDTOENTCNT, bad));
		SHOW(ioctl(fd, RNDZAPENTCNT));
		SHOW(ioctl(fd, RNDCLEARPOOL));
		SHOW(ioctl(fd, RNDRESEEDCRNG));
		SHOW(ioctl(fd, 0x5290));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show_places();
		return 0;
	}
	persona();
	time_adjustment();
	remap();
	names();
	release();
	entropy();
	thread_name();
	return 0;
}
