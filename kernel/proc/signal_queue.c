/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What signals are kept in: tables of actions, sets of pending signals. A standard signal is
 * pending once, with the first siginfo; real-time ones queue, oldest first.
 */
#include "signal_internal.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#include <asm-generic/siginfo.h>

#define QUEUE_MAX 1024 /* queued per pending set; the limit RLIMIT_SIGPENDING stands for */

/* --- actions --------------------------------------------------------------------------------- */

struct signal_actions *signal_actions_create(void)
{
	struct signal_actions *a = kzalloc(sizeof(*a));

	if (a) {
		a->refs = 1;
		spin_init(&a->lock, LOCK_SIGNAL);
	}
	return a;
}

int signal_state_init(struct signal_state *s)
{
	memset(s, 0, sizeof(*s));
	spin_init(&s->lock, LOCK_SIGNAL);
	list_init(&s->shared.queue);
	s->actions = signal_actions_create();
	return s->actions ? 0 : -ENOMEM;
}

void signal_actions_put(struct signal_actions *a)
{
	if (a && __atomic_fetch_sub(&a->refs, 1, __ATOMIC_ACQ_REL) == 1)
		kfree(a);
}

static void copy_table(struct signal_actions *to, struct signal_actions *from)
{
	uint64_t irq = spin_lock_irq(&from->lock);

	memcpy(to->table, from->table, sizeof(to->table));
	spin_unlock_irq(&from->lock, irq);
}

void signal_state_copy(struct signal_state *to, struct signal_state *from)
{
	copy_table(to->actions, from->actions);
}

void signal_state_share(struct signal_state *to, struct signal_state *from)
{
	signal_actions_put(to->actions);
	to->actions = from->actions;
	__atomic_fetch_add(&to->actions->refs, 1, __ATOMIC_RELAXED);
}

void signal_state_reset(struct signal_state *s)
{
	uint64_t irq = spin_lock_irq(&s->actions->lock);

	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		struct signal_action *a = &s->actions->table[i];

		*a = (struct signal_action){.handler = a->handler == 1 ? 1 : 0};
	}
	spin_unlock_irq(&s->actions->lock, irq);
}

void signal_state_exec(struct signal_state *s, struct signal_actions *own)
{
	struct signal_actions *old = s->actions;
	uint64_t irq;

	copy_table(own, old);
	irq = spin_lock_irq(&proc_tree_lock);
	spin_lock(&s->lock);
	s->actions = own;
	spin_unlock(&s->lock);
	spin_unlock_irq(&proc_tree_lock, irq);
	signal_actions_put(old);
	signal_state_reset(s);
}

/* --- pending sets ---------------------------------------------------------------------------- */

void signal_flush_pending(struct signal_pending *p)
{
	struct signal_queued *q, *next;

	list_for_each_entry_safe(q, next, &p->queue, link) {
		list_del(&q->link);
		kfree(q);
	}
	p->set = 0;
}

void signal_discard(struct signal_pending *pending, sigset64_t set)
{
	struct signal_queued *q, *next;

	if (!(pending->set & set))
		return;
	pending->set &= ~set;
	list_for_each_entry_safe(q, next, &pending->queue, link)
		if (set & SIGBIT(q->info.signo)) {
			list_del(&q->link);
			kfree(q);
		}
}

int signal_add(struct signal_pending *pending, int sig, const struct signal_info *info)
{
	struct signal_queued *q;
	unsigned n = 0;

	if (sig < RT_FIRST && pending->set & SIGBIT(sig))
		return 0;
	if (info && sig >= RT_FIRST) {
		list_for_each_entry(q, &pending->queue, link)
			n++;
		if (n >= QUEUE_MAX)
			return -EAGAIN;
	}
	q = info ? kmalloc(sizeof(*q)) : NULL;
	if (q) {
		q->info = *info;
		q->info.signo = sig;
		list_add_tail(&q->link, &pending->queue);
	} else if (info && sig >= RT_FIRST && info->code != SI_USER) {
		return -EAGAIN;
	}
	pending->set |= SIGBIT(sig);
	return 0;
}

void signal_remove(struct signal_pending *pending, int sig, struct signal_info *info)
{
	struct signal_queued *q, *found = NULL;
	bool more = false;

	list_for_each_entry(q, &pending->queue, link) {
		if (q->info.signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = q;
	}
	*info = (struct signal_info){.signo = sig, .code = SI_KERNEL};
	if (found) {
		*info = found->info;
		list_del(&found->link);
		kfree(found);
	}
	if (!more)
		pending->set &= ~SIGBIT(sig);
}
