/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks, the order in which they run, and the virtual clock. See task.h. */
#include "task.h"
#include "host.h"
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <sys/mman.h>
#include <lib/string.h>
#include <sched/blocker.h>

#define STACK_SIZE  (512ul << 10)
#define GUARD	    4096ul
#define CALL_NS	    1000	 /* how long a call of the ABI takes */
#define SLICE_CALLS 2000	 /* without a seed: who never waits gives way after so many calls */
#define BOOT_NS	    NSEC_PER_SEC /* drivers do not come at the very beginning of time */

struct list tasks = LIST_INIT(tasks);

static struct task_options options;
static struct task *self; /* who runs */
static struct task *main_task;
static struct task *settling; /* runs when nobody else can */
static nsec_t now = BOOT_NS;
static nsec_t main_ran; /* when the main task ran last */
static uint64_t random_state;
static uint64_t give_way; /* one of so many points */
static unsigned slice;	  /* points since the last change */
static int32_t last_process = 99;

/* --- chance ---------------------------------------------------------------------------------- */

static void seed_begin(uint64_t seed)
{
	static const uint64_t ways[] = {2, 4, 16, 64};

	/* Any start but 0 will do, and seeds next to each other shall differ in all bits. */
	random_state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	random_state ^= random_state >> 29;
	random_state |= 1;
	give_way = ways[seed % ARRAY_SIZE(ways)];
}

uint64_t task_random(uint64_t limit)
{
	uint64_t value;

	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	value = random_state * 0x2545f4914f6cdd1dull >> 16;
	return limit ? value % limit : value;
}

bool task_has_seed(void)
{
	return options.seed != 0;
}

/* --- time ------------------------------------------------------------------------------------ */

nsec_t task_now(void)
{
	return now;
}

nsec_t clock_mono_ns(void)
{
	return now;
}

void task_busy(nsec_t ns)
{
	now += ns;
}

static bool never(const void *on)
{
	(void)on;
	return false;
}

struct thread *current(void)
{
	return (struct thread *)self;
}

struct woken {
	const struct blocker *blocker;
	uint64_t seen;
};

static bool is_woken(const void *on)
{
	const struct woken *w = on;

	return w->blocker->wakes != w->seen;
}

void blocker_wait(struct blocker *b)
{
	struct woken w = {.blocker = b, .seen = b->wakes};

	task_wait(is_woken, &w, NEVER, false, "a device to change");
}

int thread_sleep_until(nsec_t deadline, unsigned how)
{
	(void)how;
	task_wait(never, NULL, deadline, false, "time to pass");
	return 0;
}

/* --- who can run ----------------------------------------------------------------------------- */

struct task *task_self(void)
{
	return self;
}

const char *task_atomic(const struct task *t)
{
	if (t->interrupt)
		return "in an interrupt";
	if (t->spins)
		return "with a spinlock held";
	if (t->epochs)
		return "in an epoch section";
	if (t->irq_off)
		return "with interrupts disabled";
	return t->deferred ? "in a deferred function" : t->no_sleep;
}

static bool is_awake(const struct task *t)
{
	if (t->state == TASK_BLOCKED)
		return t->ready(t->on) || t->deadline <= now ||
		       (t->interruptible && t->interrupted);
	return t->state == TASK_READY;
}

static bool cpu_taken(const struct task *for_whom, uint32_t cpu)
{
	struct task *t;

	list_for_each_entry(t, &tasks, link)
		if (t != for_whom && task_pinned(t) && t->cpu == cpu)
			return true;
	return false;
}

static bool has_cpu(const struct task *t)
{
	for (uint32_t cpu = 0; cpu < options.cpus; cpu++)
		if (task_pinned(t) || !cpu_taken(t, cpu))
			return true;
	return false;
}

static bool can_run(const struct task *t)
{
	return is_awake(t) && has_cpu(t);
}

static void take_cpu(struct task *t)
{
	if (task_pinned(t))
		return;
	if (options.seed)
		t->cpu = (uint32_t)task_random(options.cpus);
	while (cpu_taken(t, t->cpu))
		t->cpu = (t->cpu + 1) % options.cpus;
}

/* --- the choice ------------------------------------------------------------------------------ */

/* By chance; without a seed the one that comes after `t`. NULL: nobody can run. */
static struct task *choose_after(struct task *t)
{
	uint64_t count = 0, chosen;
	struct task *next;
	struct list *at;

	if (!options.seed) {
		for (at = t->link.next; at != &t->link; at = at->next)
			if (at != &tasks && can_run(container_of(at, struct task, link)))
				return container_of(at, struct task, link);
		return can_run(t) ? t : NULL;
	}
	list_for_each_entry(next, &tasks, link)
		count += can_run(next);
	if (!count)
		return NULL;
	chosen = task_random(count);
	list_for_each_entry(next, &tasks, link)
		if (can_run(next) && chosen-- == 0)
			return next;
	return NULL;
}

void task_show_all(void)
{
	struct task *t;

	list_for_each_entry(t, &tasks, link) {
		if (t->state == TASK_ENDED || (t->flags & TASK_SERVICE && !t->call_count))
			continue;
		host_say("    %s %s%s", t->name,
			 t->state == TASK_BLOCKED ? "waits for " : "can run",
			 t->state == TASK_BLOCKED ? t->waits_for : "");
		for (unsigned i = t->call_count; i > 0; i--) {
			char where[WHERE_SIZE];

			host_say("	in %s, called from %s", t->calls[i - 1].name,
				 images_where(t->calls[i - 1].from, where));
		}
	}
}

