/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"

#include "rq.h"

#include <arch/enter.h>
#include <arch/smp.h>
#include <base/panic.h>
#include <sched/sched_internal.h>

/* Push m; true if the queue was empty, so that the target must be interrupted. */
static bool push(struct cpu *target, struct message *m)
{
	struct message *head = __atomic_load_n(&target->messages, __ATOMIC_RELAXED);

	do
		m->next = head;
	while (!__atomic_compare_exchange_n(&target->messages, &head, m, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
	return head == NULL;
}

void message_drain(void)
{
	struct message *m = __atomic_exchange_n(&this_cpu()->messages, NULL, __ATOMIC_ACQUIRE);
	struct message *in_order = NULL;

	while (m) {
		struct message *next = m->next;

		m->next = in_order;
		in_order = m;
		m = next;
	}
	while (in_order) {
		m = in_order;
		in_order = m->next; /* m belongs to its sender again once done is set */
		m->fn(m->arg);
		__atomic_store_n(&m->done, 1, __ATOMIC_RELEASE);
	}
}

void kernel_message_interrupt(void)
{
	message_drain();
	sched_check_slice();
}

static void serve_own(void)
{
	uint64_t irq;

	if (!__atomic_load_n(&this_cpu()->messages, __ATOMIC_RELAXED))
		return;
	irq = irq_save();
	message_drain();
	irq_restore(irq);
}

void message_call(const unsigned long *cpus, void (*fn)(void *arg), void *arg)
{
	struct cpu *me;
	uint64_t irq;

	assert(!in_interrupt());
	lockcheck_might_sleep(); /* who waits for us may hold off nobody */
	preempt_disable();	 /* our slots are in use until all have answered */
	me = this_cpu();
	for_each_cpu(c) {
		struct message *m = &me->slots[c->index];

		if (c == me || !bit_test(cpus, c->index))
			continue;
		*m = (struct message){.fn = fn, .arg = arg};
		if (push(c, m))
			arch_send_message_interrupt(c);
	}
	if (bit_test(cpus, me->index)) {
		irq = irq_save();
		fn(arg);
		irq_restore(irq);
	}
	for_each_cpu(c) {
		if (c == me || !bit_test(cpus, c->index))
			continue;
		while (!__atomic_load_n(&me->slots[c->index].done, __ATOMIC_ACQUIRE)) {
			serve_own();
			cpu_relax();
		}
	}
	preempt_enable();
}

void message_call_all(void (*fn)(void *arg), void *arg)
{
	DECLARE_BITMAP(all, MAX_CPUS);

	bitmap_fill(all, MAX_CPUS);
	message_call(all, fn, arg);
}
