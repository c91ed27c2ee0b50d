/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crashes on purpose (test kernels: crash=KIND on the command line), to see that each is noticed
 * and reported: what in-kernel tests cannot show, since the kernel does not survive it. The
 * expected messages are in tests/vm/crash.sh.
 */
#include "../crash.h"

#include <arch/page.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/message.h>
#include <sched/mutex.h>
#include <sched/thread.h>
#include <sched/timer.h>

static struct timer timer;
static void (*console_raw)(const char *text, size_t len);

static void panic_here(void *arg)
{
	panic("crash: on another processor");
}

static void panic_in_interrupt(struct timer *t)
{
	panic("crash: in an interrupt");
}

static void crash_irq(void)
{
	timer_init(&timer, panic_in_interrupt);
	timer_arm(&timer, clock_mono_ns() + NSEC_PER_MSEC);
	thread_sleep_until(NEVER, WAIT_UNINTERRUPTIBLE);
}

static void crash_other(void)
{
	unsigned long cpus[BITMAP_WORDS(MAX_CPUS)] = {0};

	bit_set(cpus, this_cpu_index() ? 0 : cpu_count() - 1);
	message_call(cpus, panic_here, NULL);
}

static void broken_console(const char *text, size_t len)
{
	static unsigned calls;

	if (++calls == 3)
		__asm__ volatile("movl $0, 8" : : : "memory"); /* the printer itself faults */
	log_set_console(NULL);
	console_raw(text, len);
	log_set_console(broken_console);
}

static void crash_printer(void)
{
	console_raw = log_console();
	log_set_console(broken_console);
	panic("crash: with a printer that breaks");
}

static __noinline unsigned recurse(unsigned depth)
{
	volatile char page[512];

	page[depth % sizeof(page)] = (char)depth;
	return depth > 1000000 ? 0 : recurse(depth + 1) + (unsigned)page[depth % sizeof(page)];
}

static void crash_stack(void)
{
	log_info("depth %u", recurse(1));
}

/* A frame pointer that leads nowhere must not make the backtrace fault. */
static void crash_frame(void)
{
	__asm__ volatile("movq $0xdeadbeef, %%rbp; movl $0, 0" : : : "memory");
}

static void crash_order(void)
{
	static struct mutex outer, inner;

	mutex_init(&outer, LOCK_TEST_OUTER);
	mutex_init(&inner, LOCK_TEST_INNER);
	mutex_lock(&inner);
	mutex_lock(&outer);
}

static void crash_sleep(void)
{
	static struct spinlock lock = SPINLOCK_INIT(LOCK_TEST_SPIN);

	spin_lock(&lock);
	thread_sleep_until(clock_mono_ns() + 1000, WAIT_UNINTERRUPTIBLE);
}

static void crash_irqlock(void)
{
	static struct spinlock lock = SPINLOCK_INIT(LOCK_TIMER);

	spin_lock(&lock); /* a class of interrupt handlers, with interrupts on */
}

static void crash_overrun(void)
{
	char *p = kmalloc(40);

	memset(p, 0, 49); /* kmalloc(40) has 48 */
	kfree(p);
}

static void crash_freed(void)
{
	char *p = kmalloc(40);

	kfree(p);
	WRITE_ONCE(p[20], 1);
	for (unsigned i = 0; i < 100; i++)
		(void)!kmalloc(40);
}

static void crash_text(void)
{
	*(volatile char *)(uintptr_t)crash_text = 0;
}

/* The direct map's alias of kernel text is read-only as well. */
static void crash_alias(void)
{
	*(volatile char *)(DIRECT_BASE + ((uintptr_t)crash_text - IMAGE_BASE)) = 0;
}

static void crash_execute(void)
{
	char *p = kmalloc(64);

	p[0] = (char)0xc3; /* ret */
	((void (*)(void))(uintptr_t)p)();
}

static void crash_user(void)
{
	log_info("%d", *(volatile int *)0x400000); /* a user address, outside of a user copy */
}

static void crash_overflow(void)
{
	volatile int x = INT32_MAX;

	x = x + 1;
	log_info("%d", x);
}

static void crash_guard(void)
{
	char *p = kva_alloc(PAGE_SIZE);

	p[PAGE_SIZE] = 1;
}

static __noinline void smash(volatile char *p)
{
	for (unsigned i = 0; i < 64; i++)
		p[i] = 0x41;
}

static __noinline void crash_smash(void)
{
	char small[16];

	smash(small);
	__asm__ volatile("" : : "r"(small) : "memory");
}

static const struct {
	const char *name;
	void (*fn)(void);
} kinds[] = {{"irq", crash_irq},	 {"other", crash_other},     {"printer", crash_printer},
	     {"stack", crash_stack},	 {"frame", crash_frame},     {"order", crash_order},
	     {"sleep", crash_sleep},	 {"irqlock", crash_irqlock}, {"overrun", crash_overrun},
	     {"freed", crash_freed},	 {"text", crash_text},	     {"alias", crash_alias},
	     {"execute", crash_execute}, {"user", crash_user},	     {"overflow", crash_overflow},
	     {"guard", crash_guard},	 {"smash", crash_smash}};

void crash(const char *kind)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, kind))
			kinds[i].fn();
	panic("crash=%s: no such kind, or it did not crash", kind);
}
