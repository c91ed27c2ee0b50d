/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at sets of semaphores, and setting their values. */
#include "sem_internal.h"

#include <lib/errno.h>
#include <mem/slab.h>

#include <linux/sem.h>

int sem_set_owner(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode)
{
	struct ipc_object *o;
	int r = ipc_control_begin(&sem_table, id, &o);

	if (r)
		return r;
	r = ipc_perm_set(o, uid, gid, mode);
	if (!r)
		sem_set(o)->change_time = ipc_now();
	ipc_control_end(o);
	return r;
}

int sem_stat(int32_t id, bool by_index, bool any, struct sem_status *out)
{
	struct ipc_object *o;
	struct sem_set *set;
	int r = ipc_look_begin(&sem_table, id, by_index, any, &o);

	if (r < 0)
		return r;
	set = sem_set(o);
	*out = (struct sem_status){
		.op_time = set->op_time, .change_time = set->change_time, .count = set->count};
	ipc_perm_get(o, &out->perm);
	ipc_look_end(o);
	return r;
}

/*
 * For what needs permission: 0 with the set's lock held until end(), or -EINVAL, -EACCES, -EIDRM.
 * num: the semaphore that is meant, -1: none.
 */
static int begin(int32_t id, unsigned mode, const int *num, struct sem_set **out)
{
	struct ipc_object *o = ipc_find(&sem_table, id);
	bool outside;
	int r;

	if (!o)
		return -EINVAL;
	*out = sem_set(o);
	outside = num && (*num < 0 || (uint32_t)*num >= (*out)->count);
	spin_lock(&o->lock);
	/* Setting looks at the number first. */
	if (outside && mode == IPC_MAY_WRITE)
		r = -EINVAL;
	else if (!ipc_permitted(o, mode))
		r = -EACCES;
	else
		r = outside ? -EINVAL : o->removed ? -EIDRM : 0;
	if (!r)
		return 0;
	spin_unlock(&o->lock);
	ipc_object_put(o);
	return r;
}

static void end(struct sem_set *set)
{
	spin_unlock(&set->o.lock);
	ipc_object_put(&set->o);
}

/* --- looking ------------------------------------------------------------------------------ */

static int count_waiters(const struct list *waiters, bool for_zero)
{
	struct sem_waiter *w;
	int n = 0;

	list_for_each_entry(w, waiters, wait.link)
		n += w->for_zero == for_zero;
	return n;
}

static int query(struct semaphore *s, enum sem_query what)
{
	switch (what) {
	case SEM_VALUE:
		return s->value;
	case SEM_PID:
		return s->pid;
	case SEM_WAITING_MORE:
		return count_waiters(&s->waiters, false);
	case SEM_WAITING_ZERO:
		return count_waiters(&s->waiters, true) + count_waiters(&s->zero, true);
	}
	return -EINVAL;
}

int sem_query(int32_t id, int num, enum sem_query what)
{
	struct sem_set *set;
	int r = begin(id, IPC_MAY_READ, &num, &set);

	if (r)
		return r;
	r = query(&set->semaphores[num], what);
	end(set);
	return r;
}

int sem_get_all(int32_t id, uint16_t **values, uint32_t *count)
{
	struct ipc_object *o = ipc_find(&sem_table, id);
	struct sem_set *set;
	uint16_t *v;
	int r;

	if (!o)
		return -EINVAL;
	*count = sem_set(o)->count;
	ipc_object_put(o);
	v = kcalloc(*count, sizeof(*v));
	if (!v)
		return -ENOMEM;
	r = begin(id, IPC_MAY_READ, NULL, &set);
	if (r) {
		kfree(v);
		return r;
	}
	/* The same set as before: an id comes again after many others. */
	*count = min(*count, set->count);
	for (uint32_t i = 0; i < *count; i++)
		v[i] = (uint16_t)set->semaphores[i].value;
	end(set);
	*values = v;
	return 0;
}

/* --- setting ------------------------------------------------------------------------------ */

static void set_one(struct semaphore *s, int value, struct list *changed)
{
	s->value = value;
	s->pid = ipc_pid();
	sem_mark(s, changed);
}

int sem_set_value(int32_t id, int num, int value)
{
	struct list changed = LIST_INIT(changed);
	struct sem_set *set;
	int r;

	if (value < 0 || value > SEMVMX)
		return -ERANGE;
	r = begin(id, IPC_MAY_WRITE, &num, &set);
	if (r)
		return r;
	sem_undo_forget(set, num);
	set_one(&set->semaphores[num], value, &changed);
	set->change_time = ipc_now();
	sem_settle(set, &changed);
	end(set);
	return 0;
}

int sem_count_for_set(int32_t id, uint32_t *count)
{
	struct sem_set *set;
	int r = begin(id, IPC_MAY_WRITE, NULL, &set);

	if (r)
		return r;
	*count = set->count;
	end(set);
	return 0;
}

int sem_set_all(int32_t id, const uint16_t *values, uint32_t count)
{
	struct list changed = LIST_INIT(changed);
	struct sem_set *set;
	int r;

	for (uint32_t i = 0; i < count; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	r = begin(id, IPC_MAY_WRITE, NULL, &set);
	/* Gone since the caller counted; its id may already be another's. */
	if (r || set->count != count) {
		if (!r)
			end(set);
		return -EIDRM;
	}
	for (uint32_t i = 0; i < count; i++)
		set_one(&set->semaphores[i], values[i], &changed);
	sem_undo_forget(set, -1);
	set->change_time = ipc_now();
	sem_settle(set, &changed);
	end(set);
	return 0;
}