_Noreturn static void stuck(const char *why)
{
	host_complain("%s:", why);
	task_show_all();
	host_end();
}

/* Nobody can run: time passes until somebody can. */
static void jump(void)
{
	nsec_t next = min(min(timer_next(), pci_next()), block_next());
	struct task *t;

	list_for_each_entry(t, &tasks, link)
		if (t->state == TASK_BLOCKED && t->deadline < next)
			next = t->deadline;
	if (next == NEVER)
		stuck("deadlock: everybody waits, and nothing is due");
	if (main_task->state == TASK_BLOCKED && main_task->deadline == NEVER &&
	    next > main_ran + options.patience)
		stuck("hang: what was asked for does not end, however long it is waited for");
	if (next > now)
		now = next;
}

static struct task *choose(struct task *t)
{
	struct task *next;

	while (!(next = choose_after(t))) {
		if (settling) {
			next = settling;
			settling = NULL;
			return next;
		}
		jump();
	}
	return next;
}

/* --- changing stacks ------------------------------------------------------------------------- */

/* thunks.S: keeps what a function must keep, and goes on where `to` was left. */
void host_switch(uintptr_t *from, uintptr_t to);

static void switch_to(struct task *next)
{
	struct task *before = self;
	bool ends = before->state == TASK_ENDED;

	slice = 0;
	if (next == main_task)
		main_ran = now;
	take_cpu(next);
	if (next == before)
		return;
	self = next;
	__sanitizer_start_switch_fiber(ends ? NULL : &before->fake_stack, next->stack,
				       next->stack_size);
	host_switch(&before->sp, next->sp);
	__sanitizer_finish_switch_fiber(before->fake_stack, NULL, NULL);
}

void task_point(void)
{
	now += options.seed ? task_random(2 * CALL_NS) : CALL_NS;
	slice++;
	if (options.seed ? task_random(give_way) == 0 : slice >= SLICE_CALLS)
		switch_to(choose(self));
}

int task_wait(bool (*ready)(const void *on), const void *on, nsec_t deadline, bool interruptible,
	      const char *what, ...)
{
	va_list ap;
	int r = 0;

	self->ready = ready;
	self->on = on;
	self->deadline = deadline;
	self->interruptible = interruptible;
	va_start(ap, what);
	vsnprintf(self->waits_for, sizeof(self->waits_for), what, ap);
	va_end(ap);
	self->state = TASK_BLOCKED;
	if (!is_awake(self) || options.seed)
		switch_to(choose(self));
	if (!ready(on))
		r = interruptible && self->interrupted ? -EINTR : -ETIMEDOUT;
	self->state = TASK_READY;
	return r;
}

void task_settle(void)
{
	settling = self;
	self->ready = never;
	self->deadline = NEVER;
	self->interruptible = false;
	snprintf(self->waits_for, sizeof(self->waits_for), "the others to wait");
	self->state = TASK_BLOCKED;
	switch_to(choose(self));
	self->state = TASK_READY;
}

void task_interrupt(struct task *t)
{
	t->interrupted = true;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static struct task *task_new(const char *name, void (*function)(void *arg), void *arg,
			     unsigned flags)
{
	struct task *t = host_alloc(sizeof(*t));

	snprintf(t->name, sizeof(t->name), "%s", name);
	t->function = function;
	t->arg = arg;
	t->flags = flags;
	t->uid = self ? self->uid : 0;
	t->gid = self ? self->gid : 0;
	t->process = ++last_process;
	list_add_tail(&t->link, &tasks);
	return t;
}

/* The first function on a task's stack; it does not return. */
static void begin(void)
{
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
	self->function(self->arg);
	self->state = TASK_ENDED;
	switch_to(choose(self));
	abort();
}

/* A page that nobody may touch ends it below. */
static void stack_new(struct task *t)
{
	uint8_t *memory = mmap(NULL, STACK_SIZE + GUARD, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t *top;

	if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE)) {
		fprintf(stderr, "banos-host: no stack can be made: %m\n");
		exit(EXIT_FAILURE);
	}
	t->stack = memory + GUARD;
	t->stack_size = STACK_SIZE;
	/* What host_switch() takes off: six registers, and where to go; the end of backtraces. */
	top = (uintptr_t *)(t->stack + STACK_SIZE);
	*--top = 0;
	*--top = (uintptr_t)begin;
	top -= 6;
	t->sp = (uintptr_t)top;
}

struct task *task_create(const char *name, void (*function)(void *arg), void *arg, unsigned flags)
{
	struct task *t = task_new(name, function, arg, flags);

	stack_new(t);
	return t;
}

static bool has_ended(const void *on)
{
	return ((const struct task *)on)->state == TASK_ENDED;
}

void task_join(struct task *t)
{
	task_wait(has_ended, t, NEVER, false, "the end of %s", t->name);
	list_del(&t->link);
	/* What it has left there as not to be touched is anybody's memory later. */
	__asan_unpoison_memory_region(t->stack, t->stack_size);
	munmap(t->stack - GUARD, t->stack_size + GUARD);
	free(t);
}

void task_begin(const struct task_options *o)
{
	pthread_attr_t attr;
	void *stack;

	options = *o;
	seed_begin(options.seed);
	main_task = self = task_new("the script", NULL, NULL, 0);
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &stack, &self->stack_size);
		pthread_attr_destroy(&attr);
		self->stack = stack;
	}
}
