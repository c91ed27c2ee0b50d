/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of files that a fault maps along with the one it is about. */
#include "guest.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE  4096L
#define PAGES 256L

static sigjmp_buf back;

static void on_bus(int sig)
{
	siglongjmp(back, 1);
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

/* Page i begins with i + 1. */
static int make_file(const char *name, long pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	long buf[PAGE / sizeof(long)] = {0};

	for (long i = 0; i < pages; i++) {
		buf[0] = i + 1;
		if (pwrite(fd, buf, PAGE, i * PAGE) != PAGE)
			printf("short\n");
	}
	return fd;
}

static char *map(int fd, long first, long pages, int prot, int flags)
{
	return mmap(NULL, (size_t)(pages * PAGE), prot, flags, fd, first * PAGE);
}

static long at(const char *m, long i)
{
	return *(const volatile long *)(m + i * PAGE);
}

/* How many pages do not hold what they should. */
static long wrong(const char *m, long pages, long step)
{
	long lost = 0;

	for (long i = 0; i < pages; i++) {
		long n = i * step % pages;

		lost += at(m, n) != n + 1;
	}
	return lost;
}

/* The page's value, or -1 when it is SIGBUS. */
static long look(const char *m, long i)
{
	if (sigsetjmp(back, 1))
		return -1;
	return at(m, i);
}

/* Kilobytes of the mapping at m that are in memory. */
static long resident(const char *m)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool mine = false;
	long rss = -1;

	while (f && fgets(line, sizeof(line), f)) {
		uintptr_t from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			mine = from == (uintptr_t)m;
		else if (mine && rss < 0)
			sscanf(line, "Rss: %ld", &rss);
	}
	if (f)
		fclose(f);
	return rss;
}

static void in_order(int fd, int flags)
{
	char *m = map(fd, 0, PAGES, PROT_READ, flags);
	long before = faults();

	SHOW(wrong(m, PAGES, 1));
	SHOW(faults() - before < PAGES / 2);
	SHOW(resident(m));
	SHOW(munmap(m, PAGES * PAGE));
	m = map(fd, 0, PAGES, PROT_READ, flags);
	SHOW(wrong(m, PAGES, 37));
	SHOW(resident(m));
	SHOW(munmap(m, PAGES * PAGE));
}

/* What was mapped along is copied when it is written, like everything private. */
static void copies(int fd)
{
	char *m = map(fd, 0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	long n = 0;

	SHOW(wrong(m, PAGES, 1));
	for (long i = 0; i < PAGES; i++)
		*(long *)(m + i * PAGE) = 0;
	SHOW(munmap(m, PAGES * PAGE));
	m = map(fd, 0, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED);
	SHOW(wrong(m, PAGES, 1));
	*(long *)(m + 9 * PAGE) = 77;
	SHOW(pread(fd, &n, sizeof(n), 9 * PAGE));
	SHOW(n);
	n = 10;
	SHOW(pwrite(fd, &n, sizeof(n), 9 * PAGE));
	SHOW(at(m, 9));
	SHOW(munmap(m, PAGES * PAGE));
}

/* Only the region's own pages: what is beside it stays what it is. */
static void borders(int fd)
{
	char *m = map(-1, 0, 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	long lost = 0;

	SHOW(mmap(m + 5 * PAGE, 6 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 100 * PAGE) ==
	     m + 5 * PAGE);
	SHOW(mprotect(m + 8 * PAGE, PAGE, PROT_NONE));
	for (long i = 0; i < 40; i++)
		if (i != 8)
			lost += at(m, i) != (i >= 5 && i < 11 ? 101 + i - 5 : 0);
	SHOW(lost);
	SHOW(mprotect(m + 8 * PAGE, PAGE, PROT_READ));
	SHOW(at(m, 8));
	SHOW(munmap(m, 40 * PAGE));
}

static void holes_and_ends(void)
{
	int fd = make_file("ends", 40);
	char *m = map(fd, 0, 64, PROT_READ, MAP_SHARED);
	long n = 5;

	SHOW(wrong(m, 40, 1));
	SHOW(look(m, 40));
	SHOW(ftruncate(fd, 10 * PAGE));
	SHOW(look(m, 9));
	SHOW(look(m, 10));
	SHOW(look(m, 39));
	SHOW(ftruncate(fd, 64 * PAGE));
	SHOW(wrong(m, 10, 1));
	SHOW(look(m, 10));
	SHOW(look(m, 63));
	SHOW(pwrite(fd, &n, sizeof(n), 20 * PAGE));
	for (long i = 10; i < 64; i++)
		n += at(m, i);
	SHOW(n);
	SHOW(munmap(m, 64 * PAGE));
	close(fd);
}

/* Blocks that were allocated beyond the end are not part of the file. */
static void beyond_the_end(void)
{
	int fd = make_file("beyond", 4);
	char *m = map(fd, 0, 16, PROT_READ | PROT_WRITE, MAP_SHARED);

	SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16 * PAGE));
	SHOW(wrong(m, 4, 1));
	SHOW(look(m, 4));
	SHOW(look(m, 7));
	SHOW(munmap(m, 16 * PAGE));
	close(fd);
}

/* --- readers while the file is cut ------------------------------------------------------------ */

static atomic_bool over;
static atomic_long bad_values;

static void *read_on(void *arg)
{
	int fd = *(int *)arg;

	while (!atomic_load(&over)) {
		const char *m = map(fd, 0, 64, PROT_READ, MAP_SHARED);

		/* The first half is never touched. */
		atomic_fetch_add(&bad_values, wrong(m, 32, 1));
		munmap((void *)m, 64 * PAGE);
	}
	return NULL;
}

static void cut_under_readers(void)
{
	int fd = make_file("cut", 64);
	pthread_t t;
	long lost = 0, n;

	pthread_create(&t, NULL, read_on, &fd);
	for (int i = 0; i < 30; i++) {
		const char *m = map(fd, 0, 64, PROT_READ, MAP_SHARED);

		for (long k = 0; k < 48; k++)
			at(m, k);
		ftruncate(fd, 40 * PAGE);
		ftruncate(fd, 64 * PAGE);
		/* No page of before may still be mapped. */
		for (long k = 40; k < 64; k++)
			lost += at(m, k) != 0;
		n = 48;
		pwrite(fd, &n, sizeof(n), 47 * PAGE);
		lost += at(m, 47) != 48;
		munmap((void *)m, 64 * PAGE);
	}
	atomic_store(&over, true);
	pthread_join(t, NULL);
	SHOW(lost);
	SHOW(atomic_load(&bad_values));
	close(fd);
}

int main(void)
{
	int fd = make_file("file", PAGES);

	signal(SIGBUS, on_bus);
	printf("--- in order, shared\n");
	in_order(fd, MAP_SHARED);
	printf("--- in order, private\n");
	in_order(fd, MAP_PRIVATE);
	printf("--- copies\n");
	copies(fd);
	printf("--- borders\n");
	borders(fd);
	printf("--- holes and ends\n");
	holes_and_ends();
	printf("--- beyond the end\n");
	beyond_the_end();
	printf("--- cut under readers\n");
	cut_under_readers();
	return 0;
}
