/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dropping translations on other processors.
 *
 * Invariant: no frame and no page table is reused before every processor that may use a translation
 * to it has dropped it. Frames and tables of programs leave through a gather (vm/gather.c),
 * those of the kernel through mem/kva.c; both call this file between the change of the entries and
 * the reuse, and it returns when the invariant holds for them.
 *
 * Each processor has a queue of ranges to be dropped, a few of them; when there are too many they
 * become "everything". `posted` counts the requests that were put in, `done` those that have been
 * carried out. A sender adds its range, and the count is its ticket; when done has reached it, the
 * range has been dropped. So requests of different senders are merged, and one interrupt serves all
 * that are there when it comes:
 *
 *	sender		add the range, ticket = ++posted (under the lock); fence; look at lazy;
 *			if not lazy: raise MESSAGE_FLUSH, wait for done >= ticket
 *	target		take the ranges, upto = posted (under the lock); drop them; done = upto
 *
 * Lazy: a processor that has a space loaded and runs a kernel thread, or idles, touches no address
 * of programs. It is given the range and not asked; before it uses a space again, it ends the
 * laziness and looks whether it owes something:
 *
 *	target		lazy = false; fence; if posted != done: carry out
 *
 * Of the two fences one comes first: either the sender sees that the target is not lazy, or the
 * target sees the sender's ticket. Whoever is lazy may still have stale translations and even walk
 * tables on its own account, ahead of the program; what it reads that way has no effect. But a
 * walk also writes (accessed bits) and remembers entries of upper tables, so a table that is freed
 * must not be reachable for it either: such a processor is asked, and loads the kernel's tables. It
 * is then asked no more, since it no longer has the space. (tests/models/flush.pml explores all of
 * this.)
 *
 * A processor that loads a space sets its bit in space->cpus before (and lazy = false before that),
 * so the sender, which looks at the bits after its stores to the entries and a fence, either sees
 * the bit, or the processor's walks see the new entries.
 *
 * For kernel addresses the same holds with `idle` in place of lazy: an idle processor touches no
 * mapping of the kernel that can go; the interrupt that wakes it carries out what is owed before
 * anything else (sched_leave_idle). Page tables of the kernel are never freed.
 *
 * Lock: FLUSH, of one processor's queue, with interrupts off; nothing is taken inside.
 *
 * Rejected: a generation number in the space that a processor compares when it comes back: it says
 * that something has changed, not what, so it costs a full flush each time; and it counts right
 * only when requests arrive in order. Waiting until each target has acknowledged a message of its
 * own (one interrupt for each sender).
 */
#include "flush.h"

#include "message_internal.h"

#include <arch/paging.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/flush_ranges.h>
#include <mem/slab.h>

/* More pages than this are dropped by dropping everything. */
#define SINGLY 32

struct flush_queue {
	struct spinlock lock;	    /* FLUSH */
	uint64_t posted;	    /* [lock to write] */
	struct flush_ranges ranges; /* [lock] */
	/* On a line of its own: senders that wait look at it all the time. */
	uint64_t done __aligned(CACHE_LINE); /* [a] written by the owner, interrupts off */
};

int flush_cpu_prepare(struct cpu *c)
{
	static struct slab_cache *cache;

	if (!cache)
		cache = slab_cache_create("flush_queue", sizeof(struct flush_queue), CACHE_LINE);
	c->flush = slab_zalloc(cache);
	if (!c->flush)
		return -ENOMEM;
	spin_init(&c->flush->lock, LOCK_FLUSH);
	return 0;
}

/* --- The target --- */

static uint64_t pages(const struct flush_range *r)
{
	return (r->end - r->start) >> PAGE_SHIFT;
}

/* Drop it here. Interrupts off. */
static void carry_out(const struct flush_ranges *f)
{
	struct cpu *c = this_cpu();
	bool user = f->all_user, kernel = f->all_kernel;
	uint64_t here = 0;

	for (uint32_t i = 0; i < f->count; i++) {
		const struct flush_range *r = &f->ranges[i];

		/* Loading another space has dropped all of this one. */
		if (r->space && r->space != c->space)
			continue;
		here += pages(r);
		if (pages(r) > SINGLY || here > SINGLY) {
			user |= r->space != NULL;
			kernel |= r->space == NULL;
		}
	}
	c->mail->counts.full += user || kernel;
	if (kernel)
		paging_flush_all();
	else if (user)
		paging_flush_user();
	if (kernel || !here)
		return;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct flush_range *r = &f->ranges[i];

		if (r->space ? r->space != c->space || user : false)
			continue;
		for (uint64_t a = r->start; a < r->end; a += PAGE_SIZE)
			paging_flush_page(a);
		c->mail->counts.ranges++;
	}
}

void flush_drain(void)
{
	struct flush_queue *q = this_cpu()->flush;
	struct flush_ranges todo;
	uint64_t upto;

	spin_lock(&q->lock);
	upto = q->posted;
	flush_ranges_copy(&todo, &q->ranges);
	flush_ranges_init(&q->ranges);
	spin_unlock_noresched(&q->lock);
	preempt_enable_noresched();
	carry_out(&todo);
	__atomic_store_n(&q->done, upto, __ATOMIC_RELEASE);
}

void flush_owed(struct cpu *c)
{
	if (READ_ONCE(c->flush->posted) != c->flush->done)
		flush_drain();
}

