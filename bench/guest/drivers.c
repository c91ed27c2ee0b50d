/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of drivers. Installing: from the call to its return, after init. /bench.small and
 * /bench.large are Linux's modules nls_utf8 and nls_cp949 there, and objects of the same size here.
 * Removal is not measured.
 *
 * Calls and interrupts: /dev/bench is of the driver /bench.rows, which calls /bench.callee; they
 * are built from bench/driver for Banos and from bench/driver/linux for Linux. The first row that
 * needs them installs them, and they stay.
 */
#include "bench.h"
#include "../driver/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES 15

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double install(long large)
{
	const char *name = getenv(large ? "LARGE" : "SMALL");
	int fd = open(large ? "/bench.large" : "/bench.small", O_RDONLY);
	uint64_t ns[TIMES];
	struct stat s;
	void *image;

	NEED(name && fd >= 0 && !fstat(fd, &s));
	image = malloc((size_t)s.st_size);
	NEED(image && read(fd, image, (size_t)s.st_size) == s.st_size);
	for (int i = -2; i < TIMES; i++) { /* the first two warm up */
		uint64_t begin = now_ns(), end;

		NEED(!syscall(SYS_init_module, image, (unsigned long)s.st_size, ""));
		end = now_ns();
		NEED(!syscall(SYS_delete_module, name, O_NONBLOCK));
		usleep(20000); /* what is freed later is freed */
		if (i >= 0)
			ns[i] = end - begin;
	}
	qsort(ns, TIMES, sizeof(ns[0]), compare_ns);
	return (double)ns[TIMES / 2];
}

/* --- calls and interrupts --------------------------------------------------------------------- */

static int bench_fd;

static void install_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	NEED(fd >= 0 && (!syscall(SYS_finit_module, fd, "", 0) || errno == EEXIST));
	close(fd);
}

static void open_bench(void)
{
	bench_fd = open("/dev/bench", O_RDWR);
	if (bench_fd < 0) {
		install_file("/bench.callee");
		install_file("/bench.rows");
		bench_fd = open("/dev/bench", O_RDWR);
	}
	NEED(bench_fd >= 0);
}

static void ioctls(long n, long request)
{
	int number;

	while (n--)
		NEED(!ioctl(bench_fd, (unsigned long)request, &number));
}

static double ioctl_driver(long arg)
{
	(void)arg;
	open_bench();
	return measure(ioctls, BENCH_NUMBER);
}

static double ioctl_builtin(long arg)
{
	(void)arg;
	bench_fd = open("/dev/urandom", O_RDONLY);
	NEED(bench_fd >= 0);
	return measure(ioctls, RNDGETENTCNT);
}

static void driver_calls(long n, long request)
{
	uint64_t number = (uint64_t)n;

	NEED(!ioctl(bench_fd, (unsigned long)request, &number) && number == (uint64_t)n);
}

static double calls(long request)
{
	open_bench();
	return measure(driver_calls, request);
}

static double ns_per_cycle(void)
{
	uint64_t begin_ns = now_ns(), begin = __builtin_ia32_rdtsc(), end_ns;

	do
		end_ns = now_ns();
	while (end_ns - begin_ns < 20000000);
	return (double)(end_ns - begin_ns) / (double)(__builtin_ia32_rdtsc() - begin);
}

static double interrupt(long arg)
{
	uint64_t cycles[TIMES];

	(void)arg;
	open_bench();
	for (int i = -2; i < TIMES; i++) { /* the first two warm up */
		uint64_t took;

		NEED(!ioctl(bench_fd, (unsigned long)BENCH_INTERRUPT, &took));
		if (i >= 0)
			cycles[i] = took;
	}
	qsort(cycles, TIMES, sizeof(cycles[0]), compare_ns);
	return (double)cycles[TIMES / 2] * ns_per_cycle();
}

const struct row driver_rows[] = {
	{"install_8K", install, 0, 'l', ONE},
	{"install_160K", install, 1, 'l', ONE},
	{"ioctl_builtin", ioctl_builtin, 0, 'l', ONE},
	{"ioctl_driver", ioctl_driver, 0, 'l', ONE},
	{"call_local", calls, BENCH_LOCAL, 'l', ONE},
	{"call_imported", calls, BENCH_IMPORTED, 'l', ONE},
	{"call_kernel", calls, BENCH_KERNEL, 'l', ONE},
	{"interrupt", interrupt, 0, 'l', ONE},
	{0},
};
