/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hot calls write to memory that others may use, in the counting kernel. Prints a table, and
 * fails if a call that must write nothing shared does: a descriptor's look-up, and a walk of names
 * in the cache, with one thread and with two.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES	 40
#define COUNTS	 "/proc/sys/debug/operations"
#define DEEP	 "/tmp/a/b/c/d/e/f/g/file"
#define ANY	 (~0U)
#define PAGES	 16
#define FD_COUNT 10

static int file, dir, zero, null, event, pipes[2], control, failed;
static struct stat st;
static struct pollfd polled[FD_COUNT];
static unsigned word;
static char byte = 'x', *pages;

static void say(const char *text)
{
	if (write(control, text, 1) != 1) {
		perror(COUNTS);
		exit(1);
	}
}

static void do_fstat(void)
{
	syscall(SYS_fstat, file, &st);
}
static void do_stat(void)
{
	syscall(SYS_stat, "/tmp", &st);
}
static void do_stat_deep(void)
{
	syscall(SYS_stat, DEEP, &st);
}
static void do_stat_relative(void)
{
	syscall(SYS_stat, "b/../b/c/./file_missing/../d/e", &st);
	syscall(SYS_stat, "b/../b/c/./d/e", &st);
}
static void do_stat_missing(void)
{
	syscall(SYS_stat, DEEP "no", &st);
}
static void do_stat_at(void)
{
	syscall(SYS_newfstatat, dir, "b/c/d", &st, 0);
}
static void do_access(void)
{
	syscall(SYS_access, DEEP, R_OK);
}
static void do_faccessat(void)
{
	syscall(SYS_faccessat, dir, "b/c/d", R_OK);
}
static void do_mounted(void)
{
	syscall(SYS_stat, "/dev/null", &st);
}
static void do_statx(void)
{
	struct statx x;

	syscall(SYS_statx, AT_FDCWD, DEEP, 0, STATX_BASIC_STATS, &x);
}
static void do_open(void)
{
	close((int)syscall(SYS_open, DEEP, O_RDONLY));
}
static void do_read(void)
{
	if (pread(file, &byte, 1, 0) != 1 || read(zero, &byte, 1) != 1)
		failed = 1;
}
static void do_write(void)
{
	if (write(null, &byte, 1) != 1)
		failed = 1;
}
static void do_poll(void)
{
	poll(polled, FD_COUNT, 0);
}
static void do_pipe(void)
{
	if (write(pipes[1], &byte, 1) != 1 || read(pipes[0], &byte, 1) != 1)
		failed = 1;
}
static void do_event(void)
{
	uint64_t one = 1;

	if (write(event, &one, 8) != 8 || read(event, &one, 8) != 8)
		failed = 1;
}
static void do_futex(void)
{
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static void do_fault(void)
{
	for (int i = 0; i < PAGES; i++)
		pages[i * 4096L] = 1;
	madvise(pages, PAGES * 4096L, MADV_DONTNEED);
}
static void do_null(void)
{
	syscall(SYS_getppid);
}

/* most: of writes to shared memory, ANY where it is only shown. */
static const struct row {
	const char *title, *call;
	void (*run)(void);
	unsigned most;
} rows[] = {
	{"getppid", "getppid", do_null, ANY},
	{"fstat", "fstat", do_fstat, 0},
	{"stat /tmp", "stat", do_stat, 0},
	{"stat 8 deep", "stat", do_stat_deep, 0},
	{"stat, relative, ..", "stat", do_stat_relative, 0},
	{"stat, missing", "stat", do_stat_missing, 0},
	{"stat, mounted", "stat", do_mounted, 0},
	{"newfstatat dir", "newfstatat", do_stat_at, 0},
	{"statx 8 deep", "statx", do_statx, 0},
	{"access 8 deep", "access", do_access, 0},
	{"faccessat dir", "faccessat", do_faccessat, 0},
	{"open 8 deep", "open", do_open, ANY},
	{"close", "close", do_open, ANY},
	{"read of /dev/zero", "read", do_read, ANY},
	{"pread of a file", "pread64", do_read, ANY},
	{"write to /dev/null", "write", do_write, ANY},
	{"poll of 10", "poll", do_poll, ANY},
	{"pipe: write", "write", do_pipe, ANY},
	{"pipe: read", "read", do_pipe, ANY},
	{"eventfd: write", "write", do_event, ANY},
	{"futex, nobody waits", "futex", do_futex, ANY},
	{"page fault", "page_fault", do_fault, ANY},
};

/* The line of one call out of what was counted. */
static void show(const struct row *r, const char *who)
{
	static char text[16384];
	char name[64];
	unsigned times, locked, shared, writes, spins;
	ssize_t n = pread(control, text, sizeof(text) - 1, 0);
	char *line;

	text[n > 0 ? n : 0] = 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%63s %u %u %u %u %u", name, &times, &locked, &shared, &writes,
			   &spins) != 6 ||
		    strcmp(name, r->call))
			continue;
		printf("%-20s %-8s %7u %7u %7u %7u%s\n", r->title, who, locked, shared, writes,
		       spins, writes > r->most ? "  TOO MANY" : "");
		if (writes > r->most || times < TIMES)
			failed = 1;
		return;
	}
	printf("%s: not counted\n", r->title);
	failed = 1;
}

static void measure(const char *who, bool only_checked)
{
	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		if (only_checked && r->most == ANY)
			continue;
		r->run();
		say("1");
		for (int i = 0; i < TIMES; i++)
			r->run();
		say("0");
		show(r, who);
	}
}

static void *sleeper(void *arg)
{
	pause();
	return NULL;
}

int main(void)
{
	pthread_t t;

	for (const char *end = DEEP + 5; (end = strchr(end, '/')); end++) {
		char name[64] = DEEP;

		name[end - DEEP] = 0;
		mkdir(name, 0755);
	}
	file = open(DEEP, O_RDWR | O_CREAT, 0644);
	dir = open("/tmp/a", O_RDONLY | O_DIRECTORY);
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	event = eventfd(0, 0);
	control = open(COUNTS, O_RDWR);
	pages = mmap(NULL, PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (file < 0 || dir < 0 || zero < 0 || null < 0 || event < 0 || control < 0 ||
	    pipe(pipes) || pages == MAP_FAILED || chdir("/tmp/a") || write(file, "text", 4) != 4) {
		perror("operations");
		return 1;
	}
	for (int i = 0; i < FD_COUNT; i++)
		polled[i] = (struct pollfd){.fd = i < FD_COUNT - 1 ? pipes[0] : null,
					    .events = i < FD_COUNT - 1 ? POLLIN : POLLOUT};
	printf("%-20s %-8s %7s %7s %7s %7s\n", "call", "threads", "locked", "shared", "writes",
	       "spins");
	measure("one", false);
	if (pthread_create(&t, NULL, sleeper, NULL))
		return 1;
	measure("two", true);
	return failed;
}
