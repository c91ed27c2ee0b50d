/* SPDX-License-Identifier: BSD-2-Clause */
/* prctl: the parent's death, orphans, no new rights; unshare. */
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int pipe_fds[2];

static void arguments(void)
{
	int v = -1;

	SHOW(prctl(PR_SET_PDEATHSIG, 65));
	SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	SHOW(prctl(PR_GET_PDEATHSIG, &v));
	printf("signal %d\n", v == SIGUSR1);
	SHOW(prctl(PR_GET_PDEATHSIG, bad));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SHOW(prctl(PR_GET_CHILD_SUBREAPER, &v));
	printf("reaper %d\n", v);
	SHOW(prctl(12345));
	if (fork() == 0) {
		prctl(PR_GET_PDEATHSIG, &v);
		printf("child: signal %d, privs %d\n", v, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		_exit(0);
	}
	wait(NULL);
}

/* The grandchild is told when its parent ends. */
static void death_of_parent(void)
{
	char c = 0;

	pipe(pipe_fds);
	if (fork() == 0) {
		if (fork() == 0) {
			sigset_t set;
			int sig;

			sigemptyset(&set);
			sigaddset(&set, SIGUSR2);
			sigprocmask(SIG_BLOCK, &set, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			write(pipe_fds[1], "r", 1);
			sigwait(&set, &sig);
			write(pipe_fds[1], sig == SIGUSR2 ? "t" : "x", 1);
			_exit(0);
		}
		read(pipe_fds[0], &c, 1);
		_exit(0);
	}
	wait(NULL);
	read(pipe_fds[0], &c, 1);
	printf("told: %c\n", c);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* Orphans come to the nearest one that wants them, also those made before it said so. */
static void orphans(void)
{
	int status, ends[2];
	char c;

	pipe(ends);
	pipe(pipe_fds);
	if (fork() == 0) {
		close(ends[1]);
		if (fork() == 0) {
			read(ends[0], &c, 1);
			_exit(44);
		}
		write(pipe_fds[1], "m", 1);
		read(ends[0], &c, 1);
		_exit(43);
	}
	read(pipe_fds[0], &c, 1);
	SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
	write(ends[1], "1", 1); /* one of the two ends, then the other */
	usleep(20000);
	close(ends[1]);
	for (int i = 0, sum = 0; i < 2; i++) {
		if (wait(&status) < 0)
			printf("no child\n");
		sum += WEXITSTATUS(status);
		if (i == 1)
			printf("both came: %d\n", sum == 87);
	}
	SHOW(wait(NULL));
	close(ends[0]);
}

static void *unshare_files(void *arg)
{
	SHOW(unshare(CLONE_FILES | CLONE_FS));
	close(*(int *)arg);
	chdir("/");
	return NULL;
}

static void sharing(void)
{
	int fd = open("/dev/null", O_RDONLY);
	char before[200], after[200];
	pthread_t t;

	/* While there is one thread: one that is joined may still be on its way out. */
	SHOW(unshare(1));
	SHOW(unshare(CLONE_THREAD));
	SHOW(unshare(0));
	getcwd(before, sizeof(before));
	pthread_create(&t, NULL, unshare_files, &fd);
	pthread_join(t, NULL);
	getcwd(after, sizeof(after));
	printf("still open %d, same place %d\n", fcntl(fd, F_GETFD) >= 0, !strcmp(before, after));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	in_child(arguments);
	in_child(death_of_parent);
	in_child(orphans);
	in_child(sharing);
	return 0;
}
