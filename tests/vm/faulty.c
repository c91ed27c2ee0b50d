/* SPDX-License-Identifier: MIT */
/*
 * A driver with every fault that banos-host is to find, one at a time: a program writes its name to
 * /dev/faulty. Those that the gate finds are in drivers/test/breaker.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/epoch.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/random.h>
#include <banos/sync.h>
#include <banos/text.h>
#include <banos/thread.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>

#define EINVAL 22
#define ENOMEM 12

static Banos_Driver *self;
static Banos_Chardev *device;
static Banos_Text_Node *node;
static Banos_Mutex a, b, never;
static Banos_Spinlock spin;
static Banos_Event event;
static Banos_Io *waiting;
static volatile uint32_t ready, events = BANOS_POLL_OUT;
static volatile int zero, most = 0x7fffffff;
static int table[10];

static int is(const char *x, const char *y)
{
	while (*x && *x == *y) {
		x++;
		y++;
	}
	return *x == *y;
}

__attribute__((__noinline__)) static int recurse(int n)
{
	volatile char room[1000];

	room[n % 1000] = 1;
	return zero ? room[0] : recurse(n + 1) + room[n % 1000];
}

/* Its argument's bound is not known here, so that only the address sanitizer sees it. */
__attribute__((__noinline__)) static void table_put(int *numbers, int at)
{
	numbers[at] = 1;
}

static void lock_a(void *ctx)
{
	(void)ctx;
	banos_mutex_lock(&a);
	banos_mutex_unlock(&a);
}

static void order(Banos_Mutex *first, Banos_Mutex *second)
{
	banos_mutex_lock(first);
	banos_mutex_lock(second);
	banos_mutex_unlock(second);
	banos_mutex_unlock(first);
}

static void tick(void *ctx)
{
	(void)ctx;
}

static int32_t tick_for_ever(void)
{
	Banos_Timer *timer;
	int32_t error = banos_timer_create(self, tick, NULL, 0, &timer);

	return error ? error : banos_timer_arm(timer, banos_time_mono_ns(), 1000000000, 0);
}

static int64_t interrupt(void)
{
	Banos_Timer *timer;

	if (banos_timer_create(self, lock_a, NULL, BANOS_TIMER_INTERRUPT, &timer))
		return -ENOMEM;
	banos_timer_arm(timer, banos_time_mono_ns(), 0, 0);
	banos_sleep_ns(1000000, 0);
	return banos_timer_destroy(timer);
}

static void lock_faults(const char *what)
{
	if (is(what, "order")) {
		order(&a, &b);
		order(&b, &a);
	} else if (is(what, "uninit")) {
		banos_mutex_lock(&never);
		banos_mutex_unlock(&never);
		banos_mutex_fini(&never);
	} else if (is(what, "foreign")) {
		banos_mutex_unlock(&a);
	} else if (is(what, "self")) {
		banos_mutex_lock(&a);
		banos_mutex_lock(&a);
	} else if (is(what, "sleep")) {
		uint64_t token = banos_spin_lock(&spin);

		banos_sleep_ns(1000, 0);
		banos_spin_unlock(&spin, token);
	} else if (is(what, "section")) {
		banos_epoch_enter();
		lock_a(NULL);
		banos_epoch_exit();
	} else if (is(what, "freed")) {
		Banos_Mutex *m = banos_alloc(sizeof(*m), 0, 0);

		banos_mutex_init(m, "freed");
		banos_free(m);
	}
}

static void memory_faults(const char *what)
{
	char *p = banos_alloc(40, 0, 0);
	Banos_Pool *pool;
	void *object;

	if (is(what, "leak"))
		return;
	if (is(what, "overflow"))
		p[40 + zero] = 1;
	if (is(what, "copy"))
		__builtin_memset(p, 0, 41 + (unsigned)zero);
	banos_free(p);
	if (is(what, "use"))
		p[zero] = 1;
	if (is(what, "twice-freed"))
		banos_free(p);
	if (is(what, "pool") && banos_pool_create(self, "faulty", 10, 0, 0, &pool) == 0) {
		banos_pool_get(pool, &object, 1);
		banos_pool_destroy(pool);
	}
}

