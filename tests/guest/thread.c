/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of one process: making and joining them, their end, exec, fork, signals to them. */
#include "guest.h"
#include <dirent.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

static pid_t gettid_now(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void *add_one(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void many(void)
{
	static int sum;
	pthread_t t[16];
	void *out;
	int bad_results = 0;

	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 16; i++)
			if (pthread_create(&t[i], NULL, add_one, &sum))
				printf("pthread_create failed\n");
		for (int i = 0; i < 16; i++)
			bad_results += pthread_join(t[i], &out) || out != &sum;
	}
	printf("many threads: %d, bad %d\n", sum, bad_results);
}

/* --- what is shared and what is not --- */

static int pipe_fds[2];

static void *look_around(void *arg)
{
	int *own = arg;

	own[0] = getpid() == own[2];
	own[1] = gettid_now() != own[2];
	chdir("/");
	close(pipe_fds[0]);
	umask(0123);
	return NULL;
}

static void shared_things(void)
{
	int r[3] = {0, 0, getpid()};
	char cwd[100];
	pthread_t t;

	pipe(pipe_fds);
	pthread_create(&t, NULL, look_around, r);
	pthread_join(t, NULL);
	printf("same pid %d, other tid %d, cwd %s, umask %03o\n", r[0], r[1],
	       getcwd(cwd, sizeof(cwd)), umask(022));
	SHOW(close(pipe_fds[0]));
	SHOW(close(pipe_fds[1]));
}

/* --- ends --- */

static void *sleep_long(void *arg)
{
	for (;;)
		sleep_ms(10000);
	return arg;
}

static void exit_with_others(void)
{
	pthread_t t;

	for (int i = 0; i < 5; i++)
		pthread_create(&t, NULL, sleep_long, NULL);
	exit(17);
}

static void *exit_42(void *arg)
{
	sleep_ms(20);
	exit(42);
	return arg;
}

static void exit_by_other(void)
{
	pthread_t t;

	pthread_create(&t, NULL, sleep_long, NULL);
	pthread_create(&t, NULL, exit_42, NULL);
	pthread_join(t, NULL);
}

static void *outlive(void *arg)
{
	char path[64], letter = 0, buf[512], *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", getpid());
	/* Until the first thread is a zombie. */
	for (int i = 0; i < 500 && letter != 'Z'; i++) {
		ssize_t n;

		sleep_ms(10);
		fd = open(path, O_RDONLY);
		n = read(fd, buf, sizeof(buf) - 1);
		buf[n > 0 ? n : 0] = 0;
		p = strrchr(buf, ')');
		letter = p ? p[2] : '?';
		close(fd);
	}
	printf("first thread: %c\n", letter);
	SHOW(kill(getpid(), 0));
	SHOW(syscall(SYS_tgkill, getpid(), getpid(), 0));
	SHOW(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
	SHOW(waitpid(-1, NULL, WNOHANG));
	fflush(stdout);
	syscall(SYS_exit, 9);
	return arg;
}

/* The first thread ends with 5, the last with 9, which is the status of all. */
static void first_thread_first(void)
{
	pthread_t t;

	pthread_create(&t, NULL, outlive, NULL);
	syscall(SYS_exit, 5);
}

static void *crash(void *arg)
{
	sleep_ms(20);
	*(volatile int *)bad = 1;
	return arg;
}

static void crash_in_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, crash, NULL);
	pause();
}

static void killed_by_parent(int sig)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, sleep_long, NULL);
		for (;;)
			sched_yield();
	}
	sleep_ms(50);
	kill(pid, sig);
	waitpid(pid, &status, 0);
	show_status("killed", status);
}

/* --- fork and exec --- */

static void *fork_in_thread(void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		/* One thread, whose number is the process's. */
		_exit(gettid_now() == getpid() ? 3 : 4);
	}
	waitpid(pid, &status, 0);
	show_status("forked by a thread", status);
	return arg;
}

static char self[200];

static void *exec_in_thread(void *arg)
{
	char want[32];

	snprintf(want, sizeof(want), "%d", getpid());
	sleep_ms(20);
	execl(self, "thread", "after-exec", want, (char *)NULL);
	printf("exec: %s\n", strerrorname_np(errno));
	return arg;
}

static void exec_by_other(void)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, sleep_long, NULL);
	pthread_create(&t, NULL, exec_in_thread, NULL);
	pthread_join(t, NULL);
}

static void exec_after_first_ended(void)
{
	pthread_t t;

	pthread_create(&t, NULL, sleep_long, NULL);
	pthread_create(&t, NULL, exec_in_thread, NULL);
	syscall(SYS_exit, 1);
}

