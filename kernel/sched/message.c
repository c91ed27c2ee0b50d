/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between processors.
 *
 * One protocol for all that a processor may want of another: run the scheduler (WAKE), call a
 * function (CALL), drop translations (FLUSH: flush.c), say where it is (TRACE). Each processor has
 * a mailbox (lib/mailbox.h), a word with a bit for each kind. A sender puts what is to be done
 * where the target finds it, sets the bit, and interrupts the target only if the word was 0. So
 * many senders and many kinds share one interrupt. What else saves interrupts:
 *
 *	a target that waits for others itself, looks on until a lock is free, or is serving its
 *	mailbox, says so in the same word (ATTENTIVE) and looks again before it goes on: it is never
 *	interrupted
 *	a message to all others is one command to the interrupt controller, not one for each
 *	flush.c does not ask a processor that does not use the address space
 *
 * Every interrupt serves the mailbox, whatever it was for, so that a message does not wait behind
 * another device's handler.
 *
 * States of a processor's word, and who moves it:
 *
 *	0 -> kinds		a sender, which then interrupts
 *	kinds -> more kinds	a sender, which does nothing more
 *	anything -> ATTENTIVE	the owner: in its interrupt, or when it begins to wait
 *	ATTENTIVE -> + kinds	a sender, which does nothing more
 *	ATTENTIVE -> 0		the owner, by compare-and-exchange: there are no kinds left
 *
 * No message is left behind: see lib/mailbox.h. No deadlock of processors that wait for each other:
 * who waits serves. Who waits holds no spinlock and is in no handler, so it holds off nobody; a
 * target that spins for a lock with interrupts off goes on when its holder, who waits for
 * nobody, lets go.
 *
 * Calls: a sender has one struct message for each target, in use until the target has answered,
 * with preemption off meanwhile. A message is the sender's again when `done` is set.
 *
 * Between the bit and the interrupt the sender has interrupts off: others rely on it meanwhile.
 *
 * WAKE comes with need_resched or the thread's work bits, which the target looks at on its way out
 * of an interrupt, at the end of every section without preemption, and before user mode. If it was
 * attentive with interrupts off, it interrupts itself instead: the caller's irq_restore looks at
 * nothing.
 *
 * Stopping the others in a panic does not come this way: it must reach a processor that has
 * interrupts off, so it is an NMI (arch_stop_others).
 *
 * Rejected: not interrupting a target that is in the kernel, because it looks on its way out. It
 * would have to say so at every system call, with a fence at the end of it: dearer than the
 * interrupts that this saves.
 */
#include "message_internal.h"

#include "rq.h"

#include <arch/enter.h>
#include <arch/smp.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/sched_internal.h>

#define LATE_NS NSEC_PER_MSEC

int message_cpu_prepare(struct cpu *c)
{
	static struct slab_cache *cache;

	if (!cache)
		cache = slab_cache_create("mail", sizeof(struct mail), CACHE_LINE);
	c->mail = slab_zalloc(cache);
	return c->mail ? 0 : -ENOMEM;
}

/* --- The target --- */

static void run_calls(struct mailbox *box)
{
	struct mailbox_item *i = mailbox_take_items(box);

	while (i) {
		struct message *m = container_of(i, struct message, item);

		i = i->next; /* m belongs to its sender again once done is set */
		m->fn(m->arg);
		__atomic_store_n(&m->done, 1, __ATOMIC_RELEASE);
	}
}

/* For a person to read; one processor at a time, so that the lines stay together. */
static void log_where(void)
{
	static struct spinlock lock = SPINLOCK_INIT(LOCK_BACKTRACE);
	uint64_t irq = spin_lock_irq(&lock);

	log_error("processor %u, thread %s%s:", this_cpu_index(), current()->name,
		  this_cpu()->need_resched ? ", to be switched" : "");
	backtrace_log(0);
	spin_unlock_irq(&lock, irq);
}

void message_backtrace_all(void)
{
	DECLARE_BITMAP(all, MAX_CPUS);

	bitmap_fill(all, MAX_CPUS);
	preempt_disable();
	message_raise_map(all, MESSAGE_TRACE);
	log_where();
	preempt_enable();
}

/* Attentive, interrupts off: what has been raised. */
static void serve(struct mailbox *box)
{
	uint32_t kinds = mailbox_take(box);

	/* Somebody waits for these two. */
	if (kinds & MESSAGE_FLUSH)
		flush_drain();
	if (kinds & MESSAGE_CALL)
		run_calls(box);
	if (kinds & MESSAGE_WAKE)
		sched_check_slice();
	if (kinds & MESSAGE_TRACE)
		log_where();
}

