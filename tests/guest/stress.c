/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes at once: fork, exec, exit and wait; a token through pipes between processors;
 * many short sleeps. Prints only what must be the same each time.
 */
#include "guest.h"
#include <sched.h>
#include <time.h>

#define WORKERS 4
#define ROUNDS	60
#define TURNS	3000
#define SLEEPS	250

/* Run fn in WORKERS children; how many of them exited with 0. */
static int in_parallel(void (*fn)(int worker))
{
	int good = 0, status;

	fflush(stdout);
	for (int i = 0; i < WORKERS; i++)
		if (!fork()) {
			fn(i);
			_exit(0);
		}
	for (int i = 0; i < WORKERS; i++)
		if (wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
			good++;
	return good;
}

static void fork_exec_wait(int worker)
{
	for (volatile int i = 0; i < ROUNDS; i++) {
		char number[16];
		int status;
		pid_t pid;

		snprintf(number, sizeof(number), "%d", i % 100);
		pid = i % 3 ? fork() : vfork();
		if (!pid) {
			execl("/proc/self/exe", "stress", "child", number, (char *)NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != i % 100)
			_exit(1);
	}
}

static void bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* with one processor: stays where it is */
}

static void ping_pong(int worker)
{
	int there[2], back[2], token = 0;

	if (pipe(there) || pipe(back))
		_exit(1);
	if (!fork()) {
		bind_to(1);
		close(there[1]); /* or it would wait for itself */
		while (read(there[0], &token, sizeof(token)) == sizeof(token) && token < TURNS) {
			token++;
			if (write(back[1], &token, sizeof(token)) != sizeof(token))
				_exit(1);
		}
		_exit(0);
	}
	bind_to(0);
	while (token < TURNS) {
		if (write(there[1], &token, sizeof(token)) != sizeof(token) ||
		    read(back[0], &token, sizeof(token)) != sizeof(token))
			_exit(2);
	}
	close(there[1]);
	close(there[0]);
	wait(NULL);
	_exit(token == TURNS ? 0 : 3);
}

static void sleeps(int worker)
{
	for (int i = 0; i < SLEEPS; i++) {
		struct timespec ts = {0, 1000 * (i % 300)}, from, to;

		clock_gettime(CLOCK_MONOTONIC, &from);
		nanosleep(&ts, NULL);
		clock_gettime(CLOCK_MONOTONIC, &to);
		if ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec < ts.tv_nsec)
			_exit(1);
	}
}

/* Memory shared copy-on-write by many: each must go on seeing what it wrote itself. */
static void copy_on_write(int worker)
{
	enum { PAGES = 64 };
	static char area[PAGES * 4096];

	for (int i = 0; i < PAGES; i++)
		area[i * 4096] = (char)worker;
	for (int round = 0; round < 10; round++) {
		pid_t pid = fork();
		int status;

		for (int i = pid ? 0 : 1; i < PAGES; i += 2)
			area[i * 4096] += pid ? 1 : 2;
		for (int i = 0; i < PAGES; i++) {
			int mine = (i % 2 == 0) == (pid != 0);
			int base = worker + (i % 2 == 0 ? round : 0);

			if (area[i * 4096] != (char)(base + (mine ? (pid ? 1 : 2) : 0)))
				_exit(1);
		}
		if (!pid)
			_exit(0);
		if (waitpid(pid, &status, 0) != pid || status)
			_exit(2);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return atoi(argv[2]);
	printf("fork, exec, exit, wait: %d of %d\n", in_parallel(fork_exec_wait), WORKERS);
	printf("ping-pong: %d of %d\n", in_parallel(ping_pong), WORKERS);
	printf("sleeps: %d of %d\n", in_parallel(sleeps), WORKERS);
	printf("copy on write: %d of %d\n", in_parallel(copy_on_write), WORKERS);
	return 0;
}
