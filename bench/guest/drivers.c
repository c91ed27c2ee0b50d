/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of drivers: from the call that installs one to its return, after init. /bench.small and
 * /bench.large are Linux's modules nls_utf8 and nls_cp949 there, and objects of the same size here.
 * Removal is not measured.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
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

const struct row driver_rows[] = {
	{"install_8K", install, 0, 'l', ONE},
	{"install_160K", install, 1, 'l', ONE},
	{0},
};
