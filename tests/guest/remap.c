/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mremap, stacks that grow, locked memory, mincore, madvise and merging of mappings.
 */
#include "guest.h"
#include "touch.h"

#include <limits.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PAGE 4096l

static char *map(long pages, int protection, int flags)
{
	return mmap(NULL, (size_t)(pages * PAGE), protection, flags | MAP_ANONYMOUS, -1, 0);
}

#define RW (PROT_READ | PROT_WRITE)

/* -1 with the error, or 0. */
static long got(void *p)
{
	return p == MAP_FAILED ? -1 : 0;
}

static void fill(char *p, long pages, int seed)
{
	for (long i = 0; i < pages; i++)
		memset(p + i * PAGE, (int)(seed + i), PAGE);
}

/* How many pages from p on hold what fill() wrote. */
static long intact(const char *p, long pages, int seed)
{
	for (long i = 0; i < pages; i++)
		for (long j = 0; j < PAGE; j++)
			if (p[i * PAGE + j] != (char)(seed + i))
				return i;
	return pages;
}

static long zero(const char *p, long pages)
{
	for (long i = 0; i < pages * PAGE; i++)
		if (p[i])
			return 0;
	return 1;
}

static void in_place(void)
{
	char *p = map(16, RW, MAP_PRIVATE), *q;

	printf("--- in place\n");
	fill(p, 16, 1);
	q = mremap(p, 16 * PAGE, 8 * PAGE, 0);
	SHOW(q == p && intact(p, 8, 1) == 8);
	SHOW(touch(p + 8 * PAGE, false)[0] == 'S');
	q = mremap(p, 8 * PAGE, 12 * PAGE, 0);
	SHOW(q == p && intact(p, 8, 1) == 8 && zero(p + 8 * PAGE, 4));
	SHOW(mremap(p, 12 * PAGE, 12 * PAGE, 0) == p);
	/* Something in the way. */
	mmap(p + 12 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	SHOW(got(mremap(p, 12 * PAGE, 14 * PAGE, 0)));
	q = mremap(p, 12 * PAGE, 1024 * PAGE, MREMAP_MAYMOVE);
	SHOW(q != p && q != MAP_FAILED && intact(q, 8, 1) == 8 && zero(q + 8 * PAGE, 1016));
	SHOW(touch(p, false)[0] == 'S');
	/* From the middle: what is on both sides stays. */
	p = mremap(q + 2 * PAGE, 2 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	SHOW(p != MAP_FAILED && intact(p, 2, 3) == 2 && intact(q, 2, 1) == 2 &&
	     intact(q + 4 * PAGE, 4, 5) == 4);
	SHOW(touch(q + 2 * PAGE, true)[0] == 'S');
	munmap(q, 1024 * PAGE);
	munmap(p, 600 * PAGE);
}

static void fixed(void)
{
	char *room = map(64, PROT_NONE, MAP_PRIVATE), *p = map(8, RW, MAP_PRIVATE), *q;

	printf("--- fixed\n");
	fill(p, 8, 10);
	q = mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4 * PAGE);
	SHOW(q == room + 4 * PAGE && intact(q, 8, 10) == 8);
	SHOW(touch(room, false)[0] == 'S' && touch(room + 12 * PAGE, false)[0] == 'S');
	p = mremap(q, 8 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 40 * PAGE);
	SHOW(p == room + 40 * PAGE && intact(p, 4, 10) == 4 && touch(q, false)[0] == 'S');
	SHOW(got(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE)));
	SHOW(got(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_FIXED, room)));
	SHOW(got(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 1)));
	SHOW(got(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)LONG_MIN)));
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	SHOW(q != MAP_FAILED && q != p && intact(q, 4, 10) == 4 && zero(p, 4));
	SHOW(got(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)));
	munmap(q, 4 * PAGE);
	munmap(room, 64 * PAGE);
}

