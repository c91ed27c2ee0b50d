/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_create: notification, intervals and overruns, clocks, threads, limits, setting the clock.
 */
#include "guest.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>

#define MS 1000000L

static struct itimerspec spec(long value_ns, long interval_ns)
{
	return (struct itimerspec){{interval_ns / 1000000000, interval_ns % 1000000000},
				   {value_ns / 1000000000, value_ns % 1000000000}};
}

static sigset_t set_of(int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	return s;
}

static void arguments(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99};
	struct itimerspec it = spec(0, 0), wrong = spec(0, 0);
	int id;

	SHOW(syscall(SYS_timer_create, 77, NULL, &id));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &id));
	SHOW(syscall(SYS_timer_create, CLOCK_REALTIME_COARSE, NULL, &id));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	e.sigev_signo = 0;
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	e.sigev_signo = SIGUSR1;
	e.sigev_notify = 3;
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	e.sigev_notify = SIGEV_THREAD_ID;
	e._sigev_un._tid = 1;
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	e._sigev_un._tid = -1;
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, bad, &id));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, bad));
	SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
	SHOW(syscall(SYS_timer_settime, id, 0, NULL, NULL));
	SHOW(syscall(SYS_timer_settime, id, 0, bad, NULL));
	wrong.it_value.tv_nsec = 1000000000;
	SHOW(syscall(SYS_timer_settime, id, 0, &wrong, NULL));
	SHOW(syscall(SYS_timer_settime, id + 1000, 0, &it, NULL));
	SHOW(syscall(SYS_timer_settime, id, 0, &it, bad));
	SHOW(syscall(SYS_timer_gettime, id + 1000, bad));
	SHOW(syscall(SYS_timer_gettime, id, bad));
	SHOW(syscall(SYS_timer_gettime, id, &it));
	SHOW(syscall(SYS_timer_getoverrun, id));
	SHOW(syscall(SYS_timer_getoverrun, -1));
	SHOW(syscall(SYS_timer_delete, id));
	SHOW(syscall(SYS_timer_delete, id));
}

/* A signal that is waited for, once and at intervals. */
static void waited_for(clockid_t clock, const char *name)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL,
			     .sigev_signo = SIGRTMIN,
			     .sigev_value.sival_int = 4711};
	struct itimerspec it = spec(10 * MS, 0), now;
	sigset_t set = set_of(SIGRTMIN);
	siginfo_t info;
	timer_t id;

	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(clock, &e, &id);
	timer_settime(id, 0, &it, NULL);
	while (sigwaitinfo(&set, &info) < 0)
		continue;
	printf("%s: code %s, value %d, overrun %d\n", name,
	       info.si_code == SI_TIMER ? "timer" : "other", info.si_value.sival_int,
	       info.si_overrun);
	timer_gettime(id, &now);
	printf("disarmed: %d\n", !now.it_value.tv_sec && !now.it_value.tv_nsec);
	it = spec(1 * MS, 5 * MS);
	timer_settime(id, 0, &it, NULL);
	for (int i = 0; i < 5; i++)
		sigwaitinfo(&set, &info);
	timer_gettime(id, &now);
	printf("interval %ld, value in it %d\n", now.it_interval.tv_nsec / MS,
	       now.it_value.tv_nsec <= 5 * MS);
	SHOW(timer_delete(id));
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * MS};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

static void overruns(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec it = spec(1 * MS, 1 * MS), off = spec(0, 0), old;
	sigset_t set = set_of(SIGRTMIN + 1), pending;
	struct timespec none = {0, 0};
	siginfo_t info;
	timer_t id;

	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(CLOCK_MONOTONIC, &e, &id);
	timer_settime(id, 0, &it, NULL);
	sleep_ms(50);
	sigwaitinfo(&set, &info);
	printf("missed many: %d, the same: %d\n", info.si_overrun >= 40,
	       timer_getoverrun(id) == info.si_overrun);
	sleep_ms(10);
	/* Switched off, its signal is taken back. */
	timer_settime(id, 0, &off, &old);
	printf("old interval %ld\n", old.it_interval.tv_nsec / MS);
	SHOW(sigtimedwait(&set, &info, &none));
	timer_settime(id, 0, &it, NULL);
	sleep_ms(10);
	timer_delete(id);
	sigpending(&pending);
	SHOW(sigtimedwait(&set, &info, &none));
}

