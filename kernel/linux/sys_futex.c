/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex(2): decoding of operations, times and flags; the work is in proc/futex.c and futex_pi.c.
 * Priority inheritance across a requeue (FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI) is -ENOSYS:
 * no C library in use calls it.
 */
#include "restart.h"
#include "timespec.h"

#include <lib/errno.h>
#include <mem/slab.h>
#include <proc/futex.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/futex.h>
#include <linux/time.h>

static bool takes_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI ||
	       cmd == FUTEX_LOCK_PI2;
}

/* FUTEX_WAIT's time is relative, all others are absolute. */
static int get_deadline(uaddr_t uts, int cmd, struct futex_deadline *d)
{
	int r;

	if (!uts || !takes_timeout(cmd))
		return 0;
	r = timespec_get(uts, &d->at);
	if (!r && cmd == FUTEX_WAIT && add_overflow(d->at, clock_mono_ns(), &d->at))
		d->at = NEVER;
	return r;
}

/* How a wait that a signal ended goes on: with what is in the thread's restart_args. */
static int64_t restart_wait(struct proc_thread *t);

static int64_t wait_result(int r, uaddr_t addr, bool private, uint32_t value,
			   const struct futex_deadline *d, uint32_t bitset)
{
	struct proc_thread *t = proc_thread(current());

	if (r != -EINTR)
		return r;
	if (d->at == NEVER)
		return -ERESTARTSYS;
	t->restart = restart_wait;
	t->restart_args[0] = addr;
	t->restart_args[1] = (uint64_t)bitset << 32 | value;
	t->restart_args[2] = d->at;
	t->restart_args[3] = (uint64_t) private | (uint64_t)d->realtime << 1;
	return -ERESTART_RESTARTBLOCK;
}

static int64_t do_wait(uaddr_t addr, bool private, uint32_t value, const struct futex_deadline *d,
		       uint32_t bitset)
{
	return wait_result(futex_wait(addr, private, value, d, bitset), addr, private, value, d,
			   bitset);
}

static int64_t restart_wait(struct proc_thread *t)
{
	struct futex_deadline d = {t->restart_args[2], t->restart_args[3] & 2};

	return do_wait(t->restart_args[0], t->restart_args[3] & 1, (uint32_t)t->restart_args[1], &d,
		       (uint32_t)(t->restart_args[1] >> 32));
}

static int64_t lock_pi(uaddr_t addr, bool private, bool try, const struct futex_deadline *d)
{
	int r = futex_lock_pi(addr, private, try, d);

	return r == -EINTR ? -ERESTARTNOINTR : r;
}

int64_t sys_futex(uaddr_t addr, int op, unsigned value, uaddr_t timeout, uaddr_t addr2,
		  unsigned value3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool private = op & FUTEX_PRIVATE_FLAG;
	struct futex_deadline d = {NEVER, op & FUTEX_CLOCK_REALTIME || cmd == FUTEX_LOCK_PI};
	int value2 = (int)timeout; /* what some operations have in the timeout's place */
	int r = get_deadline(timeout, cmd, &d);

	if (r)
		return r;
	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return do_wait(addr, private, value, &d, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return do_wait(addr, private, value, &d, value3);
	case FUTEX_WAKE:
		return futex_wake(addr, private, (int)value, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, private, (int)value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, private, (int)value, value2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, private, (int)value, value2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, private, (int)value, value2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return lock_pi(addr, private, false, &d);
	case FUTEX_TRYLOCK_PI:
		return lock_pi(addr, private, true, &d);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, private);
	default:
		return -ENOSYS;
	}
}

/* --- several at once ------------------------------------------------------------------------- */

static int get_items(uaddr_t from, unsigned n, struct futex_wait_item *items)
{
	for (unsigned i = 0; i < n; i++) {
		struct futex_waitv v;

		if (copy_from_user(&v, from + i * sizeof(v), sizeof(v)))
			return -EFAULT;
		if (v.flags & ~(uint32_t)(FUTEX_32 | FUTEX_PRIVATE_FLAG) || v.__reserved ||
		    !(v.flags & FUTEX_32) || v.val > UINT32_MAX)
			return -EINVAL;
		items[i] = (struct futex_wait_item){.addr = v.uaddr,
						    .value = (uint32_t)v.val,
						    .private = v.flags & FUTEX_PRIVATE_FLAG};
	}
	return 0;
}

int64_t sys_futex_waitv(uaddr_t waiters, unsigned n, unsigned flags, uaddr_t timeout, int clock)
{
	struct futex_deadline d = {NEVER, clock == CLOCK_REALTIME};
	struct futex_wait_item *items;
	int r;

	if (flags || !n || n > FUTEX_WAITV_MAX || !waiters)
		return -EINVAL;
	if (timeout) {
		if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
			return -EINVAL;
		r = timespec_get(timeout, &d.at);
		if (r)
			return r;
	}
	items = kcalloc(n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	r = get_items(waiters, n, items);
	if (!r)
		r = futex_wait_many(items, n, &d);
	kfree(items);
	return r == -EINTR ? -ERESTARTSYS : r;
}
