/* SPDX-License-Identifier: BSD-2-Clause */
/* poll, ppoll, select on pipes and files; timeouts and signals. */
#include "guest.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show_poll(const char *what, struct pollfd *fds, nfds_t count, int timeout)
{
	int n = poll(fds, count, timeout);

	printf("%s: %d", what, n);
	for (nfds_t i = 0; i < count; i++)
		printf(" %#x", (unsigned)fds[i].revents);
	printf("\n");
	fflush(stdout);
}

static void writes_later(int fd, int delay_ms)
{
	fflush(stdout);
	if (fork() == 0) {
		usleep((useconds_t)delay_ms * 1000);
		_exit(write(fd, "x", 1) != 1);
	}
}

static void pipes(void)
{
	int ends[2];
	char c;
	long before;

	SHOW(pipe(ends));
	struct pollfd fds[] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 0}};

	show_poll("empty pipe", fds, 3, 0);
	show_poll("only the reader", fds, 1, 0);
	SHOW(write(ends[1], "x", 1));
	show_poll("with data", fds, 2, -1);
	SHOW(read(ends[0], &c, 1));
	before = now_ms();
	show_poll("time-out", fds, 1, 100);
	printf("long enough: %d\n", now_ms() - before >= 100);
	writes_later(ends[1], 50);
	show_poll("woken", fds, 1, 30000);
	wait(NULL);
	SHOW(read(ends[0], &c, 1));
	close(ends[1]);
	show_poll("writer gone", fds, 1, -1);
	close(ends[0]);
	SHOW(pipe(ends));
	close(ends[0]);
	struct pollfd writer = {ends[1], POLLOUT, 0};
	show_poll("reader gone", &writer, 1, -1);
	close(ends[1]);
	show_poll("closed", &writer, 1, -1);
}

static void others(void)
{
	struct pollfd file = {open("file", O_RDWR | O_CREAT, 0644), POLLIN | POLLOUT, 0};
	struct pollfd null = {open("/dev/null", O_RDWR), POLLIN | POLLOUT, 0};

	show_poll("file", &file, 1, -1);
	show_poll("null", &null, 1, -1);
	SHOW(poll(NULL, 0, 10));
	SHOW(poll(bad, 1, 0));
	SHOW(poll(NULL, 1u << 30, 0));
}

static void nothing(int signal)
{
	(void)signal;
}

static void signals(void)
{
	int ends[2];
	sigset_t blocked, none;
	struct timespec limit = {.tv_sec = 30};
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	SHOW(pipe(ends));
	struct pollfd fds = {ends[0], POLLIN, 0};

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	SHOW(poll(&fds, 1, 10));
	SHOW(ppoll(&fds, 1, &limit, &none));
	sigprocmask(SIG_SETMASK, &none, NULL);
	fflush(stdout);
	if (fork() == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	/* Never restarted, whatever SA_RESTART says. */
	SHOW(poll(&fds, 1, 30000));
	wait(NULL);
}

static void selects(void)
{
	int ends[2];
	fd_set in, out;
	struct timeval zero = {0}, some = {.tv_usec = 20000};

	SHOW(pipe(ends));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(ends[0], &in);
	FD_SET(ends[1], &out);
	SHOW(select(ends[1] + 1, &in, &out, NULL, &zero));
	printf("in %d out %d\n", FD_ISSET(ends[0], &in) != 0, FD_ISSET(ends[1], &out) != 0);
	FD_SET(ends[0], &in);
	SHOW(select(ends[1] + 1, &in, NULL, NULL, &some));
	printf("in %d\n", FD_ISSET(ends[0], &in) != 0);
	writes_later(ends[1], 20);
	FD_SET(ends[0], &in);
	SHOW(select(ends[1] + 1, &in, NULL, NULL, NULL));
	wait(NULL);
	SHOW(select(0, NULL, NULL, NULL, &zero));
	SHOW(select(-1, NULL, NULL, NULL, &zero));
	close(ends[0]);
	FD_SET(ends[0], &in);
	SHOW(select(ends[1] + 1, &in, NULL, NULL, &zero));
}

/* A listener among several writers misses none of them. */
static void many_writers(void)
{
	enum { COUNT = 10, BYTES = 20 };
	struct pollfd fds[COUNT];
	int total = 0, open_count = COUNT;
	char buf[16];

	for (int i = 0; i < COUNT; i++) {
		int ends[2];

		if (pipe(ends) < 0)
			return;
		if (fork() == 0) {
			for (int j = 0; j < BYTES; j++) {
				usleep((useconds_t)((i + j) % 3) * 1000);
				if (write(ends[1], "x", 1) != 1)
					_exit(1);
			}
			_exit(0);
		}
		close(ends[1]);
		fds[i] = (struct pollfd){ends[0], POLLIN, 0};
	}
	while (open_count && poll(fds, COUNT, 30000) > 0) {
		for (int i = 0; i < COUNT; i++) {
			ssize_t n;

			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			n = read(fds[i].fd, buf, sizeof(buf));
			total += n > 0 ? (int)n : 0;
			if (n <= 0) {
				fds[i].fd = -1;
				open_count--;
			}
		}
	}
	while (wait(NULL) > 0)
		continue;
	printf("%d bytes, %d still open\n", total, open_count);
}

/* Stopped and continued, waits end when they would have ended. */
static void stopped_wait(int kind)
{
	struct timeval tv = {.tv_usec = 300000};
	struct timespec ts = {.tv_nsec = 300000000};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (kind == 0)
			poll(NULL, 0, 300);
		else if (kind == 1)
			select(0, NULL, NULL, NULL, &tv);
		else
			ppoll(NULL, 0, &ts, NULL);
		_exit(kind);
	}
	for (int i = 0; i < 200; i++) {
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		if (!WIFSTOPPED(status))
			break;
		kill(pid, SIGCONT);
		usleep(20000);
	}
	show_status("wait", status);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ignore(int sig)
{
	(void)sig;
}

/* What is written when a signal ends the wait, and what has no events. */
static void leftovers(void)
{
	struct timeval none = {0};
	struct pollfd *fds =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2], path = open("/", O_PATH);
	fd_set in, out, except;

	if (pipe(ends) || path < 0)
		return;
	signal(SIGALRM, ignore);
	fds[0] = (struct pollfd){ends[0], POLLIN, 0x7fff};
	fds[1] = (struct pollfd){-1, POLLIN, 0x7fff};
	alarm(1);
	show_poll("interrupted", fds, 2, -1);
	mprotect(fds, 4096, PROT_READ);
	alarm(1);
	SHOW(poll(fds, 1, -1));
	SHOW(poll(fds, 1, 0));
	mprotect(fds, 4096, PROT_READ | PROT_WRITE);
	fds[0] = (struct pollfd){path, POLLIN, 0};
	show_poll("O_PATH", fds, 1, 0);
	FD_ZERO(&in);
	FD_SET(path, &in);
	out = except = in;
	SHOW(select(path + 1, &in, &out, &except, &none));
	printf("%d %d %d\n", !!FD_ISSET(path, &in), !!FD_ISSET(path, &out),
	       !!FD_ISSET(path, &except));
	close(path);
	munmap(fds, 4096);
}

int main(void)
{
	leftovers();
	for (int kind = 0; kind < 3; kind++)
		stopped_wait(kind);
	pipes();
	others();
	signals();
	selects();
	many_writers();
	return 0;
}
