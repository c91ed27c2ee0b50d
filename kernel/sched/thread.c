/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: creation, end, memory.
 *
 * A thread holds one reference to itself from creation to its end; others take more. thread_exit()
 * leaves the processor for the last time as DEAD; the next thread, off the dead one's stack,
 * drops the reference (thread_reap). With the last reference the structure waits a grace
 * period, since others find threads under epoch_enter(), then both it and its stack are freed.
 *
 * A few stacks are kept, mapped, for the next threads: unmapping one means a flush on every
 * processor.
 */
#include "thread.h"

#include "blocker_internal.h"
#include "rq.h"
#include "sched_boot.h"

#include <arch/enter.h>
#include <base/panic_arch.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/clock.h>

#define STACK_CACHE 32

static struct slab_cache *cache;
static struct spinlock stack_lock = SPINLOCK_INIT(LOCK_STACKS);
static void *stacks[STACK_CACHE]; /* [stack_lock] */
static unsigned stack_count;	  /* [stack_lock] */
static struct thread boot_thread;
static unsigned count; /* [a] */

unsigned thread_count(void)
{
	return READ_ONCE(count);
}

static void *stack_get(void)
{
	uint64_t irq = spin_lock_irq(&stack_lock);
	void *s = stack_count ? stacks[--stack_count] : NULL;

	spin_unlock_irq(&stack_lock, irq);
	return s ? s : kva_alloc(KERNEL_STACK_SIZE);
}

static void stack_put(void *s)
{
	uint64_t irq = spin_lock_irq(&stack_lock);

	if (stack_count < STACK_CACHE) {
		stacks[stack_count++] = s;
		s = NULL;
	}
	spin_unlock_irq(&stack_lock, irq);
	kva_free(s);
}

static void setup(struct thread *t, const char *name)
{
	spin_init(&t->lock, LOCK_THREAD);
	t->refs = 1;
	t->state = THREAD_RUNNABLE;
	t->sched.weight = fair_weight(0);
	t->sched.budget_end = NEVER;
	bitmap_fill(t->affinity, MAX_CPUS);
	timer_init(&t->sleep_timer, thread_sleep_timer);
	strlcpy(t->name, name, sizeof(t->name));
	list_init(&t->process_link);
	list_init(&t->sched.rt_link);
	t->start_ns = clock_mono_ns();
	t->cred = cred_get(&cred_root);
}

struct thread *thread_create(const char *name)
{
	struct thread *t = slab_zalloc(cache);

	if (!t)
		return NULL;
	t->stack = stack_get();
	if (!t->stack) {
		slab_free(cache, t);
		return NULL;
	}
	setup(t, name);
	t->cpu = this_cpu_index();
	__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
	return t;
}

struct thread *thread_create_idle(struct cpu *c)
{
	struct thread *t = thread_create("idle");

	if (!t)
		return NULL;
	t->is_idle = true;
	t->cpu = c->index;
	t->on_cpu = 1;
	t->on_rq = true;
	t->arch.stack_top = (uintptr_t)t->stack + KERNEL_STACK_SIZE;
	bitmap_zero(t->affinity, MAX_CPUS);
	bit_set(t->affinity, c->index);
	return t;
}

struct thread *kthread_prepare(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = thread_create(name);

	if (t)
		arch_thread_setup(t, fn, arg);
	return t;
}

struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = kthread_prepare(name, fn, arg);

	if (t)
		thread_start(t);
	return t;
}

struct thread *thread_get(struct thread *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

static void thread_free(struct epoch_head *h)
{
	struct thread *t = container_of(h, struct thread, epoch);

	__atomic_fetch_sub(&count, 1, __ATOMIC_RELAXED);
	stack_put(t->stack);
	slab_free(cache, t);
}

void thread_put(struct thread *t)
{
	if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (t->arch.vector_state)
		arch_thread_free_user(t);
	cred_put(t->cred);
	epoch_defer(&t->epoch, thread_free);
}

/* On the stack of the thread that came after t. Interrupts off. */
void thread_reap(struct thread *t)
{
	thread_put(t);
}

_Noreturn void thread_exit(void)
{
	assert(preempt_count() == 0);
	__atomic_store_n(&current()->state, THREAD_DEAD, __ATOMIC_SEQ_CST);
	schedule();
	panic("a dead thread was scheduled");
}

#if CONFIG_LOCKCHECK
static struct lockcheck *thread_locks(void)
{
	struct thread *t = current();

	return t ? &t->locks : NULL;
}
#endif

static const char *running_name(int *tid)
{
	struct thread *t = current();

	if (!t || t == &boot_thread)
		return "boot";
	*tid = t->tid;
	return t->name;
}

/*
 * The context that booted is a thread only in name; sched_begin() leaves it for ever, for the first
 * processor's idle thread on a stack with guard pages.
 */
void sched_init(void)
{
	cache = slab_cache_create("thread", sizeof(struct thread), CACHE_LINE);
	panic_thread_name = running_name;
#if CONFIG_LOCKCHECK
	lockcheck_thread = thread_locks;
#endif
	setup(&boot_thread, "boot");
	this_cpu()->current = &boot_thread;
	if (sched_cpu_prepare(this_cpu()))
		panic("boot: too little memory for the scheduler");
	this_cpu()->current = &boot_thread;
}

static void idle_main(void *arg)
{
	kernel_processor_entry();
}

_Noreturn void sched_begin(void)
{
	struct cpu *c = this_cpu();
	struct thread *idle = c->rq->idle;

	irq_disable();
	arch_thread_setup(idle, idle_main, NULL);
	c->preempt_count = 0;
	c->online = true;
	spin_lock(&c->rq->lock); /* the idle thread releases it, as after every switch */
	arch_switch(&boot_thread, idle);
	panic("the boot context was scheduled");
}
