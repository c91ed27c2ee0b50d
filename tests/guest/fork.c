/* SPDX-License-Identifier: BSD-2-Clause */
/* fork, wait4, waitid, exit statuses, copy-on-write, orphans. */
#include "guest.h"
#include <sys/resource.h>

static int shared_value = 1;

static void exits_42(void)
{
	_exit(42);
}

static void exits_300(void)
{
	_exit(300);
}

static void aborts(void)
{
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
}

static void writes_null(void)
{
	*(volatile int *)0 = 1;
}

static void divides_by_zero(void)
{
	volatile int one = 1, zero = 0;

	_exit(one / zero);
}

static void changes_value(void)
{
	shared_value = 2;
	printf("the child sees %d\n", shared_value);
}

static void statuses(void)
{
	/* No core file, which would set a bit of the status and take time. */
	struct rlimit none = {0, 0};

	SHOW(setrlimit(RLIMIT_CORE, &none));
	show_status("exit 42", in_child(exits_42));
	show_status("exit 300", in_child(exits_300));
	show_status("abort", in_child(aborts));
	show_status("null", in_child(writes_null));
	show_status("divide", in_child(divides_by_zero));
}

static void copy_on_write(void)
{
	enum { SIZE = 1 << 20 };
	unsigned char *memory = malloc(SIZE);
	unsigned sum = 0;

	in_child(changes_value);
	printf("the parent sees %d\n", shared_value);
	memset(memory, 1, SIZE);
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (int j = 0; j < SIZE; j += 512)
				memory[j] = (unsigned char)(i + 2);
			for (int j = 0; j < SIZE; j += 512)
				if (memory[j] != i + 2)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0, status; i < 4; i++)
		if (wait(&status) < 0 || status)
			printf("a child saw the memory of another\n");
	for (int i = 0; i < SIZE; i++)
		sum += memory[i];
	printf("the sum is %u\n", sum);
	free(memory);
}

static void waits(void)
{
	int status, pipefd[2];
	siginfo_t info;
	pid_t pid;
	char c;

	SHOW(wait(&status));
	SHOW(waitpid(-1, &status, WNOHANG));
	SHOW(waitpid(1 << 22, &status, 0));
	SHOW(waitpid(getpid(), &status, 0));
	SHOW(pipe(pipefd));
	pid = fork();
	if (pid == 0) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) == 0 ? 7 : 8);
	}
	SHOW(waitpid(pid, &status, WNOHANG));
	close(pipefd[1]);
	memset(&info, 0, sizeof(info));
	SHOW(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	printf("signal %d code %d status %d pid %d\n", info.si_signo, info.si_code, info.si_status,
	       info.si_pid == pid);
	printf("%d\n", waitpid(pid, &status, 0) == pid);
	show_status("waited", status);
	SHOW(waitpid(pid, &status, 0));
}

static void many(void)
{
	enum { COUNT = 100 };
	int sum = 0;

	for (int i = 0; i < COUNT; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		if (pid < 0)
			printf("fork failed\n");
	}
	for (int i = 0, status; i < COUNT; i++)
		if (wait(&status) > 0 && WIFEXITED(status))
			sum += WEXITSTATUS(status);
	printf("%d children, sum %d\n", COUNT, sum);
}

/* The parent of an orphan is whoever adopts orphans, and no longer the one that died. */
static void orphan(void)
{
	int pipefd[2];
	char result = '?';

	if (pipe(pipefd) < 0)
		return;
	pid_t middle = fork();
	if (middle == 0) {
		pid_t me = getpid();

		if (fork() == 0) {
			while (getppid() == me)
				usleep(1000);
			_exit(write(pipefd[1], "a", 1) != 1);
		}
		_exit(0);
	}
	close(pipefd[1]);
	waitpid(middle, NULL, 0);
	SHOW(read(pipefd[0], &result, 1));
	printf("%c\n", result);
	SHOW(read(pipefd[0], &result, 1));
}

int main(void)
{
	statuses();
	copy_on_write();
	waits();
	many();
	orphan();
	return 3;
}
