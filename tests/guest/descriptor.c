/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors: the lowest free number, dup, close-on-exec, fcntl, limits. */
#include "guest.h"
#include <sys/resource.h>

static int fd;

static void close_on_exec(int number, const char *what)
{
	printf("%s: close-on-exec %d\n", what, fcntl(number, F_GETFD));
	fflush(stdout);
}

static void duplicates(void)
{
	SHOW(fd = open("file", O_RDWR | O_CREAT, 0644));
	SHOW(dup(fd));
	SHOW(dup2(fd, 20));
	SHOW(dup2(fd, fd));
	SHOW(dup2(99, 21));
	SHOW(dup2(fd, -1));
	SHOW(dup2(fd, 1 << 30));
	SHOW(dup3(fd, fd, 0));
	SHOW(dup3(fd, 22, O_CLOEXEC));
	close_on_exec(22, "dup3");
	SHOW(fcntl(22, F_SETFD, 0));
	close_on_exec(22, "F_SETFD");
	SHOW(fcntl(fd, F_DUPFD, 20));
	SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 20));
	close_on_exec(23, "F_DUPFD_CLOEXEC");
	close_on_exec(21, "F_DUPFD");
	SHOW(fcntl(fd, F_DUPFD, -1));
	SHOW(fcntl(fd, 9999, 0));
	SHOW(close(20));
	SHOW(close(20));
	SHOW(close(-1));
}

static void lowest(void)
{
	int a = dup(fd), b = dup(fd), c = dup(fd);

	printf("in a row: %d %d\n", b - a, c - b);
	close(a);
	close(b);
	printf("the lowest again: %d\n", dup(fd) == a);
	printf("and the next: %d\n", dup(fd) == b);
	close(a);
	close(b);
	close(c);
}

/* The bits must follow into a child. */
static void child_bits(void)
{
	close_on_exec(22, "child 22");
	close_on_exec(23, "child 23");
	SHOW(close(22));
}

static void limits(void)
{
	struct rlimit limit = {30, 30};
	int count = 0;

	SHOW(setrlimit(RLIMIT_NOFILE, &limit));
	while (dup(fd) >= 0)
		count++;
	printf("at the limit: %s\n", strerrorname_np(errno));
	SHOW(dup2(fd, 30));
	SHOW(dup2(fd, 29));
	SHOW(close(29));
	SHOW(dup(fd));
	SHOW(dup(fd));
}

static void many(void)
{
	struct rlimit limit = {600, 600};
	int first = 0, last = 0, sum = 0;

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		printf("setrlimit: %s\n", strerrorname_np(errno));
	while ((last = dup(fd)) >= 0)
		first = last;
	printf("the largest is %d\n", first);
	for (int i = 3; i < 600; i++)
		sum += fcntl(i, F_GETFD) == 0;
	printf("%d are open\n", sum);
	for (int i = 40; i < 600; i += 7)
		close(i);
	printf("the lowest free one is %d\n", dup(fd));
	printf("then %d\n", dup(fd));
}

int main(void)
{
	duplicates();
	lowest();
	show_status("child", in_child(child_bits));
	close_on_exec(22, "parent 22");
	show_status("limits", in_child(limits));
	for (int i = 20; i < 30; i++)
		close(i);
	show_status("many", in_child(many));
	SHOW(fchdir(fd));
	SHOW(isatty(fd));
	return 0;
}
