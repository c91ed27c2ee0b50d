/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Semaphores of System V: sets, and operations on them.
 *
 * A request is a list of operations that are done together or not at all. One that cannot be done
 * is blocked on the first operation that fails, and can only go on when that operation's semaphore
 * changes: with all the others as they are it would fail there again. So it waits on that
 * semaphore's list, and a change of a semaphore looks at its own waiters only, the oldest first,
 * does the requests of those that can go on, and looks at what they have changed in turn
 * (sem_settle). A request that is found blocked on another semaphore than before moves to that
 * one's list, to the place that its age gives it. Who waits with nothing but a wish for zero is in
 * a list apart, since a semaphore is mostly looked at when it is not.
 *
 * As on Linux, a younger waiter that wants less may pass an older one that wants more.
 *
 *	waiting		sem_operate: enqueued, the thread sleeps
 *	done		another's sem_operate, sem_set_value..., an undo: the request is done for it
 *	failed		-EIDRM from sem_remove, -ERANGE or -EAGAIN found when it was looked at again
 *	given up	the thread itself, after a signal or at its deadline
 *
 * Locks: everything in a set is under its IPC_OBJECT. What a process will undo is a record for each
 * set it has used so, in a tree of the process under IPC_UNDO, which comes after; sem_undo.c.
 *
 * Rejected: one list of waiters for a set, tried from the start after every change: a set with a
 * hundred semaphores and a hundred sleepers would try them all each time.
 */
#include "sem_internal.h"

#include "limits.h"

#include <base/stats.h>
#include <lib/errno.h>
#include <mem/slab.h>

#include <linux/ipc.h>
#include <linux/sem.h>

typedef unsigned long long ull;

struct ipc_table sem_table;

static uint64_t per_set_max = SEMMSL; /* [a] */
static uint64_t total_max = SEMMNS;   /* [a] */
static uint64_t ops_max = SEMOPM;     /* [a] */
static uint64_t total;		      /* [sem_table.lock to add] [a] */

/* --- sets --------------------------------------------------------------------------------- */

static size_t set_bytes(uint64_t count)
{
	return sizeof(struct sem_set) + (size_t)count * sizeof(struct semaphore);
}

static void set_free(struct ipc_object *o)
{
	struct sem_set *set = sem_set(o);

	__atomic_sub_fetch(&total, set->count, __ATOMIC_RELAXED);
	ipc_memory_give(set_bytes(set->count));
	kfree_deferred(set, o.epoch);
}

/* Under the table's lock; the size has been checked against per_set_max. */
static int set_create(const struct ipc_request *q, struct ipc_object **out)
{
	uint64_t sum;
	struct sem_set *set;

	if (!q->size)
		return -EINVAL;
	if (add_overflow(ipc_limit_read(&total), q->size, &sum) || sum > ipc_limit_read(&total_max))
		return -ENOSPC;
	if (!ipc_memory_take(set_bytes(q->size)))
		return -ENOMEM;
	set = kzalloc(set_bytes(q->size));
	if (!set) {
		ipc_memory_give(set_bytes(q->size));
		return -ENOMEM;
	}
	ipc_object_init(&set->o, &sem_table, q->flags);
	set->count = (uint32_t)q->size;
	set->change_time = ipc_now();
	list_init(&set->undos);
	for (uint32_t i = 0; i < set->count; i++) {
		list_init(&set->semaphores[i].waiters);
		list_init(&set->semaphores[i].zero);
		list_init(&set->semaphores[i].changed);
	}
	__atomic_add_fetch(&total, q->size, __ATOMIC_RELAXED);
	*out = &set->o;
	return 0;
}

static bool set_fits(struct ipc_object *o, const struct ipc_request *q)
{
	return q->size <= sem_set(o)->count;
}

int sem_get(const struct ipc_request *q)
{
	if (q->size > ipc_limit_read(&per_set_max))
		return -EINVAL;
	return ipc_get(&sem_table, q);
}

static void end_waiters(struct sem_set *set, struct list *waiters)
{
	while (!list_empty(waiters))
		sem_dequeue(set, container_of(waiters->next, struct sem_waiter, wait.link), -EIDRM);
}

int sem_remove(int32_t id)
{
	struct ipc_object *o;
	struct sem_set *set;
	int r = ipc_control_begin(&sem_table, id, &o);

	if (r)
		return r;
	set = sem_set(o);
	sem_undo_drop_all(set);
	for (uint32_t i = 0; i < set->count; i++) {
		end_waiters(set, &set->semaphores[i].waiters);
		end_waiters(set, &set->semaphores[i].zero);
	}
	ipc_unlink_locked(o);
	ipc_control_end(o);
	return 0;
}

/* --- operations --------------------------------------------------------------------------- */

