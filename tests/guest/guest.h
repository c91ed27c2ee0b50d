/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the programs that run on Linux first and then in the guest, where they must print the same.
 * So they print no addresses, process numbers, times or anything else that one run has of its own.
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* An address in the first page, where nothing is; volatile, so that no compiler warns of it. */
static __attribute__((unused)) void *volatile bad = (void *)8;

/* Prints the call as it is written, and its result or its error by name. */
#define SHOW(call)                                \
	do {                                      \
		errno = 0;                        \
		show_result(#call, (long)(call)); \
	} while (0)

/* Prints only whether it went well: for results that differ from run to run. */
#define SHOW_OK(call)                                          \
	do {                                                   \
		errno = 0;                                     \
		show_result(#call, (long)(call) < 0 ? -1 : 0); \
	} while (0)

static inline void show_result(const char *call, long result)
{
	if (result == -1 && errno)
		printf("%s -> %s\n", call, strerrorname_np(errno));
	else
		printf("%s -> %ld\n", call, result);
	/* A child must not print what its parent has buffered. */
	fflush(stdout);
}

/* A copy of this program, of the caller, with this mode. */
static inline void copy_self(const char *name, mode_t mode)
{
	static char buf[1 << 16];
	int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_WRONLY | O_CREAT, 0700);
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			printf("short\n");
	fchmod(to, mode);
	close(from);
	close(to);
}

/* Runs `function` in a child. Returns: its wait status. */
static inline int in_child(void (*function)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		function();
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static inline void show_status(const char *what, int status)
{
	if (WIFEXITED(status))
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(status)));
	else if (WIFSTOPPED(status))
		printf("%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
	else if (WIFCONTINUED(status))
		printf("%s: continued\n", what);
	else
		printf("%s: strange status %#x\n", what, status);
	fflush(stdout);
}

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		printf("cannot write %s: %s\n", path, strerrorname_np(errno));
	close(fd);
}

/* Prints what a file contains, from its start. */
static inline void show_file(const char *path)
{
	char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (n < 0)
		printf("%s: %s\n", path, strerrorname_np(errno));
	else
		printf("%s: \"%.*s\"\n", path, (int)n, buf);
	fflush(stdout);
	close(fd);
}

#endif
