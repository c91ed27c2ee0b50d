/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of what processes and threads tell each other: switches, pipes, sockets, futexes. */
#include "bench.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS_MAX 64
#define CHUNK	  65536L

static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* --- a token that goes round in a ring of tasks: one switch for each hand-over --- */

static int ring[TASKS_MAX][2];
static uint32_t words[TASKS_MAX];
static int tasks;

static void make_pipe_ring(void)
{
	for (int i = 0; i < tasks; i++)
		NEED(pipe(ring[i]) == 0);
}

static void pass(int i)
{
	char c;

	NEED(read(ring[i][0], &c, 1) == 1);
	NEED(write(ring[(i + 1) % tasks][1], &c, 1) == 1);
}

static void pass_event(int i)
{
	uint64_t v;

	NEED(read(ring[i][0], &v, 8) == 8);
	NEED(write(ring[(i + 1) % tasks][0], &v, 8) == 8);
}

static void pass_futex(int i)
{
	uint32_t *next = &words[(i + 1) % tasks];

	while (!__atomic_load_n(&words[i], __ATOMIC_ACQUIRE))
		futex(&words[i], FUTEX_WAIT, 0);
	__atomic_store_n(&words[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(next, 1, __ATOMIC_RELEASE);
	futex(next, FUTEX_WAKE, 1);
}

/* Task 0 is the measured one: n hand-overs are n / tasks rounds. */
static void pipe_ring_op(long n, long arg)
{
	char c = 0;

	(void)arg;
	for (long i = 0; i < n; i += tasks) {
		NEED(write(ring[1 % tasks][1], &c, 1) == 1);
		NEED(read(ring[0][0], &c, 1) == 1);
	}
}

static void event_ring_op(long n, long arg)
{
	uint64_t v = 1;

	(void)arg;
	for (long i = 0; i < n; i += tasks) {
		NEED(write(ring[1 % tasks][0], &v, 8) == 8);
		NEED(read(ring[0][0], &v, 8) == 8);
	}
}

static void futex_ring_op(long n, long arg)
{
	(void)arg;
	for (long i = 0; i < n; i += tasks) {
		__atomic_store_n(&words[1 % tasks], 1, __ATOMIC_RELEASE);
		futex(&words[1 % tasks], FUTEX_WAKE, 1);
		while (!__atomic_load_n(&words[0], __ATOMIC_ACQUIRE))
			futex(&words[0], FUTEX_WAIT, 0);
		__atomic_store_n(&words[0], 0, __ATOMIC_RELAXED);
	}
}

static double in_processes(void (*one)(int), op_fn op)
{
	pid_t pids[TASKS_MAX];
	double v;

	for (int i = 1; i < tasks; i++) {
		pids[i] = fork();
		NEED(pids[i] >= 0);
		if (pids[i] == 0)
			for (;;)
				one(i);
	}
	v = measure_from(tasks * 8, op, 0);
	for (int i = 1; i < tasks; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	return v;
}

static double switch_pipe(long n)
{
	tasks = (int)n;
	make_pipe_ring();
	return in_processes(pass, pipe_ring_op);
}

static double switch_event(long n)
{
	tasks = (int)n;
	for (int i = 0; i < tasks; i++)
		NEED((ring[i][0] = eventfd(0, 0)) >= 0);
	return in_processes(pass_event, event_ring_op);
}

static void *ring_thread(void *arg)
{
	for (;;)
		pass_futex((int)(long)arg);
	return NULL;
}

static double switch_futex(long n)
{
	pthread_t t;

	tasks = (int)n;
	for (long i = 1; i < n; i++)
		NEED(!pthread_create(&t, NULL, ring_thread, (void *)i));
	return measure_from(n * 8, futex_ring_op, 0);
}

/* --- latency and bandwidth of pipes and sockets --- */

static int ends[4];

static void echo_op(long n, long arg)
{
	char c = 0;

	(void)arg;
	while (n--) {
		NEED(write(ends[1], &c, 1) == 1);
		NEED(read(ends[2], &c, 1) == 1);
	}
}

/* There and back. */
static double latency(long socket)
{
	pid_t pid;
	double v;

	if (socket) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
		ends[2] = ends[1];
		ends[3] = ends[0];
	} else {
		NEED(pipe(ends) == 0 && pipe(ends + 2) == 0);
	}
	pid = fork();
	if (pid == 0) {
		char c;

		for (;;) {
			NEED(read(ends[0], &c, 1) == 1);
			NEED(write(ends[3], &c, 1) == 1);
		}
	}
	v = measure(echo_op, 0);
	kill(pid, SIGKILL);
	wait(NULL);
	return v;
}

static char chunk[CHUNK];

static void flow_op(long n, long arg)
{
	(void)arg;
	while (n > 0) {
		ssize_t r = read(ends[0], chunk, CHUNK);

		NEED(r > 0);
		n -= r;
	}
}

/* Bytes per second through one that another process writes to. */
static double bandwidth(long socket)
{
	pid_t pid;
	double ns;

	if (socket)
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	else
		NEED(pipe(ends) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			NEED(write(ends[1], chunk, CHUNK) > 0);
	ns = measure_from(CHUNK, flow_op, 0);
	kill(pid, SIGKILL);
	wait(NULL);
	return 1e9 / ns;
}

static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/bench.socket"};

static void connect_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		int s = socket(AF_UNIX, SOCK_STREAM, 0);
		char c;

		NEED(connect(s, (struct sockaddr *)&address, sizeof(address)) == 0);
		NEED(read(s, &c, 1) == 0); /* the server has closed it */
		close(s);
	}
}

static double connection(long arg)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;
	double v;

	unlink(address.sun_path);
	NEED(bind(s, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(s, 16) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			close(accept(s, NULL, NULL));
	v = measure(connect_op, arg);
	kill(pid, SIGKILL);
	wait(NULL);
	return v;
}

/* --- futexes --- */

static uint32_t gate, arrived;
static long sleepers;

static void *sleeper(void *arg)
{
	uint32_t seen = 0;

	(void)arg;
	for (;;) {
		__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == seen)
			futex(&gate, FUTEX_WAIT, seen);
		seen = __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
	}
	return NULL;
}

/* The wake-up of all that sleep, until they sleep again. */
static void wake_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) != (uint32_t)sleepers)
			sched_yield();
		__atomic_store_n(&arrived, 0, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&gate, 1, __ATOMIC_SEQ_CST);
		futex(&gate, FUTEX_WAKE, 1000);
	}
}

