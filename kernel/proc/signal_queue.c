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

/* Off its list, and forgotten. */
static void drop(struct signal_queued *q)
{
	list_del(&q->link);
	if (q->timer) {
		posix_timer_put(q->timer); /* its reference for being queued */
	} else {
		user_uncharge(q->user, USER_SIGNALS);
		kfree(q);
	}
}

void signal_flush_pending(struct signal_pending *p)
{
	struct signal_queued *q, *next;

	list_for_each_entry_safe(q, next, &p->queue, link)
		drop(q);
	p->set = 0;
}

void signal_discard(struct signal_pending *pending, sigset64_t set)
{
	struct signal_queued *q, *next;

	if (!(pending->set & set))
		return;
	pending->set &= ~set;
	list_for_each_entry_safe(q, next, &pending->queue, link)
		if (set & SIGBIT(q->info.signo))
			drop(q);
}

static struct signal_queued *allocate(struct user *payer, uint64_t limit)
{
	struct user *user = user_charge(payer, USER_SIGNALS, limit);
	struct signal_queued *q = user ? kmalloc(sizeof(*q)) : NULL;

	if (!q) {
		user_uncharge(user, USER_SIGNALS);
		return NULL;
	}
	q->user = user;
	q->timer = NULL;
	return q;
}

int signal_add(struct signal_pending *pending, int sig, const struct signal_info *info,
	       struct user *payer, uint64_t limit)
{
	struct signal_queued *q;

	if (sig < RT_FIRST && pending->set & SIGBIT(sig))
		return 0;
	/* What the kernel tells of a standard signal has room above the limit, too. */
	q = info ? allocate(payer, sig < RT_FIRST && info->code >= 0 ? UINT64_MAX : limit) : NULL;
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

void signal_add_own(struct signal_pending *pending, struct signal_queued *own)
{
	posix_timer_get_ref(own->timer);
	list_add_tail(&own->link, &pending->queue);
	pending->set |= SIGBIT(own->info.signo);
}

static bool has_another(const struct signal_pending *pending, int sig)
{
	struct signal_queued *q;

	list_for_each_entry(q, &pending->queue, link)
		if (q->info.signo == sig)
			return true;
	return false;
}

void signal_unqueue(struct signal_pending *pending, struct signal_queued *own)
{
	int sig = own->info.signo;

	drop(own);
	if (!has_another(pending, sig))
		pending->set &= ~SIGBIT(sig);
}

void signal_remove(struct signal_pending *pending, int sig, struct signal_info *info)
{
	struct signal_queued *q, *found = NULL;

	list_for_each_entry(q, &pending->queue, link)
		if (q->info.signo == sig) {
			found = q;
			break;
		}
	*info = (struct signal_info){.signo = sig, .code = SI_KERNEL};
	if (found) {
		*info = found->info;
		list_del(&found->link);
		if (found->timer) {
			info->timer = found->timer; /* with its reference */
		} else {
			user_uncharge(found->user, USER_SIGNALS);
			kfree(found);
		}
	}
	if (!has_another(pending, sig))
		pending->set &= ~SIGBIT(sig);
}
