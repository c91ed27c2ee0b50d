/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory policies on a machine of one node. */
#include "guest.h"

#include <linux/mempolicy.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define GET(...)  syscall(SYS_get_mempolicy, __VA_ARGS__)
#define SET(...)  syscall(SYS_set_mempolicy, __VA_ARGS__)
#define BIND(...) syscall(SYS_mbind, __VA_ARGS__)
#define MOVE(...) syscall(SYS_move_pages, __VA_ARGS__)

static uint64_t one = 1, two = 2, both = 3, none, far[4] = {1, 0, 0, 1};
static char *area;

static void show(const char *what, void *addr, unsigned long flags)
{
	uint64_t nodes[2] = {99, 99};
	int mode = -1;
	long r = GET(&mode, nodes, 128L, addr, flags);

	printf("%s: %s mode %d nodes %llu %llu\n", what, r ? strerrorname_np(errno) : "0", mode,
	       (unsigned long long)nodes[0], (unsigned long long)nodes[1]);
}

static void of_thread(void)
{
	show("at first", NULL, 0);
	show("allowed", NULL, MPOL_F_MEMS_ALLOWED);
	SHOW(SET(MPOL_BIND, &one, 64L));
	show("bind", NULL, 0);
	SHOW(SET(MPOL_BIND, &both, 64L));
	show("bind to more than there is", NULL, 0);
	SHOW(SET(MPOL_BIND, &two, 64L));
	SHOW(SET(MPOL_BIND, &none, 64L));
	SHOW(SET(MPOL_BIND, NULL, 0L));
	SHOW(SET(MPOL_PREFERRED, &one, 64L));
	show("preferred", NULL, 0);
	SHOW(SET(MPOL_PREFERRED, NULL, 0L));
	show("preferred nothing", NULL, 0);
	SHOW(SET(MPOL_LOCAL, NULL, 0L));
	SHOW(SET(MPOL_LOCAL, &one, 64L));
	SHOW(SET(MPOL_PREFERRED_MANY, &one, 64L));
	show("preferred many", NULL, 0);
	SHOW(SET(MPOL_INTERLEAVE, &one, 64L));
	show("interleave", NULL, 0);
	show("next node", NULL, MPOL_F_NODE);
	SHOW(SET(MPOL_BIND | MPOL_F_STATIC_NODES, &one, 64L));
	show("static", NULL, 0);
	SHOW(SET(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &one, 64L));
	SHOW(SET(MPOL_LOCAL | MPOL_F_STATIC_NODES, NULL, 0L));
	SHOW(SET(MPOL_PREFERRED | MPOL_F_STATIC_NODES, NULL, 0L));
	SHOW(SET(MPOL_INTERLEAVE | MPOL_F_NUMA_BALANCING, &one, 64L));
	SHOW(SET(99, &one, 64L));
	SHOW(SET(-1, &one, 64L));
	SHOW(SET(MPOL_DEFAULT, &one, 64L));
	SHOW(SET(MPOL_BIND, bad, 64L));
	SHOW(SET(MPOL_BIND, &one, 0L));
	SHOW(SET(MPOL_BIND, &one, 1L));
	SHOW(SET(MPOL_BIND, &one, 1L << 20));
	SHOW(SET(MPOL_BIND, far, 130L));
	SHOW(SET(MPOL_BIND, &one, 64L));
	show("next node without interleave", NULL, MPOL_F_NODE);
	SHOW(GET(NULL, NULL, 0L, NULL, 8L));
	SHOW(GET(NULL, NULL, 0L, NULL, (long)(MPOL_F_MEMS_ALLOWED | MPOL_F_NODE)));
	SHOW(GET(NULL, NULL, 0L, area, 0L));
	SHOW(GET(bad, NULL, 0L, NULL, 0L));
	SHOW(GET(NULL, bad, 64L, NULL, 0L));
	SHOW(GET(NULL, &none, 0L, NULL, 0L));
	SHOW(GET(NULL, &none, 1L << 20, NULL, 0L));
}

static void in_child_too(void)
{
	show("in a child", NULL, 0);
	show("its memory", area + 4096, MPOL_F_ADDR);
}

