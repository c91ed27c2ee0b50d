/* SPDX-License-Identifier: MIT */
/*
 * Calls every function of the core once in each of its ways, and says in the log what was not as
 * the headers promise: what is frozen of an ABI version is this object, too. Its init fails if
 * anything did. Where there is no memory, it ends early, with what it has made given back.
 */
#include <banos/cpu.h>
#include <banos/driver.h>
#include <banos/epoch.h>
#include <banos/export.h>
#include <banos/format.h>
#include <banos/log.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/print.h>
#include <banos/random.h>
#include <banos/sync.h>
#include <banos/thread.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>

#define EINTR	  4
#define EIO	  5
#define EINVAL	  22
#define ENOENT	  2
#define ENOMEM	  12
#define ETIMEDOUT 110

#define MS     1000000ull
#define SECOND (1000 * MS)

static uint32_t held, broken, no_memory;

static void expect(int holds, const char *what, int line)
{
	held += !!holds;
	broken += !holds;
	if (!holds)
		banos_log_format(BANOS_LOG_ERROR, "core: line %d: not so: %s", line, what);
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)

/* Is it there? That there is no memory breaks no promise, but then nothing more is tried. */
static int made(int32_t error, const char *what, int line)
{
	if (error == -ENOMEM)
		no_memory = 1;
	else
		expect(error == 0, what, line);
	return error == 0;
}
#define MADE(call) made((call), #call, __LINE__)

static Banos_Event reached; /* set by what is called later */
static uint32_t calls;

static void call(void *ctx)
{
	EXPECT(ctx == &calls);
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	banos_event_set(&reached);
}

/* One more call has come. */
static int called(void)
{
	return banos_event_wait(&reached, 20 * SECOND, 0) == 0;
}

static void blocks(void)
{
	uint8_t *block = banos_alloc(1000, 256, BANOS_ALLOC_ZERO);

	banos_free(NULL);
	EXPECT(!banos_alloc(0, 0, 0));
	EXPECT(!banos_alloc(8, 3, 0));
	if (!MADE(block ? 0 : -ENOMEM))
		return;
	EXPECT((uintptr_t)block % 256 == 0 && !block[0] && !block[999]);
	banos_free(block);
}

static void pools(Banos_Driver *driver)
{
	void *objects[20];
	Banos_Pool *pool;
	uint32_t got;

	EXPECT(banos_pool_create(driver, "core", 0, 0, 0, &pool) == -EINVAL && !pool);
	if (!MADE(banos_pool_create(driver, "core", 40, 8, BANOS_ALLOC_ZERO, &pool)))
		return;
	got = banos_pool_get(pool, objects, 20);
	if (MADE(got == 20 ? 0 : -ENOMEM))
		EXPECT(objects[0] != objects[19]);
	banos_pool_put(pool, objects, got);
	banos_pool_destroy(pool);
}

static void pages(Banos_Driver *driver)
{
	Banos_Pages *pages;
	uint8_t *page;

	EXPECT(banos_pages_create(driver, 0, 0, &pages) == -EINVAL && !pages);
	if (!MADE(banos_pages_create(driver, 3, BANOS_ALLOC_ZERO, &pages)))
		return;
	page = banos_pages_address(pages);
	EXPECT(page && (uintptr_t)page % 4096 == 0 && !page[3 * 4096 - 1]);
	banos_pages_destroy(pages);
}

static void locks(void)
{
	Banos_Spinlock spin;
	Banos_Rwlock rwlock;
	Banos_Mutex mutex;
	Banos_Event event;
	uint64_t token;

	banos_mutex_init(&mutex, "core mutex");
	banos_mutex_lock(&mutex);
	EXPECT(!banos_mutex_trylock(&mutex));
	banos_mutex_unlock(&mutex);
	EXPECT(banos_mutex_trylock(&mutex));
	banos_mutex_unlock(&mutex);
	EXPECT(banos_mutex_lock_interruptible(&mutex) == 0);
	banos_mutex_unlock(&mutex);
	banos_mutex_fini(&mutex);

	banos_rwlock_init(&rwlock, "core rwlock");
	banos_rwlock_read_lock(&rwlock);
	banos_rwlock_read_unlock(&rwlock);
	banos_rwlock_write_lock(&rwlock);
	banos_rwlock_write_unlock(&rwlock);
	banos_rwlock_fini(&rwlock);

	banos_spin_init(&spin, "core spinlock");
	token = banos_spin_lock(&spin);
	EXPECT(banos_cpu_self() < banos_cpu_count());
	banos_spin_unlock(&spin, token);
	banos_spin_fini(&spin);

	EXPECT(banos_event_init(&event, "core event", 0) == 0);
	EXPECT(banos_event_wait(&event, 0, 0) == -ETIMEDOUT);
	banos_event_set(&event);
	EXPECT(banos_event_wait(&event, 0, 0) == 0 && banos_event_wait(&event, 0, 0) == 0);
	banos_event_reset(&event);
	EXPECT(banos_event_wait(&event, MS, BANOS_WAIT_INTERRUPTIBLE) == -ETIMEDOUT);
	EXPECT(banos_event_wait(&event, 0, 1u << 20) == -EINVAL);
	banos_event_fini(&event);
	EXPECT(banos_event_init(&event, "core event", BANOS_EVENT_AUTO) == 0);
	banos_event_set(&event);
	EXPECT(banos_event_wait(&event, 0, 0) == 0);
	EXPECT(banos_event_wait(&event, 0, 0) == -ETIMEDOUT);
	banos_event_fini(&event);
}

