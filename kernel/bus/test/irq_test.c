/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: a source without hardware whose vector the test raises, and a real line, that of the
 * interval timer, which nothing else uses.
 */
#include <arch/io.h>
#include <banos/irq.h>
#include <base/ktest.h>
#include <bus/banos_irq.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/test/test_driver.h>
#include <sched/thread.h>

#define PATIENCE (20 * NSEC_PER_SEC)

static struct test_driver driver;

struct probe {
	Banos_Irq *irq;
	uint32_t answer;
	uint32_t calls;	   /* [a] of hard */
	uint32_t inside;   /* [a] */
	uint32_t overlaps; /* [a] */
	uint32_t cpu;	   /* [a] of the last call */
	uint32_t threads;  /* [a] calls of thread */
	uint32_t silent;   /* [a] the source was masked while thread ran */
	int32_t own_unbind;
	struct irq_source *source;
};

static uint32_t get(uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* Until the counter has this value; false when that takes too long. */
static bool reaches(uint32_t *counter, uint32_t value)
{
	nsec_t end = clock_mono_ns() + PATIENCE;

	while (get(counter) < value && clock_mono_ns() < end)
		thread_sleep_until(clock_mono_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
	return get(counter) >= value;
}

static uint32_t hard(void *ctx)
{
	struct probe *p = ctx;

	if (__atomic_fetch_add(&p->inside, 1, __ATOMIC_ACQ_REL))
		p->overlaps++;
	__atomic_store_n(&p->cpu, this_cpu_index(), __ATOMIC_RELAXED);
	__atomic_fetch_sub(&p->inside, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_add(&p->calls, 1, __ATOMIC_ACQ_REL);
	return p->answer;
}

static void in_thread(void *ctx)
{
	struct probe *p = ctx;

	p->own_unbind = banos_irq_unbind(p->irq);
	p->silent = READ_ONCE(p->source->silent);
	__atomic_fetch_add(&p->threads, 1, __ATOMIC_ACQ_REL);
}

/* --- a source without hardware ---------------------------------------------------------------- */

static uint32_t routed_to, given_back;

static void fake_mask(struct irq_source *s, bool masked)
{
}

static void fake_route(struct irq_source *s, const struct cpu *c)
{
	routed_to = c->index;
}

static const struct irq_source_ops message_ops = {.kind = "test", .route = fake_route};
static const struct irq_source_ops line_ops = {
	.kind = "test", .route = fake_route, .set_mask = fake_mask};

static void give_back(void *source)
{
	given_back++;
	irq_source_fini(source);
}

static bool begin(struct probe *p, struct irq_source *s, bool level)
{
	memset(p, 0, sizeof(*p));
	p->answer = BANOS_IRQ_HANDLED;
	p->source = s;
	if (!test_driver_begin(&driver))
		return false;
	if (!ktest_check_eq(irq_source_init(s, level ? &line_ops : &message_ops, 7, level), 0))
		return false;
	return ktest_check_eq(banos_irq_create(&driver.owner, NULL, s, give_back, s, &p->irq), 0);
}

static void end(struct probe *p)
{
	given_back = 0;
	ktest_check_eq(banos_irq_free(p->irq), 0);
	ktest_check_eq(given_back, 1);
	ktest_check_eq(p->overlaps, 0);
	test_driver_end(&driver);
}

static void raise(struct irq_source *s)
{
	irq_vector_raise(&s->vector, cpu_by_index(routed_to));
}

KTEST(arrives_where_it_was_bound_to)
{
	static struct irq_source s;
	static struct probe p;

	if (!begin(&p, &s, false))
		return;
	for (uint32_t cpu = 0; cpu < cpu_count(); cpu++) {
		ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, cpu, 0), 0);
		ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, cpu, 0), -EBUSY);
		raise(&s);
		ktest_check(reaches(&p.calls, 2 * cpu + 1));
		ktest_check_eq(get(&p.cpu), cpu);
		ktest_check_eq(banos_irq_set_cpu(p.irq, cpu_count()), -EINVAL);
		ktest_check_eq(banos_irq_unbind(p.irq), 0);
		ktest_check_eq(banos_irq_set_cpu(p.irq, 0), -EINVAL);
		raise(&s); /* nobody listens */
		ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, BANOS_CPU_ANY, 0), 0);
		/* A move is followed by one arrival, in case one was lost on the way. */
		ktest_check_eq(banos_irq_set_cpu(p.irq, cpu), 0);
		raise(&s);
		ktest_check(reaches(&p.calls, 2 * cpu + 2));
		ktest_check_eq(get(&p.cpu), cpu);
		ktest_check_eq(banos_irq_unbind(p.irq), 0);
		p.calls = 2 * cpu + 2;
	}
	end(&p);
}