static void *exec_nothing(void *arg)
{
	SHOW(execl("/does/not/exist", "x", (char *)NULL));
	return arg;
}

static int count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static int after_exec(const char *want)
{
	printf("after exec: pid %s, tid %s, tasks %d\n", getpid() == atoi(want) ? "same" : "other",
	       gettid_now() == getpid() ? "same" : "other", count_tasks());
	return 21;
}

static void tasks(void)
{
	pthread_t t[3];
	char path[64];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, sleep_long, NULL);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", gettid_now());
	printf("tasks %d, own %s\n", count_tasks(), access(path, R_OK) ? "missing" : "there");
	fflush(stdout);
	_exit(0);
}

/* --- stop and continue --- */

static volatile unsigned long turns[3];

static void *spin(void *arg)
{
	for (;;)
		turns[(long)arg]++;
	return NULL;
}

/* A stop is reported only when no thread runs any more. */
static void stopped(void)
{
	volatile unsigned long *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, moved = 0;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t;

		for (long i = 0; i < 3; i++)
			pthread_create(&t, NULL, spin, (void *)i);
		for (;;) {
			for (int i = 0; i < 3; i++)
				shared[i] = turns[i];
			shared[3]++;
		}
	}
	while (!shared[0] || !shared[1] || !shared[2])
		sleep_ms(5);
	for (int round = 0; round < 20; round++) {
		unsigned long before;

		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		if (!WIFSTOPPED(status))
			break;
		before = shared[3];
		sleep_ms(2);
		moved += shared[3] != before;
		kill(pid, SIGCONT);
		waitpid(pid, &status, WCONTINUED);
		if (!WIFCONTINUED(status))
			break;
	}
	show_status("rounds", status);
	printf("ran while stopped: %d\n", moved);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	show_status("terminated", status);
}

/* --- flags of clone --- */

static void flags(void)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} wrong[] = {
		{"THREAD", CLONE_THREAD},
		{"THREAD|VM", CLONE_THREAD | CLONE_VM},
		{"SIGHAND", CLONE_SIGHAND},
		{"THREAD|SIGHAND", CLONE_THREAD | CLONE_SIGHAND},
		{"FS|NEWNS", CLONE_FS | CLONE_NEWNS},
		{"PIDFD|PARENT_SETTID", CLONE_PIDFD | CLONE_PARENT_SETTID},
		{"PIDFD|DETACHED", CLONE_PIDFD | CLONE_DETACHED},
	};
	int status;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		long r;

		errno = 0;
		r = syscall(SYS_clone, wrong[i].flags | SIGCHLD, 0L, 0L, 0L, 0L);
		if (r == 0)
			_exit(0);
		printf("clone %s: %ld %s\n", wrong[i].name, r, strerrorname_np(errno));
		if (r > 0)
			waitpid((pid_t)r, &status, __WALL);
	}
	SHOW(syscall(SYS_clone, CLONE_VM | CLONE_VFORK | CLONE_SETTLS, 0L, 0L, 0L, ~0UL >> 1));
}

static long clone3_with(struct clone_args *a, size_t size)
{
	long r = syscall(SYS_clone3, a, size);

	if (r == 0)
		_exit(6);
	return r;
}

static void clone3_arguments(void)
{
	struct {
		struct clone_args a;
		char more[64];
	} big = {.a.exit_signal = SIGCHLD};
	struct clone_args a = {0};
	pid_t id = 77777777;
	int status;
	long r;

	SHOW(clone3_with(&a, 0));
	SHOW(clone3_with(&a, 63));
	SHOW(clone3_with(&a, 5000));
	SHOW(clone3_with(bad, 64));
	a.flags = 0xff;
	SHOW(clone3_with(&a, 64));
	a.flags = CLONE_DETACHED;
	SHOW(clone3_with(&a, 64));
	a.flags = 1ULL << 40;
	SHOW(clone3_with(&a, 64));
	a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	a.exit_signal = SIGCHLD;
	SHOW(clone3_with(&a, 64));
	a.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND;
	SHOW(clone3_with(&a, 64));
	a = (struct clone_args){.exit_signal = 65};
	SHOW(clone3_with(&a, 64));
	a.exit_signal = 0x100;
	SHOW(clone3_with(&a, 64));
	a = (struct clone_args){.stack_size = 4096};
	SHOW(clone3_with(&a, 64));
	a = (struct clone_args){.stack = 4096};
	SHOW(clone3_with(&a, 64));
	a = (struct clone_args){.stack = ~0ULL - 4096, .stack_size = 8192};
	SHOW(clone3_with(&a, 64));
	a = (struct clone_args){.set_tid_size = 1};
	SHOW(clone3_with(&a, sizeof(a)));
	a = (struct clone_args){.set_tid = (uintptr_t)&id};
	SHOW(clone3_with(&a, sizeof(a)));
	a = (struct clone_args){.set_tid = (uintptr_t)&id, .set_tid_size = 33};
	SHOW(clone3_with(&a, sizeof(a)));
	a = (struct clone_args){.set_tid = (uintptr_t)bad, .set_tid_size = 1};
	SHOW(clone3_with(&a, sizeof(a)));
	a = (struct clone_args){.set_tid = (uintptr_t)&id, .set_tid_size = 1};
	SHOW(clone3_with(&a, sizeof(a)));
	id = 1;
	SHOW(clone3_with(&a, sizeof(a)));
	big.more[63] = 1;
	SHOW(clone3_with(&big.a, sizeof(big)));
	big.more[63] = 0;
	r = clone3_with(&big.a, sizeof(big));
	printf("clone3: %s\n", r > 0 ? "a child" : "no child");
	waitpid((pid_t)r, &status, 0);
	show_status("clone3", status);
}

