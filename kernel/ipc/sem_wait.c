/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a set of semaphores: doing them, and those that wait. sem.c has the design. */
#include "sem_internal.h"

#include <lib/errno.h>

#include <linux/ipc.h>
#include <linux/sem.h>

/* One operation; 0, SEM_BLOCKED, -EAGAIN, -ERANGE with nothing changed. */
static int apply_one(struct sem_set *set, struct sem_waiter *w, const struct sem_op *op)
{
	struct semaphore *s = &set->semaphores[op->num];
	int32_t value = s->value + op->change, adjust;

	if (op->change ? value < 0 : s->value != 0) {
		w->blocked_on = op->num;
		w->for_zero = !op->change;
		return op->flags & IPC_NOWAIT ? -EAGAIN : SEM_BLOCKED;
	}
	if (value > SEMVMX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		adjust = w->undo->adjust[op->num] - op->change;
		if (adjust < -SEMAEM - 1 || adjust > SEMAEM)
			return -ERANGE;
		w->undo->adjust[op->num] = (int16_t)adjust;
	}
	s->value = value;
	return 0;
}

static void revert_one(struct sem_set *set, struct sem_waiter *w, const struct sem_op *op)
{
	set->semaphores[op->num].value -= op->change;
	if (op->flags & SEM_UNDO)
		w->undo->adjust[op->num] = (int16_t)(w->undo->adjust[op->num] + op->change);
}

int sem_try(struct sem_set *set, struct sem_waiter *w)
{
	unsigned done;
	int r = 0;

	for (done = 0; done < w->count; done++) {
		r = apply_one(set, w, &w->ops[done]);
		if (r)
			break;
	}
	if (!r)
		for (unsigned i = 0; i < w->count; i++)
			set->semaphores[w->ops[i].num].pid = w->pid;
	while (r && done)
		revert_one(set, w, &w->ops[--done]);
	return r;
}

/* --- lists of waiters --------------------------------------------------------------------- */

static struct sem_waiter *waiter_of(struct list *link)
{
	return container_of(link, struct sem_waiter, wait.link);
}

/* By age: nearly always at the end. */
static void insert(struct sem_set *set, struct sem_waiter *w)
{
	struct semaphore *s = &set->semaphores[w->blocked_on];
	struct list *head = w->for_zero && w->count == 1 ? &s->zero : &s->waiters, *at = head->prev;

	while (at != head && waiter_of(at)->arrival > w->arrival)
		at = at->prev;
	list_add(&w->wait.link, at);
}

void sem_enqueue(struct sem_set *set, struct sem_waiter *w)
{
	w->arrival = set->arrivals++;
	set->complex += w->count > 1;
	insert(set, w);
}

void sem_dequeue(struct sem_set *set, struct sem_waiter *w, int status)
{
	set->complex -= w->count > 1;
	if (!status)
		set->op_time = ipc_now();
	ipc_waiter_end(&w->wait, status);
}

int sem_give_up(struct sem_set *set, struct sem_waiter *w, int r)
{
	if (w->wait.status == IPC_WAITING)
		set->complex -= w->count > 1;
	return ipc_waiter_leave(&w->wait, r);
}

/* --- after a change ----------------------------------------------------------------------- */

void sem_mark(struct semaphore *s, struct list *changed)
{
	if (list_empty(&s->changed) && !(list_empty(&s->waiters) && list_empty(&s->zero)))
		list_add_tail(&s->changed, changed);
}

/* A waiter's request was done. True: something became larger, so that older ones look again. */
static bool mark_done(struct sem_set *set, struct sem_waiter *w, struct list *changed)
{
	bool larger = false;

	for (unsigned i = 0; i < w->count; i++) {
		if (w->ops[i].change)
			sem_mark(&set->semaphores[w->ops[i].num], changed);
		larger |= w->ops[i].change > 0;
	}
	return larger;
}

static void settle_zero(struct sem_set *set, struct semaphore *s)
{
	while (!s->value && !list_empty(&s->zero)) {
		struct sem_waiter *w = waiter_of(s->zero.next);

		s->pid = w->pid;
		sem_dequeue(set, w, 0);
	}
}

/* Those that wait for s, from the oldest on. */
static void settle_one(struct sem_set *set, struct semaphore *s, struct list *changed)
{
	uint16_t num = (uint16_t)(s - set->semaphores);
	struct list *at = s->waiters.next, *next;

	settle_zero(set, s);
	for (; at != &s->waiters; at = next) {
		struct sem_waiter *w = waiter_of(at);
		int r;

		/* A simple one here wants to take something. */
		if (!s->value && !set->complex)
			break;
		next = at->next;
		r = sem_try(set, w);
		if (r == SEM_BLOCKED) {
			if (w->blocked_on != num) {
				list_del(&w->wait.link);
				insert(set, w);
			}
			continue;
		}
		sem_dequeue(set, w, r);
		if (!r && mark_done(set, w, changed)) {
			sem_mark(s, changed); /* from the oldest on again */
			break;
		}
		if (!r)
			settle_zero(set, s);
	}
}

void sem_settle(struct sem_set *set, struct list *changed)
{
	while (!list_empty(changed)) {
		struct semaphore *s = container_of(changed->next, struct semaphore, changed);

		list_del(&s->changed);
		settle_one(set, s, changed);
	}
}
