/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of memory: faults, mapping and unmapping, brk. */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE  4096L
#define SPACE (256 * PAGE)

static int fd;

static char *map(long bytes, int file)
{
	char *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
		       file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, file, 0);

	NEED(p != MAP_FAILED);
	return p;
}

/* Each operation is one fault; mapping and unmapping are spread over 256. */
static void fault_op(long n, long file)
{
	while (n > 0) {
		char *p = map(SPACE, file ? fd : -1);

		for (long i = 0; i < 256; i++)
			if (file)
				(void)*(volatile char *)(p + i * PAGE);
			else
				*(volatile char *)(p + i * PAGE) = 1;
		munmap(p, SPACE);
		n -= 256;
	}
}

static void make_file(void)
{
	char buf[PAGE];

	memset(buf, 'x', sizeof(buf));
	NEED((fd = open("mapped", O_RDWR | O_CREAT, 0644)) >= 0);
	for (long i = 0; i < 256; i++)
		NEED(write(fd, buf, PAGE) == PAGE);
}

static double fault(long file)
{
	if (file)
		make_file();
	return measure_from(256, fault_op, file);
}

static void map_op(long n, long pages)
{
	while (n--) {
		char *p = map(pages * PAGE, -1);

		munmap(p, (size_t)(pages * PAGE));
	}
}

static void map_touch_op(long n, long pages)
{
	while (n--) {
		char *p = map(pages * PAGE, -1);

		for (long i = 0; i < pages; i++)
			*(volatile char *)(p + i * PAGE) = 1;
		munmap(p, (size_t)(pages * PAGE));
	}
}

static double mmap_untouched(long pages)
{
	return measure(map_op, pages);
}

static double mmap_touched(long pages)
{
	return measure_from(1, map_touch_op, pages);
}

static char *area;

static void protect_op(long n, long pages)
{
	while (n--) {
		NEED(!mprotect(area, (size_t)(pages * PAGE), PROT_READ));
		NEED(!mprotect(area, (size_t)(pages * PAGE), PROT_READ | PROT_WRITE));
	}
}

static double protect(long pages)
{
	area = map(pages * PAGE, -1);
	memset(area, 1, (size_t)(pages * PAGE));
	return measure(protect_op, pages);
}

static void brk_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		NEED(sbrk(16 * PAGE) != (void *)-1);
		NEED(sbrk(-16 * PAGE) != (void *)-1);
	}
}

static double brk_row(long arg)
{
	return measure(brk_op, arg);
}

const struct row memory_rows[] = {
	{"fault_anonymous", fault, 0, 'l', ONE},
	{"fault_file", fault, 1, 'l', ONE},
	{"mmap_small", mmap_untouched, 1, 'l', ONE},
	{"mmap_large", mmap_untouched, 16384, 'l', ONE},
	{"mmap_touched_64K", mmap_touched, 16, 'l', ONE},
	{"mmap_touched_4M", mmap_touched, 1024, 'l', ONE},
	{"mprotect_1", protect, 1, 'l', ONE},
	{"mprotect_256", protect, 256, 'l', ONE},
	{"brk", brk_row, 0, 'l', ONE},
	{0},
};
