/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs cannot show: every allocation that a call makes fails once, and the call leaves
 * nothing behind; what objects take comes back.
 */
#include <base/ktest.h>
#include <ipc/message.h>
#include <ipc/mqueue.h>
#include <ipc/msg.h>
#include <ipc/sem.h>
#include <ipc/shm.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/ipc.h>
#include <linux/sem.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <sched/thread.h>
#include <vfs/dentry.h>
#include <vfs/file.h>

#define ALLOCATIONS_MAX 100 /* more than any of the calls makes */
/* The allocator counts its own caches as objects: a leak grows with every round. */
#define ROUNDS 15

static int id; /* what the last successful call made */

static struct ipc_request request(uint64_t size)
{
	return (struct ipc_request){.key = 0x7e57, .flags = IPC_CREAT | 0600, .size = size};
}

static int keep(int r)
{
	id = r;
	return r < 0 ? r : 0;
}

static int try_segment(void)
{
	struct ipc_request q = request(100000);

	return keep(shm_get(&q));
}

static void undo_segment(void)
{
	ktest_check_eq(shm_remove(id), 0);
}

static int try_set(void)
{
	struct ipc_request q = request(1000);

	return keep(sem_get(&q));
}

static void undo_set(void)
{
	ktest_check_eq(sem_remove(id), 0);
}

/* With a record of what is to be undone. */
static int try_operation(void)
{
	struct sem_op op = {.num = 3, .change = 1, .flags = SEM_UNDO};
	int r = try_set();

	if (r)
		return r;
	r = sem_operate(id, &op, 1, NEVER);
	if (!r)
		ktest_check_eq(sem_query(id, 3, SEM_VALUE), 1);
	sem_undo_leave(current());
	ktest_check_eq(sem_query(id, 3, SEM_VALUE), 0);
	undo_set();
	return r;
}

static int try_queue(void)
{
	struct ipc_request q = request(0);

	return keep(msg_get(&q));
}

static void undo_queue(void)
{
	ktest_check_eq(msg_remove(id), 0);
}

/* In several pieces; one is received and one goes with the queue. */
static int try_message(void)
{
	static char data[8000], got[8000];
	struct msg_selection any = {.size_max = sizeof(got)};
	struct ipc_message *m = NULL;
	struct iter it;
	int r = try_queue();

	if (r)
		return r;
	for (int i = 0; i < 2 && !r; i++) {
		memset(data, i + 1, sizeof(data));
		iter_init_kernel(&it, data, sizeof(data));
		r = msg_send(id, 1, &it, true);
	}
	if (!r && ktest_check_eq(msg_receive(id, &any, &m), 0)) {
		iter_init_kernel(&it, got, sizeof(got));
		ktest_check(message_copy(m, &it, sizeof(got)));
		ktest_check(got[0] == 1 && got[sizeof(got) - 1] == 1);
		message_free(m);
	}
	undo_queue();
	return r;
}

static int try_posix(void)
{
	static char text[] = "text";
	struct iter it;
	struct file *f;
	int r = mqueue_open("ktest", O_CREAT | O_EXCL | O_RDWR, 0600, NULL, &f);

	if (r) {
		mqueue_unlink("ktest"); /* it may have been made */
		return r;
	}
	iter_init_kernel(&it, text, sizeof(text));
	r = mqueue_send(f, &it, 1, NEVER);
	file_put(f);
	ktest_check_eq(mqueue_unlink("ktest"), 0);
	return r;
}

static const struct {
	const char *name;
	int (*act)(void);
	void (*undo)(void);
} calls[] = {
	{"segment", try_segment, undo_segment}, {"set", try_set, undo_set},
	{"operation", try_operation, NULL},	{"queue", try_queue, undo_queue},
	{"message", try_message, NULL},		{"POSIX queue", try_posix, NULL},
};

static uint64_t objects(void)
{
	struct slab_stats s;

	dentry_prune(NULL);
	epoch_barrier();
	epoch_barrier(); /* what the deferred calls deferred */
	slab_stats(&s);
	return s.objects;
}

static void exercise(size_t i)
{
	unsigned n = 0, left;
	int r;

	do {
		alloc_fail_nth(++n);
		r = calls[i].act();
		left = alloc_fail_nth(0);
		if (!ktest_check(r == 0 || r == -ENOMEM))
			ktest_note("%s, allocation %u: error %d", calls[i].name, n, -r);
		if (!r && calls[i].undo)
			calls[i].undo();
	} while (!left && n < ALLOCATIONS_MAX);
	ktest_check(n < ALLOCATIONS_MAX);
}

KTEST(ipc_without_memory)
{
	uint64_t before, after;
	struct shm_totals totals;
	struct sem_limits sems;
	struct msg_limits msgs;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		exercise(i);
		before = objects();
		for (int round = 0; round < ROUNDS; round++)
			exercise(i);
		after = objects();
		if (!ktest_check(after < before + ROUNDS))
			ktest_note("%s leaks %llu objects", calls[i].name,
				   (unsigned long long)(after - before));
	}
	shm_get_totals(&totals);
	ktest_check_eq(totals.count, 0);
	ktest_check_eq(totals.pages, 0);
	ktest_check_eq(totals.resident, 0);
	sem_get_limits(&sems);
	ktest_check_eq(sems.sets_used, 0);
	ktest_check_eq(sems.semaphores_used, 0);
	msg_get_limits(&msgs);
	ktest_check_eq(msgs.queues, 0);
	ktest_check_eq(msgs.messages, 0);
	ktest_check_eq(msgs.bytes, 0);
}

/* Each object of a kind gets a number that was not used lately. */
KTEST(ipc_numbers)
{
	struct ipc_request q = {.key = IPC_PRIVATE, .flags = 0600};
	int first = msg_get(&q), last = first, r;

	for (int i = 0; i < 300 && last >= 0; i++) {
		ktest_check_eq(msg_remove(last), 0);
		r = msg_get(&q);
		ktest_check(r >= 0 && r != first && r != last);
		last = r;
	}
	ktest_check_eq(msg_remove(first), -EINVAL);
	ktest_check_eq(msg_remove(last), 0);
}