/* --- processes that share handlers, or the parent --- */

static char child_stack[65536] __attribute__((aligned(64)));

static int set_handler(void *arg)
{
	signal(SIGUSR2, SIG_IGN);
	return *(int *)arg;
}

static void share_handlers(void)
{
	int code = 8, status;
	struct sigaction a;
	pid_t pid;

	pid = clone(set_handler, child_stack + sizeof(child_stack),
		    CLONE_VM | CLONE_SIGHAND | SIGCHLD, &code);
	waitpid(pid, &status, 0);
	show_status("shared handlers", status);
	sigaction(SIGUSR2, NULL, &a);
	printf("SIGUSR2 %s\n", a.sa_handler == SIG_IGN ? "ignored" : "default");
	signal(SIGUSR2, SIG_DFL);
}

static int sibling_main(void *arg)
{
	(void)arg;
	return 31;
}

static void sibling(void)
{
	int status;
	pid_t mid = fork();

	if (mid == 0) {
		clone(sibling_main, child_stack + sizeof(child_stack), CLONE_PARENT | SIGCHLD,
		      NULL);
		SHOW(waitpid(-1, NULL, 0));
		_exit(30);
	}
	for (int i = 0; i < 2; i++) {
		pid_t pid = wait(&status);

		/* Either may end first. */
		if (pid == mid)
			printf("middle %d\n", WEXITSTATUS(status) == 30);
		else
			status = WEXITSTATUS(status) == 31 ? 0 : 1;
	}
	SHOW(wait(NULL));
}

static int nothing(void *arg)
{
	(void)arg;
	return 2;
}

/* A child that does not tell by SIGCHLD is waited for only with __WCLONE or __WALL. */
static void clone_children(void)
{
	int status;
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	clone(nothing, child_stack + sizeof(child_stack), SIGUSR1, NULL);
	SHOW(waitpid(-1, &status, 0));
	SHOW_OK(waitpid(-1, &status, __WCLONE));
	show_status("cloned", status);
	pid = fork();
	if (pid == 0)
		_exit(1);
	SHOW(waitpid(-1, &status, __WCLONE));
	SHOW_OK(waitpid(-1, &status, __WALL));
	signal(SIGUSR1, SIG_DFL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "after-exec"))
		return after_exec(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	signal(SIGUSR1, SIG_DFL);
	many();
	shared_things();
	show_status("exit", in_child(exit_with_others));
	show_status("exit by another", in_child(exit_by_other));
	signal(SIGUSR1, SIG_IGN);
	show_status("first thread first", in_child(first_thread_first));
	signal(SIGUSR1, SIG_DFL);
	show_status("crash", in_child(crash_in_thread));
	killed_by_parent(SIGKILL);
	killed_by_parent(SIGTERM);
	{
		pthread_t t;

		pthread_create(&t, NULL, fork_in_thread, NULL);
		pthread_join(t, NULL);
		pthread_create(&t, NULL, exec_nothing, NULL);
		pthread_join(t, NULL);
	}
	show_status("exec by another", in_child(exec_by_other));
	show_status("exec after the first", in_child(exec_after_first_ended));
	show_status("tasks", in_child(tasks));
	stopped();
	flags();
	clone3_arguments();
	share_handlers();
	sibling();
	clone_children();
	return 0;
}