static void errors(void)
{
	char *p = map(4, RW, MAP_PRIVATE);

	printf("--- errors\n");
	munmap(p + 2 * PAGE, PAGE);
	SHOW(got(mremap(p + 1, PAGE, PAGE, 0)));
	SHOW(got(mremap(p, PAGE, 0, 0)));
	SHOW(got(mremap(p, PAGE, SIZE_MAX, 0)));
	SHOW(got(mremap(p, PAGE, SIZE_MAX, MREMAP_MAYMOVE)));
	SHOW(got(mremap(p, PAGE, (size_t)1 << 62, MREMAP_MAYMOVE)));
	SHOW(got(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE)));
	SHOW(got(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE)));
	SHOW(got(mremap(p, 0, PAGE, MREMAP_MAYMOVE)));
	SHOW(got(mremap(p, PAGE, PAGE, 8)));
	SHOW(got(mremap(bad, PAGE, PAGE, 0)));
	SHOW(got(mremap((void *)(LONG_MIN & -PAGE), PAGE, PAGE, 0)));
	munmap(p, 4 * PAGE);
}

static void shared(void)
{
	char *p = map(4, RW, MAP_SHARED), *q, *f;
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);

	printf("--- shared\n");
	fill(p, 4, 20);
	q = mremap(p, 0, 4 * PAGE, MREMAP_MAYMOVE);
	SHOW(q != MAP_FAILED && q != p && intact(q, 4, 20) == 4);
	q[0] = 99;
	SHOW(p[0] == 99);
	munmap(p, 4 * PAGE);
	SHOW(q[0] == 99 && intact(q + PAGE, 3, 21) == 3);
	munmap(q, 4 * PAGE);
	if (ftruncate(fd, 8 * PAGE))
		return;
	f = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0);
	fill(f, 8, 30);
	p = mremap(f + 2 * PAGE, 2 * PAGE, 700 * PAGE, MREMAP_MAYMOVE);
	SHOW(p != MAP_FAILED && intact(p, 6, 32) == 6);
	printf("beyond the end: %s\n", touch(p + 6 * PAGE, false));
	SHOW(ftruncate(fd, 3 * PAGE));
	printf("after truncation: %s %s %s\n", touch(p, true), touch(p + PAGE, true),
	       touch(f + 4 * PAGE, false));
	munmap(p, 700 * PAGE);
	/* Private copies beyond the end go with it. */
	ftruncate(fd, 4 * PAGE);
	p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	p[3 * PAGE] = 1;
	p[0] = 7;
	ftruncate(fd, PAGE);
	printf("private: %d %s\n", p[0], touch(p + 3 * PAGE, false));
	ftruncate(fd, 4 * PAGE);
	SHOW(p[0] == 7 && p[3 * PAGE] == 0);
	close(fd);
	unlink("f");
	munmap(p, 4 * PAGE);
	munmap(f, 8 * PAGE);
}

/* The child writes through what was moved: a copy of its own. */
static char *moved;

static void child_of_moved(void)
{
	moved[0] = 1;
	SHOW(intact(moved + PAGE, 299, 41) == 299);
}

static void after_fork(void)
{
	char *p = map(300, RW, MAP_PRIVATE);

	printf("--- fork\n");
	fill(p, 300, 40);
	moved = mremap(p, 300 * PAGE, 900 * PAGE, MREMAP_MAYMOVE);
	show_status("child", in_child(child_of_moved));
	SHOW(intact(moved, 300, 40) == 300);
	munmap(moved, 900 * PAGE);
}

static char *advised;

static void child_of_advised(void)
{
	SHOW(zero(advised, 2));
	printf("left out: %s\n", touch(advised + 2 * PAGE, false));
	SHOW(intact(advised + 4 * PAGE, 2, 54) == 2);
}

