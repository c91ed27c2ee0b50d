/* SPDX-License-Identifier: MIT */
/*
 * Breaks the rules of the gate, one at a time, as told: the kernel must notice, name the driver,
 * and go on. `echo RULE >/dev/breaker`; `banos install breaker.banos init=RULE` breaks it in init.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/epoch.h>
#include <banos/irq.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/port.h>
#include <banos/print.h>
#include <banos/sync.h>
#include <banos/thread.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>

#define EIO    5
#define EEXIST 17
#define EINVAL 22

static Banos_Driver *self;
static Banos_Chardev *device;
static Banos_Mutex mutex;
static Banos_Spinlock spin;
static Banos_Event event;

static int is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void until_stopped(void *ctx)
{
	(void)ctx;
	while (!banos_thread_should_stop())
		banos_event_wait(&event, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE);
}

/* Deferred, and deferring again: all of it runs before the driver goes. */
static Banos_Epoch_Head first_deferred, second_deferred;

static void say_so(void *ctx, Banos_Epoch_Head *head)
{
	(void)ctx, (void)head;
	banos_dprintln("breaker: deferred twice");
}

static void defer_again(void *ctx, Banos_Epoch_Head *head)
{
	(void)ctx, (void)head;
	banos_epoch_defer(self, say_so, NULL, &second_deferred);
}

static uint32_t not_ours(void *ctx)
{
	(void)ctx;
	return BANOS_IRQ_NONE;
}

static int64_t forget_interrupt(void)
{
	Banos_Irq *irq;

	if (banos_irq_alloc_line(self, 5, 0, &irq))
		return -EINVAL;
	return banos_irq_bind(irq, not_ours, nothing, NULL, BANOS_CPU_ANY, 0);
}

/* What it makes here it never takes back. */
static int64_t forget(const char *what)
{
	Banos_Workqueue *queue;
	Banos_Thread *thread;
	Banos_Timer *timer;
	Banos_Ports *ports;
	Banos_Work *work;
	Banos_Pool *pool;

	if (is(what, "timer")) {
		if (banos_timer_create(self, nothing, NULL, 0, &timer))
			return -EINVAL;
		return banos_timer_arm(timer, 0, 1000000, 0);
	}
	if (is(what, "thread"))
		return banos_thread_create(self, "forgotten", until_stopped, NULL, 0, &thread);
	if (is(what, "queue")) {
		if (banos_workqueue_create(self, "forgotten", 0, &queue) ||
		    banos_work_create(self, queue, nothing, NULL, &work))
			return -EINVAL;
		return banos_work_submit(work) < 0 ? -EINVAL : 0;
	}
	if (is(what, "deferred"))
		return banos_epoch_defer(self, defer_again, NULL, &first_deferred);
	if (is(what, "interrupt"))
		return forget_interrupt();
	if (is(what, "ports"))
		return banos_ports_claim(self, 0x300, 8, 0, &ports);
	if (is(what, "pool"))
		return banos_pool_create(self, "forgotten", 100, 0, 0, &pool);
	return -EINVAL;
}

/* A second device, made in the thread of whoever writes. */
static int64_t more(void)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "breaker-more/%u", .mode = 0644};
	Banos_Chardev_Ops ops = {.size = sizeof(ops)};
	Banos_Chardev *second, *third = (Banos_Chardev *)&desc;
	int32_t result = banos_chardev_register(self, &desc, &ops, NULL, &second);

	if (result < 0)
		return result;
	/* The name is taken: nothing is made, and what is not there can be given back. */
	desc.name = "breaker";
	result = banos_chardev_register(self, &desc, &ops, NULL, &third);
	banos_chardev_unregister(third);
	return result == -EEXIST ? 0 : -EIO;
}

/* A thread that uses what was made after it, until it is stopped. */
static struct {
	Banos_Timer *timer;
	Banos_Pool *pool;
	Banos_Work *work;
} used;

static void use_all(void *ctx)
{
	void *object;

	(void)ctx;
	while (!banos_thread_should_stop()) {
		if (!__atomic_load_n(&used.work, __ATOMIC_ACQUIRE)) {
			banos_sleep_ns(1000, 0);
			continue;
		}
		banos_timer_arm(used.timer, banos_time_mono_ns() + 1000, 0, 0);
		banos_work_submit(used.work);
		if (banos_pool_get(used.pool, &object, 1))
			banos_pool_put(used.pool, &object, 1);
	}
}