static void silent(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	struct itimerspec it = spec(1000 * 1000 * MS, 0), now;
	timer_t id;

	SHOW(timer_create(CLOCK_MONOTONIC, &e, &id));
	timer_settime(id, 0, &it, NULL);
	timer_gettime(id, &now);
	printf("counts down: %d\n", now.it_value.tv_sec > 900 && now.it_value.tv_sec <= 1000);
	it = spec(1 * MS, 0);
	timer_settime(id, 0, &it, NULL);
	sleep_ms(25);
	timer_gettime(id, &now);
	printf("over: %ld\n", now.it_value.tv_nsec);
	it = spec(1 * MS, 10 * MS);
	timer_settime(id, 0, &it, NULL);
	sleep_ms(25);
	timer_gettime(id, &now);
	printf("goes on: %d\n", now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 10 * MS);
	timer_delete(id);
}

/* --- threads --- */

static pthread_barrier_t barrier;
static int thread_tid;

static void *wait_in_thread(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	siginfo_t info;

	thread_tid = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	sigwaitinfo(&set, &info);
	printf("in its thread: %d\n", info.si_value.sival_int);
	return arg;
}

static void to_a_thread(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID,
			     .sigev_signo = SIGUSR1,
			     .sigev_value.sival_int = 12};
	struct itimerspec it = spec(10 * MS, 0);
	sigset_t set = set_of(SIGUSR1);
	pthread_t t;
	timer_t id;

	sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, wait_in_thread, NULL);
	pthread_barrier_wait(&barrier);
	e._sigev_un._tid = thread_tid;
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &id));
	timer_settime(id, 0, &it, NULL);
	pthread_join(t, NULL);
	/* It has ended: the signal goes nowhere. */
	SHOW(timer_settime(id, 0, &it, NULL));
	sleep_ms(20);
	SHOW(timer_delete(id));
}

static void in_library_thread(union sigval v)
{
	printf("by a thread: %d\n", v.sival_int);
	pthread_barrier_wait(&barrier);
}

static void by_library(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_THREAD,
			     .sigev_value.sival_int = 5,
			     .sigev_notify_function = in_library_thread};
	struct itimerspec it = spec(5 * MS, 0);
	timer_t id;

	SHOW(timer_create(CLOCK_REALTIME, &e, &id));
	timer_settime(id, 0, &it, NULL);
	pthread_barrier_wait(&barrier);
	timer_delete(id);
}

/* --- processor time --- */

static volatile sig_atomic_t came;

static void on_signal(int sig)
{
	(void)sig;
	came++;
}

static void processor_time(clockid_t clock)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec it = spec(20 * MS, 10 * MS);
	struct timespec before, after;
	timer_t id;

	came = 0;
	signal(SIGUSR2, on_signal);
	timer_create(clock, &e, &id);
	clock_gettime(clock, &before);
	timer_settime(id, 0, &it, NULL);
	while (came < 3)
		;
	clock_gettime(clock, &after);
	printf("used enough: %d\n",
	       (after.tv_sec - before.tv_sec) * 1000 * MS + after.tv_nsec - before.tv_nsec >=
		       40 * MS);
	timer_delete(id);
	signal(SIGUSR2, SIG_DFL);
}

/* --- limits, exec, the wall clock --- */