static void clocks(void)
{
	uint64_t before = banos_time_mono_ns();

	banos_delay_ns(1000);
	EXPECT(banos_time_mono_ns() - before >= 1000);
	EXPECT(banos_sleep_ns(2 * MS, 0) == 0);
	EXPECT(banos_time_mono_ns() - before >= 2 * MS);
	EXPECT(banos_sleep_ns(0, 1u << 20) == -EINVAL);
	EXPECT(banos_time_wall_ns() != 0);
}

static void timer(Banos_Driver *driver, uint32_t flags)
{
	Banos_Timer *timer;
	uint32_t before;

	if (!MADE(banos_timer_create(driver, call, &calls, flags, &timer)))
		return;
	EXPECT(banos_timer_arm(timer, banos_time_mono_ns() + MS, 0, 0) == 0 && called());
	before = calls;
	EXPECT(banos_timer_arm(timer, 0, MS, 0) == 0);
	EXPECT(called() && called() && calls - before >= 2);
	banos_timer_cancel_sync(timer);
	banos_event_reset(&reached);
	EXPECT(banos_timer_arm(timer, UINT64_MAX, 0, MS) == 0);
	EXPECT(banos_timer_cancel_sync(timer) == 1 && banos_timer_cancel_sync(timer) == 0);
	EXPECT(banos_timer_arm(timer, 0, 1, 0) == -EINVAL);
	EXPECT(banos_timer_destroy(timer) == 0);
}

static void timers(Banos_Driver *driver)
{
	Banos_Timer *none;

	for (uint32_t flags = 0; flags <= BANOS_TIMER_INTERRUPT; flags++)
		timer(driver, flags);
	EXPECT(banos_timer_destroy(NULL) == 0);
	EXPECT(banos_timer_create(driver, call, NULL, 1u << 20, &none) == -EINVAL && !none);
}

static void item(Banos_Driver *driver, Banos_Workqueue *queue)
{
	Banos_Work *work;

	if (!MADE(banos_work_create(driver, queue, call, &calls, &work)))
		return;
	EXPECT(banos_work_submit(work) == 1 && called());
	EXPECT(banos_work_cancel_sync(work) == 0);
	EXPECT(banos_work_destroy(work) == 0);
}

static void work(Banos_Driver *driver)
{
	Banos_Workqueue *queue;

	item(driver, NULL);
	if (MADE(banos_workqueue_create(driver, "core", 0, &queue))) {
		item(driver, queue);
		EXPECT(banos_workqueue_destroy(queue) == 0);
	}
	EXPECT(banos_work_destroy(NULL) == 0 && banos_workqueue_destroy(NULL) == 0);
}

static void until_stopped(void *ctx)
{
	Banos_Event *never = ctx;

	call(&calls);
	while (!banos_thread_should_stop())
		EXPECT(banos_event_wait(never, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE) == -EINTR);
}

static void threads(Banos_Driver *driver)
{
	Banos_Thread *thread;
	Banos_Event never;

	banos_event_init(&never, "core never", 0);
	if (MADE(banos_thread_create(driver, "core", until_stopped, &never, 0, &thread))) {
		EXPECT(called());
		EXPECT(!banos_thread_should_stop());
		EXPECT(banos_thread_destroy(thread) == 0);
	}
	EXPECT(banos_thread_destroy(NULL) == 0);
	banos_event_fini(&never);
}

