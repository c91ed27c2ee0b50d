/* SPDX-License-Identifier: BSD-2-Clause */
/* RLIMIT_NPROC: what counts for a user, when it stops counting, and who is not bound by it. */
#include "guest.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static uid_t nobody_else; /* who has no processes, not even another run's of this test */

static void limit(rlim_t n)
{
	struct rlimit l = {n, 1000};

	SHOW(setrlimit(RLIMIT_NPROC, &l));
}

static pid_t sleeper(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void *nothing(void *arg)
{
	return arg;
}

/* Wait until the child has ended, and leave it a zombie. */
static void end(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void ordinary(void)
{
	pthread_t thread;
	pid_t a, b;

	limit(3);
	SHOW(setuid(nobody_else));
	a = sleeper();
	b = sleeper();
	printf("enough: ");
	SHOW(sleeper());
	printf("thread: %d\n", pthread_create(&thread, NULL, nothing, NULL));
	end(a);
	printf("a zombie counts: ");
	SHOW(sleeper());
	SHOW_OK(waitpid(a, NULL, 0));
	SHOW(pthread_create(&thread, NULL, nothing, NULL));
	pthread_join(thread, NULL);
	end(b);
	while (wait(NULL) > 0)
		continue;
}

static char *const true_args[] = {(char *)"/proc/self/exe", (char *)"just exit", NULL};

/* Who becomes a user that has too many processes may not run another program. */
static void becomes(void)
{
	limit(2);
	SHOW(setuid(nobody_else));
	SHOW(execv(true_args[0], true_args));
	SHOW(fork());
	limit(4);
	SHOW(execv(true_args[0], true_args));
}

/* After a fork it may: the child came by the limit honestly. */
static void becomes_below(void)
{
	limit(2);
	SHOW(setuid(nobody_else));
	limit(4);
	if (fork() == 0) {
		limit(1);
		SHOW(execv(true_args[0], true_args));
	}
	wait(NULL);
}

static pid_t user_with_sleepers(int n)
{
	int ready[2];
	char byte;
	pid_t pid;

	pipe(ready);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		setuid(nobody_else);
		while (--n > 0)
			sleeper();
		write(ready[1], "r", 1);
		pause();
	}
	read(ready[0], &byte, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void superuser(void)
{
	limit(1);
	SHOW(in_child(ordinary) == 0);
	limit(0);
	SHOW(wait(NULL));
	if (fork() == 0)
		_exit(0);
	SHOW_OK(wait(NULL));
}

/* The real user counts. */
static void effective(void)
{
	limit(2);
	SHOW(seteuid(nobody_else));
	if (fork() == 0)
		_exit(0);
	SHOW_OK(wait(NULL));
	SHOW(seteuid(0));
	SHOW(setreuid(nobody_else, 0));
	if (fork() == 0)
		_exit(0);
	SHOW_OK(wait(NULL));
}

int main(int argc, char **argv)
{
	pid_t pid;

	(void)argv;
	nobody_else = 100000 + (uid_t)getpid();
	if (argc > 1) {
		printf("another program runs\n");
		return 0;
	}
	show_status("ordinary", in_child(ordinary));
	show_status("superuser", in_child(superuser));
	pid = user_with_sleepers(3);
	show_status("becomes", in_child(becomes));
	show_status("becomes below", in_child(becomes_below));
	show_status("effective", in_child(effective));
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