static void limit(void)
{
	struct rlimit l = {10, 10};
	timer_t id[20];
	int made = 0, queued = 0;
	sigset_t set = set_of(SIGRTMIN + 2);

	sigprocmask(SIG_BLOCK, &set, NULL);
	setgid(54321);
	setuid(54321); /* nobody else's signals count */
	setrlimit(RLIMIT_SIGPENDING, &l);
	while (made < 20 && !timer_create(CLOCK_MONOTONIC, NULL, &id[made]))
		made++;
	printf("timers: %d %s\n", made, strerrorname_np(errno));
	while (made > 5)
		timer_delete(id[--made]);
	while (queued < 20 && !sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 1}))
		queued++;
	printf("signals: %d %s\n", queued, strerrorname_np(errno));
	SHOW(kill(getpid(), SIGRTMIN + 2));
}

static void not_inherited(void)
{
	struct itimerspec it = spec(500 * MS, 0);
	timer_t id;
	int status;
	pid_t pid;

	timer_create(CLOCK_MONOTONIC, NULL, &id); /* SIGALRM, which kills */
	timer_settime(id, 0, &it, NULL);
	pid = fork();
	if (pid == 0) {
		SHOW(timer_delete(id));
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	timer_delete(id);
	waitpid(pid, &status, 0);
	show_status("child without timer", status);
	timer_create(CLOCK_MONOTONIC, NULL, &id);
	timer_settime(id, 0, &it, NULL);
	execl("/bin/sleep", "sleep", "1", (char *)NULL);
}

static void *set_clock(void *arg)
{
	struct timespec now;

	sleep_ms(30);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += 100;
	if (clock_settime(CLOCK_REALTIME, &now))
		printf("cannot set the clock\n");
	return arg;
}

/* The clock is set forward over what is waited for. Only where there is a machine of our own. */
static void wall_clock(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3};
	sigset_t set = set_of(SIGRTMIN + 3);
	struct timespec at;
	struct itimerspec it = spec(0, 0);
	siginfo_t info;
	pthread_t t;
	timer_t id;

	sigprocmask(SIG_BLOCK, &set, NULL);
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 90;
	it.it_value = at;
	timer_create(CLOCK_REALTIME, &e, &id);
	timer_settime(id, TIMER_ABSTIME, &it, NULL);
	pthread_create(&t, NULL, set_clock, NULL);
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
	sigwaitinfo(&set, &info);
	pthread_join(t, NULL);
	at.tv_sec -= 90;
	clock_settime(CLOCK_REALTIME, &at);
}

/* An interval without end: one signal, not one after the other. */
static void farthest(void)
{
	struct itimerspec it = {.it_interval = {INT64_MAX, 999999999}, .it_value = {0, 1}};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct timespec moment = {.tv_nsec = 20 * MS};
	sigset_t set = set_of(SIGUSR1);
	timer_t t;
	int n = 0;

	sigprocmask(SIG_BLOCK, &set, NULL);
	SHOW(timer_create(CLOCK_MONOTONIC, &e, &t));
	SHOW(timer_settime(t, 0, &it, NULL));
	sigwaitinfo(&set, NULL);
	while (n < 5 && sigtimedwait(&set, NULL, &moment) > 0)
		n++;
	printf("signals behind the first: %d\n", n);
	SHOW(timer_gettime(t, &it));
	printf("interval %lld.%09ld\n", (long long)it.it_interval.tv_sec, it.it_interval.tv_nsec);
	it.it_value = it.it_interval;
	SHOW(timer_settime(t, TIMER_ABSTIME, &it, NULL));
	printf("early: %d\n", sigtimedwait(&set, NULL, &moment) > 0);
	SHOW(timer_delete(t));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments();
	waited_for(CLOCK_REALTIME, "realtime");
	waited_for(CLOCK_MONOTONIC, "monotonic");
	waited_for(CLOCK_BOOTTIME, "boottime");
	overruns();
	farthest();
	silent();
	to_a_thread();
	by_library();
	processor_time(CLOCK_PROCESS_CPUTIME_ID);
	processor_time(CLOCK_THREAD_CPUTIME_ID);
	show_status("limit", in_child(limit));
	show_status("exec", in_child(not_inherited));
	uname(&name);
	if (strstr(name.release, "banos"))
		wall_clock();
	printf("done\n");
	return 0;
}
