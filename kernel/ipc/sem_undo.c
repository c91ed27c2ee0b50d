/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is undone of a process's semaphore operations at its end.
 *
 * Threads share a sem_undo_list if they were made with CLONE_SYSVSEM; it is made when one of them
 * first needs it. It has a record for each set, which is also on the set's list: setting values
 * clears what would be undone of them, and removing the set removes the records. The list's end
 * applies them.
 *
 * A record is removed with the set's lock and the list's lock held, by the set's removal or by the
 * last user of the list. So who holds the set's lock, sees that it is not removed and shares the
 * list may use the record it has found before.
 */
#include "sem_internal.h"

#include "limits.h"

#include <lib/errno.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>

#include <linux/ipc.h>
#include <linux/sem.h>

static size_t undo_bytes(const struct sem_set *set)
{
	return sizeof(struct sem_undo) + set->count * sizeof(int16_t);
}

/* --- lists -------------------------------------------------------------------------------- */

static struct sem_undo_list *list_of_caller(void)
{
	struct thread *t = current();
	struct sem_undo_list *l = t->sem_undo;

	if (l)
		return l;
	l = kzalloc(sizeof(*l));
	if (!l)
		return NULL;
	l->refs = 1;
	spin_init(&l->lock, LOCK_IPC_UNDO);
	t->sem_undo = l;
	return l;
}

static int share(struct thread *child)
{
	struct sem_undo_list *l = list_of_caller();

	if (!l)
		return -ENOMEM;
	__atomic_fetch_add(&l->refs, 1, __ATOMIC_RELAXED);
	child->sem_undo = l;
	return 0;
}

static struct sem_undo *search(struct sem_undo_list *l, const struct sem_set *set)
{
	struct rb_node *n = l->undos.node;

	while (n) {
		struct sem_undo *u = rb_entry(n, struct sem_undo, node);

		if (u->set == set)
			return u;
		n = set < u->set ? n->left : n->right;
	}
	return NULL;
}

static void insert(struct sem_undo_list *l, struct sem_undo *u)
{
	struct rb_node **link = &l->undos.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = u->set < rb_entry(parent, struct sem_undo, node)->set ? &parent->left
									     : &parent->right;
	}
	rb_link(&u->node, parent, link);
	rb_insert_fixup(&u->node, &l->undos);
}

/* Enter u unless another thread was faster: the one that is there. */
static int publish(struct sem_set *set, struct sem_undo_list *l, struct sem_undo *u,
		   struct sem_undo **out)
{
	int r = 0;

	spin_lock(&set->o.lock);
	spin_lock(&l->lock);
	*out = search(l, set);
	if (set->o.removed) {
		r = -EIDRM;
	} else if (!*out) {
		insert(l, u);
		list_add_tail(&u->set_link, &set->undos);
		*out = u;
	}
	spin_unlock(&l->lock);
	spin_unlock(&set->o.lock);
	return r;
}

int sem_undo_find(struct sem_set *set, struct sem_undo **out)
{
	struct sem_undo_list *l = list_of_caller();
	struct sem_undo *u;
	int r;

	if (!l)
		return -ENOMEM;
	spin_lock(&l->lock);
	*out = search(l, set);
	spin_unlock(&l->lock);
	if (*out)
		return 0;
	if (!ipc_memory_take(undo_bytes(set)))
		return -ENOMEM;
	u = kzalloc(undo_bytes(set));
	if (u) {
		u->owner = l;
		u->set = set;
	}
	r = u ? publish(set, l, u, out) : -ENOMEM;
	if (r || *out != u) {
		ipc_memory_give(undo_bytes(set));
		kfree(u);
	}
	return r;
}

/* --- sets --------------------------------------------------------------------------------- */

/* Out of both lists, and gone; the set's lock is held. */
static void drop(struct sem_set *set, struct sem_undo *u)
{
	struct sem_undo_list *l = u->owner;

	spin_lock(&l->lock);
	rb_erase(&u->node, &l->undos);
	list_del(&u->set_link);
	spin_unlock(&l->lock);
	ipc_memory_give(undo_bytes(set));
	kfree(u);
}

void sem_undo_drop_all(struct sem_set *set)
{
	while (!list_empty(&set->undos))
		drop(set, list_first_entry(&set->undos, struct sem_undo, set_link));
}

void sem_undo_forget(struct sem_set *set, int num)
{
	struct sem_undo *u;

	list_for_each_entry(u, &set->undos, set_link) {
		for (uint32_t i = 0; num < 0 && i < set->count; i++)
			u->adjust[i] = 0;
		if (num >= 0)
			u->adjust[num] = 0;
	}
}

/* --- the end ------------------------------------------------------------------------------ */

static void apply(struct sem_set *set, const struct sem_undo *u)
{
	struct list changed = LIST_INIT(changed);

	for (uint32_t i = 0; i < set->count; i++) {
		struct semaphore *s = &set->semaphores[i];

		if (!u->adjust[i])
			continue;
		s->value = clamp(s->value + u->adjust[i], 0, SEMVMX);
		s->pid = ipc_pid();
		sem_mark(s, &changed);
	}
	set->op_time = ipc_now();
	sem_settle(set, &changed);
}

/* The set of one of the records, with a reference: while there is one, the set has its own. */
static struct sem_set *any_set(struct sem_undo_list *l)
{
	struct sem_set *set = NULL;
	struct rb_node *n;

	spin_lock(&l->lock);
	n = rb_first(&l->undos);
	if (n) {
		set = rb_entry(n, struct sem_undo, node)->set;
		ipc_object_get(&set->o);
	}
	spin_unlock(&l->lock);
	return set;
}

void sem_undo_leave(struct thread *t)
{
	struct sem_undo_list *l = t->sem_undo;
	struct sem_set *set;
	struct sem_undo *u;

	t->sem_undo = NULL;
	if (!l || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL))
		return;
	while ((set = any_set(l)) != NULL) {
		spin_lock(&set->o.lock);
		spin_lock(&l->lock);
		u = search(l, set); /* NULL: the set has been removed meanwhile */
		spin_unlock(&l->lock);
		if (u) {
			apply(set, u);
			drop(set, u);
		}
		spin_unlock(&set->o.lock);
		ipc_object_put(&set->o);
	}
	kfree(l);
}

void sem_undo_init(void)
{
	thread_sem_undo_share_hook = share;
	thread_sem_undo_leave_hook = sem_undo_leave;
}
