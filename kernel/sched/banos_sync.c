/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver ABI's locks and events: <banos/sync.h>. The kernel's own, in storage of the driver's.
 *
 * The memory of a lock may go after fini, though whoever released it last may still be on the way
 * out of the release: the last thing that touches a mutex, rwlock or event there is the release of
 * a spinlock inside it, so fini takes that once.
 *
 * An event is a flag, and the blocker of those who wait for it, both under its lock. Who sets it
 * wakes one waiter (AUTO) or all; who is woken looks at the flag again, since another may
 * have been quicker.
 */
#include <banos/export.h>
#include <banos/sync.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <sched/banos_sleep.h>
#include <sched/banos_time.h>
#include <sched/blocker.h>
#include <sched/mutex.h>
#include <sched/thread.h>

struct event {
	struct spinlock lock; /* DRIVER_EVENT */
	uint32_t flags;	      /* [I] BANOS_EVENT_* */
	uint32_t set;	      /* [lock; readers a] */
	struct blocker waiters;
};

BUILD_ASSERT(sizeof(struct mutex) <= sizeof(Banos_Mutex), "fits");
BUILD_ASSERT(sizeof(struct rwlock) <= sizeof(Banos_Rwlock), "fits");
BUILD_ASSERT(sizeof(struct spinlock) <= sizeof(Banos_Spinlock), "fits");
BUILD_ASSERT(sizeof(struct event) <= sizeof(Banos_Event), "fits");

/* Wait for whoever is still inside the release. */
static void settle(struct spinlock *l)
{
	spin_unlock_irq(l, spin_lock_irq(l));
}

/* --- mutexes --------------------------------------------------------------------------------- */

static struct mutex *mutex_of(Banos_Mutex *m)
{
	return (struct mutex *)m->storage;
}

void banos_mutex_init(Banos_Mutex *m, const char *name)
{
	mutex_init(mutex_of(m), LOCK_DRIVER_MUTEX);
}
BANOS_EXPORT(banos_mutex_init);

void banos_mutex_lock(Banos_Mutex *m)
{
	banos_may_sleep(__func__);
	mutex_lock(mutex_of(m));
	current()->driver_locks++;
}
BANOS_EXPORT(banos_mutex_lock);

int32_t banos_mutex_lock_interruptible(Banos_Mutex *m)
{
	int r;

	banos_may_sleep(__func__);
	r = mutex_lock_interruptible(mutex_of(m));
	if (!r)
		current()->driver_locks++;
	return r;
}
BANOS_EXPORT(banos_mutex_lock_interruptible);

int32_t banos_mutex_trylock(Banos_Mutex *m)
{
	bool locked = mutex_trylock(mutex_of(m));

	if (locked)
		current()->driver_locks++;
	return locked;
}
BANOS_EXPORT(banos_mutex_trylock);

void banos_mutex_unlock(Banos_Mutex *m)
{
	if (unlikely(!mutex_is_held(mutex_of(m)))) {
		banos_calls_wrongly(__func__, "for a mutex that its thread has not locked",
				    (uintptr_t)__builtin_return_address(0));
		return;
	}
	current()->driver_locks--;
	mutex_unlock(mutex_of(m));
}
BANOS_EXPORT(banos_mutex_unlock);

void banos_mutex_fini(Banos_Mutex *m)
{
	settle(&mutex_of(m)->waiters.lock);
}
BANOS_EXPORT(banos_mutex_fini);

/* --- read-write locks ------------------------------------------------------------------------ */

static struct rwlock *rwlock_of(Banos_Rwlock *l)
{
	return (struct rwlock *)l->storage;
}

void banos_rwlock_init(Banos_Rwlock *l, const char *name)
{
	rwlock_init(rwlock_of(l), LOCK_DRIVER_MUTEX);
}
BANOS_EXPORT(banos_rwlock_init);

void banos_rwlock_read_lock(Banos_Rwlock *l)
{
	banos_may_sleep(__func__);
	rwlock_read_lock(rwlock_of(l));
	current()->driver_locks++;
}
BANOS_EXPORT(banos_rwlock_read_lock);

void banos_rwlock_read_unlock(Banos_Rwlock *l)
{
	current()->driver_locks--;
	rwlock_read_unlock(rwlock_of(l));
}
BANOS_EXPORT(banos_rwlock_read_unlock);

void banos_rwlock_write_lock(Banos_Rwlock *l)
{
	banos_may_sleep(__func__);
	rwlock_write_lock(rwlock_of(l));
	current()->driver_locks++;
}
BANOS_EXPORT(banos_rwlock_write_lock);

