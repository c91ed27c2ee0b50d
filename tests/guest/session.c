/* SPDX-License-Identifier: BSD-2-Clause */
/* Process groups and sessions. The harness starts the program in a session without terminal. */
#include "guest.h"

static void in_new_session(void)
{
	SHOW(setsid() == getpid());
	SHOW(setsid());
	SHOW(getsid(0) == getpid());
	SHOW(getpgrp() == getpid());
	SHOW(setpgid(0, 0));
	SHOW_OK(open("/dev/tty", O_RDWR));

	pid_t child = fork();
	if (child == 0) {
		for (;;)
			pause();
	}
	SHOW(getpgid(child) == getpid());
	SHOW(setpgid(child, child));
	SHOW(getpgid(child) == child);
	SHOW(getsid(child) == getpid());
	SHOW(setpgid(child, getpid()));
	SHOW(setpgid(child, 1 << 22));
	SHOW(setpgid(child, -1));
	SHOW(setpgid(1 << 22, 0));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* A signal to a group reaches all in it, and nobody else. */
static void group_signals(void)
{
	pid_t group = 0, pids[3], other;
	int status;

	signal(SIGTERM, SIG_DFL);
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			for (;;)
				pause();
		}
		if (!group)
			group = pids[i];
		if (setpgid(pids[i], group) < 0)
			printf("setpgid: %s\n", strerrorname_np(errno));
	}
	other = fork();
	if (other == 0) {
		for (;;)
			pause();
	}
	SHOW(kill(-group, 0));
	SHOW(kill(-group, SIGTERM));
	for (int i = 0; i < 3; i++) {
		status = -1;
		printf("%d: ", waitpid(-group, &status, 0) > 0);
		show_status("member", status);
	}
	SHOW(waitpid(-group, &status, 0));
	SHOW(kill(-group, SIGTERM));
	SHOW(waitpid(other, &status, WNOHANG));
	kill(other, SIGKILL);
	SHOW(waitpid(0, &status, 0) == other);
	show_status("other", status);
}

/* In a group of its own; a group without a parent in its session ignores SIGTSTP. */
static void stops(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		raise(SIGTSTP);
		raise(SIGSTOP);
		_exit(9);
	}
	for (int i = 0; i < 2; i++) {
		SHOW(waitpid(pid, &status, WUNTRACED) == pid);
		show_status("stopped", status);
		SHOW(waitpid(pid, &status, WUNTRACED | WNOHANG));
		SHOW(kill(pid, SIGCONT));
	}
	SHOW(waitpid(pid, &status, 0) == pid);
	show_status("ended", status);
	/* A stopped process can be killed. */
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		_exit(9);
	}
	waitpid(pid, &status, WUNTRACED);
	SHOW(kill(pid, SIGKILL));
	SHOW(waitpid(pid, &status, 0) == pid);
	show_status("killed", status);
}

static void raises_tstp(void)
{
	raise(SIGTSTP);
	printf("not stopped\n");
}

int main(void)
{
	show_status("orphaned group", in_child(raises_tstp));
	show_status("session", in_child(in_new_session));
	group_signals();
	stops();
	SHOW(getsid(1 << 22));
	SHOW(getpgid(-1));
	return 0;
}