static void advice(void)
{
	char *p = advised = map(8, RW, MAP_PRIVATE);

	printf("--- advice\n");
	fill(p, 8, 50);
	SHOW(madvise(p, 2 * PAGE, MADV_WIPEONFORK));
	SHOW(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTFORK));
	show_status("child", in_child(child_of_advised));
	SHOW(intact(p, 8, 50) == 8);
	SHOW(madvise(p, 4 * PAGE, MADV_KEEPONFORK) || madvise(p, 4 * PAGE, MADV_DOFORK));
	SHOW(madvise(p, 2 * PAGE, MADV_DONTNEED) || !zero(p, 2));
	SHOW(madvise(p + 1, PAGE, MADV_DONTNEED));
	SHOW(madvise(p, PAGE, 12345));
	SHOW(madvise(p, PAGE, MADV_POPULATE_WRITE));
	SHOW(mprotect(p, PAGE, PROT_READ) || madvise(p, PAGE, MADV_POPULATE_WRITE));
	SHOW(munmap(p + 2 * PAGE, PAGE) || madvise(p, 4 * PAGE, MADV_POPULATE_READ));
	munmap(p, 8 * PAGE);
	p = map(2, RW, MAP_SHARED);
	SHOW(madvise(p, PAGE, MADV_WIPEONFORK));
	munmap(p, 2 * PAGE);
}

static void residence(void)
{
	char *p = map(8, RW, MAP_PRIVATE);
	unsigned char v[8];

	printf("--- mincore\n");
	p[0] = p[3 * PAGE] = 1;
	memset(v, 9, sizeof(v));
	SHOW(mincore(p, 8 * PAGE, v));
	printf("%d %d %d %d %d\n", v[0] & 1, v[1] & 1, v[2] & 1, v[3] & 1, v[7] & 1);
	SHOW(mincore(p + 1, PAGE, v));
	SHOW(mincore(p, PAGE, bad));
	SHOW(mincore(p, 0, v));
	SHOW(mincore(p, LONG_MAX, v));
	munmap(p + 4 * PAGE, PAGE);
	SHOW(mincore(p, 8 * PAGE, v));
	munmap(p, 8 * PAGE);
	p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	SHOW(mincore(p, 4 * PAGE, v) || (v[0] & v[1] & v[2] & v[3] & 1) == 0);
	munmap(p, 4 * PAGE);
}

static void limited(void)
{
	struct rlimit l = {4 * PAGE, 4 * PAGE}, none = {0, 0};
	char *p = map(8, RW, MAP_PRIVATE), *q;

	setrlimit(RLIMIT_MEMLOCK, &l);
	if (setresuid(65534, 65534, 65534))
		return;
	SHOW(mlock(p, 4 * PAGE));
	SHOW(mlock(p, 4 * PAGE));
	SHOW(mlock(p + 4 * PAGE, 1));
	SHOW(munlock(p, PAGE));
	SHOW(mlock(p + 7 * PAGE + 5, 1));
	SHOW(mlockall(MCL_CURRENT));
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	SHOW(got(q));
	SHOW(munmap(p, 2 * PAGE));
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	SHOW(got(q));
	SHOW(got(mremap(q, PAGE, 100 * PAGE, MREMAP_MAYMOVE)));
	SHOW(munlockall());
	setrlimit(RLIMIT_MEMLOCK, &none);
	SHOW(mlock(p + 4 * PAGE, PAGE));
	SHOW(mlockall(MCL_FUTURE));
}

static void locking(void)
{
	char *p = map(8, RW, MAP_PRIVATE);
	unsigned char v[8];

	printf("--- locking\n");
	SHOW(mlock(p, 8 * PAGE) || mincore(p, 8 * PAGE, v) || !(v[0] & v[7] & 1));
	SHOW(madvise(p, PAGE, MADV_DONTNEED));
	SHOW(munlock(p, 8 * PAGE));
	SHOW(madvise(p, PAGE, MADV_DONTNEED));
	SHOW(syscall(SYS_mlock2, p, PAGE, 1));
	SHOW(syscall(SYS_mlock2, p, PAGE, 2));
	SHOW(mlock(p, SIZE_MAX));
	SHOW(mlock((void *)(LONG_MIN & -PAGE), PAGE));
	SHOW(mlockall(0));
	SHOW(mlockall(MCL_ONFAULT));
	SHOW(mlockall(64));
	munmap(p + 2 * PAGE, PAGE);
	SHOW(mlock(p, 8 * PAGE));
	SHOW(munlockall());
	munmap(p, 8 * PAGE);
	show_status("limited", in_child(limited));
}