void flush_lazy_begin(void)
{
	/* What the program has done through its translations is done. */
	__atomic_store_n(&this_cpu()->lazy, true, __ATOMIC_RELEASE);
}

void flush_lazy_end(void)
{
	struct cpu *c = this_cpu();

	if (!c->lazy)
		return;
	WRITE_ONCE(c->lazy, false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flush_owed(c);
}

/* What is owed need not be carried out: the load does. But who sees our bit must ask us. */
void flush_lazy_reload(void)
{
	WRITE_ONCE(this_cpu()->lazy, false);
}

/* --- The sender --- */

struct request {
	void *space; /* NULL: kernel */
	uint64_t start, end;
	DECLARE_BITMAP(targets, MAX_CPUS); /* other processors that have translations */
	DECLARE_BITMAP(spared, MAX_CPUS);  /* of them, those that need not be asked */
	uint64_t tickets[MAX_CPUS];
};

static void post(struct request *r, struct cpu *c)
{
	struct flush_queue *q = c->flush;
	uint64_t irq = spin_lock_irq(&q->lock);

	flush_ranges_add(&q->ranges, r->space, r->start, r->end);
	WRITE_ONCE(q->posted, q->posted + 1);
	r->tickets[c->index] = q->posted;
	spin_unlock_irq(&q->lock, irq);
	bit_set(r->targets, c->index);
}

/* Need c not be asked? It has our ticket, and we have fenced. */
static bool spare(const struct request *r, struct cpu *c)
{
	return __atomic_load_n(r->space ? &c->lazy : &c->idle, __ATOMIC_ACQUIRE);
}

static void drop_here(const struct request *r)
{
	struct flush_ranges f;
	uint64_t irq = irq_save();

	flush_ranges_init(&f);
	flush_ranges_add(&f, r->space, r->start, r->end);
	carry_out(&f);
	irq_restore(irq);
}

static void wait_for_tickets(const struct request *r, const unsigned long *asked)
{
	struct message_wait w;

	message_wait_begin(&w);
	for_each_cpu(c) {
		if (!bit_test(asked, c->index))
			continue;
		while (__atomic_load_n(&c->flush->done, __ATOMIC_ACQUIRE) < r->tickets[c->index]) {
			message_serve();
			cpu_relax();
		}
	}
	message_wait_end(&w);
}

/* Ask those of the targets that are not spared, drop it here meanwhile, and wait for them. */
static void ask(struct request *r, struct cpu *me, bool here)
{
	unsigned targets = 0, lazy = 0, idle = 0, interrupts = 0;
	struct message_counts *counts = &me->mail->counts;
	DECLARE_BITMAP(asked, MAX_CPUS);
	uint64_t irq;

	bitmap_zero(asked, MAX_CPUS);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* see above: lazy */
	for_each_cpu(c) {
		if (!bit_test(r->targets, c->index))
			continue;
		targets++;
		if (!spare(r, c)) {
			bit_set(asked, c->index);
			continue;
		}
		bit_set(r->spared, c->index);
		if (READ_ONCE(c->idle))
			idle++;
		else
			lazy++;
	}
	if (targets > lazy + idle)
		interrupts = message_raise_map(asked, MESSAGE_FLUSH);
	if (here)
		drop_here(r);
	if (targets > lazy + idle)
		wait_for_tickets(r, asked);
	irq = irq_save();
	counts->flushes++;
	counts->targets += targets;
	counts->flush_interrupts += interrupts;
	counts->lazy += lazy;
	counts->idle += idle;
	irq_restore(irq);
}

/* Preemption off; cpus NULL: all. */
static bool run(struct request *r, const unsigned long *cpus)
{
	struct cpu *me = this_cpu();
	bool others = false, here = !cpus || bit_test(cpus, me->index);

	assert(!in_interrupt());
	lockcheck_might_sleep(); /* who waits for us may hold off nobody */
	bitmap_zero(r->targets, MAX_CPUS);
	bitmap_zero(r->spared, MAX_CPUS);
	for_each_cpu(c) {
		if (c == me || (cpus && !bit_test(cpus, c->index)))
			continue;
		post(r, c);
		others = true;
	}
	if (others)
		ask(r, me, here);
	else if (here)
		drop_here(r);
	return others;
}

/* Those that were spared must not have the space loaded, either. */
static void let_them_go(const struct request *r, void (*let_go)(void *space))
{
	unsigned n = (unsigned)bitmap_weight(r->spared, MAX_CPUS);
	uint64_t irq;

	if (!n)
		return;
	irq = irq_save();
	this_cpu()->mail->counts.let_go += n;
	irq_restore(irq);
	message_call(r->spared, let_go, r->space);
}

void flush_space(const unsigned long *cpus, void *space, uint64_t start, uint64_t end,
		 void (*let_go)(void *space))
{
	struct request r;

	r.space = space;
	r.start = start;
	r.end = end;
	preempt_disable();
	if (run(&r, cpus) && let_go)
		let_them_go(&r, let_go);
	preempt_enable();
}

void flush_kernel(uint64_t start, uint64_t end)
{
	struct request r;

	r.space = NULL;
	r.start = start;
	r.end = end;
	preempt_disable();
	run(&r, NULL);
	preempt_enable();
}
