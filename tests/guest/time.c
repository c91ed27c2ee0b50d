/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks that do not step back, sleeps that last long enough, timers of a process. */
#include "guest.h"
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define MS 1000000ll

static long long now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return -1;
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void clocks(void)
{
	static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	struct timespec t;
	struct timeval tv;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		printf("clock %d works: %d\n", ids[i], now(ids[i]) >= 0);
	SHOW(clock_gettime(9999, &t));
	/* Not by the C library, which would read the clock without a call. */
	SHOW(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad));
	SHOW(clock_getres(CLOCK_MONOTONIC, &t));
	printf("resolution %ld s\n", (long)t.tv_sec);
	SHOW(gettimeofday(&tv, NULL));
	printf("this century: %d\n", tv.tv_sec > 1600000000);
	long difference = (long)(time(NULL) - tv.tv_sec);
	printf("agree: %d\n", difference == 0 || difference == 1);
}

/* Also between processors: each reads, and hands the token on with what it has read. */
static void monotonic(void)
{
	enum { COUNT = 2000 };
	int to[2], from[2], backwards = 0;
	long long last = now(CLOCK_MONOTONIC), t;

	for (int i = 0; i < 100000; i++) {
		t = now(CLOCK_MONOTONIC);
		backwards += t < last;
		last = t;
	}
	printf("backwards %d times\n", backwards);
	SHOW(pipe(to));
	SHOW(pipe(from));
	if (fork() == 0) {
		close(to[1]);
		backwards = 0;
		while (read(to[0], &last, sizeof(last)) == sizeof(last)) {
			t = now(CLOCK_MONOTONIC);
			backwards += t < last;
			if (write(from[1], &t, sizeof(t)) != sizeof(t))
				_exit(99);
		}
		_exit(backwards ? 1 : 0);
	}
	close(to[0]);
	for (int i = 0; i < COUNT; i++) {
		t = now(CLOCK_MONOTONIC);
		if (write(to[1], &t, sizeof(t)) != sizeof(t) ||
		    read(from[0], &last, sizeof(last)) != sizeof(last))
			break;
		backwards += last < t || now(CLOCK_MONOTONIC) < last;
	}
	close(to[1]);
	int status = -1;
	wait(&status);
	show_status("token", status);
	printf("backwards %d times\n", backwards);
}

static void sleeps(void)
{
	static const long ms[] = {0, 1, 3, 10, 50, 120};
	struct timespec t;
	long long before;

	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		t = (struct timespec){.tv_nsec = ms[i] * MS};
		before = now(CLOCK_MONOTONIC);
		nanosleep(&t, NULL);
		long long took = now(CLOCK_MONOTONIC) - before;

		/* The upper bound is wide: the host may be busy. A unit mixed up still shows. */
		printf("%ld ms: long enough %d, not far too long %d\n", ms[i], took >= ms[i] * MS,
		       took < ms[i] * MS + 3000 * MS);
	}
	before = now(CLOCK_MONOTONIC);
	t = (struct timespec){.tv_sec = (before + 30 * MS) / 1000000000,
			      .tv_nsec = (before + 30 * MS) % 1000000000};
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	printf("until then: %d\n", now(CLOCK_MONOTONIC) >= before + 30 * MS);
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	t = (struct timespec){.tv_sec = 1};
	SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	t = (struct timespec){.tv_nsec = 1000000000};
	SHOW(nanosleep(&t, NULL));
	t = (struct timespec){.tv_sec = -1};
	SHOW(nanosleep(&t, NULL));
	SHOW(nanosleep(bad, NULL));
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void timers(void)
{
	struct itimerval timer = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 10000}, left;
	struct sigaction action = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &action, NULL);
	SHOW(setitimer(ITIMER_REAL, &timer, NULL));
	while (alarms < 5)
		pause();
	timer = (struct itimerval){0};
	SHOW(setitimer(ITIMER_REAL, &timer, &left));
	printf("interval %ld us\n", (long)left.it_interval.tv_usec);
	SHOW(getitimer(ITIMER_REAL, &left));
	printf("off: %d\n", !left.it_value.tv_sec && !left.it_value.tv_usec);
	SHOW(alarm(100));
	SHOW(alarm(0) > 90);
}

int main(void)
{
	clocks();
	monotonic();
	sleeps();
	timers();
	return 0;
}
