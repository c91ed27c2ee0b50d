/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread leaves in the program's memory when it ends, or gives its memory up in exec: locks
 * of its robust list marked as its owner's death, the locks with priority inheritance that it
 * holds, and its number cleared (CLONE_CHILD_CLEARTID, on which pthread_join waits).
 *
 * The list is the program's, so everything in it may be wrong: it is followed for ROBUST_LIMIT
 * entries at most, a word that cannot be read ends it, and only a word that names the thread as
 * its owner is changed.
 */
#include "count_show.h"
#include "linux_boot.h"
#include "block_ioctl.h"
#include "tty_ioctl.h"

#include <lib/errno.h>
#include <proc/futex.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <linux/futex.h>

#define ROBUST_LIMIT 2048
#define CHANGE_TRIES 1000 /* against a program that changes the word all the time */

/* The owner of the lock dies. False: the list makes no sense, stop. */
static bool mark_dead(uaddr_t word, uint32_t tid, bool pi, bool pending)
{
	uint32_t value, marked, was;

	if (word % sizeof(value))
		return false;
	for (unsigned i = 0; i < CHANGE_TRIES; i++) {
		if (get_user(value, word))
			return false;
		/* Unlocked, and nobody woken yet. */
		if (pending && !pi && !value)
			futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);
		if ((value & FUTEX_TID_MASK) != tid)
			return true;
		marked = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (futex_change_word(word, value, marked, &was))
			return false;
		if (was != value)
			continue;
		if (!pi && value & FUTEX_WAITERS)
			futex_wake(word, false, 1, FUTEX_BITSET_MATCH_ANY);
		return true;
	}
	return true;
}

/* An entry: its address, and in the lowest bit whether it is a lock with priority inheritance. */
static bool next_entry(uaddr_t from, uaddr_t *entry, bool *pi)
{
	uint64_t v;

	if (get_user(v, from))
		return false;
	*pi = v & 1;
	*entry = v & ~1UL;
	return true;
}

static void walk_robust_list(uaddr_t head, uint32_t tid)
{
	uaddr_t entry, pending, next;
	bool pi, pending_pi, next_pi = false;
	int64_t offset;

	if (!next_entry(head, &entry, &pi) ||
	    get_user(offset, head + offsetof(struct robust_list_head, futex_offset)) ||
	    !next_entry(head + offsetof(struct robust_list_head, list_op_pending), &pending,
			&pending_pi))
		return;
	for (unsigned i = 0; entry != head && i < ROBUST_LIMIT; i++) {
		/* Once the entry is marked, another thread may take it off and reuse it. */
		bool more = next_entry(entry, &next, &next_pi);

		if (entry != pending && !mark_dead(entry + (uint64_t)offset, tid, pi, false))
			return;
		if (!more)
			return;
		entry = next;
		pi = next_pi;
	}
	if (pending)
		mark_dead(pending + (uint64_t)offset, tid, pending_pi, true);
}

static void leave_memory(struct thread *t)
{
	struct proc_thread *d = proc_thread(t);
	int32_t zero = 0;

	if (d->robust_list)
		walk_robust_list(d->robust_list, (uint32_t)t->tid);
	d->robust_list = 0;
	futex_thread_leaves();
	/* Nobody else has the memory: nobody waits. */
	if (d->clear_child_tid && __atomic_load_n(&t->space->refs, __ATOMIC_RELAXED) > 1 &&
	    !put_user(d->clear_child_tid, zero))
		futex_wake(d->clear_child_tid, false, 1, FUTEX_BITSET_MATCH_ANY);
	d->clear_child_tid = 0;
}

static void start_user(uaddr_t set_child_tid, int32_t tid)
{
	if (put_user(set_child_tid, tid)) {
		/* A bad address is the program's own business. */
	}
}

void linux_init(void)
{
	thread_start_user_hook = start_user;
	thread_exit_user_hook = leave_memory;
	linux_tty_init();
	block_ioctl_init();
	count_show_init();
}

int64_t sys_set_robust_list(uaddr_t head, size_t size)
{
	if (size != sizeof(struct robust_list_head))
		return -EINVAL;
	proc_thread(current())->robust_list = head;
	return 0;
}

int64_t sys_get_robust_list(int tid, uaddr_t uhead, uaddr_t usize)
{
	size_t size = sizeof(struct robust_list_head);
	uint64_t head;
	int r = proc_thread_robust_list(tid, &head);

	if (r)
		return r;
	if (put_user(usize, size))
		return -EFAULT;
	return put_user(uhead, head) ? -EFAULT : 0;
}
