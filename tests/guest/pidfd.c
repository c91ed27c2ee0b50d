/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors of processes and of signals: pidfd, signalfd. */
#include "guest.h"
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int send(int fd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static int events(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}

/* --- pidfd --- */

static pid_t child(int code)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (code < 0)
			pause();
		_exit(code);
	}
	return pid;
}

static void *nothing(void *arg)
{
	*(int *)arg = (int)syscall(SYS_gettid);
	pause();
	return arg;
}

static void opening(void)
{
	pthread_t t;
	volatile int tid = 0;
	int fd, status;
	pid_t pid;

	SHOW(pidfd_open_(0, 0));
	SHOW(pidfd_open_(-1, 0));
	SHOW(pidfd_open_(0x3fffffff, 0));
	SHOW(pidfd_open_(getpid(), 1));
	pthread_create(&t, NULL, nothing, (void *)&tid);
	while (!tid)
		usleep(1000);
	SHOW(pidfd_open_(tid, 0));
	pthread_cancel(t);
	pthread_join(t, NULL);
	fd = pidfd_open_(getpid(), 0);
	printf("opened %d, close on exec %d, %d\n", fd >= 0, fcntl(fd, F_GETFD), events(fd, 0));
	SHOW(read(fd, &status, sizeof(status)));
	SHOW(write(fd, &status, sizeof(status)));
	SHOW(send(fd, 0, NULL, 0));
	SHOW(send(fd, 65, NULL, 0));
	SHOW(send(fd, 0, NULL, 8));
	SHOW(send(fd, 0, NULL, 3));
	SHOW(send(fd, 0, bad, 0));
	SHOW(send(0, 0, NULL, 0));
	SHOW(send(-1, 0, NULL, 0));
	close(fd);
	pid = child(-1);
	fd = pidfd_open_(pid, O_NONBLOCK);
	SHOW(events(fd, 0));
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, NULL, WEXITED));
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, NULL, WEXITED | WNOHANG));
	SHOW(waitid((idtype_t)P_PIDFD, 0, NULL, WEXITED));
	SHOW(waitid((idtype_t)P_PIDFD, 99, NULL, WEXITED));
	SHOW(send(fd, SIGTERM, NULL, 0));
	SHOW(events(fd, 20000));
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, NULL, WEXITED));
	SHOW(send(fd, 0, NULL, 0));
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, NULL, WEXITED));
	printf("still readable: %d\n", !!(events(fd, 0) & POLLIN));
	close(fd);
}

static void waiting(void)
{
	siginfo_t info;
	int fd;
	pid_t pid = child(7);

	fd = pidfd_open_(pid, 0);
	memset(&info, 0, sizeof(info));
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT));
	printf("code %d, status %d, pid %d\n", info.si_code, info.si_status, info.si_pid == pid);
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED));
	close(fd);
}

static void cloning(void)
{
	int fd = -1, status;
	struct clone_args a = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

	if (pid == 0)
		_exit(3);
	printf("clone3: fd %d, close on exec %d\n", fd >= 0, fcntl(fd, F_GETFD));
	SHOW(events(fd, 20000));
	waitpid(pid, &status, 0);
	show_status("its child", status);
	close(fd);
	fd = -1;
	pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0L, &fd, 0L, 0L);
	if (pid == 0)
		_exit(4);
	printf("clone: fd %d\n", fd >= 0);
	SHOW(waitid((idtype_t)P_PIDFD, (id_t)fd, NULL, WEXITED));
	close(fd);
	a.pidfd = (uintptr_t)bad;
	SHOW(syscall(SYS_clone3, &a, sizeof(a)));
}

