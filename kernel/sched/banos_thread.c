/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' threads: <banos/thread.h>.
 *
 * running -> ended	the function has returned
 *	   stopping is set by destroy, which then waits for `ended`
 *
 * A stop is a signal to a kernel thread: its interruptible waits end, now and later. Who destroys
 * holds a reference to the thread; the structure is freed after a grace period, since the thread's
 * last act is to wake who waits in it.
 */
#include <banos/export.h>
#include <banos/thread.h>
#include <base/banos_refuse.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/banos_sleep.h>
#include <sched/blocker.h>
#include <sched/epoch.h>
#include <sched/gate.h>
#include <sched/thread.h>

struct Banos_Thread {
	struct owner_object object;
	Banos_Thread_Function function; /* [I] */
	void *ctx;			/* [I] */
	struct thread *thread;		/* [I] with a reference */
	uint32_t stopping;		/* [a] */
	uint32_t ended;			/* [a] */
	struct blocker end;		/* who destroys waits here */
	struct epoch_head epoch;
};

static void run(void *arg)
{
	Banos_Thread *t = arg;

	current()->driver_thread = t;
	GATE_CALL_VOID(t->object.owner, "a thread's function", t->function(t->ctx));
	epoch_enter();
	__atomic_store_n(&t->ended, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&t->end);
	epoch_exit();
}

static void wait_for_end(Banos_Thread *t)
{
	__atomic_store_n(&t->stopping, 1, __ATOMIC_RELEASE);
	__atomic_fetch_or(&t->thread->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
	thread_interrupt(t->thread);
	WAIT_UNTIL(&t->end, __atomic_load_n(&t->ended, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
}

static void stop(struct owner_object *object)
{
	wait_for_end(container_of(object, Banos_Thread, object));
}

static void release(struct owner_object *object)
{
	banos_thread_destroy(container_of(object, Banos_Thread, object));
}

static const struct owner_class thread_class = {
	.name = "thread", .stage = OWNER_THREAD, .stop = stop, .release = release};

int32_t banos_thread_create(Banos_Driver *driver, const char *name, Banos_Thread_Function function,
			    void *ctx, uint32_t flags, Banos_Thread **thread)
{
	struct owner *owner = owner_find(driver);
	Banos_Thread *t;

	if (thread)
		*thread = NULL;
	if (!owner || !thread)
		return BANOS_REFUSE_CALLER(owner);
	if (!name || !function)
		return BANOS_REFUSE(owner, -EINVAL, "%s is NULL", name ? "function" : "name");
	if (flags)
		return BANOS_REFUSE(owner, -EINVAL, "flags must be 0");
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->function = function;
	t->ctx = ctx;
	blocker_init(&t->end);
	t->thread = kthread_prepare(name, run, t);
	if (!t->thread) {
		kfree(t);
		return -ENOMEM;
	}
	thread_get(t->thread);
	owner_add(owner, &t->object, &thread_class);
	*thread = t;
	thread_start(t->thread);
	return 0;
}
BANOS_EXPORT(banos_thread_create);

int32_t banos_thread_should_stop(void)
{
	const Banos_Thread *t = in_interrupt() ? NULL : current()->driver_thread;

	return t && __atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE);
}
BANOS_EXPORT(banos_thread_should_stop);

int32_t banos_thread_destroy(Banos_Thread *t)
{
	if (!t)
		return 0;
	if (t->thread == current())
		return -EDEADLK;
	banos_may_sleep(__func__);
	if (!owner_claim(&t->object))
		return 0;
	wait_for_end(t);
	owner_remove(&t->object);
	thread_put(t->thread);
	kfree_deferred(t, epoch);
	return 0;
}
BANOS_EXPORT(banos_thread_destroy);
