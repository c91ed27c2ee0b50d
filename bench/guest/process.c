/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of processes and threads. */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void fork_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

/* With so many MiB in use. */
static double fork_exit(long mib)
{
	size_t size = (size_t)mib << 20;

	if (size) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		NEED(p != MAP_FAILED);
		memset(p, 1, size);
	}
	return measure_from(1, fork_op, 0);
}

static void vfork_op(long n, long arg)
{
	char *args[] = {(char *)"true", NULL};

	(void)arg;
	while (n--) {
		pid_t pid = vfork();

		if (pid == 0) {
			execv("/bin/true", args);
			_exit(1);
		}
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

static double vfork_exec(long arg)
{
	return measure_from(1, vfork_op, arg);
}

static void shell_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(system("/bin/true") == 0);
}

static double shell(long arg)
{
	return measure_from(1, shell_op, arg);
}

static void *nothing(void *arg)
{
	return arg;
}

static void thread_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		pthread_t t;

		NEED(!pthread_create(&t, NULL, nothing, NULL));
		pthread_join(t, NULL);
	}
}

static double thread(long arg)
{
	return measure_from(4, thread_op, arg);
}

const struct row process_rows[] = {
	{"fork_exit_small", fork_exit, 0, 'l', ONE}, {"fork_exit_16M", fork_exit, 16, 'l', ONE},
	{"vfork_exec", vfork_exec, 0, 'l', ONE},     {"sh_c", shell, 0, 'l', ONE},
	{"thread_create_join", thread, 0, 'l', ONE}, {0},
};