static void others_files(void)
{
	int ends[2], fd, got;
	char c = 0;
	pid_t pid;

	pipe(ends);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 50);
		write(ends[1], "x", 1);
		pause();
	}
	read(ends[0], &c, 1);
	fd = pidfd_open_(pid, 0);
	got = (int)syscall(SYS_pidfd_getfd, fd, 50, 0);
	write(got, "y", 1);
	read(ends[0], &c, 1);
	printf("its pipe: %c, close on exec %d\n", c, fcntl(got, F_GETFD));
	SHOW(syscall(SYS_pidfd_getfd, fd, 51, 0));
	SHOW(syscall(SYS_pidfd_getfd, fd, 50, 1));
	SHOW(syscall(SYS_pidfd_getfd, 0, 50, 0));
	send(fd, SIGKILL, NULL, 0);
	waitpid(pid, NULL, 0);
	SHOW(syscall(SYS_pidfd_getfd, fd, 50, 0));
	close(fd);
	close(got);
	close(ends[0]);
	close(ends[1]);
}

/* --- signalfd --- */

static void taking(void)
{
	struct signalfd_siginfo s[3];
	sigset_t set;
	int fd;
	char small[100];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	SHOW(syscall(SYS_signalfd4, -1, &set, 7, 0));
	SHOW(syscall(SYS_signalfd4, -1, bad, 8, 0));
	SHOW(syscall(SYS_signalfd4, -1, &set, 8, 1));
	SHOW(syscall(SYS_signalfd4, 0, &set, 8, 0));
	SHOW(syscall(SYS_signalfd4, 99, &set, 8, 0));
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("close on exec %d\n", fcntl(fd, F_GETFD));
	SHOW(read(fd, s, sizeof(s)));
	SHOW(read(fd, small, sizeof(small)));
	SHOW(write(fd, s, sizeof(s)));
	SHOW(events(fd, 0));
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 6});
	SHOW(events(fd, 0));
	SHOW(read(fd, s, sizeof(s)) / (long)sizeof(s[0]));
	printf("%d code %d own %d; %d value %d; value %d\n", s[0].ssi_signo == SIGUSR1,
	       s[0].ssi_code, s[0].ssi_pid == (uint32_t)getpid(),
	       s[1].ssi_signo == (uint32_t)SIGRTMIN, s[1].ssi_int, s[2].ssi_int);
	SHOW(events(fd, 0));
	/* With another mask the same descriptor sees others. */
	kill(getpid(), SIGUSR1);
	sigdelset(&set, SIGUSR1);
	SHOW(signalfd(fd, &set, 0) == fd);
	SHOW(read(fd, s, sizeof(s)));
	sigaddset(&set, SIGUSR1);
	signalfd(fd, &set, 0);
	SHOW(read(fd, s, sizeof(s)) == (long)sizeof(s[0]));
	kill(getpid(), SIGUSR1);
	SHOW(read(fd, bad, sizeof(s)));
	close(fd);
}

static void *send_later(void *arg)
{
	usleep(30000);
	kill(getpid(), *(int *)arg);
	return NULL;
}

static void waited_for(void)
{
	struct signalfd_siginfo s;
	struct epoll_event e = {.events = EPOLLIN};
	int fd, ep, sig = SIGUSR2, status;
	sigset_t set;
	pthread_t t;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	pthread_create(&t, NULL, send_later, &sig);
	SHOW(read(fd, &s, sizeof(s)) == (long)sizeof(s));
	pthread_join(t, NULL);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	SHOW(epoll_wait(ep, &e, 1, 0));
	pid = child(9);
	SHOW(epoll_wait(ep, &e, 1, 20000));
	SHOW(read(fd, &s, sizeof(s)) == (long)sizeof(s));
	printf("child: %d, status %d, pid %d\n", s.ssi_signo == SIGCHLD, s.ssi_status,
	       s.ssi_pid == (uint32_t)pid);
	waitpid(pid, &status, 0);
	/* In a child the descriptor shows the child's signals; its end leaves ours alone. */
	pid = fork();
	if (pid == 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		kill(getpid(), SIGUSR2);
		SHOW(poll(&p, 1, 20000));
		epoll_wait(ep, &e, 1, 0);
		SHOW(read(fd, &s, sizeof(s)) == (long)sizeof(s));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	read(fd, &s, sizeof(s)); /* SIGCHLD */
	SHOW(events(fd, 0));
	kill(getpid(), SIGUSR2);
	SHOW(events(fd, 20000));
	close(fd);
	close(ep);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	opening();
	waiting();
	cloning();
	others_files();
	taking();
	waited_for();
	return 0;
}