KTEST(what_comes_while_masked_comes_afterwards_once)
{
	static struct irq_source s;
	static struct probe p;

	if (!begin(&p, &s, false))
		return;
	banos_irq_mask(p.irq);
	ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, 0, 0), 0);
	banos_irq_unmask(p.irq);
	banos_irq_unmask(p.irq);
	banos_irq_mask(p.irq);
	banos_irq_mask(p.irq);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t before = READ_ONCE(s.counts[0]);

		raise(&s);
		for (nsec_t until = clock_mono_ns() + PATIENCE;
		     READ_ONCE(s.counts[0]) == before && clock_mono_ns() < until;)
			thread_yield();
	}
	ktest_check_eq(get(&p.calls), 0);
	banos_irq_unmask(p.irq);
	ktest_check(reaches(&p.calls, 1));
	raise(&s);
	ktest_check(reaches(&p.calls, 2));
	ktest_check_eq(get(&p.calls), 2);
	end(&p);
}

KTEST(thread_runs_and_a_level_is_masked_meanwhile)
{
	static struct irq_source s;
	static struct probe p;

	for (unsigned level = 0; level < 2; level++) {
		if (!begin(&p, &s, level))
			return;
		p.answer = BANOS_IRQ_WAKE;
		ktest_check_eq(banos_irq_bind(p.irq, level ? NULL : hard, in_thread, &p, 0, 0), 0);
		for (uint32_t i = 1; i <= 20; i++) {
			raise(&s);
			ktest_check(reaches(&p.threads, i));
			ktest_check_eq(p.silent, level);
			/* The level is unmasked behind the function's back. */
			for (nsec_t until = clock_mono_ns() + PATIENCE;
			     READ_ONCE(s.masks) && clock_mono_ns() < until;)
				thread_yield();
		}
		ktest_check_eq(p.own_unbind, -EDEADLK);
		ktest_check_eq(s.masks, 0);
		end(&p);
	}
}

KTEST(woken_while_it_goes)
{
	static struct irq_source s;
	static struct probe p;

	for (unsigned i = 0; i < 20; i++) {
		if (!begin(&p, &s, i & 1))
			return;
		p.answer = BANOS_IRQ_WAKE;
		ktest_check_eq(banos_irq_bind(p.irq, hard, in_thread, &p, BANOS_CPU_ANY, 0), 0);
		raise(&s);
		ktest_check_eq(banos_irq_unbind(p.irq), 0);
		p.threads = p.calls = 0;
		raise(&s);
		ktest_check_eq(s.masks, 1);
		ktest_check_eq(p.threads + p.calls, 0);
		end(&p);
	}
}

/* Another processor raises it as fast as it can, while it is bound, moved and unbound. */
static uint32_t raiser_stop, raiser_ended;

static void raiser(void *arg)
{
	while (!get(&raiser_stop)) {
		raise(arg);
		thread_yield();
	}
	__atomic_store_n(&raiser_ended, 1, __ATOMIC_RELEASE);
}

KTEST(unbound_under_fire)
{
	static struct irq_source s;
	static struct probe p;
	uint32_t calls;

	if (!begin(&p, &s, false))
		return;
	raiser_stop = raiser_ended = 0;
	if (!ktest_check(kthread_create("raiser", raiser, &s) != NULL))
		return;
	for (unsigned i = 0; i < 50; i++) {
		p.answer = i % 2 ? BANOS_IRQ_HANDLED : BANOS_IRQ_WAKE;
		ktest_check_eq(
			banos_irq_bind(p.irq, hard, i % 3 ? in_thread : NULL, &p, BANOS_CPU_ANY, 0),
			0);
		ktest_check(reaches(&p.calls, 1));
		banos_irq_set_cpu(p.irq, i % cpu_count());
		banos_irq_mask(p.irq);
		banos_irq_unmask(p.irq);
		ktest_check_eq(banos_irq_unbind(p.irq), 0);
		calls = get(&p.calls);
		thread_yield();
		ktest_check_eq(get(&p.calls), calls);
		__atomic_store_n(&p.calls, 0, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&raiser_stop, 1, __ATOMIC_RELEASE);
	ktest_check(reaches(&raiser_ended, 1));
	end(&p);
}

KTEST(nobody_handles_it)
{
	static struct irq_source s;
	static struct probe p;
	nsec_t until = clock_mono_ns() + 10 * PATIENCE;
	DECLARE_BITMAP(cpus, MAX_CPUS);

	if (!begin(&p, &s, false))
		return;
	/* An interrupt of the processor's own comes at once, whatever the others do. */
	bitmap_zero(cpus, MAX_CPUS);
	bit_set(cpus, 0);
	thread_set_affinity(current(), cpus);
	p.answer = BANOS_IRQ_NONE;
	ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, 0, 0), 0);
	while (!READ_ONCE(s.storm) && clock_mono_ns() < until)
		raise(&s);
	ktest_check(s.storm);
	ktest_check_eq(get(&p.calls), 100000);
	raise(&s);
	ktest_check_eq(get(&p.calls), 100000);
	/* Bound anew it is listened to. */
	ktest_check_eq(banos_irq_unbind(p.irq), 0);
	ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, 0, 0), 0);
	raise(&s);
	ktest_check(reaches(&p.calls, 100001));
	end(&p);
	bitmap_fill(cpus, MAX_CPUS);
	thread_set_affinity(current(), cpus);
}

