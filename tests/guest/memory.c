/* SPDX-License-Identifier: BSD-2-Clause */
/* mmap, munmap, mprotect, mremap, brk: anonymous memory, and files mapped. */
#include "guest.h"
#include "touch.h"
#include <sys/mman.h>

#define PAGE 4096l

static void show_access(const char *what, char *p)
{
	const char *read_result = touch(p, false);

	printf("%s: read %s, write %s\n", what, read_result, touch(p, true));
	fflush(stdout);
}

static char *map(size_t pages, int protection)
{
	return mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void anonymous(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE);
	int zero = 1;

	SHOW(p == MAP_FAILED);
	for (long i = 0; i < 8 * PAGE; i++)
		zero &= !p[i];
	printf("zero: %d\n", zero);
	show_access("fresh", p + 7 * PAGE);
	SHOW(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
	show_access("before", p + PAGE);
	show_access("read-only", p + 3 * PAGE);
	show_access("after", p + 4 * PAGE);
	SHOW(mprotect(p + 3 * PAGE, PAGE, PROT_NONE));
	show_access("none", p + 3 * PAGE);
	show_access("still read-only", p + 2 * PAGE);
	SHOW(mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE));
	show_access("again", p + 3 * PAGE);
	SHOW(munmap(p + 5 * PAGE, PAGE));
	show_access("hole", p + 5 * PAGE);
	show_access("behind the hole", p + 6 * PAGE);
	SHOW(mprotect(p, 8 * PAGE, PROT_READ));
	SHOW(munmap(p, 8 * PAGE));
	SHOW(munmap(p, 8 * PAGE));
	show_access("gone", p);
}

static void fixed(void)
{
	char *p = map(4, PROT_READ | PROT_WRITE);

	p[0] = p[PAGE] = p[2 * PAGE] = 7;
	SHOW(mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	     p + PAGE);
	printf("%d %d %d\n", p[0], p[PAGE], p[2 * PAGE]);
	SHOW((long)mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			0));
	munmap(p, 4 * PAGE);
}

static void errors(void)
{
	char *p = map(1, PROT_READ);

	SHOW((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
	SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
	SHOW((long)mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	SHOW((long)mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SHOW((long)mmap(NULL, (size_t)-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SHOW(munmap(p + 1, PAGE));
	SHOW(munmap(p, 0));
	SHOW(munmap(p, (size_t)-1));
	SHOW(mprotect(p + 1, PAGE, PROT_READ));
	SHOW(mprotect(p, 0, PROT_READ));
	SHOW(munmap(p, 1));
	show_access("a whole page went", p);
}

static void programs_heap(void)
{
	char *start = sbrk(0);

	SHOW(brk(start + 10 * PAGE));
	show_access("in the heap", start + 9 * PAGE);
	SHOW(sbrk(0) == start + 10 * PAGE);
	SHOW(brk(start));
	SHOW(sbrk(0) == start);
	SHOW(brk(start + 10 * PAGE));
	printf("zero again: %d\n", start[9 * PAGE]);
	SHOW(brk(start));
}

static char *inherited;

static void writes_inherited(void)
{
	inherited[0]++;
	inherited[PAGE]++;
}

static void inheritance(void)
{
	inherited = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	in_child(writes_inherited);
	printf("shared: %d %d\n", inherited[0], inherited[PAGE]);
	inherited = map(2, PROT_READ | PROT_WRITE);
	inherited[0] = 5;
	in_child(writes_inherited);
	printf("private: %d %d\n", inherited[0], inherited[PAGE]);
}

static void files(void)
{
	char buf[8] = "";
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *shared, *private;

	SHOW(write(fd, "abcdef", 6));
	shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	printf("%.6s %.6s, then %d\n", shared, private, shared[6]);
	shared[0] = 'X';
	private[1] = 'Y';
	SHOW(pread(fd, buf, 6, 0));
	printf("file %.6s shared %.6s private %.6s\n", buf, shared, private);
	SHOW(pwrite(fd, "Z", 1, 2));
	printf("shared %.6s private %.6s\n", shared, private);
	show_access("beyond the file", shared + PAGE);
	close(fd);
	show_access("closed", shared);
	fd = open("mapped", O_RDONLY);
	SHOW((long)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0));
	SHOW((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1));
	SHOW(munmap(shared, 2 * PAGE));
	SHOW(munmap(private, PAGE));
	close(fd);
}

/* Each second page gets rights of its own: the number of mappings grows until the kernel says no.
 */
static void too_many(void)
{
	size_t pages = 80000, i;
	char *area = mmap(NULL, pages * 4096, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (i = 0; i < pages; i += 2)
		if (mprotect(area + i * 4096, 4096, PROT_READ) < 0)
			break;
	printf("mappings: %s\n", i < pages && errno == ENOMEM ? "limited" : "without limit");
	SHOW(munmap(area, pages * 4096));
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	anonymous();
	fixed();
	errors();
	programs_heap();
	inheritance();
	files();
	too_many();
	return 0;
}
