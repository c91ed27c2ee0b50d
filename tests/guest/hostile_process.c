/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals, groups, limits and arguments as a program uses them that wants to do harm. */
#include "guest.h"
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t count;
static char small_stack[16384];

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

static void counting(int signal)
{
	(void)signal;
	count++;
}

/* A blocked signal whose default is to be ignored can be waited for while it comes. */
static void wait_for_child_signal(void)
{
	struct timespec limit = {.tv_sec = 5};
	siginfo_t info;
	sigset_t set;
	pid_t pid;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		sleep_ms(100);
		_exit(3);
	}
	r = sigtimedwait(&set, &info, &limit);
	printf("sigtimedwait: %s\n", r == SIGCHLD && info.si_status == 3 ? "CHLD" : "failed");
	waitpid(pid, NULL, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Shorter than it takes to deliver one signal: the rest of the system must go on. */
static void shortest_timer(void)
{
	struct itimerval fast = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};

	signal(SIGALRM, counting);
	setitimer(ITIMER_REAL, &fast, NULL);
	while (count < 20)
		sched_yield();
	setitimer(ITIMER_REAL, &off, NULL);
	printf("short timer: done\n");
}

/* Init must get SIGCHLD of children it inherits, not what their parent chose. */
static void inherited_children(void)
{
	static const int signals[] = {0, SIGTERM, SIGUSR1, SIGUSR2, SIGKILL, 64};
	int ends[2];
	char c;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (pipe(ends) < 0)
			return;
		if (fork() == 0) {
			if (syscall(SYS_clone, (long)signals[i], 0L, 0L, 0L, 0L) == 0)
				sleep_ms(50);
			_exit(0);
		}
		wait(NULL);
		close(ends[1]);
		printf("inherited: %zd\n", read(ends[0], &c, 1));
		close(ends[0]);
	}
	sleep_ms(50);
}

/* What clone chose does not outlive exec. */
static void signal_of_exec(void)
{
	int status;
	pid_t pid;

	count = 0;
	signal(SIGUSR1, counting);
	pid = (pid_t)syscall(SYS_clone, (long)SIGUSR1, 0L, 0L, 0L, 0L);
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		continue;
	show_status("after exec", status);
	printf("SIGUSR1: %d\n", (int)count);
}

/* A job that its shell leaves behind stopped is told so. */
static void stopped_job_of_dead_shell(void)
{
	int ends[2], status;
	char c;

	if (pipe(ends) < 0)
		return;
	if (fork() == 0) {
		pid_t job;

		setsid();
		job = fork();
		if (job == 0) {
			setpgid(0, 0);
			raise(SIGSTOP);
			_exit(0);
		}
		waitpid(job, &status, WUNTRACED);
		_exit(0);
	}
	wait(NULL);
	close(ends[1]);
	printf("stopped job: %zd\n", read(ends[0], &c, 1));
	close(ends[0]);
}

/* But the end of one that was no tie of the group to its session changes nothing. */
static void end_of_a_sibling(void)
{
	pid_t leader = fork(), stopped;
	int status;

	if (leader == 0) {
		setsid();
		stopped = fork();
		if (stopped == 0) {
			raise(SIGSTOP);
			_exit(5);
		}
		waitpid(stopped, &status, WUNTRACED);
		if (fork() == 0)
			_exit(0);
		wait(NULL);
		sleep_ms(50);
		show_status("sibling before", waitpid(stopped, &status, WNOHANG) == 0 ? 0 : status);
		kill(stopped, SIGCONT);
		waitpid(stopped, &status, 0);
		show_status("sibling", status);
		fflush(stdout);
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

/* The last of stop and continue counts, however close they come. */
static void stop_and_continue(void)
{
	int ends[2], status;
	char buf[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return;
	pid = fork();
	if (pid == 0)
		for (;;)
			if (write(ends[1], "x", 1) != 1)
				_exit(0);
	alarm(60);
	for (int i = 0; i < 3000; i++) {
		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
		if (read(ends[0], buf, 2) <= 0)
			break;
	}
	alarm(0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	show_status("stopped and continued", status);
	close(ends[0]);
	close(ends[1]);
}

static void deeper(int signal)
{
	raise(signal);
}

static void full_stack(void)
{
	stack_t s = {.ss_sp = small_stack, .ss_size = sizeof(small_stack)};
	struct sigaction a = {.sa_handler = deeper, .sa_flags = SA_ONSTACK | SA_NODEFER};

	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
}

static void padding(void)
{
	unsigned char s[24];
	int dirty = 0;

	memset(s, 0xff, sizeof(s));
	syscall(SYS_getpid, -1L, -1L, -1L, -1L);
	SHOW(syscall(SYS_sigaltstack, NULL, s));
	for (int i = 12; i < 16; i++)
		dirty |= s[i];
	printf("padding: %d\n", dirty);
}

/* A set-id program's limits are not its user's to change. */
static void limits_of_others(void)
{
	struct rlimit none = {1, 1};
	int ends[2];
	pid_t pid;
	char c;

	if (pipe(ends) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 0, 0) == 0)
			close(ends[1]);
		pause();
		_exit(0);
	}
	close(ends[1]);
	printf("ready: %zd\n", read(ends[0], &c, 1));
	close(ends[0]);
	if (fork() == 0) {
		SHOW(setresgid(65534, 65534, 65534));
		SHOW(setresuid(65534, 65534, 65534));
		SHOW(syscall(SYS_prlimit64, (long)pid, (long)RLIMIT_FSIZE, &none, NULL));
		SHOW(syscall(SYS_prlimit64, (long)pid, (long)RLIMIT_FSIZE, NULL, &none));
		SHOW(syscall(SYS_prlimit64, 1L, (long)RLIMIT_FSIZE, NULL, &none));
		SHOW(kill(pid, 0));
		_exit(0);
	}
	wait(NULL);
	kill(pid, SIGKILL);
	wait(NULL);
}

/* The pointers of many short arguments take more room than the arguments. */
static void many_arguments(void)
{
	static char *argv[60001];
	struct rlimit stack = {1 << 20, 1 << 20};

	argv[0] = "true";
	for (int i = 1; i < 60000; i++)
		argv[i] = "";
	setrlimit(RLIMIT_STACK, &stack);
	SHOW(execve("/bin/true", argv, argv + 60000));
	argv[20000] = NULL;
	execve("/bin/true", argv, argv + 60000);
	printf("not reached\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	wait_for_child_signal();
	show_status("timer", in_child(shortest_timer));
	inherited_children();
	signal_of_exec();
	stopped_job_of_dead_shell();
	end_of_a_sibling();
	stop_and_continue();
	show_status("full stack", in_child(full_stack));
	padding();
	show_status("limits", in_child(limits_of_others));
	show_status("arguments", in_child(many_arguments));
	return 0;
}