static int64_t forget_in_use(void)
{
	Banos_Thread *thread;
	Banos_Work *work;

	if (banos_thread_create(self, "forgotten", use_all, NULL, 0, &thread) ||
	    banos_timer_create(self, nothing, NULL, 0, &used.timer) ||
	    banos_pool_create(self, "forgotten", 100, 0, 0, &used.pool) ||
	    banos_work_create(self, NULL, nothing, NULL, &work))
		return -EINVAL;
	__atomic_store_n(&used.work, work, __ATOMIC_RELEASE);
	return 0;
}

/* In init: the device is there for a while, and then it is not installed after all. */
static int64_t fail_late(void)
{
	banos_sleep_ns(50000000, 0);
	return -EIO;
}

static int64_t break_rule(const char *rule)
{
	if (is(rule, "spin"))
		banos_spin_lock(&spin);
	else if (is(rule, "interrupts"))
		__asm__ volatile("cli");
	else if (is(rule, "direction"))
		__asm__ volatile("std");
	else if (is(rule, "mutex"))
		banos_mutex_lock(&mutex);
	else if (is(rule, "unlock"))
		banos_mutex_unlock(&mutex);
	else if (is(rule, "epoch"))
		banos_epoch_enter();
	else if (is(rule, "exit"))
		banos_epoch_exit();
	else if (is(rule, "itself"))
		return banos_chardev_unregister(device);
	else if (is(rule, "restart"))
		return -512; /* the kernel's own: it would call again, for ever */
	else if (is(rule, "device"))
		return more();
	else if (is(rule, "crowd"))
		return forget_in_use();
	else if (is(rule, "late"))
		return fail_late();
	else
		return forget(rule);
	return 0;
}

static int64_t breaker_write(void *file, Banos_Io *io, uint64_t position)
{
	uint64_t length = banos_io_length(io);
	char rule[32];
	int64_t result;

	(void)file, (void)position;
	if (length == 0 || length > sizeof(rule))
		return -EINVAL;
	result = banos_io_copy_in(io, 0, rule, length);
	if (result)
		return result;
	rule[length - 1] = '\0'; /* instead of the end of the line */
	result = break_rule(rule);
	return result ? result : (int64_t)length;
}

/* Who reads waits, for a signal. */
static int64_t breaker_read(void *file, Banos_Io *io, uint64_t position)
{
	(void)file, (void)io, (void)position;
	return banos_event_wait(&event, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE);
}

static const Banos_Chardev_Ops breaker_ops = {
	.size = sizeof(breaker_ops), .read = breaker_read, .write = breaker_write};

static void end_locks(void)
{
	banos_mutex_fini(&mutex);
	banos_spin_fini(&spin);
	banos_event_fini(&event);
}

static int breaker_init(Banos_Driver *driver)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "breaker", .mode = 0666};
	char rule[32];
	int32_t error;

	self = driver;
	banos_mutex_init(&mutex, "breaker");
	banos_spin_init(&spin, "breaker");
	banos_event_init(&event, "breaker", 0);
	error = banos_chardev_register(driver, &desc, &breaker_ops, NULL, &device);
	if (error < 0) {
		end_locks();
		return error;
	}
	banos_param_get(driver, "init", BANOS_PARAM_TEXT, rule, sizeof(rule));
	return rule[0] ? (int)break_rule(rule) : 0;
}

static int breaker_uninit(Banos_Driver *driver)
{
	(void)driver;
	banos_chardev_unregister(device);
	end_locks();
	return 0;
}

static const Banos_Parameter parameters[] = {
	{.name = "init", .help = "the rule to break in init", .type = BANOS_PARAM_TEXT},
};

BANOS_META_API static const Banos_Meta breaker_meta = {
	BANOS_META_HEAD,
	.description = "breaks rules, for the tests",
	.parameters = BANOS_LIST(parameters),
	.flags = BANOS_META_SINGLE,
};

BANOS_DRIVER_API static Banos_Driver breaker_driver = {
	.driver_size = sizeof(breaker_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "breaker",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = breaker_init,
	.uninit = breaker_uninit,
};