static double futex_wake(long n)
{
	pthread_t t;

	sleepers = n;
	for (long i = 0; i < n; i++)
		NEED(!pthread_create(&t, NULL, sleeper, NULL));
	return measure_from(4, wake_op, 0);
}

/* Nobody waits. */
static void wake_none_op(long n, long arg)
{
	(void)arg;
	while (n--)
		futex(&gate, FUTEX_WAKE, 1);
}

static double futex_wake_none(long arg)
{
	return measure(wake_none_op, arg);
}

const struct row ipc_rows[] = {
	{"switch_pipe_2", switch_pipe, 2, 'l', ONE},
	{"switch_pipe_8", switch_pipe, 8, 'l', ONE},
	{"switch_pipe_64", switch_pipe, 64, 'l', ONE},
	{"switch_eventfd_2", switch_event, 2, 'l', ONE},
	{"switch_eventfd_8", switch_event, 8, 'l', ONE},
	{"switch_eventfd_64", switch_event, 64, 'l', ONE},
	{"switch_futex_2", switch_futex, 2, 'l', ONE},
	{"switch_futex_8", switch_futex, 8, 'l', ONE},
	{"switch_futex_64", switch_futex, 64, 'l', ONE},
	{"pipe_latency", latency, 0, 'l', ONE},
	{"unix_latency", latency, 1, 'l', ONE},
	{"unix_connection", connection, 0, 'l', ONE},
	{"pipe_bandwidth", bandwidth, 0, 'b', ONE},
	{"unix_bandwidth", bandwidth, 1, 'b', ONE},
	{"futex_wake_none", futex_wake_none, 0, 'l', ONE},
	{"futex_wake_1", futex_wake, 1, 'l', ONE},
	{"futex_wake_64", futex_wake, 64, 'l', ONE},
	{0},
};