static void of_memory(void)
{
	show("memory", area, MPOL_F_ADDR);
	SHOW(BIND(area + 4096, 4096L, MPOL_INTERLEAVE, &one, 64L, 0));
	show("before", area, MPOL_F_ADDR);
	show("inside", area + 4096, MPOL_F_ADDR);
	show("behind", area + 8192, MPOL_F_ADDR);
	show("the node of it", area + 4096, MPOL_F_ADDR | MPOL_F_NODE);
	show_status("child", in_child(in_child_too));
	SHOW(BIND(area + 4096, 8192L, MPOL_PREFERRED, &one, 64L, MPOL_MF_MOVE | MPOL_MF_STRICT));
	show("inside", area + 4096, MPOL_F_ADDR);
	show("behind", area + 8192, MPOL_F_ADDR);
	SHOW(BIND(area, 16384L, MPOL_DEFAULT, NULL, 0L, 0));
	show("inside", area + 4096, MPOL_F_ADDR);
	SHOW(BIND(area + 1, 4096L, MPOL_BIND, &one, 64L, 0));
	SHOW(BIND(area, 0L, MPOL_BIND, &one, 64L, 0));
	SHOW(BIND(area, -1L, MPOL_BIND, &one, 64L, 0));
	SHOW(BIND(area, -8192L, MPOL_BIND, &one, 64L, 0));
	SHOW(BIND(area, 4096L, MPOL_BIND, &two, 64L, 0));
	SHOW(BIND(area, 4096L, 77, &one, 64L, 0));
	SHOW(BIND(area, 4096L, MPOL_BIND, &one, 64L, 1 << 20));
	/* A hole: behind the area there is nothing. */
	SHOW(BIND(area, 5 * 4096L, MPOL_BIND, &one, 64L, 0));
	show("unchanged", area, MPOL_F_ADDR);
	SHOW(BIND(area, 5 * 4096L, MPOL_DEFAULT, NULL, 0L, 0));
	SHOW(BIND(area + 4 * 4096, 4096L, MPOL_DEFAULT, NULL, 0L, 0));
	show("a hole", area + 4 * 4096, MPOL_F_ADDR);
	SHOW(syscall(450, area, 4096L, 0L, 0L));
	SHOW(BIND(area, 4096L, MPOL_BIND, &one, 64L, 0));
	SHOW(syscall(450, area, 4096L, 0L, 0L));
	SHOW(syscall(450, area, 4096L, 5000L, 0L));
	SHOW(syscall(450, area, 4096L, 0L, 1L));
	SHOW(syscall(450, area + 1, 4096L, 0L, 0L));
	SHOW(BIND(area, 4096L, MPOL_INTERLEAVE, &one, 64L, 0));
	SHOW(syscall(450, area, 4096L, 0L, 0L));
}

static void moving(void)
{
	void *pages[4] = {area, area + 8192, area + 4 * 4096, area + 12288};
	int status[4] = {77, 77, 77, 77}, nodes[4] = {0, 0, 0, 0};

	area[0] = 1;
	SHOW(*(volatile char *)(area + 12288));
	SHOW(MOVE(0, 3L, pages, NULL, status, 0));
	printf("%d %d %d\n", status[0], status[1], status[2]);
	SHOW(MOVE(getpid(), 1L, pages, nodes, status, MPOL_MF_MOVE));
	printf("%d\n", status[0]);
	nodes[0] = 5000;
	SHOW(MOVE(0, 1L, pages, nodes, status, MPOL_MF_MOVE));
	SHOW(MOVE(0, 1L, pages, NULL, status, 64));
	SHOW(MOVE(0, 1L, bad, NULL, status, 0));
	SHOW(MOVE(0, 1L, pages, NULL, bad, 0));
	SHOW(MOVE(99999999, 1L, pages, NULL, status, 0));
	SHOW(MOVE(0, 0L, NULL, NULL, NULL, 0));
	SHOW(syscall(SYS_migrate_pages, 0, 64L, &one, &one));
	SHOW(syscall(SYS_migrate_pages, 0, 64L, &one, &none));
	SHOW(syscall(SYS_migrate_pages, 0, 64L, &one, bad));
	SHOW(syscall(SYS_migrate_pages, 99999999, 64L, &one, &one));
}

int main(void)
{
	area = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area + 4 * 4096, 4096);
	of_thread();
	of_memory();
	moving();
	SHOW(SET(MPOL_DEFAULT, NULL, 0L));
	show("at the end", NULL, 0);
	return 0;
}