KTEST(out_of_memory_for_an_interrupt)
{
	static struct irq_source s;
	static struct probe p;

	if (!begin(&p, &s, false))
		return;
	for (unsigned nth = 1; nth < 10; nth++) {
		int r;

		alloc_fail_nth(nth);
		r = banos_irq_bind(p.irq, hard, in_thread, &p, 0, 0);
		alloc_fail_nth(0);
		ktest_check(r == 0 || r == -ENOMEM);
		if (!r)
			ktest_check_eq(banos_irq_unbind(p.irq), 0);
	}
	end(&p);
}

/* --- lines ------------------------------------------------------------------------------------ */

#define PIT_DATA    0x40
#define PIT_COMMAND 0x43
#define PIT_LINE    0

/* Channel 0, mode 0: the output rises when the count is over. Intel 8254. */
static void pit_start(uint16_t count)
{
	io_write8(PIT_COMMAND, 0x30);
	io_write8(PIT_DATA, count & 0xff);
	io_write8(PIT_DATA, count >> 8);
}

KTEST(a_real_line)
{
	static struct probe p;

	memset(&p, 0, sizeof(p));
	p.answer = BANOS_IRQ_HANDLED;
	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_irq_alloc_line(&driver.record, PIT_LINE, 0, &p.irq), 0);
	for (uint32_t cpu = 0; cpu < cpu_count(); cpu++) {
		ktest_check_eq(banos_irq_bind(p.irq, hard, NULL, &p, cpu, 0), 0);
		p.calls = 0;
		pit_start(1000);
		ktest_check(reaches(&p.calls, 1));
		ktest_check_eq(get(&p.cpu), cpu);
		/* An edge while masked is not lost. */
		banos_irq_mask(p.irq);
		p.calls = 0;
		pit_start(1000);
		thread_sleep_until(clock_mono_ns() + 20 * NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
		ktest_check_eq(get(&p.calls), 0);
		banos_irq_unmask(p.irq);
		ktest_check(reaches(&p.calls, 1));
		ktest_check_eq(banos_irq_unbind(p.irq), 0);
	}
	ktest_check_eq(banos_irq_free(p.irq), 0);
	test_driver_end(&driver);
}

KTEST(who_may_have_a_line)
{
	Banos_Irq *a, *b;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, 0, &a), 0);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, 0, &b), -EBUSY);
	ktest_check(!b);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, BANOS_IRQ_SHARED, &b), -EBUSY);
	ktest_check_eq(banos_irq_free(a), 0);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, BANOS_IRQ_SHARED, &a), 0);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, BANOS_IRQ_SHARED, &b), 0);
	ktest_check_eq(banos_irq_bind(a, NULL, NULL, NULL, 0, 0), -EINVAL);
	ktest_check_eq(banos_irq_free(a), 0);
	ktest_check_eq(banos_irq_free(b), 0);
	ktest_check_eq(banos_irq_free(NULL), 0);
	/* The serial ports', no line, the one through which the controllers are chained. */
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 4, BANOS_IRQ_SHARED, &a), -EBUSY);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 16, 0, &a), -EINVAL);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 2, 0, &a), -EINVAL);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, 16, &a), -EINVAL);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, BANOS_IRQ_LEVEL, &a), -EINVAL);
	ktest_check_eq(banos_irq_alloc_line(&driver.record, 4000, BANOS_IRQ_GSI, &a), -EINVAL);
	ktest_check_eq(banos_irq_alloc_line(NULL, 5, 0, &a), -EINVAL);
	/* Lines come and go as often as one likes: vectors are used again. */
	for (unsigned i = 0; i < 200; i++) {
		if (!ktest_check_eq(banos_irq_alloc_line(&driver.record, 5, 0, &a), 0))
			break;
		banos_irq_free(a);
	}
	test_driver_end(&driver);
}