static int deep(int n)
{
	volatile char page[PAGE];

	page[0] = (char)n;
	/* Known elsewhere, so that the compiler cannot make a loop of it. */
	__asm__ volatile("" : : "r"(page) : "memory");
	return n ? deep(n - 1) + page[0] - (char)n : 0;
}

static void overflow(void)
{
	struct rlimit l = {256 << 10, 256 << 10};

	setrlimit(RLIMIT_STACK, &l);
	signal(SIGSEGV, SIG_DFL);
	deep(1000);
}

static void stacks(void)
{
	struct rlimit l = {16 << 20, RLIM_INFINITY};
	char *p, *room;

	printf("--- stacks\n");
	show_status("overflow", in_child(overflow));
	SHOW(deep(1500));
	SHOW(setrlimit(RLIMIT_STACK, &l) || deep(3500));
	/* In the middle of free room, so that there is some below it. */
	room = map(4096, PROT_NONE, MAP_PRIVATE);
	munmap(room, 4096 * PAGE);
	p = mmap(room + 2048 * PAGE, 2 * PAGE, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	SHOW(p == room + 2048 * PAGE);
	printf("below: %s, further: %s\n", touch(p - PAGE, true), touch(p - 100 * PAGE, true));
	SHOW(zero(p - 99 * PAGE, 98));
	SHOW(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	printf("protected: %s\n", touch(p - 50 * PAGE, true));
	munmap(p - 200 * PAGE, 300 * PAGE);
	room = map(4096, PROT_NONE, MAP_PRIVATE);
	munmap(room, 4096 * PAGE);
	p = mmap(room + 2048 * PAGE, PAGE, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	mmap(p - 300 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("near another: %s, at the guard: %s\n", touch(p - 20 * PAGE, true),
	       touch(p - 200 * PAGE, true));
	munmap(p - 300 * PAGE, 301 * PAGE);
	p = map(2, RW, MAP_PRIVATE);
	SHOW(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	SHOW(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP));
	munmap(p, 2 * PAGE);
	SHOW(got(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0)));
}

/* Lines of /proc/self/maps that lie in a range. */
static int regions_in(const char *from, const char *to)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long a, b;
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &a, &b) == 2 && a < (unsigned long)to &&
		    b > (unsigned long)from)
			n++;
	fclose(f);
	return n;
}

static void merging(void)
{
	char *room = map(4096, PROT_NONE, MAP_PRIVATE), *p = room + 64 * PAGE;

	printf("--- merging\n");
	mprotect(p, 2048 * PAGE, RW);
	for (long i = 0; i < 2048; i += 2)
		mprotect(p + i * PAGE, PAGE, PROT_READ);
	SHOW(regions_in(p, p + 2048 * PAGE));
	for (long i = 0; i < 2048; i += 2)
		mprotect(p + i * PAGE, PAGE, RW);
	SHOW(regions_in(p, p + 2048 * PAGE));
	for (long i = 0; i < 64; i++)
		mmap(p + i * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	SHOW(regions_in(p, p + 2048 * PAGE));
	munmap(room, 4096 * PAGE);
}

static void too_much(void)
{
	size_t huge = (size_t)1 << 45;

	printf("--- too much\n");
	SHOW(got(mmap(NULL, huge, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	SHOW(got(mmap(NULL, huge, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)));
	SHOW(got(mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	SHOW(syscall(SYS_pkey_mprotect, bad, PAGE, PROT_READ, 5));
	SHOW(mprotect((void *)(LONG_MAX & -PAGE), PAGE, PROT_READ));
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK};
	static char stack[65536];
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	in_place();
	fixed();
	errors();
	shared();
	after_fork();
	advice();
	residence();
	locking();
	stacks();
	merging();
	too_much();
	return 0;
}