static int64_t fault(const char *what, Banos_Io *io)
{
	if (is(what, "interrupt"))
		return interrupt();
	if (is(what, "twice")) {
		banos_io_complete(io, 1);
		banos_io_complete(io, 1);
		return BANOS_IO_PENDING;
	}
	if (is(what, "toomuch"))
		return 1000;
	if (is(what, "errno"))
		return -5000;
	if (is(what, "hlt"))
		__asm__ volatile("hlt");
	if (is(what, "null"))
		*(volatile int *)16 = 1;
	if (is(what, "recurse"))
		most = recurse(1);
	if (is(what, "divide"))
		most = most / zero;
	while (is(what, "loop"))
		banos_delay_ns(1000);
	if (is(what, "ready"))
		events |= BANOS_POLL_IN; /* and nobody is notified */
	if (is(what, "undefined"))
		most = most + 1;
	if (is(what, "global"))
		table_put(table, 10 + zero);
	if (is(what, "bits"))
		banos_random_feed(what, 1, 9);
	/* Half of a hand-over: see faulty_read. */
	if (is(what, "wake")) {
		ready = 1;
		banos_event_set(&event);
	}
	lock_faults(what);
	memory_faults(what);
	return 0;
}

static int64_t faulty_write(void *file, Banos_Io *io, uint64_t position)
{
	uint64_t length = banos_io_length(io);
	char what[32] = "";
	int64_t result;

	(void)file, (void)position;
	if (length >= sizeof(what) || banos_io_copy_in(io, 0, what, length))
		return -EINVAL;
	if (is(what, "pend") || is(what, "hang")) {
		if (is(what, "hang") && tick_for_ever())
			return -ENOMEM;
		waiting = io; /* for ever: there is no cancel */
		return BANOS_IO_PENDING;
	}
	result = fault(what, io);
	return result ? result : (int64_t)length;
}

/* Waits for "wake". What comes between the look and the reset is lost. */
static int64_t faulty_read(void *file, Banos_Io *io, uint64_t position)
{
	(void)file, (void)io, (void)position;
	if (!ready) {
		banos_event_reset(&event);
		banos_event_wait(&event, BANOS_FOREVER, 0);
	}
	return 0;
}

static uint32_t faulty_poll(void *file)
{
	(void)file;
	return events;
}

static void faulty_show(void *ctx, Banos_Text *text)
{
	(void)ctx;
	banos_text_write(text, "faulty\n", 7);
}

static int64_t faulty_store(void *ctx, const char *text, uint64_t length)
{
	(void)ctx;
	return text[length] == '\0' && is(text, "much") ? 100 : (int64_t)length;
}

static const Banos_Chardev_Ops ops = {
	.size = sizeof(ops), .read = faulty_read, .write = faulty_write, .poll = faulty_poll};
static const Banos_Text_Ops text_ops = {
	.size = sizeof(text_ops), .show = faulty_show, .store = faulty_store};

static void end_locks(void)
{
	banos_mutex_fini(&a);
	banos_mutex_fini(&b);
	banos_spin_fini(&spin);
	banos_event_fini(&event);
}

/* The text node stays when there is no memory for the device. */
static int faulty_init(Banos_Driver *driver)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "faulty", .mode = 0600};
	Banos_Text_Desc text = {.size = sizeof(text), .name = "faulty"};
	int32_t error;

	self = driver;
	banos_mutex_init(&a, "a");
	banos_mutex_init(&b, "b");
	banos_spin_init(&spin, "spin");
	banos_event_init(&event, "woken", 0);
	error = banos_text_register(driver, &text, &text_ops, NULL, &node);
	if (error >= 0)
		error = banos_chardev_register(driver, &desc, &ops, NULL, &device);
	if (error < 0)
		end_locks();
	return error < 0 ? error : 0;
}

static int faulty_uninit(Banos_Driver *driver)
{
	(void)driver;
	banos_chardev_unregister(device);
	banos_text_unregister(node);
	end_locks();
	return 0;
}

BANOS_DRIVER_API static Banos_Driver faulty_driver = {
	.driver_size = sizeof(faulty_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "faulty",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = faulty_init,
	.uninit = faulty_uninit,
};
