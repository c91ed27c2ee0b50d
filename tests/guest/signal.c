/* SPDX-License-Identifier: BSD-2-Clause */
/* Handlers, masks, EINTR and SA_RESTART, SIGCHLD, alternate stacks, stop and continue. */
#include "guest.h"
#include <time.h>

static volatile sig_atomic_t count, last, code, on_alternate;
static char alternate[65536];

static void handler(int signal)
{
	count++;
	last = signal;
}

static void info_handler(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	count++;
	last = signal;
	code = info->si_code;
	on_alternate = &here >= alternate && &here < alternate + sizeof(alternate);
}

static void install(int signal, int flags)
{
	struct sigaction action = {.sa_flags = flags};

	if (flags & SA_SIGINFO)
		action.sa_sigaction = info_handler;
	else
		action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	if (sigaction(signal, &action, NULL) < 0)
		printf("sigaction: %s\n", strerrorname_np(errno));
	count = last = 0;
}

static void show_count(const char *what)
{
	printf("%s: %d, last %s\n", what, (int)count, last ? sigabbrev_np(last) : "none");
	fflush(stdout);
}

static void basics(void)
{
	install(SIGUSR1, 0);
	SHOW(kill(getpid(), SIGUSR1));
	SHOW(raise(SIGUSR1));
	show_count("handled");
	SHOW(kill(getpid(), 0));
	SHOW(kill(1 << 22, 0));
	SHOW(kill(getpid(), 65));
	SHOW(sigaction(SIGKILL, &(struct sigaction){.sa_handler = handler}, NULL));
	install(SIGUSR2, SA_SIGINFO);
	SHOW(kill(getpid(), SIGUSR2));
	printf("code %d\n", (int)code);
	install(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	struct sigaction old;
	SHOW(sigaction(SIGUSR1, NULL, &old));
	printf("back to the default: %d\n", old.sa_handler == SIG_DFL);
}

static void masks(void)
{
	sigset_t set, old, pending;

	install(SIGUSR1, 0);
	install(SIGUSR2, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	SHOW(sigprocmask(SIG_BLOCK, &set, &old));
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	raise(SIGUSR2);
	show_count("while one is blocked");
	SHOW(sigpending(&pending));
	printf("pending %d %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
	SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
	show_count("afterwards");
	SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
	raise(SIGUSR1);
	sigemptyset(&pending);
	SHOW(sigsuspend(&pending));
	show_count("after sigsuspend");
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
	show_count("ignored while pending");
}

/* After a while, for as long as the parent may need to get into its call. */
static pid_t send_later(int signal)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(50000);
		kill(getppid(), signal);
		_exit(0);
	}
	return pid;
}

static void interrupted(void)
{
	int ends[2];
	char c;
	pid_t pid;
	struct timespec long_time = {.tv_sec = 30}, left = {0};

	SHOW(pipe(ends));
	install(SIGUSR1, 0);
	pid = send_later(SIGUSR1);
	SHOW(read(ends[0], &c, 1));
	waitpid(pid, NULL, 0);
	pid = send_later(SIGUSR1);
	SHOW(nanosleep(&long_time, &left));
	printf("time is left: %d\n", left.tv_sec >= 20 && left.tv_sec < 30);
	waitpid(pid, NULL, 0);
	pid = send_later(SIGUSR1);
	SHOW(pause());
	waitpid(pid, NULL, 0);
	show_count("interrupted");

	install(SIGUSR1, SA_RESTART);
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		usleep(50000);
		_exit(write(ends[1], "x", 1) != 1);
	}
	SHOW(read(ends[0], &c, 1));
	waitpid(pid, NULL, 0);
	show_count("restarted");
}

static void children(void)
{
	int status = 0;
	pid_t pid;

	install(SIGCHLD, SA_SIGINFO | SA_RESTART);
	pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	show_status("child", status);
	printf("code %d\n", (int)code);
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	show_status("child", status);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	show_status("child", status);
	printf("code %d\n", (int)code);
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0)
		_exit(5);
	SHOW(waitpid(pid, &status, 0));
	signal(SIGCHLD, SIG_DFL);
}

static void alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	SHOW(sigaltstack(&stack, NULL));
	install(SIGUSR1, SA_SIGINFO | SA_ONSTACK);
	raise(SIGUSR1);
	printf("on the alternate stack: %d\n", (int)on_alternate);
	install(SIGUSR1, SA_SIGINFO);
	raise(SIGUSR1);
	printf("on the alternate stack: %d\n", (int)on_alternate);
	SHOW(sigaltstack(NULL, &old));
	printf("size %zu flags %d\n", old.ss_size, old.ss_flags);
	stack.ss_size = 100;
	SHOW(sigaltstack(&stack, NULL));
}

int main(void)
{
	basics();
	masks();
	interrupted();
	children();
	alternate_stack();
	return 0;
}