void banos_rwlock_write_unlock(Banos_Rwlock *l)
{
	current()->driver_locks--;
	rwlock_write_unlock(rwlock_of(l));
}
BANOS_EXPORT(banos_rwlock_write_unlock);

void banos_rwlock_fini(Banos_Rwlock *l)
{
	settle(&rwlock_of(l)->waiters.lock);
}
BANOS_EXPORT(banos_rwlock_fini);

/* --- spinlocks ------------------------------------------------------------------------------- */

static struct spinlock *spin_of(Banos_Spinlock *l)
{
	return (struct spinlock *)l->storage;
}

void banos_spin_init(Banos_Spinlock *l, const char *name)
{
	spin_init(spin_of(l), LOCK_DRIVER_SPIN);
}
BANOS_EXPORT(banos_spin_init);

uint64_t banos_spin_lock(Banos_Spinlock *l)
{
	return spin_lock_irq(spin_of(l));
}
BANOS_EXPORT(banos_spin_lock);

void banos_spin_unlock(Banos_Spinlock *l, uint64_t token)
{
	spin_unlock_irq(spin_of(l), token);
}
BANOS_EXPORT(banos_spin_unlock);

void banos_spin_fini(Banos_Spinlock *l)
{
}
BANOS_EXPORT(banos_spin_fini);

/* --- events ---------------------------------------------------------------------------------- */

static struct event *event_of(Banos_Event *e)
{
	return (struct event *)e->storage;
}

int32_t banos_event_init(Banos_Event *event, const char *name, uint32_t flags)
{
	struct event *e = event_of(event);

	if (flags & ~BANOS_EVENT_AUTO)
		return -EINVAL;
	spin_init(&e->lock, LOCK_DRIVER_EVENT);
	blocker_init(&e->waiters);
	e->flags = flags;
	e->set = 0;
	return 0;
}
BANOS_EXPORT(banos_event_init);

void banos_event_set(Banos_Event *event)
{
	struct event *e = event_of(event);
	uint64_t irq = spin_lock_irq(&e->lock);

	if (!e->set) {
		__atomic_store_n(&e->set, 1, __ATOMIC_RELEASE);
		if (e->flags & BANOS_EVENT_AUTO)
			blocker_wake_one(&e->waiters);
		else
			blocker_wake_all(&e->waiters);
	}
	spin_unlock_irq(&e->lock, irq);
}
BANOS_EXPORT(banos_event_set);

void banos_event_reset(Banos_Event *event)
{
	struct event *e = event_of(event);
	uint64_t irq = spin_lock_irq(&e->lock);

	__atomic_store_n(&e->set, 0, __ATOMIC_RELAXED);
	spin_unlock_irq(&e->lock, irq);
}
BANOS_EXPORT(banos_event_reset);

/* Is it set? An automatic one is ours then, and reset. */
static bool take(struct event *e)
{
	uint64_t irq;
	bool set;

	if (!__atomic_load_n(&e->set, __ATOMIC_ACQUIRE))
		return false;
	if (!(e->flags & BANOS_EVENT_AUTO))
		return true;
	irq = spin_lock_irq(&e->lock);
	set = e->set;
	__atomic_store_n(&e->set, 0, __ATOMIC_RELAXED);
	spin_unlock_irq(&e->lock, irq);
	return set;
}

int32_t banos_event_wait(Banos_Event *event, uint64_t timeout_ns, uint32_t flags)
{
	struct event *e = event_of(event);
	nsec_t deadline = banos_deadline(timeout_ns);
	unsigned how = flags & BANOS_WAIT_INTERRUPTIBLE ? WAIT_INTERRUPTIBLE : WAIT_UNINTERRUPTIBLE;
	struct blocker_node node;
	int r = 0;

	if (flags & ~BANOS_WAIT_INTERRUPTIBLE)
		return -EINVAL;
	if (take(e))
		return 0;
	if (!timeout_ns)
		return -ETIMEDOUT;
	banos_may_sleep(__func__);
	for (;;) {
		blocker_node_init(&node);
		wait_begin(how);
		blocker_add(&e->waiters, &node);
		if (take(e)) {
			wait_end();
			blocker_remove(&node);
			return 0;
		}
		r = wait_sleep(deadline);
		blocker_remove(&node);
		if (take(e))
			return 0;
		if (r)
			return r;
	}
}
BANOS_EXPORT(banos_event_wait);

void banos_event_fini(Banos_Event *event)
{
	settle(&event_of(event)->lock);
}
BANOS_EXPORT(banos_event_fini);
