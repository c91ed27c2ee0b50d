/* SPDX-License-Identifier: BSD-2-Clause */
/* timerfd: one shot and periodic, clocks, settings read back, poll and epoll, wrong calls. */
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>

#define MS 1000000L

static struct itimerspec spec(long value_ms, long interval_ms)
{
	return (struct itimerspec){
		.it_value = {value_ms / 1000, value_ms % 1000 * MS},
		.it_interval = {interval_ms / 1000, interval_ms % 1000 * MS},
	};
}

static int set(int fd, long value_ms, long interval_ms)
{
	struct itimerspec s = spec(value_ms, interval_ms);

	return timerfd_settime(fd, 0, &s, NULL);
}

/* At least `least` expiries are read, or the error is shown. */
static void show_take(int fd, uint64_t least)
{
	uint64_t n = 0;
	ssize_t r = read(fd, &n, sizeof(n));

	if (r < 0)
		printf("take: %s\n", strerrorname_np(errno));
	else
		printf("take: %zd bytes, at least %llu: %d\n", r, (unsigned long long)least,
		       n >= least);
	fflush(stdout);
}

static void show_get(int fd, long at_most_ms)
{
	struct itimerspec s;
	long ms;

	if (timerfd_gettime(fd, &s)) {
		printf("get: %s\n", strerrorname_np(errno));
		return;
	}
	ms = s.it_value.tv_sec * 1000 + s.it_value.tv_nsec / MS;
	printf("get: armed %d, at most %ld ms: %d, interval %ld ns\n",
	       s.it_value.tv_sec || s.it_value.tv_nsec, at_most_ms, ms <= at_most_ms,
	       (long)s.it_interval.tv_sec * 1000000000 + s.it_interval.tv_nsec);
}

static void plain(int clock)
{
	int fd = timerfd_create(clock, TFD_NONBLOCK);
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	struct itimerspec s, old;

	show_take(fd, 0);
	show_get(fd, 0);
	SHOW(poll(&p, 1, 0));
	SHOW(set(fd, 100000, 7000));
	show_get(fd, 100000);
	s = spec(10, 0);
	SHOW(timerfd_settime(fd, 0, &s, &old));
	printf("old interval %ld, value %d\n", (long)old.it_interval.tv_sec,
	       old.it_value.tv_sec > 90 && old.it_value.tv_sec <= 100);
	SHOW(poll(&p, 1, 30000));
	printf("%#x\n", (unsigned)p.revents);
	show_get(fd, 0);
	show_take(fd, 1);
	show_take(fd, 1);
	/* A very short interval must not keep the machine busy. */
	s = (struct itimerspec){{0, 1}, {0, 1}};
	SHOW(timerfd_settime(fd, 0, &s, NULL));
	usleep(5000);
	show_take(fd, 1000000);
	SHOW(set(fd, 0, 5));
	show_get(fd, 0);
	show_take(fd, 0);
	close(fd);
	fd = timerfd_create(clock, 0);
	SHOW(set(fd, 10, 10));
	show_take(fd, 1);
	show_take(fd, 1);
	usleep(50000);
	show_take(fd, 4);
	SHOW(set(fd, 1, 0));
	usleep(20000);
	/* Setting it forgets what has expired. */
	SHOW(set(fd, 50000, 0));
	p = (struct pollfd){fd, POLLIN, 0};
	SHOW(poll(&p, 1, 0));
	close(fd);
}

static void absolute(int clock)
{
	int fd = timerfd_create(clock, TFD_NONBLOCK);
	struct itimerspec s = {0};
	struct timespec now;
	struct pollfd p = {fd, POLLIN, 0};

	clock_gettime(clock, &now);
	s.it_value = now;
	s.it_value.tv_nsec += 20 * MS;
	if (s.it_value.tv_nsec >= 1000 * MS) {
		s.it_value.tv_sec++;
		s.it_value.tv_nsec -= 1000 * MS;
	}
	SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
	SHOW(poll(&p, 1, 30000));
	clock_gettime(clock, &now);
	printf("not early: %d\n",
	       now.tv_sec > s.it_value.tv_sec ||
		       (now.tv_sec == s.it_value.tv_sec && now.tv_nsec >= s.it_value.tv_nsec));
	show_take(fd, 1);
	/* Long ago: at once, and every interval since. */
	s.it_value = (struct timespec){0, 1};
	s.it_interval = (struct timespec){0, 1000};
	SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
	SHOW(poll(&p, 1, 30000));
	show_take(fd, 100);
	s.it_value.tv_sec = INT64_MAX;
	s.it_interval.tv_sec = INT64_MAX;
	SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
	SHOW(poll(&p, 1, 0));
	SHOW(timerfd_settime(fd, 0, &s, NULL));
	SHOW(poll(&p, 1, 0));
	close(fd);
}

static void cancelled(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec s = {.it_value = {INT32_MAX, 0}};
	struct timespec now;
	struct pollfd p = {fd, POLLIN, 0};

	SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &s, NULL));
	SHOW(poll(&p, 1, 0));
	/* Linux does not let a container set the clock; there is nothing to show then. */
	clock_gettime(CLOCK_REALTIME, &now);
	show_take(fd, 0);
	SHOW(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &s, NULL));
	close(fd);
}

static void wrong_calls(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), other = dup(0);
	struct itimerspec s = spec(1, 0), wrong = {.it_value.tv_nsec = 1000 * MS};
	uint64_t n = 1;

	SHOW(fcntl(fd, F_GETFD));
	SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
	SHOW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	SHOW(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
	SHOW(timerfd_create(-1, 0));
	SHOW(timerfd_create(100, 0));
	SHOW(timerfd_settime(fd, 4, &s, NULL));
	SHOW(timerfd_settime(fd, 0, bad, NULL));
	SHOW(timerfd_settime(fd, 0, &wrong, NULL));
	wrong = (struct itimerspec){.it_value.tv_sec = -1};
	SHOW(timerfd_settime(fd, 0, &wrong, NULL));
	wrong = (struct itimerspec){.it_interval.tv_nsec = -1};
	SHOW(timerfd_settime(fd, 0, &wrong, NULL));
	SHOW(timerfd_settime(1000, 0, &s, NULL));
	SHOW(timerfd_settime(1000, 4, &s, NULL));
	SHOW(timerfd_settime(other, 0, &s, NULL));
	SHOW(timerfd_settime(fd, 0, &s, bad));
	SHOW(timerfd_gettime(fd, bad));
	SHOW(timerfd_gettime(1000, &s));
	SHOW(timerfd_gettime(other, &s));
	SHOW(read(fd, &n, 7));
	SHOW(write(fd, &n, 8));
	SHOW(lseek(fd, 1, SEEK_CUR));
	SHOW(ioctl(fd, FIONBIO, bad));
	close(fd);
	close(other);
}

static void in_epoll(void)
{
	int ep = epoll_create1(0), fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.fd = 9};

	SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	SHOW(set(fd, 10, 0));
	SHOW(epoll_wait(ep, &e, 1, 30000));
	printf("%#x %d\n", e.events, e.data.fd);
	SHOW(epoll_wait(ep, &e, 1, 0));
	SHOW(set(fd, 10, 0));
	SHOW(epoll_wait(ep, &e, 1, 30000));
	show_take(fd, 1);
}

int main(void)
{
	static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};

	for (int i = 0; i < 3; i++) {
		plain(clocks[i]);
		absolute(clocks[i]);
	}
	cancelled();
	wrong_calls();
	in_epoll();
	return 0;
}