static void deferred(void *ctx, Banos_Epoch_Head *head)
{
	banos_free(head);
	call(ctx);
}

static void epochs(Banos_Driver *driver)
{
	Banos_Epoch_Head *head = banos_alloc(sizeof(*head), 0, 0);

	banos_epoch_enter();
	banos_epoch_exit();
	if (MADE(head ? 0 : -ENOMEM)) {
		EXPECT(banos_epoch_defer(driver, deferred, &calls, head) == 0);
		banos_epoch_barrier();
		EXPECT(banos_event_wait(&reached, 0, 0) == 0);
	}
	banos_epoch_wait();
}

static void processors(Banos_Driver *driver)
{
	uint32_t count = banos_cpu_count();
	Banos_Percpu *percpu;

	EXPECT(count > 0);
	EXPECT(banos_percpu_create(driver, 0, &percpu) == -EINVAL && !percpu);
	if (!MADE(banos_percpu_create(driver, 100, &percpu)))
		return;
	for (uint32_t cpu = 0; cpu < count; cpu++)
		EXPECT(*(uint8_t *)banos_percpu_get(percpu, cpu) == 0);
	EXPECT(!banos_percpu_get(percpu, count));
	banos_percpu_destroy(percpu);
}

static void rest(Banos_Driver *driver)
{
	uint64_t number = 0, random[4] = {0};
	int64_t negative = 0;
	char text[8];

	banos_random(random, sizeof(random));
	EXPECT(random[0] | random[1] | random[2] | random[3]);
	banos_random_feed(random, sizeof(random), 0);
	EXPECT(banos_param_get(driver, "number", BANOS_PARAM_UNSIGNED, &number, 8) == 8);
	EXPECT(number == 4711);
	EXPECT(banos_param_get(driver, "signed", BANOS_PARAM_SIGNED, &negative, 8) == 8);
	EXPECT(negative == -5);
	EXPECT(banos_param_get(driver, "flag", BANOS_PARAM_BOOLEAN, &number, 8) == 8 &&
	       number == 1);
	EXPECT(banos_param_get(driver, "text", BANOS_PARAM_TEXT, text, sizeof(text)) == 9);
	EXPECT(__builtin_memcmp(text, "a longe", 8) == 0);
	EXPECT(banos_param_get(driver, "nothing", BANOS_PARAM_TEXT, text, 8) == -ENOENT);
	EXPECT(banos_param_get(driver, "text", BANOS_PARAM_UNSIGNED, &number, 8) == -EINVAL);
	EXPECT(banos_version() >= BANOS_VERSION_MAKE(0, 9, 0));
	EXPECT(banos_lookup_symbol("banos_version") == (void *)banos_version);
	EXPECT(!banos_lookup_symbol("banos_nobody_has_this"));
	EXPECT(banos_log(BANOS_LOG_INFO, "core: two\nlines", 15) == 0);
	EXPECT(banos_log(99, "x", 1) == -EINVAL);
}

static int core_init(Banos_Driver *driver)
{
	char line[80];

	EXPECT(banos_event_init(&reached, "core reached", BANOS_EVENT_AUTO) == 0);
	blocks();
	pools(driver);
	pages(driver);
	locks();
	clocks();
	timers(driver);
	work(driver);
	threads(driver);
	epochs(driver);
	processors(driver);
	rest(driver);
	banos_event_fini(&reached);
	banos_format(line, sizeof(line), "core: %u expectations, %u not met", held + broken,
		     broken);
	banos_dprintln(line);
	return broken ? -EIO : no_memory ? -ENOMEM : 0;
}

static int core_uninit(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

static const Banos_Parameter core_parameters[] = {
	{.name = "number", .type = BANOS_PARAM_UNSIGNED, .fallback = "4711"},
	{.name = "signed",
	 .type = BANOS_PARAM_SIGNED,
	 .fallback = "-5",
	 .minimum = -10,
	 .maximum = 10},
	{.name = "flag", .type = BANOS_PARAM_BOOLEAN, .fallback = "yes"},
	{.name = "text", .type = BANOS_PARAM_TEXT, .fallback = "a longer "},
};

BANOS_META_API static const Banos_Meta core_meta = {
	BANOS_META_HEAD,
	.description = "calls every function of the core",
	.parameters = BANOS_LIST(core_parameters),
};

BANOS_DRIVER_API static Banos_Driver core_driver = {
	.driver_size = sizeof(core_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "core",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = core_init,
	.uninit = core_uninit,
};