static int check(struct sem_set *set, const struct sem_waiter *w, bool alters)
{
	if (!ipc_permitted(&set->o, alters ? IPC_MAY_WRITE : IPC_MAY_READ))
		return -EACCES;
	return set->o.removed ? -EIDRM : 0;
}

/* Once more or for the first time, with the set's lock held: whatever the result, others go on. */
static int attempt(struct sem_set *set, struct sem_waiter *w, bool alters)
{
	struct list changed = LIST_INIT(changed);
	int r = check(set, w, alters);

	if (!r)
		r = sem_try(set, w);
	if (r)
		return r;
	set->op_time = ipc_now();
	for (unsigned i = 0; i < w->count; i++)
		if (w->ops[i].change)
			sem_mark(&set->semaphores[w->ops[i].num], &changed);
	sem_settle(set, &changed);
	return 0;
}

/* Holds the set's lock; after wait_begin(). */
static int wait(struct sem_set *set, struct sem_waiter *w, nsec_t deadline)
{
	int r;

	ipc_waiter_init(&w->wait);
	sem_enqueue(set, w);
	spin_unlock(&set->o.lock);
	r = wait_sleep(deadline);
	spin_lock(&set->o.lock);
	r = sem_give_up(set, w, r);
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

static int operate(struct sem_set *set, struct sem_waiter *w, bool alters, nsec_t deadline)
{
	int r;

	spin_lock(&set->o.lock);
	r = attempt(set, w, alters);
	spin_unlock(&set->o.lock);
	if (r != SEM_BLOCKED)
		return r;
	wait_begin(WAIT_INTERRUPTIBLE);
	spin_lock(&set->o.lock);
	r = attempt(set, w, alters);
	if (r == SEM_BLOCKED)
		r = wait(set, w, deadline);
	else
		wait_end();
	spin_unlock(&set->o.lock);
	return r;
}

int sem_operate(int32_t id, const struct sem_op *ops, unsigned count, nsec_t deadline)
{
	struct sem_waiter w = {.ops = ops, .count = count, .pid = ipc_pid()};
	struct ipc_object *o = ipc_find(&sem_table, id);
	bool alters = false, undo = false;
	uint16_t highest = 0;
	int r = 0;

	if (!o)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		alters |= ops[i].change != 0;
		undo |= ops[i].flags & SEM_UNDO;
		highest = max(highest, ops[i].num);
	}
	if (undo)
		r = sem_undo_find(sem_set(o), &w.undo);
	if (!r && highest >= sem_set(o)->count)
		r = -EFBIG;
	if (!r)
		r = operate(sem_set(o), &w, alters, deadline);
	ipc_object_put(o);
	return r;
}

/* --- /proc and boot ----------------------------------------------------------------------- */

static void show_line(struct ipc_object *o, struct text *out)
{
	struct sem_set *set = sem_set(o);
	struct ipc_perm_info p;
	int64_t op_time, change_time;

	spin_lock(&o->lock);
	ipc_perm_get(o, &p);
	op_time = set->op_time;
	change_time = set->change_time;
	spin_unlock(&o->lock);
	text_printf(out, "%10d %10d  %4o %10u %5u %5u %5u %5u %10llu %10llu\n", p.key, o->id,
		    p.mode, set->count, p.uid, p.gid, p.cuid, p.cgid, (ull)op_time,
		    (ull)change_time);
}

static void show_all(struct stats_node *n, struct text *out)
{
	text_printf(out,
		    "       key      semid perms      nsems   uid   gid  cuid  cgid      otime "
		    "     ctime\n");
	ipc_show(&sem_table, show_line, out);
}

void sem_get_limits(struct sem_limits *out)
{
	*out = (struct sem_limits){.per_set = ipc_limit_read(&per_set_max),
				   .total = ipc_limit_read(&total_max),
				   .ops = ipc_limit_read(&ops_max),
				   .sets = ipc_limit_read(&sem_table.limit),
				   .sets_used = __atomic_load_n(&sem_table.count, __ATOMIC_RELAXED),
				   .semaphores_used = ipc_limit_read(&total)};
}

int sem_max_index(void)
{
	return max(__atomic_load_n(&sem_table.max_index, __ATOMIC_RELAXED), 0);
}

static struct stats_node list_node = {.path = "sysvipc/sem", .show = show_all};
static struct ipc_limit limits[] = {
	IPC_LIMIT("sys/kernel/sem", 0, IPC_INDEX_MAX, &per_set_max, &total_max, &ops_max,
		  &sem_table.limit),
};

void sem_init(void)
{
	ipc_table_init(&sem_table);
	sem_table.create = set_create;
	sem_table.fits = set_fits;
	sem_table.free = set_free;
	sem_table.limit = SEMMNI;
	sem_undo_init();
	stats_add(&list_node);
	ipc_limits_add(limits, ARRAY_SIZE(limits));
}