void kernel_message_interrupt(void)
{
	struct mailbox *box = &this_cpu()->mail->box;
	bool mine = mailbox_attend(box);

	do
		serve(box);
	while (mine && !mailbox_leave(box)); /* else what we interrupted is attentive: it looks */
}

void kernel_message_look(void)
{
	if (mailbox_filled(&this_cpu()->mail->box))
		kernel_message_interrupt();
}

/* --- The sender --- */

/* True if it must be interrupted. Interrupts off. */
static bool raise(struct cpu *c, uint32_t kind)
{
	struct message_counts *counts = &this_cpu()->mail->counts;
	enum mailbox_answer a = mailbox_raise(&c->mail->box, kind);

	counts->raised++;
	counts->interrupts += a == MAILBOX_INTERRUPT;
	counts->coalesced += a == MAILBOX_COALESCED;
	counts->attended += a == MAILBOX_ATTENDED;
	return a == MAILBOX_INTERRUPT;
}

void message_raise(struct cpu *c, uint32_t kind)
{
	uint64_t irq = irq_save();

	if (raise(c, kind))
		arch_send_message_interrupt(c);
	irq_restore(irq);
}

unsigned message_raise_map(const unsigned long *cpus, uint32_t kind)
{
	DECLARE_BITMAP(interrupt, MAX_CPUS);
	unsigned n = 0;
	uint64_t irq;

	bitmap_zero(interrupt, MAX_CPUS);
	irq = irq_save();
	for_each_cpu(c) {
		if (c == this_cpu() || !bit_test(cpus, c->index) || !raise(c, kind))
			continue;
		bit_set(interrupt, c->index);
		n++;
	}
	if (n)
		arch_send_message_interrupts(interrupt, n);
	irq_restore(irq);
	return n;
}

void message_attend(void)
{
	uint64_t irq = irq_save();

	mailbox_attend(&this_cpu()->mail->box);
	irq_restore(irq);
}

void message_wait_begin(struct message_wait *w)
{
	w->since = clock_mono_ns();
	message_attend();
}

void message_serve(void)
{
	struct mailbox *box = &this_cpu()->mail->box;
	uint64_t irq;

	if (!mailbox_filled(box))
		return;
	irq = irq_save();
	serve(box);
	irq_restore(irq);
}

void message_leave(void)
{
	uint64_t irq = irq_save();
	struct cpu *me = this_cpu();

	while (!mailbox_leave(&me->mail->box))
		serve(&me->mail->box);
	if (READ_ONCE(me->need_resched) && !irq_state_enabled(irq))
		arch_send_message_interrupt(me);
	irq_restore(irq);
}

void message_wait_end(struct message_wait *w)
{
	struct message_counts *counts = &this_cpu()->mail->counts;
	nsec_t took;
	uint64_t irq;

	message_leave();
	took = clock_mono_ns() - w->since;
	irq = irq_save();
	counts->wait_ns += took;
	counts->late += took > LATE_NS;
	irq_restore(irq);
}

static void wait_for_answers(struct cpu *me, const unsigned long *cpus)
{
	struct message_wait w;

	message_wait_begin(&w);
	for_each_cpu(c) {
		if (c == me || !bit_test(cpus, c->index))
			continue;
		while (!__atomic_load_n(&me->mail->slots[c->index].done, __ATOMIC_ACQUIRE)) {
			message_serve();
			cpu_relax();
		}
	}
	message_wait_end(&w);
}

void message_call(const unsigned long *cpus, void (*fn)(void *arg), void *arg)
{
	struct cpu *me;
	bool others = false;
	uint64_t irq;

	assert(!in_interrupt());
	lockcheck_might_sleep(); /* who waits for us may hold off nobody */
	preempt_disable();	 /* our slots are in use until all have answered */
	me = this_cpu();
	for_each_cpu(c) {
		struct message *m;

		if (c == me || !bit_test(cpus, c->index))
			continue;
		m = &me->mail->slots[c->index];
		*m = (struct message){.fn = fn, .arg = arg};
		mailbox_push(&c->mail->box, &m->item);
		others = true;
	}
	if (others)
		message_raise_map(cpus, MESSAGE_CALL);
	if (bit_test(cpus, me->index)) {
		irq = irq_save();
		fn(arg);
		irq_restore(irq);
	}
	if (others)
		wait_for_answers(me, cpus);
	preempt_enable();
}

void message_call_all(void (*fn)(void *arg), void *arg)
{
	DECLARE_BITMAP(all, MAX_CPUS);

	bitmap_fill(all, MAX_CPUS);
	message_call(all, fn, arg);
}
