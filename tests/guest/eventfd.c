/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfd: counters, semaphores, overflow, poll bits, waiting, wrong calls. */
#include "guest.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static long put(int fd, uint64_t n)
{
	return write(fd, &n, sizeof(n));
}

static void show_take(int fd)
{
	uint64_t n = 0;
	ssize_t r = read(fd, &n, sizeof(n));

	if (r < 0)
		printf("take: %s\n", strerrorname_np(errno));
	else
		printf("take: %zd bytes, %#llx\n", r, (unsigned long long)n);
}

static void show_poll(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI, 0};
	int n = poll(&p, 1, 0);

	printf("poll: %d %#x\n", n, (unsigned)p.revents);
}

static void counters(void)
{
	int fd = eventfd(3, EFD_NONBLOCK);

	show_poll(fd);
	show_take(fd);
	show_take(fd);
	show_poll(fd);
	SHOW(put(fd, 0));
	show_poll(fd);
	SHOW(put(fd, 5));
	SHOW(put(fd, 6));
	show_take(fd);
	SHOW(put(fd, UINT64_MAX));
	SHOW(put(fd, UINT64_MAX - 1));
	show_poll(fd);
	SHOW(put(fd, 1));
	SHOW(put(fd, 0));
	show_take(fd);
	SHOW(put(fd, 1));
	SHOW(put(fd, UINT64_MAX - 1));
	show_take(fd);
	SHOW(close(fd));
	fd = eventfd(0xffffffff, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	SHOW(fcntl(fd, F_GETFD));
	SHOW(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	show_take(fd);
	show_take(fd);
	show_poll(fd);
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	show_take(fd);
	show_take(fd);
	show_take(fd);
	close(fd);
}

static void wrong_calls(void)
{
	int fd = eventfd(1, EFD_NONBLOCK);
	uint64_t n = 1;
	char path[64], link[64] = "";

	SHOW(eventfd(0, 2));
	SHOW(syscall(SYS_eventfd2, 0, -1));
	SHOW_OK(syscall(SYS_eventfd, 7));
	SHOW(read(fd, &n, 7));
	SHOW(write(fd, &n, 7));
	SHOW(write(fd, bad, 8));
	SHOW(lseek(fd, 10, SEEK_SET));
	SHOW(pread(fd, &n, 8, 100));
	SHOW(ftruncate(fd, 0));
	SHOW(fsync(fd));
	SHOW(ioctl(fd, 0x1234));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	SHOW(readlink(path, link, sizeof(link) - 1));
	printf("%s\n", link);
	SHOW(put(fd, 1));
	SHOW(read(fd, bad, 8));
	show_take(fd);
	close(fd);
}

/* A token goes round two processes; each waits for the other. */
static void ping_pong(void)
{
	int there = eventfd(0, 0), back = eventfd(0, EFD_SEMAPHORE);
	uint64_t n, sum = 0;

	fflush(stdout);
	if (fork() == 0) {
		for (uint64_t i = 1; i <= 300; i++) {
			if (read(there, &n, 8) != 8 || n != i || put(back, n) != 8)
				_exit(1);
			for (uint64_t k = 1; k < n; k++)
				continue;
		}
		_exit(0);
	}
	for (uint64_t i = 1; i <= 300; i++) {
		put(there, i);
		for (uint64_t k = 0; k < i; k++) {
			if (read(back, &n, 8) == 8)
				sum += n;
		}
	}
	int status;

	wait(&status);
	show_status("child", status);
	printf("sum %llu\n", (unsigned long long)sum);
	/* A writer that waits for room. */
	SHOW(put(there, UINT64_MAX - 1));
	fflush(stdout);
	if (fork() == 0)
		_exit(put(there, 10) != 8);
	usleep(20000);
	show_take(there);
	wait(&status);
	show_status("writer", status);
	show_take(there);
}

int main(void)
{
	counters();
	wrong_calls();
	ping_pong();
	return 0;
}
