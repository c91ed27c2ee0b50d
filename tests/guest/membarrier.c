/* SPDX-License-Identifier: BSD-2-Clause */
/* membarrier: what must be registered, and the order that it gives to two threads. */
#include "guest.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>

#define MB(cmd, flags) syscall(SYS_membarrier, cmd, flags, 0)

#define BASIC                                                                          \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                     \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)

#define ROUNDS 200

static volatile int x, y, seen_x, seen_y, turn;

/* Stores and loads with nothing between that the processor sees: the other side pays for both. */
static void *fast(void *arg)
{
	for (int i = 1; i <= ROUNDS; i++) {
		while (turn != i)
			sched_yield();
		x = i;
		__asm__ volatile("" ::: "memory");
		seen_y = y;
		__atomic_store_n(&turn, -i, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void order(void)
{
	int wrong = 0;
	pthread_t t;

	pthread_create(&t, NULL, fast, NULL);
	for (int i = 1; i <= ROUNDS; i++) {
		turn = i;
		y = i;
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		seen_x = x;
		while (turn != -i)
			sched_yield();
		/* One of both must have seen the other. */
		wrong += seen_x != i && seen_y != i;
	}
	pthread_join(t, NULL);
	printf("rounds in which neither saw the other: %d\n", wrong);
}

static void in_new_program(void)
{
	execl("/proc/self/exe", "membarrier", "again", NULL);
}

static void in_fork(void)
{
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
}

int main(int argc, char **argv)
{
	alarm(50);
	if (argc > 1) {
		SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
		return 0;
	}
	printf("all there %d\n", (MB(MEMBARRIER_CMD_QUERY, 0) & BASIC) == BASIC);
	SHOW(MB(MEMBARRIER_CMD_QUERY, 1));
	SHOW(MB(1 << 20, 0));
	SHOW(MB(-1, 0));
	SHOW(MB(3, 0));
	SHOW(MB(MEMBARRIER_CMD_GLOBAL, 0));
	SHOW(MB(MEMBARRIER_CMD_GLOBAL, 2));
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
	SHOW(MB(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0));
	SHOW(MB(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0));
	SHOW(MB(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0));
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	SHOW(MB(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	SHOW(MB(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	show_status("a child", in_child(in_fork));
	show_status("a new program", in_child(in_new_program));
	order();
	return 0;
}
