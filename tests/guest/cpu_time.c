/* SPDX-License-Identifier: BSD-2-Clause */
/* Processor time: how it divides, its clocks, what is to be waited for on them, its limit. */
#include "guest.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

static long us(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

static long ns_of(clockid_t clock)
{
	struct timespec t = {-1, 0};

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Until the process has used this much, in user mode or in calls. */
static void use(long user_us, long system_us)
{
	struct rusage u;
	static char buf[1 << 20];
	int fd = open("/dev/zero", O_RDONLY);

	do {
		for (volatile int i = 0; user_us && i < 100000; i++)
			;
		for (int i = 0; system_us && i < 2; i++)
			if (read(fd, buf, sizeof(buf)) < 0)
				break;
		getrusage(RUSAGE_SELF, &u);
	} while (us(u.ru_utime) < user_us || us(u.ru_stime) < system_us);
	close(fd);
}

static void in_user(void)
{
	struct rusage u;

	use(300000, 0);
	getrusage(RUSAGE_SELF, &u);
	printf("mostly user: %d\n", us(u.ru_utime) > 4 * us(u.ru_stime));
}

static void in_kernel(void)
{
	struct rusage u;

	use(0, 300000);
	getrusage(RUSAGE_SELF, &u);
	printf("mostly system: %d\n", us(u.ru_stime) > 2 * us(u.ru_utime));
}

static void *spin(void *arg)
{
	use(0, 0);
	for (volatile long i = 0; i < 30000000; i++)
		;
	return arg;
}

static void of_threads(void)
{
	struct rusage self, thread;
	long own, all;
	pthread_t t;
	clockid_t clock;

	pthread_create(&t, NULL, spin, NULL);
	pthread_getcpuclockid(t, &clock);
	printf("its clock: %d\n", ns_of(clock) >= 0);
	pthread_join(t, NULL);
	getrusage(RUSAGE_THREAD, &thread);
	getrusage(RUSAGE_SELF, &self);
	printf("of all, more than of one: %d\n",
	       us(self.ru_utime) > us(thread.ru_utime) + us(thread.ru_stime));
	own = ns_of(CLOCK_THREAD_CPUTIME_ID);
	all = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	printf("clocks: %d\n", own > 0 && all > own);
}

static void children(void)
{
	struct rusage u;
	struct tms t;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		use(100000, 0);
		_exit(0);
	}
	wait4(pid, &status, 0, &u);
	printf("child used: %d\n", us(u.ru_utime) >= 100000);
	getrusage(RUSAGE_CHILDREN, &u);
	printf("children used: %d\n", us(u.ru_utime) >= 100000);
	times(&t);
	printf("in ticks: %d\n", t.tms_cutime >= 9);
}

/* Time never goes back, whoever looks. */
static void monotone(void)
{
	long last[2] = {0, 0}, steps = 0;
	struct rusage u;
	pthread_t t;

	pthread_create(&t, NULL, spin, NULL);
	for (int i = 0; i < 3000; i++) {
		getrusage(RUSAGE_SELF, &u);
		steps += us(u.ru_utime) < last[0] || us(u.ru_stime) < last[1];
		last[0] = us(u.ru_utime);
		last[1] = us(u.ru_stime);
	}
	pthread_join(t, NULL);
	printf("steps back: %ld\n", steps);
}

/* --- clocks --- */

static void clocks(void)
{
	struct timespec t = {0, 1000}, wrong = {0, -1};
	clockid_t clock = 0;
	pid_t pid;

	SHOW(clock_getcpuclockid(0, &clock));
	printf("own: %d\n", ns_of(clock) > 0);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	SHOW(clock_getcpuclockid(pid, &clock));
	printf("child's: %d\n", ns_of(clock) >= 0);
	/* A thread's clock is its process's business. */
	SHOW(clock_gettime((~pid << 3) | 6, &t));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	SHOW(clock_gettime(clock, &t));
	SHOW(clock_gettime((~0u << 3) | 3, &t));
	SHOW(clock_gettime((~0u << 3) | 7, &t));
	SHOW(clock_gettime(77, &t));
	t = (struct timespec){0, 1000};
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, (~0u << 3) | 6, 0, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_COARSE, 0, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &wrong, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, bad, NULL));
	SHOW(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &t, NULL));
	SHOW(syscall(SYS_clock_nanosleep, 77, 0, &t, NULL));
}

static volatile int over;

static void *run_on(void *arg)
{
	while (!over)
		;
	return arg;
}

static void sleep_on_time(void)
{
	struct timespec t = {0, 50000000};
	long before = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	pthread_t other;

	pthread_create(&other, NULL, run_on, NULL);
	SHOW(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL));
	printf("slept: %d\n", ns_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 50000000);
	over = 1;
	pthread_join(other, NULL);
}

/* --- timers and limits --- */

static volatile sig_atomic_t came;

static void on_signal(int sig)
{
	(void)sig;
	came++;
}

static void interval_timers(void)
{
	static const int which[] = {ITIMER_VIRTUAL, ITIMER_PROF};
	static const int sigs[] = {SIGVTALRM, SIGPROF};

	for (int i = 0; i < 2; i++) {
		struct itimerval it = {{0, 10000}, {0, 20000}}, off = {{0, 0}, {0, 0}}, now;

		came = 0;
		signal(sigs[i], on_signal);
		SHOW(getitimer(which[i], &now));
		printf("off: %ld\n", us(now.it_value));
		SHOW(setitimer(which[i], &it, NULL));
		while (came < 3)
			;
		getitimer(which[i], &now);
		printf("interval %ld, value %d\n", us(now.it_interval), us(now.it_value) <= 20000);
		SHOW(setitimer(which[i], &off, &now));
		signal(sigs[i], SIG_DFL);
	}
	SHOW(setitimer(3, NULL, NULL));
	SHOW(getitimer(-1, NULL));
}

static void cpu_limit(void)
{
	struct rlimit l = {1, 3};

	came = 0;
	signal(SIGXCPU, on_signal);
	setrlimit(RLIMIT_CPU, &l);
	for (;;)
		if (came >= 2) {
			printf("SIGXCPU twice\n");
			fflush(stdout);
			came = -100;
		}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	in_child(in_user);
	in_child(in_kernel);
	in_child(of_threads);
	children();
	monotone();
	clocks();
	sleep_on_time();
	interval_timers();
	show_status("limit", in_child(cpu_limit));
	return 0;
}
